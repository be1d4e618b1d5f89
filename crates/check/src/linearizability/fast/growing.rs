//! Sets that only grow: whole reads of them tell an order.
//!
//! PROBLEM     Ten thousand adds and a thousand reads of the whole set: which adds came first?
//! IDEA        Of two reads of a set that only grows one holds all that the other holds. So the
//!             reads have an order, and each value was added after the last read without it and
//!             before the first with it. The rest is real time.
//! READ NEXT   zones.rs

use std::collections::BTreeSet;

use super::zones::{FIRST, Ranked, fit, order};
use crate::linearizability::cut::{Cut, by_beginnings};
use crate::linearizability::{Answer, Entry, Placed};
use crate::planted::{Planted, planted};
use crate::spec::SetCall;
use crate::table::Numbers;

/// A history of a set that only grows, of which each value is added by one operation at most.
struct Growing<'a> {
    entries: &'a [Entry<SetCall>],
    /// The number of the value that each entry adds.
    adds: Vec<Option<u32>>,
    /// The reads, smallest first.
    reads: Vec<(usize, &'a BTreeSet<u64>)>,
    values: Numbers<u64>,
}

/// Decides about a history of a set.
pub(crate) fn decide(entries: &[Entry<SetCall>]) -> Option<Answer> {
    let growing = Growing::new(entries)?;
    by_beginnings(entries, |cut| Some(growing.ranked(cut).is_some_and(fit)))
}

/// An order that explains a history that is linearizable.
pub(crate) fn explained(entries: &[Entry<SetCall>]) -> Option<Vec<Placed>> {
    let growing = Growing::new(entries)?;
    growing.ranked(Cut::END).map(order)
}

impl<'a> Growing<'a> {
    fn new(entries: &'a [Entry<SetCall>]) -> Option<Self> {
        let mut values = Numbers::default();
        let (mut adds, mut reads) = (Vec::with_capacity(entries.len()), Vec::new());
        for (number, entry) in entries.iter().enumerate() {
            adds.push(match &entry.call {
                SetCall::Add { value, new: None | Some(true) } => {
                    let before = values.values().len();
                    let added = values.number(value);
                    if (added as usize) < before && !planted(Planted::WrittenTwice) {
                        return None;
                    }
                    Some(added)
                }
                SetCall::Read(shown) => {
                    reads.push((number, shown));
                    None
                }
                _ => return None,
            });
        }
        reads.sort_by_key(|(_, shown)| shown.len());
        Some(Self { entries, adds, reads, values })
    }

    /// The operations in their order, or `None` if two reads contradict one another, or one shows
    /// what nobody had asked to add.
    fn ranked(&self, cut: Cut) -> Option<Vec<Ranked>> {
        const UNSEEN: u32 = u32::MAX;
        let span = |entry: usize| cut.span(entry, &self.entries[entry]);
        let mut level_of = vec![UNSEEN; self.values.values().len()];
        let mut ranked = Vec::with_capacity(self.entries.len());
        let mut largest: Option<&BTreeSet<u64>> = None;
        let mut level = 1;
        for (entry, shown) in &self.reads {
            let Some(span) = span(*entry).filter(|span| span.has_returned()) else { continue };
            if largest.map_or(!shown.is_empty(), |largest| largest.len() < shown.len()) {
                level += 2;
            }
            if largest.is_some_and(|largest| !largest.is_subset(shown)) {
                return None;
            }
            if largest.is_none_or(|largest| largest.len() < shown.len()) {
                for value in *shown {
                    let value = self.values.find(value)? as usize;
                    level_of[value] = level_of[value].min(level - 1);
                }
            }
            largest = Some(shown);
            ranked.push(Ranked { entry: *entry, block: FIRST, level, span });
        }
        for (entry, value) in self.adds.iter().enumerate() {
            let Some(value) = value else { continue };
            let level = level_of[*value as usize];
            match span(entry) {
                None if level != UNSEEN => return None,
                Some(span) if level != UNSEEN || span.has_returned() => {
                    ranked.push(Ranked { entry, block: FIRST, level, span });
                }
                _ => (),
            }
        }
        Some(ranked)
    }
}
