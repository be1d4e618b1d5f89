//! Keys and values as numbers, with a table back to their names.

use std::fmt;

use crate::table::Numbers;

/// What a key or a value is called in the history. What is neither a number nor a text goes in as
/// the text that shows it: only equality counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Name<'a> {
    /// A number.
    Integer(i64),
    /// A text.
    Text(&'a str),
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(integer) => integer.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// A register or list of a history, by its number: from 0, in the order in which they first came.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key(pub(crate) u32);

impl Key {
    /// The number as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A value of a history: what a register holds, or an element of a list. Two values of one history
/// are equal if they have the same name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Value(pub(crate) u32);

/// Where the numbers of values begin that are not small integers.
const NAMED: u32 = 1 << 31;

/// Integers below this find their key in a table of their own.
const SMALL: usize = 1 << 20;

/// A key without a number yet.
const NONE: u32 = u32::MAX;

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Owned {
    Integer(i64),
    Text(Box<str>),
}

impl From<Name<'_>> for Owned {
    fn from(name: Name<'_>) -> Self {
        match name {
            Name::Integer(integer) => Self::Integer(integer),
            Name::Text(text) => Self::Text(text.into()),
        }
    }
}

impl Owned {
    const fn name(&self) -> Name<'_> {
        match self {
            Self::Integer(integer) => Name::Integer(*integer),
            Self::Text(text) => Name::Text(text),
        }
    }
}

/// The names of keys and of values.
#[derive(Clone, Default)]
pub(super) struct Names {
    keys: Numbers<Owned>,
    /// The number of the key that is called by a small integer, at that integer.
    small_keys: Vec<u32>,
    /// The values that are no small integers: those are their own numbers.
    values: Numbers<Owned>,
}

impl Names {
    pub(super) fn key(&mut self, name: Name<'_>) -> Key {
        let small = match name {
            Name::Integer(integer) => usize::try_from(integer).ok().filter(|small| *small < SMALL),
            Name::Text(_) => None,
        };
        let Some(small) = small else {
            return Key(self.keys.number(&name.into()));
        };
        if small >= self.small_keys.len() {
            self.small_keys.resize(small + 1, NONE);
        }
        if self.small_keys[small] == NONE {
            self.small_keys[small] = self.keys.number(&name.into());
        }
        Key(self.small_keys[small])
    }

    pub(super) fn value(&mut self, name: Name<'_>) -> Value {
        match name {
            Name::Integer(integer) if (0..i64::from(NAMED)).contains(&integer) => {
                Value(u32::try_from(integer).expect("it is in the range"))
            }
            name => {
                let number = self.values.number(&name.into());
                assert!(number < NAMED, "readers bound what they let in");
                Value(NAMED + number)
            }
        }
    }

    pub(super) fn key_count(&self) -> usize {
        self.keys.values().len()
    }

    pub(super) fn key_name(&self, key: Key) -> Name<'_> {
        self.keys.values()[key.index()].name()
    }

    pub(super) fn value_name(&self, value: Value) -> Name<'_> {
        match value.0.checked_sub(NAMED) {
            None => Name::Integer(i64::from(value.0)),
            Some(number) => self.values.values()[number as usize].name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_have_equal_numbers_and_others_others() {
        let mut names = Names::default();
        let all = [
            Name::Integer(0),
            Name::Integer(7),
            Name::Text("7"),
            Name::Integer(-1),
            Name::Integer((1 << 31) - 1),
            Name::Integer(1 << 31),
            Name::Integer(i64::MAX),
            Name::Text(""),
        ];
        let keys = all.map(|name| names.key(name));
        let values = all.map(|name| names.value(name));
        assert_eq!(names.key_count(), all.len());
        for (at, name) in all.into_iter().enumerate() {
            assert_eq!(keys[at].index(), at);
            assert_eq!(names.key(name), keys[at]);
            assert_eq!(names.value(name), values[at]);
            assert_eq!(names.key_name(keys[at]), name);
            assert_eq!(names.value_name(values[at]), name);
        }
    }
}
