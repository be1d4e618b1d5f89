//! The fewest operations that show that a history is not linearizable.
//!
//! PROBLEM     A failing history has hundreds of operations, and three of them show why. Taking
//!             others away is no proof: without its write, a read of 7 looks like a read from
//!             nowhere.
//! IDEA        Do not take operations away: set them free. A free write may take effect at any
//!             time, before it was asked or never; a free read says nothing. Every order that
//!             explained the history explains it still. What cannot be set free without an order
//!             appearing is what shows the failure.
//! RULES       Freedom only grows: what could not be set free before can't be set free later. So
//!             one pass finds a set of which no operation can be spared.

use super::{Answer, Entry, Search, search_part};
use crate::Budget;
use crate::planted::{Planted, planted};
use crate::spec::Spec;

/// How much is demanded of an operation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Hold {
    /// Nothing: it may have happened at any time, or never.
    Free,
    /// That it did not happen before it was asked.
    Begun,
    /// That it happened between request and answer.
    Whole,
}

/// What must be held of each entry for the history to fail at the return of `at`, which is the
/// first return at which it fails. The searches together keep to `budget`; what could not be set
/// free within that is held, and `None` means that nothing could be tried.
pub(crate) fn minimal<S: Spec>(
    spec: &S,
    entries: &[Entry<S::Call>],
    at: usize,
    budget: Budget,
) -> Option<Vec<Hold>> {
    let end = entries[at].returned?;
    let mut shrink = Shrink { spec, entries, end, budget, holds: Vec::new() };
    shrink.holds = entries.iter().map(|entry| shrink.most(entry)).collect();
    if !shrink.fails() {
        return None;
    }
    // The oldest first: what is left lies close to the failure.
    let mut order: Vec<usize> = (0..entries.len()).filter(|index| *index != at).collect();
    order.sort_unstable_by_key(|index| entries[*index].invoked);
    shrink.lower(&order, Hold::Free);
    order.retain(|index| {
        shrink.holds[*index] == Hold::Whole && !spec.is_pure(&entries[*index].call)
    });
    shrink.lower(&order, Hold::Begun);
    Some(shrink.holds)
}

struct Shrink<'a, S: Spec> {
    spec: &'a S,
    entries: &'a [Entry<S::Call>],
    /// The failing return: what came later is not looked at.
    end: u32,
    /// What is left of it.
    budget: Budget,
    holds: Vec<Hold>,
}

impl<S: Spec> Shrink<'_, S> {
    fn most(&self, entry: &Entry<S::Call>) -> Hold {
        match entry.returned {
            Some(returned) if returned <= self.end => Hold::Whole,
            _ if self.spec.is_pure(&entry.call) => Hold::Free,
            _ => Hold::Begun,
        }
    }

    /// Lowers the hold of as many of `indices` as can be: of all at once, or of each half.
    fn lower(&mut self, indices: &[usize], to: Hold) {
        let before: Vec<Hold> = indices.iter().map(|index| self.holds[*index]).collect();
        if before.iter().all(|hold| *hold <= to) {
            return;
        }
        for index in indices {
            self.holds[*index] = self.holds[*index].min(to);
        }
        if self.fails() {
            return;
        }
        for (index, hold) in indices.iter().zip(before) {
            self.holds[*index] = hold;
        }
        if indices.len() > 1 {
            let (older, newer) = indices.split_at(indices.len() / 2);
            self.lower(older, to);
            self.lower(newer, to);
        }
    }

    /// Whether no order exists with these holds.
    fn fails(&mut self) -> bool {
        let held = |(entry, hold): (&Entry<S::Call>, &Hold)| {
            let began = entry.invoked < self.end;
            let removes = planted(Planted::ShrinkRemoves) && *hold == Hold::Free;
            if !began || removes || (*hold == Hold::Free && self.spec.is_pure(&entry.call)) {
                return None;
            }
            let invoked = if *hold == Hold::Free { 0 } else { entry.invoked };
            let returned = entry.returned.filter(|_| *hold == Hold::Whole);
            Some(Entry { call: entry.call.clone(), invoked, returned })
        };
        let entries: Vec<_> = self.entries.iter().zip(&self.holds).filter_map(held).collect();
        let Search { answer, configurations } = search_part(self.spec, &entries, self.budget);
        self.budget.states = self.budget.states.saturating_sub(configurations);
        matches!(answer, Answer::NotLinearizable { .. })
    }
}
