//! `broadcast` and `g-set`: what is added stays, and all come to see it.
//!
//! PROBLEM     Replicas that exchange what they know may be behind for a while: a read that lacks
//!             an element proves nothing. When is an element lost?
//! IDEA        An element is *known* from the moment its add is acknowledged, or a read shows it,
//!             whichever ends first. At the end of a run all faults are healed, the cluster has
//!             time to settle, and everyone reads. A last read that began after an element was
//!             known must show it.
//! RULES       `SET-LOST`        known, then missing from a last read.
//!             `SET-PHANTOM`     shown, though never added before, or though its add had failed.
//!             `SET-DUPLICATED`  shown twice by one read.
//! CAVEATS     Stricter than Jepsen's set-full, from which the terms come: see DEVIATIONS.md.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use splitbrain_core::workload::Workload;
use splitbrain_core::workload::broadcast::{self, Broadcast};
use splitbrain_core::workload::g_set::{self, GSet};
use splitbrain_core::{History, NodeId, Operation, Outcome, Stamp, Time, Verdict};

use crate::Judge;
use crate::cases::Cases;
use crate::planted::{Planted, planted};

impl Judge for Broadcast {
    /// `SET-LOST`, `SET-PHANTOM`, `SET-DUPLICATED`.
    fn judge(history: &History<Self>) -> Verdict {
        judge(history, |operation| match (&operation.request, operation.response()) {
            (broadcast::Request::Broadcast { message }, _) => Access::Add(*message),
            (_, Some(broadcast::Response::ReadOk { messages })) => Access::Read(messages),
            _ => Access::Other,
        })
    }
}

impl Judge for GSet {
    /// `SET-LOST`, `SET-PHANTOM`, `SET-DUPLICATED`.
    fn judge(history: &History<Self>) -> Verdict {
        judge(history, |operation| match (&operation.request, operation.response()) {
            (g_set::Request::Add { element }, _) => Access::Add(*element),
            (_, Some(g_set::Response::ReadOk { value })) => Access::Read(value),
            _ => Access::Other,
        })
    }
}

/// An operation on a set.
enum Access<'a> {
    Add(u64),
    Read(&'a [u64]),
    Other,
}

/// A read that was answered.
struct Read<'a> {
    operation: usize,
    node: NodeId,
    last: bool,
    invoked: Stamp,
    /// When it ended; after everything, if the history does not say.
    ended: Stamp,
    shown: &'a [u64],
}

/// What a history tells of one element.
struct Element {
    value: u64,
    /// The first add that may have happened, and when it was asked.
    added: Option<(Stamp, usize)>,
    /// An add that failed.
    failed: Option<usize>,
    /// The end of the first acknowledged add.
    acknowledged: Option<(Stamp, usize)>,
    /// The end of the first read that showed it.
    seen: Option<(Stamp, usize)>,
    /// The latest beginning of a read that showed it, and of one that did not.
    present: Option<Stamp>,
    absent: Option<Stamp>,
    /// How many last reads should have shown it and did not, and the first of them.
    missing: usize,
    missing_first: usize,
}

impl Element {
    const fn new(value: u64) -> Self {
        Self {
            value,
            added: None,
            failed: None,
            acknowledged: None,
            seen: None,
            present: None,
            absent: None,
            missing: 0,
            missing_first: 0,
        }
    }

    /// When it was known for the first time, and the operation that made it known.
    fn known(&self) -> Option<(Stamp, usize)> {
        let seen = self.seen.filter(|_| !planted(Planted::SetSeenForgiven));
        let unknown = self.added.filter(|_| planted(Planted::SetUnknownRequired));
        [self.acknowledged, seen, unknown].into_iter().flatten().min_by_key(|known| known.0.order)
    }
}

fn judge<W: Workload>(
    history: &History<W>,
    access: impl Fn(&Operation<W>) -> Access<'_>,
) -> Verdict {
    let mut elements = BTreeMap::new();
    let mut reads = Vec::new();
    for (at, operation) in history.operations.iter().enumerate() {
        match access(operation) {
            Access::Add(value) => note_add(&mut elements, value, at, operation),
            Access::Read(shown) => reads.push(Read {
                operation: at,
                node: operation.node,
                last: operation.last || planted(Planted::SetAllReadsAreLast),
                invoked: operation.invoked,
                ended: operation.completed.unwrap_or(Stamp { order: u32::MAX, at: Time::MAX }),
                shown,
            }),
            Access::Other => (),
        }
    }
    let mut set = Set { elements: elements.into_values().collect(), reads };
    let mut verdict = Verdict::default();
    let odd = set.match_reads();
    set.tell_lost(history, &mut verdict);
    set.tell_phantoms(history, &odd.phantoms, &mut verdict);
    set.tell_duplicated(history, &odd.duplicated, &mut verdict);
    set.tell_undecided(&mut verdict);
    set.tell_remarks(&odd, &mut verdict);
    verdict
}

fn note_add<W: Workload>(
    elements: &mut BTreeMap<u64, Element>,
    value: u64,
    at: usize,
    operation: &Operation<W>,
) {
    let element = elements.entry(value).or_insert_with(|| Element::new(value));
    match operation.outcome {
        Outcome::Failed { .. } if !planted(Planted::SetFailedSeen) => {
            element.failed.get_or_insert(at);
            return;
        }
        Outcome::Ok(_) => {
            let end = operation.completed.unwrap_or(operation.invoked);
            if element.acknowledged.is_none_or(|(known, _)| end.order < known.order) {
                element.acknowledged = Some((end, at));
            }
        }
        Outcome::Failed { .. } | Outcome::Unknown => (),
    }
    if element.added.is_none_or(|(first, _)| operation.invoked.order < first.order) {
        element.added = Some((operation.invoked, at));
    }
}

/// Finds elements by their value.
enum Index {
    /// The position of each value, or `usize::MAX`: values are mostly small numbers.
    Table(Vec<usize>),
    /// The values in ascending order.
    Sorted(Vec<u64>),
}

impl Index {
    fn new(elements: &[Element]) -> Self {
        let largest = elements.last().map_or(0, |element| element.value);
        match usize::try_from(largest) {
            Ok(largest) if largest / 8 < elements.len() + 64 => {
                let mut table = vec![usize::MAX; largest + 1];
                for (position, element) in elements.iter().enumerate() {
                    table[usize::try_from(element.value).unwrap_or(largest)] = position;
                }
                Self::Table(table)
            }
            _ => Self::Sorted(elements.iter().map(|element| element.value).collect()),
        }
    }

    fn get(&self, value: u64) -> Option<usize> {
        match self {
            Self::Table(table) => {
                let position = *table.get(usize::try_from(value).ok()?)?;
                (position != usize::MAX).then_some(position)
            }
            Self::Sorted(values) => values.binary_search(&value).ok(),
        }
    }
}

/// Values that reads should not have shown so, with the first read that did.
#[derive(Default)]
struct Odd {
    /// Not added before.
    phantoms: BTreeMap<u64, usize>,
    /// Shown twice.
    duplicated: BTreeMap<u64, usize>,
}

/// Everything that was added, in ascending order, and every answered read, as they were asked.
struct Set<'a> {
    elements: Vec<Element>,
    reads: Vec<Read<'a>>,
}

impl Set<'_> {
    /// Finds out which read showed which element, and what it should not have shown.
    fn match_reads(&mut self) -> Odd {
        let mut odd = Odd::default();
        let index = Index::new(&self.elements);
        let order = |known: Option<(Stamp, usize)>| known.map_or(u32::MAX, |known| known.0.order);
        let added: Vec<u32> = self.elements.iter().map(|e| order(e.added)).collect();
        // When each element was known, as far as the reads up to now tell; and the last read that
        // showed it and the last that did not, counted from 1.
        let mut known: Vec<u32> = self.elements.iter().map(|e| order(e.known())).collect();
        let mut present = vec![0; added.len()];
        let mut absent = vec![0; added.len()];
        for (number, read) in (1..).zip(&self.reads) {
            for value in read.shown {
                let Some(found) = index.get(*value) else {
                    odd.phantoms.entry(*value).or_insert(number - 1);
                    continue;
                };
                if present[found] == number && !planted(Planted::SetDuplicatesMissed) {
                    odd.duplicated.entry(*value).or_insert(number - 1);
                }
                present[found] = number;
                let future = added[found] != u32::MAX && planted(Planted::SetFutureSeen);
                if added[found] >= read.ended.order && !future {
                    odd.phantoms.entry(*value).or_insert(number - 1);
                }
                let element = &mut self.elements[found];
                if order(element.seen) > read.ended.order {
                    element.seen = Some((read.ended, read.operation));
                    known[found] = order(element.known());
                }
            }
            for found in 0..added.len() {
                if present[found] == number || added[found] >= read.ended.order {
                    continue;
                }
                absent[found] = number;
                // Whatever makes an element known before this read began has been looked at.
                if read.last && known[found] < read.invoked.order {
                    let element = &mut self.elements[found];
                    if element.missing == 0 {
                        element.missing_first = number - 1;
                    }
                    element.missing += 1;
                }
            }
        }
        let invoked = |number: usize| Some(self.reads[number.checked_sub(1)?].invoked);
        let last_count = self.reads.iter().filter(|read| read.last).count();
        for (found, element) in self.elements.iter_mut().enumerate() {
            element.present = invoked(present[found]);
            element.absent = invoked(absent[found]);
            if planted(Planted::SetOneLastReadEnough) && element.missing < last_count {
                element.missing = 0;
            }
        }
        odd
    }

    fn tell_lost<W: Workload>(&self, history: &History<W>, verdict: &mut Verdict) {
        let mut lost: Vec<_> = self.elements.iter().filter(|e| e.missing > 0).collect();
        // Worst first: acknowledged before merely seen, missing everywhere before missing
        // somewhere.
        lost.sort_by_key(|e| (e.acknowledged.is_none(), Reverse(e.missing), e.value));
        let mut cases = Cases::new("SET-LOST");
        for element in lost {
            let Some(known) = element.known() else { continue };
            let (when, how) = element
                .acknowledged
                .map_or((known, "seen by"), |acknowledged| (acknowledged, "acknowledged to"));
            let who = history.operations[when.1].process;
            let sentence = || {
                format!(
                    "{} was {how} {who} at {}, yet {}",
                    element.value,
                    when.0.at,
                    self.missing_where(history, element, known.0)
                )
            };
            cases.add(sentence, [known.1, self.reads[element.missing_first].operation]);
        }
        cases.into_verdict(verdict);
    }

    /// Where an element is missing: `no last read on n2 or n3 shows it`.
    fn missing_where<W: Workload>(
        &self,
        history: &History<W>,
        element: &Element,
        known: Stamp,
    ) -> String {
        let last = || self.reads.iter().filter(|read| read.last);
        if element.missing == last().count() {
            return "no last read shows it".into();
        }
        let lacks = |read: &&Read<'_>| {
            known.order < read.invoked.order && !read.shown.contains(&element.value)
        };
        let lacking: BTreeSet<NodeId> = last().filter(lacks).map(|read| read.node).collect();
        let showing: BTreeSet<NodeId> =
            last().filter(|read| !lacks(read)).map(|read| read.node).collect();
        let never: Vec<String> = lacking.difference(&showing).map(NodeId::to_string).collect();
        if never.is_empty() {
            let read = &self.reads[element.missing_first];
            let process = history.operations[read.operation].process;
            format!("the last read of {process} on {} does not show it", read.node)
        } else {
            format!("no last read on {} shows it", never.join(" or "))
        }
    }

    fn tell_phantoms<W: Workload>(
        &self,
        history: &History<W>,
        phantoms: &BTreeMap<u64, usize>,
        verdict: &mut Verdict,
    ) {
        let mut cases = Cases::new("SET-PHANTOM");
        for (value, number) in phantoms {
            let read = &self.reads[*number];
            let element = self.elements.binary_search_by_key(value, |element| element.value);
            let (added, failed) = element.map_or((None, None), |found| {
                (self.elements[found].added, self.elements[found].failed)
            });
            let (why, other) = match (added, failed) {
                (Some((stamp, at)), _) => {
                    (format!("which nobody had asked to add before {}", stamp.at), Some(at))
                }
                (None, Some(at)) => ("though its add had failed".into(), Some(at)),
                (None, None) => ("which nobody ever added".into(), None),
            };
            let process = history.operations[read.operation].process;
            let (node, at) = (read.node, read.ended.at);
            let sentence = || format!("{node} showed {value} to {process} at {at}, {why}");
            cases.add(sentence, other.into_iter().chain([read.operation]));
        }
        cases.into_verdict(verdict);
    }

    fn tell_duplicated<W: Workload>(
        &self,
        history: &History<W>,
        duplicated: &BTreeMap<u64, usize>,
        verdict: &mut Verdict,
    ) {
        let mut cases = Cases::new("SET-DUPLICATED");
        for (value, number) in duplicated {
            let read = &self.reads[*number];
            let process = history.operations[read.operation].process;
            let sentence = || {
                let (node, at) = (read.node, read.ended.at);
                let count = read.shown.iter().filter(|shown| *shown == value).count();
                format!("one read of {process} on {node} at {at} shows {value} {count} times")
            };
            cases.add(sentence, [read.operation]);
        }
        cases.into_verdict(verdict);
    }

    fn tell_undecided(&self, verdict: &mut Verdict) {
        if self.elements.iter().all(|element| element.known().is_none()) {
            verdict.undecided.push("no element was ever acknowledged or seen".into());
        } else if !self.reads.iter().any(|read| read.last) {
            let why = "no last read was answered: what is lost cannot be told";
            verdict.undecided.push(why.into());
        }
    }

    /// What became of the elements, in Jepsen's words, and how long that took.
    fn tell_remarks(&self, odd: &Odd, verdict: &mut Verdict) {
        let order = |stamp: Option<Stamp>| stamp.map_or(0, |stamp| u64::from(stamp.order) + 1);
        let (mut stable, mut lost) = (Vec::new(), Vec::new());
        let mut never_read = 0;
        for element in &self.elements {
            let since = |last: Option<Stamp>| {
                let known = element.known().map_or(Time::MAX, |(known, _)| known.at);
                last.map_or(Time::ZERO, |last| last.at).since(known)
            };
            if element.missing > 0 {
                lost.push(since(element.present));
            } else if order(element.absent) < order(element.present) {
                stable.push(since(element.absent));
            } else {
                never_read += 1;
            }
        }
        let stale = stable.iter().filter(|delay| !delay.is_zero()).count();
        if self.elements.iter().all(|element| element.known().is_none()) {
            return;
        }
        let mut count = |name: &str, count: usize| {
            if count > 0 {
                verdict.remarks.push((format!("elements {name}"), count.to_string()));
            }
        };
        count("added", self.elements.len());
        count("never read", never_read);
        count("lost", lost.len());
        count("duplicated", odd.duplicated.len());
        count("phantom", odd.phantoms.len());
        count("stable", stable.len());
        count("stale", stale);
        tell_quantiles("stable after", stable, verdict);
        tell_quantiles("lost after", lost, verdict);
    }
}

/// Says how long something took: for half of the cases, for almost all, for the slowest.
fn tell_quantiles(name: &str, mut delays: Vec<Duration>, verdict: &mut Verdict) {
    delays.sort_unstable();
    let Some(last) = delays.len().checked_sub(1) else { return };
    for (part, percent) in [("p0", 0), ("p50", 50), ("p95", 95), ("p99", 99), ("max", 100)] {
        let delay = Time::ZERO + delays[last * percent / 100];
        verdict.remarks.push((format!("{name} {part}"), delay.to_string()));
    }
}
