//! `broadcast` and `g-set`: what is added stays, and all come to see it.
//!
//! PROBLEM     Replicas that exchange what they know may be behind for a while: a read that lacks an
//!             element proves nothing. When is an element lost?
//! IDEA        An element is *known* from the moment its add is acknowledged, or a read shows it,
//!             whichever ends first. At the end of a run all faults are healed, the cluster has time
//!             to settle, and everyone reads. A last read that began after an element was known must
//!             show it.
//! RULES       `SET-LOST`        known, then missing from a last read.
//!             `SET-PHANTOM`     shown, though never added before, or though its add had failed.
//!             `SET-DUPLICATED`  shown twice by one read.
//! CAVEATS     Stricter than Jepsen's set-full, from which the terms come: see DEVIATIONS.md.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

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
    /// The last reads that should have shown it, by their position among the reads.
    missing: Vec<usize>,
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
            missing: Vec::new(),
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
    let duplicated = set.match_reads();
    set.tell_lost(history, &mut verdict);
    set.tell_phantoms(history, &mut verdict);
    set.tell_duplicated(history, &duplicated, &mut verdict);
    set.tell_undecided(&mut verdict);
    set.tell_remarks(&mut verdict);
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

/// Everything that was added, in ascending order, and every answered read, as they were asked.
struct Set<'a> {
    elements: Vec<Element>,
    reads: Vec<Read<'a>>,
}

impl Set<'_> {
    /// Finds out which read showed which element. Gives the elements that a read showed twice, with
    /// the first such read.
    fn match_reads(&mut self) -> BTreeMap<u64, usize> {
        let mut duplicated = BTreeMap::new();
        // For each element the last read that showed it, counted from 1.
        let mut shown_by = vec![0; self.elements.len()];
        for (number, read) in self.reads.iter().enumerate() {
            for value in read.shown {
                let Ok(found) = self.elements.binary_search_by_key(value, |e| e.value) else {
                    continue;
                };
                if shown_by[found] == number + 1 && !planted(Planted::SetDuplicatesMissed) {
                    duplicated.entry(*value).or_insert(number);
                }
                shown_by[found] = number + 1;
                let element = &mut self.elements[found];
                if element.seen.is_none_or(|(seen, _)| read.ended.order < seen.order) {
                    element.seen = Some((read.ended, read.operation));
                }
            }
            for (element, by) in self.elements.iter_mut().zip(&shown_by) {
                if *by == number + 1 {
                    element.present = Some(read.invoked);
                } else if element.added.is_some_and(|(add, _)| add.order < read.ended.order) {
                    element.absent = Some(read.invoked);
                    if read.last {
                        element.missing.push(number);
                    }
                }
            }
        }
        // A read owes only what was known before it began.
        for element in &mut self.elements {
            let known = element.known();
            let owed = |number: &usize| {
                known.is_some_and(|known| known.0.order < self.reads[*number].invoked.order)
            };
            element.missing.retain(owed);
            if planted(Planted::SetOneLastReadEnough)
                && element.missing.len() < self.reads.iter().filter(|read| read.last).count()
            {
                element.missing.clear();
            }
        }
        duplicated
    }

    fn tell_lost<W: Workload>(&self, history: &History<W>, verdict: &mut Verdict) {
        let last_count = self.reads.iter().filter(|read| read.last).count();
        let mut lost: Vec<_> = self.elements.iter().filter(|e| !e.missing.is_empty()).collect();
        // Worst first: acknowledged before merely seen, missing everywhere before missing somewhere.
        lost.sort_by_key(|e| (e.acknowledged.is_none(), Reverse(e.missing.len()), e.value));
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
                    self.missing_where(history, &element.missing, last_count)
                )
            };
            cases.add(sentence, [known.1, self.reads[element.missing[0]].operation]);
        }
        cases.into_verdict(verdict);
    }

    /// Where an element is missing: `no last read on n2 or n3 shows it`.
    fn missing_where<W: Workload>(
        &self,
        history: &History<W>,
        missing: &[usize],
        last_count: usize,
    ) -> String {
        if missing.len() == last_count {
            return "no last read shows it".into();
        }
        let shown_on: BTreeSet<NodeId> = self
            .reads
            .iter()
            .enumerate()
            .filter(|(number, read)| read.last && !missing.contains(number))
            .map(|(_, read)| read.node)
            .collect();
        let lacks: BTreeSet<NodeId> =
            missing.iter().map(|number| self.reads[*number].node).collect();
        let never: Vec<String> = lacks.difference(&shown_on).map(NodeId::to_string).collect();
        if never.is_empty() {
            let read = &self.reads[missing[0]];
            let process = history.operations[read.operation].process;
            format!("the last read of {process} on {} does not show it", read.node)
        } else {
            format!("no last read on {} shows it", never.join(" or "))
        }
    }

    fn tell_phantoms<W: Workload>(&self, history: &History<W>, verdict: &mut Verdict) {
        let mut told = BTreeSet::new();
        let mut cases = Cases::new("SET-PHANTOM");
        for read in &self.reads {
            for value in read.shown {
                let element = self.element(*value);
                let added = element.and_then(|element| element.added);
                let before = added.is_some_and(|(stamp, _)| {
                    stamp.order < read.ended.order || planted(Planted::SetFutureSeen)
                });
                if before || !told.insert(*value) {
                    continue;
                }
                let failed = element.and_then(|element| element.failed);
                let (why, other) = match (added, failed) {
                    (Some((stamp, at)), _) => {
                        (format!("which nobody had asked to add before {}", stamp.at), Some(at))
                    }
                    (None, Some(at)) => ("though its add had failed".into(), Some(at)),
                    (None, None) => ("which nobody ever added".into(), None),
                };
                let operation = &history.operations[read.operation];
                let (process, node, at) = (operation.process, operation.node, read.ended.at);
                let sentence = || format!("{node} showed {value} to {process} at {at}, {why}");
                cases.add(sentence, other.into_iter().chain([read.operation]));
            }
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

    /// How long it took until every read showed an element, and how many had to wait.
    fn tell_remarks(&self, verdict: &mut Verdict) {
        let order = |stamp: Option<Stamp>| stamp.map_or(0, |stamp| u64::from(stamp.order) + 1);
        let mut delays = Vec::new();
        let mut never_read = 0;
        for element in &self.elements {
            let Some((known, _)) = element.known() else { continue };
            if order(element.absent) < order(element.present) {
                let behind = element.absent.map_or(Time::ZERO, |absent| absent.at);
                delays.push(behind.since(known.at));
            } else if element.missing.is_empty() {
                never_read += 1;
            }
        }
        delays.sort_unstable();
        let Some(last) = delays.len().checked_sub(1) else { return };
        for (name, percent) in [("p50", 50), ("p95", 95), ("p99", 99), ("max", 100)] {
            let delay = Time::ZERO + delays[last * percent / 100];
            verdict.remarks.push((format!("stable after {name}"), delay.to_string()));
        }
        let stale = delays.iter().filter(|delay| !delay.is_zero()).count();
        verdict.remarks.push(("stale elements".into(), stale.to_string()));
        if never_read > 0 {
            verdict.remarks.push(("never read".into(), never_read.to_string()));
        }
    }

    fn element(&self, value: u64) -> Option<&Element> {
        let found = self.elements.binary_search_by_key(&value, |element| element.value).ok()?;
        Some(&self.elements[found])
    }
}
