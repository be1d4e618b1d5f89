//! What happened to each key: one flat array, sorted by key.

use std::ops::Range;

/// Items of each key, in the order in which they came.
pub(crate) struct ByKey<T> {
    first: Vec<u32>,
    items: Vec<T>,
}

impl<T: Copy> ByKey<T> {
    /// Sorts items by their keys, which are below `keys`.
    pub(crate) fn new(keys: usize, filler: T, items: &[(u32, T)]) -> Self {
        let mut first = vec![0_u32; keys + 1];
        for (key, _) in items {
            first[*key as usize + 1] += 1;
        }
        for key in 0..keys {
            first[key + 1] += first[key];
        }
        let mut next = first.clone();
        let mut sorted = vec![filler; items.len()];
        for (key, item) in items {
            let at = &mut next[*key as usize];
            sorted[*at as usize] = *item;
            *at += 1;
        }
        Self { first, items: sorted }
    }

    /// How many keys there are.
    pub(crate) fn keys(&self) -> u32 {
        u32::try_from(self.first.len() - 1).expect("keys have numbers of 32 bits")
    }

    /// Where the items of a key stand.
    pub(crate) fn range(&self, key: u32) -> Range<usize> {
        self.first[key as usize] as usize..self.first[key as usize + 1] as usize
    }

    /// The items of a key.
    pub(crate) fn of(&self, key: u32) -> &[T] {
        &self.items[self.range(key)]
    }

    /// The items of a key, to change or sort them.
    pub(crate) fn of_mut(&mut self, key: u32) -> &mut [T] {
        let range = self.range(key);
        &mut self.items[range]
    }

    /// The items of all keys.
    pub(crate) fn all(&self) -> &[T] {
        &self.items
    }

    /// The key of the item at a place of all of them.
    pub(crate) fn key_of(&self, at: usize) -> u32 {
        let after = self.first.partition_point(|first| *first as usize <= at);
        u32::try_from(after - 1).expect("keys have numbers of 32 bits")
    }
}
