//! Why a key is not linearizable: the name of the failure, and one sentence.
//!
//! Everything here looks at the operations that [`minimal`] found, which are few; all others may be
//! thought to have happened at any time. Each name has a condition that makes its sentence true.

use splitbrain_core::workload::Workload;
use splitbrain_core::workload::lin_kv::{LinKv, Request};
use splitbrain_core::{Finding, History, Operation, Outcome, Time};

use super::{Keyed, name};
use crate::cases::operation_id;
use crate::linearizability::Entry;
use crate::minimal::{Hold, minimal};
use crate::spec::RegisterCall;

/// The names, worst first.
pub(super) const IDS: [&str; 5] =
    ["LIN-PHANTOM-READ", "LIN-LOST-WRITE", "LIN-STALE-READ", "LIN-INVERSION", "LIN-NO-ORDER"];

/// Names the failure of the key whose first failing return is that of entry `at`.
pub(super) fn finding(
    history: &History<LinKv>,
    operations: &[Keyed],
    entries: &[Entry<RegisterCall>],
    at: usize,
    budget: u64,
) -> Finding {
    let whole = || vec![Hold::Whole; entries.len()];
    let holds = minimal(&crate::spec::Register, entries, at, budget).unwrap_or_else(whole);
    let held = (0..entries.len()).filter(|index| holds[*index] != Hold::Free).collect();
    let story = Story { history, operations, entries, held, at };
    let (id, sentence, mut shown) = story
        .phantom()
        .or_else(|| story.replaced())
        .or_else(|| story.inversion())
        .unwrap_or_else(|| story.no_order());
    shown.sort_unstable();
    shown.dedup();
    Finding::new(id, sentence).operations(shown.into_iter().map(operation_id))
}

/// A name, a sentence, and the operations that show it by their place in the history.
type Told = (&'static str, String, Vec<usize>);

struct Story<'a> {
    history: &'a History<LinKv>,
    operations: &'a [Keyed],
    entries: &'a [Entry<RegisterCall>],
    /// The entries of which no more can be set free.
    held: Vec<usize>,
    /// The entry at whose return no order is left.
    at: usize,
}

impl Story<'_> {
    /// Nobody had asked to write what was observed.
    fn phantom(&self) -> Option<Told> {
        let last = self.operation(self.at);
        let what = self.describe(self.at);
        let from = match self.entries[self.at].call {
            RegisterCall::Differs(_) if self.held.len() == 1 => {
                let sentence =
                    format!("{what} was told of another value, and nobody had written one");
                return Some((IDS[0], sentence, self.shown([])));
            }
            call => call.observed()??,
        };
        let end = self.entries[self.at].returned?;
        let writes = |entry: &usize| self.entries[*entry].call.written() == Some(from);
        let first = (0..self.entries.len()).filter(writes).min_by_key(|e| self.entries[*e].invoked);
        let (why, other) = match first {
            Some(first) if self.entries[first].invoked < end => return None,
            Some(first) => {
                let asked = self.operation(first).invoked.at;
                let why = format!("which nobody had asked to write before {asked}");
                (why, Some(self.operations[first].operation))
            }
            None => match self.failed_write(last.request.key(), from) {
                Some(failed) => ("though the write of it had failed".into(), Some(failed)),
                None => ("which nobody ever wrote".into(), None),
            },
        };
        let sentence = format!("{what}, which ended at {}, found {from}, {why}", ended(last));
        Some((IDS[0], sentence, self.shown(other)))
    }

    /// A value was found that had been replaced by an acknowledged write before.
    fn replaced(&self) -> Option<Told> {
        let found = self.entries[self.at].call.observed()?;
        let writer = self.writer_of(found)?;
        // Whatever took effect after the value was written and before it was found.
        let between = |entry: &usize| {
            let written = self.entries[*entry].call.written();
            let after = writer.is_none_or(|writer| self.precedes(writer, *entry));
            written.is_some() && written != found && after && self.precedes(*entry, self.at)
        };
        // These two and their order prove the failure by themselves.
        let newer = (0..self.entries.len())
            .filter(between)
            .max_by_key(|entry| (self.held.contains(entry), self.entries[*entry].invoked))?;
        let seen = (0..self.entries.len()).filter(between).any(|entry| self.is_seen(entry));
        let what = self.describe(newer);
        let (when, began) = (ended(self.operation(newer)), self.operation(self.at).invoked.at);
        let reader = self.describe(self.at);
        let found = found.map_or("no value".into(), |value| value.to_string());
        let replaces = self.entries[self.at].call.written().is_some();
        let (id, sentence) = if replaces {
            let lost = format!("{what} was acknowledged at {when}, yet {reader}, begun at {began}");
            (IDS[1], format!("{lost}, found {found} in its place"))
        } else if seen {
            let stale = format!("{reader} began at {began}, after {what} had been acknowledged");
            (IDS[2], format!("{stale} at {when}, yet found {found}, which that had replaced"))
        } else {
            let lost = format!("{what} was acknowledged at {when}, and nobody ever saw it");
            (IDS[1], format!("{lost}: {reader}, begun at {began}, found {found}"))
        };
        let shown = writer.into_iter().chain([newer, self.at]);
        Some((id, sentence, shown.map(|entry| self.operations[entry].operation).collect()))
    }

    /// A read found a newer value, and a later read an older one.
    fn inversion(&self) -> Option<Told> {
        let RegisterCall::Read(older) = self.entries[self.at].call else { return None };
        let writer = self.writer_of(older)?;
        let newer = self.held.iter().copied().find(|entry| {
            let call = self.entries[*entry].call;
            let found = call.observed().filter(|found| *found != older && call.written().is_none());
            // It is newer if the older value was there before this read, and if the held operations
            // are only these reads and the writers of what they found.
            found.is_some_and(|found| {
                self.precedes(*entry, self.at)
                    && self.came_before(writer, *entry)
                    && self.held.iter().all(|held| {
                        [*entry, self.at].contains(held)
                            || self.entries[*held].call.written().is_some_and(|written| {
                                Some(written) == found || Some(written) == older
                            })
                            || self.entries[*held].call.observed() == Some(older)
                    })
            })
        })?;
        let found = |entry: usize| match self.entries[entry].call.observed().flatten() {
            Some(value) => value.to_string(),
            None => "no value".into(),
        };
        let sentence = format!(
            "two reads went back in time: {} found {} until {}, then {}, begun at {}, found {}, \
             which is older",
            self.describe(newer),
            found(newer),
            ended(self.operation(newer)),
            self.describe(self.at),
            self.operation(self.at).invoked.at,
            found(self.at)
        );
        Some((IDS[3], sentence, self.shown([])))
    }

    fn no_order(&self) -> Told {
        const TOLD: usize = 6;
        let told: Vec<String> = self
            .held
            .iter()
            .take(TOLD)
            .map(|entry| {
                let operation = self.operation(*entry);
                let begin = operation.invoked.at;
                let end = match self.entries[*entry].returned {
                    Some(_) => ended(operation).to_string(),
                    None => "open".into(),
                };
                format!("{}{} ({begin} to {end})", self.describe(*entry), self.answer(*entry))
            })
            .collect();
        let more = self.held.len().saturating_sub(TOLD);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        let (key, told) = (name(self.operation(self.at).request.key()), told.join(", "));
        let sentence = format!("no order of the operations on {key} explains {told}{more}");
        (IDS[4], sentence, self.shown([]))
    }

    /// The only entry that writes this value: `None` if several may have. `Some(None)` for the
    /// initial state, which nobody wrote.
    fn writer_of(&self, value: Option<u64>) -> Option<Option<usize>> {
        let Some(value) = value else { return Some(None) };
        let mut writers =
            (0..self.entries.len()).filter(|e| self.entries[*e].call.written() == Some(value));
        let writer = writers.next()?;
        writers.next().is_none().then_some(Some(writer))
    }

    /// Whether the value of `writer` was there before `read` returned another: because its write
    /// had ended, or because somebody had read it.
    fn came_before(&self, writer: Option<usize>, read: usize) -> bool {
        let Some(writer) = writer else { return true };
        let value = self.entries[writer].call.written();
        self.precedes(writer, read)
            || self.held.iter().any(|other| {
                self.entries[*other].call.observed() == Some(value) && self.precedes(*other, read)
            })
            || self.written_before_newer(writer, read)
    }

    /// Whether `writer` had ended before the write was asked whose value `read` found.
    fn written_before_newer(&self, writer: usize, read: usize) -> bool {
        let found = self.entries[read].call.observed();
        found
            .and_then(|found| self.writer_of(found).flatten())
            .is_some_and(|newer| self.precedes(writer, newer))
    }

    /// Whether anyone ever observed the value that this entry wrote.
    fn is_seen(&self, entry: usize) -> bool {
        let value = self.entries[entry].call.written();
        self.entries.iter().any(|other| other.call.observed() == Some(value))
    }

    fn precedes(&self, a: usize, b: usize) -> bool {
        self.entries[a].returned.is_some_and(|end| end < self.entries[b].invoked)
    }

    /// A write or compare-and-set to this value that failed, by its place in the history.
    fn failed_write(&self, of: u64, written: u64) -> Option<usize> {
        self.history.operations.iter().position(|operation| {
            let writes = match &operation.request {
                Request::Write { key, value } => *key == of && *value == written,
                Request::Cas { key, to, .. } => *key == of && *to == written,
                Request::Read { .. } => false,
            };
            writes && matches!(operation.outcome, Outcome::Failed { .. })
        })
    }

    /// What is held, who wrote what it observed, and `more`.
    fn shown(&self, more: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut shown: Vec<usize> =
            self.held.iter().map(|entry| self.operations[*entry].operation).collect();
        for entry in &self.held {
            let found = self.entries[*entry].call.observed();
            if let Some(writer) = found.and_then(|found| self.writer_of(found).flatten()) {
                shown.push(self.operations[writer].operation);
            }
        }
        shown.extend(more);
        shown
    }

    fn operation(&self, entry: usize) -> &Operation<LinKv> {
        &self.history.operations[self.operations[entry].operation]
    }

    /// `c2's write x=7 on n3`.
    fn describe(&self, entry: usize) -> String {
        let operation = self.operation(entry);
        let request = LinKv::describe_request(&operation.request);
        format!("{}'s {request} on {}", operation.process, operation.node)
    }

    fn answer(&self, entry: usize) -> String {
        match self.entries[entry].call {
            RegisterCall::Read(Some(value)) => format!(" = {value}"),
            RegisterCall::Read(None) => " = no value".into(),
            RegisterCall::Differs(_) => " refused".into(),
            RegisterCall::Write(_) | RegisterCall::Cas { .. } => String::new(),
        }
    }
}

fn ended(operation: &Operation<LinKv>) -> Time {
    operation.completed.unwrap_or(operation.invoked).at
}
