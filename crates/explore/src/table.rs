//! Values as numbers, and what is remembered about numbers.
//!
//! PROBLEM     A search meets the same node state, the same message, the same question about them
//!             millions of times. To hash a node's state each time is what makes explorers slow.
//! IDEA        Each value is hashed once, when it is new, and is a number from then on. What is
//!             known of numbers stands in flat tables.
//! RULES       A number is given in the order in which values first come. Nobody iterates over a
//!             table: its order cannot reach a verdict.

use std::hash::{Hash, Hasher as _};

use splitbrain_core::Fingerprint;

/// No number.
pub(crate) const NONE: u32 = u32::MAX;

/// An index into a list kept elsewhere: open addressing over tags of 32 bits.
///
/// The place of an entry follows from the top bits of its tag, so that the table can grow without
/// asking anyone for a hash again.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    slots: Vec<(u32, u32)>,
    bits: u32,
    used: usize,
}

impl Default for Slots {
    fn default() -> Self {
        const BITS: u32 = 4;
        Self { slots: vec![(0, NONE); 1 << BITS], bits: BITS, used: 0 }
    }
}

impl Slots {
    /// The number with this tag for which `is_it` holds.
    #[inline]
    pub(crate) fn find(&self, tag: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut at = (tag >> (32 - self.bits)) as usize;
        loop {
            let (other, number) = self.slots[at];
            if number == NONE {
                return None;
            }
            if other == tag && is_it(number) {
                return Some(number);
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds a number that is not there yet.
    pub(crate) fn insert(&mut self, tag: u32, number: u32) {
        // Up to 13 of 16 places are taken: longer runs are cheaper than more memory.
        if (self.used + 1) * 16 > self.slots.len() * 13 && self.bits < 31 {
            self.grow();
        }
        self.used += 1;
        self.put(tag, number);
    }

    fn put(&mut self, tag: u32, number: u32) {
        let mask = self.slots.len() - 1;
        let mut at = (tag >> (32 - self.bits)) as usize;
        while self.slots[at].1 != NONE {
            at = (at + 1) & mask;
        }
        self.slots[at] = (tag, number);
    }

    fn grow(&mut self) {
        self.bits += 1;
        let larger = vec![(0, NONE); 1 << self.bits];
        for (tag, number) in std::mem::replace(&mut self.slots, larger) {
            if number != NONE {
                self.put(tag, number);
            }
        }
    }

    /// The memory it holds.
    pub(crate) const fn bytes(&self) -> u64 {
        (self.slots.len() * size_of::<(u32, u32)>()) as u64
    }
}

/// Values, each once, by number.
#[derive(Clone, Debug)]
pub(crate) struct Numbers<T> {
    values: Vec<T>,
    slots: Slots,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { values: Vec::new(), slots: Slots::default() }
    }
}

impl<T: Eq + Hash> Numbers<T> {
    /// The value's number, and whether it is new.
    ///
    /// # Panics
    /// With 4,294,967,295 different values; memory ends sooner.
    pub(crate) fn number(&mut self, value: T) -> (u32, bool) {
        let tag = tag(hash_of(&value));
        if let Some(number) = self.slots.find(tag, |number| self.values[number as usize] == value) {
            return (number, false);
        }
        let number = u32::try_from(self.values.len()).expect("memory ends sooner");
        self.values.push(value);
        self.slots.insert(tag, number);
        (number, true)
    }

    /// The value with this number.
    pub(crate) fn get(&self, number: u32) -> &T {
        &self.values[number as usize]
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.values.len()
    }

    /// The memory it holds, without what the values point to.
    pub(crate) const fn bytes(&self) -> u64 {
        self.slots.bytes() + (self.values.capacity() * size_of::<T>()) as u64
    }
}

fn hash_of<T: Hash>(value: &T) -> u64 {
    let mut hasher = Fingerprint::default();
    value.hash(&mut hasher);
    scramble(hasher.finish())
}

/// What is remembered of a pair of numbers: a number.
#[derive(Clone, Debug)]
pub(crate) struct Memo {
    entries: Vec<(u64, u32)>,
    used: usize,
}

const NO_KEY: u64 = u64::MAX;

impl Default for Memo {
    fn default() -> Self {
        Self { entries: vec![(NO_KEY, 0); 256], used: 0 }
    }
}

impl Memo {
    /// What is remembered of the pair.
    #[inline]
    pub(crate) fn get(&self, one: u32, other: u32) -> Option<u32> {
        let key = key(one, other);
        let mask = self.entries.len() - 1;
        let mut at = place(key) & mask;
        loop {
            let (found, value) = self.entries[at];
            if found == key {
                return Some(value);
            }
            if found == NO_KEY {
                return None;
            }
            at = (at + 1) & mask;
        }
    }

    /// Remembers something of a pair of which nothing was known.
    pub(crate) fn insert(&mut self, one: u32, other: u32, value: u32) {
        if (self.used + 1) * 8 > self.entries.len() * 5 {
            let larger = vec![(NO_KEY, 0); self.entries.len() * 2];
            for (key, value) in std::mem::replace(&mut self.entries, larger) {
                if key != NO_KEY {
                    self.put(key, value);
                }
            }
        }
        self.used += 1;
        self.put(key(one, other), value);
    }

    fn put(&mut self, key: u64, value: u32) {
        let mask = self.entries.len() - 1;
        let mut at = place(key) & mask;
        while self.entries[at].0 != NO_KEY {
            at = (at + 1) & mask;
        }
        self.entries[at] = (key, value);
    }

    /// The memory it holds.
    pub(crate) const fn bytes(&self) -> u64 {
        (self.entries.len() * size_of::<(u64, u32)>()) as u64
    }
}

const fn key(one: u32, other: u32) -> u64 {
    (one as u64) << 32 | other as u64
}

#[inline]
const fn place(key: u64) -> usize {
    (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize
}

/// Spreads the bits of a hash over all of it.
#[expect(clippy::cast_possible_truncation, reason = "the halves of a product")]
const fn scramble(hash: u64) -> u64 {
    let product = (hash ^ 0x2D35_8DCC_AA6C_78A5) as u128 * 0x9E37_79B9_7F4A_7C15;
    (product >> 64) as u64 ^ product as u64
}

/// The hash of a global state, given by its words.
#[inline]
pub(crate) fn hash_words(words: &[u32]) -> u64 {
    let mut hash = 0x243F_6A88_85A3_08D3 ^ words.len() as u64;
    let (pairs, rest) = words.as_chunks::<2>();
    for [low, high] in pairs {
        hash = scramble(hash ^ (u64::from(*low) | u64::from(*high) << 32));
    }
    if let [last] = rest {
        hash = scramble(hash ^ u64::from(*last));
    }
    scramble(hash)
}

/// The half of a hash that tables compare.
#[inline]
pub(crate) const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_one_number() {
        let mut numbers = Numbers::default();
        for round in 0..2 {
            for value in 0..10_000_u64 {
                let expected = (u32::try_from(value).unwrap(), round == 0);
                assert_eq!(numbers.number(value.to_string()), expected);
            }
        }
        assert_eq!((numbers.len(), numbers.get(77).as_str()), (10_000, "77"));
    }

    #[test]
    fn a_memo_remembers_what_it_was_told_and_nothing_else() {
        let mut memo = Memo::default();
        for one in 0..100 {
            for other in 0..100 {
                memo.insert(one, other, one * 1_000 + other);
            }
        }
        assert!((0..100).all(|one| memo.get(one, 99 - one) == Some(one * 1_000 + 99 - one)));
        assert_eq!(memo.get(100, 0), None);
    }

    #[test]
    fn words_in_another_order_or_number_have_another_hash() {
        let mut seen: Vec<u64> = (0..1_000).map(|word| hash_words(&[word, 0, 1])).collect();
        seen.extend((2..1_000).map(|word| hash_words(&[0, word, 1])));
        seen.extend([hash_words(&[]), hash_words(&[0]), hash_words(&[0, 0])]);
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }
}
