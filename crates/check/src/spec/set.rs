//! A set.

use std::collections::BTreeSet;

use super::Spec;
use crate::linearizability::fast::growing;
use crate::linearizability::{Answer, Entry, Failure, Named, Placed, Words};

/// A set, empty at first.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Set;

/// What was asked of a [`Set`], and answered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SetCall {
    /// An add.
    Add {
        /// What was added.
        value: u64,
        /// Whether it was new, where the answer says so.
        new: Option<bool>,
    },
    /// A removal.
    Remove {
        /// What was removed.
        value: u64,
        /// Whether it had been there, where the answer says so.
        found: Option<bool>,
    },
    /// A question about one value.
    Contains {
        /// Which.
        value: u64,
        /// Whether it was there.
        found: bool,
    },
    /// A read of the whole set.
    Read(BTreeSet<u64>),
}

impl Spec for Set {
    type State = BTreeSet<u64>;
    type Call = SetCall;
    type Next = Option<BTreeSet<u64>>;

    fn initial(&self) -> BTreeSet<u64> {
        BTreeSet::new()
    }

    fn step(&self, state: &BTreeSet<u64>, call: &SetCall) -> Option<BTreeSet<u64>> {
        match call {
            SetCall::Add { value, new } => {
                let mut state = state.clone();
                let is_new = state.insert(*value);
                new.is_none_or(|new| new == is_new).then_some(state)
            }
            SetCall::Remove { value, found } => {
                let mut state = state.clone();
                let was_there = state.remove(value);
                found.is_none_or(|found| found == was_there).then_some(state)
            }
            SetCall::Contains { value, found } => {
                (state.contains(value) == *found).then(|| state.clone())
            }
            SetCall::Read(values) => (state == values).then(|| values.clone()),
        }
    }

    /// An add that found its value there, and a removal that did not, change nothing either.
    fn is_pure(&self, call: &SetCall) -> bool {
        match call {
            SetCall::Add { new: changed, .. } | SetCall::Remove { found: changed, .. } => {
                *changed == Some(false)
            }
            SetCall::Contains { .. } | SetCall::Read(_) => true,
        }
    }

    fn part(&self, call: &SetCall) -> Option<u64> {
        match call {
            SetCall::Add { value, .. }
            | SetCall::Remove { value, .. }
            | SetCall::Contains { value, .. } => Some(*value),
            SetCall::Read(_) => None,
        }
    }

    fn bytes(&self, state: &BTreeSet<u64>) -> u64 {
        (size_of::<BTreeSet<u64>>() + 2 * state.len() * size_of::<u64>()) as u64
    }

    fn decide(&self, entries: &[Entry<SetCall>]) -> Option<Answer> {
        growing::decide(entries)
    }

    fn order(&self, entries: &[Entry<SetCall>]) -> Option<Vec<Placed>> {
        growing::explained(entries)
    }

    fn describe(&self, state: &BTreeSet<u64>, words: &dyn Words) -> String {
        let values: Vec<u64> = state.iter().copied().collect();
        match values.len() {
            0 => "the set is empty".into(),
            _ => format!("the set holds {}", words.values(&values)),
        }
    }

    fn name(&self, failure: &Failure<'_, Self>) -> Option<Named> {
        let SetCall::Read(shown) = &failure.entries[failure.at].call else { return None };
        let removed: BTreeSet<u64> = (failure.entries.iter())
            .filter_map(|entry| match entry.call {
                SetCall::Remove { value, .. } => Some(value),
                _ => None,
            })
            .collect();
        failure.lacks(|call| match call {
            SetCall::Add { value, .. } if !shown.contains(value) && !removed.contains(value) => {
                Some(*value)
            }
            _ => None,
        })
    }
}
