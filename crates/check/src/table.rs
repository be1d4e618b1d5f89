//! Tables whose order nobody can see, and values as numbers.

#![expect(clippy::disallowed_types, reason = "its order never leaves this file")]
#![expect(dead_code, reason = "whoever needs one first takes this line out")]

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash};

use splitbrain_core::Fingerprint;

/// A hash table without iteration: its order cannot reach a verdict.
#[derive(Clone, Debug)]
pub(crate) struct Table<K, V> {
    entries: HashMap<K, V, BuildHasherDefault<Fingerprint>>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::default() }
    }
}

impl<K: Eq + Hash, V> Table<K, V> {
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    /// The value of the key; if there is none, first makes one.
    pub(crate) fn or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        self.entries.entry(key).or_insert_with(value)
    }

    /// Returns the value that the key had before.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.entries.insert(key, value)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// Numbers values, from 0, in the order in which they first come.
#[derive(Clone, Debug)]
pub(crate) struct Numbers<T> {
    numbers: Table<T, u32>,
    values: Vec<T>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { numbers: Table::default(), values: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Numbers<T> {
    /// The value's number.
    ///
    /// # Panics
    /// With 4,294,967,296 different values: no reader lets so many in.
    pub(crate) fn number(&mut self, value: &T) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = u32::try_from(self.values.len()).expect("readers bound what they let in");
        self.values.push(value.clone());
        self.numbers.insert(value.clone(), number);
        number
    }

    /// The number of a value that has come before.
    pub(crate) fn find(&self, value: &T) -> Option<u32> {
        self.numbers.get(value).copied()
    }

    /// All values, each at the place that is its number.
    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }
}
