//! The states that were seen: exact, in one arena, in the order in which they were found.
//!
//! PROBLEM     A search ends when it meets nothing new. A set of fingerprints may take a new state
//!             for an old one and so miss a bug; a set of states takes gigabytes.
//! IDEA        A state is a few numbers. They stand one after the other in an arena; a table of
//!             places finds them again, and compares them word by word. Breadth-first, the arena
//!             is also the queue.
//! RULES       Each state keeps the state it was found from, so that a path leads back.

use crate::table::{NONE, Slots};

/// The states are split by their hash into so many parts, so that threads can share the work and
/// no table is doubled all at once.
pub(crate) const PARTS: usize = 1 << PART_BITS;
const PART_BITS: u32 = 4;

/// One part of the states.
#[derive(Default)]
pub(crate) struct Part {
    words: Vec<u32>,
    ends: Vec<u32>,
    parents: Vec<u32>,
    slots: Slots,
}

/// The part that a state with this hash belongs to.
#[expect(clippy::cast_possible_truncation, reason = "the low bits")]
pub(crate) const fn part_of(hash: u64) -> usize {
    (hash as usize) & (PARTS - 1)
}

/// The number of a state, from its part and its place there.
#[expect(clippy::cast_possible_truncation, reason = "there are few parts")]
pub(crate) const fn id(part: usize, at: u32) -> u32 {
    at << PART_BITS | part as u32
}

/// The part of a state, and its place there.
pub(crate) const fn place(id: u32) -> (usize, u32) {
    (id as usize & (PARTS - 1), id >> PART_BITS)
}

impl Part {
    /// Adds a state, unless it is there. Returns its place if it is new.
    #[inline]
    pub(crate) fn insert(&mut self, tag: u32, words: &[u32], parent: u32) -> Option<u32> {
        if self.find(tag, words).is_some() {
            return None;
        }
        let at = self.len();
        self.words.extend_from_slice(words);
        self.ends.push(u32::try_from(self.words.len()).expect("16 GiB of one part"));
        self.parents.push(parent);
        self.slots.insert(tag, at);
        Some(at)
    }

    /// The place of a state that was seen.
    pub(crate) fn find(&self, tag: u32, words: &[u32]) -> Option<u32> {
        self.slots.find(tag, |at| self.get(at) == words)
    }

    /// The words of a state.
    #[inline]
    pub(crate) fn get(&self, at: u32) -> &[u32] {
        let at = at as usize;
        let begin = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.words[begin..self.ends[at] as usize]
    }

    /// How many states it has.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.parents.len()).unwrap_or(NONE)
    }

    /// The memory it holds.
    pub(crate) const fn bytes(&self) -> u64 {
        let words = self.words.capacity() + self.ends.capacity() + self.parents.capacity();
        (words * size_of::<u32>()) as u64 + self.slots.bytes()
    }
}

/// The words of a state.
pub(crate) fn words(parts: &[Part], id: u32) -> &[u32] {
    let (part, at) = place(id);
    parts[part].get(at)
}

/// The states on the way to a state, from the first.
pub(crate) fn path(parts: &[Part], mut id: u32) -> Vec<u32> {
    let mut path = Vec::new();
    while id != NONE {
        path.push(id);
        let (part, at) = place(id);
        id = parts[part].parents[at as usize];
    }
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{hash_words, tag};

    #[test]
    fn a_state_is_new_once_and_knows_its_way() {
        let mut part = Part::default();
        let mut add = |words: &[u32], parent| part.insert(tag(hash_words(words)), words, parent);
        assert_eq!(add(&[1, 2], NONE), Some(0));
        assert_eq!(add(&[1], id(0, 0)), Some(1));
        assert_eq!(add(&[1, 2], id(0, 1)), None);
        assert_eq!(add(&[2], id(0, 1)), Some(2));
        let parts = [part];
        assert_eq!(path(&parts, id(0, 2)), [id(0, 0), id(0, 1), id(0, 2)]);
        assert_eq!((words(&parts, id(0, 1)), parts[0].len()), (&[1][..], 3));
    }
}
