//! Why a register is not linearizable: the name of the failure, and one sentence.
//!
//! Everything here looks at the operations of which none can be spared, which are few; all others
//! may be thought to have happened at any time. Each name has a condition that makes its sentence
//! true.

use super::{Register, RegisterCall};
use crate::linearizability::{Failure, Named};

/// Names a failure.
pub(super) fn name(failure: &Failure<'_, Register>) -> Option<Named> {
    let story = Story { failure };
    story.phantom().or_else(|| story.replaced()).or_else(|| story.inversion())
}

struct Story<'a> {
    failure: &'a Failure<'a, Register>,
}

impl Story<'_> {
    /// Nobody had asked to write what was observed.
    fn phantom(&self) -> Option<Named> {
        let at = self.failure.at;
        let what = self.what(at);
        let from = match self.call(at) {
            RegisterCall::Differs(_) if self.failure.held.len() == 1 => {
                let sentence =
                    format!("{what} was told of another value, and nobody had written one");
                return Some(self.named("LIN-PHANTOM-READ", sentence, []));
            }
            call => call.observed()??,
        };
        let end = self.failure.entries[at].returned?;
        let entries = self.failure.entries;
        let writes = |entry: &usize| self.call(*entry).written() == Some(from);
        let first = (0..entries.len()).filter(writes).min_by_key(|e| entries[*e].invoked);
        let mut failed = None;
        let why = match first {
            Some(first) if entries[first].invoked < end => return None,
            Some(first) => match self.failure.told(first).invoked {
                Some(asked) => format!("which nobody had asked to write before {asked}"),
                None => "which nobody had asked to write yet".into(),
            },
            None => {
                failed = self.failure.words.failed_write(at, from);
                match failed {
                    Some(_) => "though the write of it had failed".into(),
                    None => "which nobody ever wrote".into(),
                }
            }
        };
        let ended = match self.failure.told(at).completed {
            Some(end) => format!(", which ended at {end},"),
            None => String::new(),
        };
        let found = self.failure.words.value(from);
        let sentence = format!("{what}{ended} found {found}, {why}");
        let mut named = self.named("LIN-PHANTOM-READ", sentence, first);
        named.more.extend(failed);
        Some(named)
    }

    /// A value was found that had been replaced by an acknowledged write before.
    fn replaced(&self) -> Option<Named> {
        let at = self.failure.at;
        let found = self.call(at).observed()?;
        let writer = self.writer_of(found)?;
        // Whatever took effect after the value was written and before it was found.
        let between = |entry: &usize| {
            let written = self.call(*entry).written();
            let after = writer.is_none_or(|writer| self.failure.precedes(writer, *entry));
            written.is_some() && written != found && after && self.failure.precedes(*entry, at)
        };
        let count = self.failure.entries.len();
        // These two and their order prove the failure by themselves.
        let newer = (0..count).filter(between).max_by_key(|entry| {
            (self.failure.held.contains(entry), self.failure.entries[*entry].invoked)
        })?;
        let seen = (0..count).filter(between).any(|entry| self.is_seen(entry));
        let (what, reader) = (self.what(newer), self.what(at));
        let (when, begun) = (self.at_end(newer), self.begun(at));
        let value = self.value(found);
        let (id, sentence) = if self.call(at).written().is_some() {
            let lost = format!("{what} was acknowledged{when}, yet {reader}{begun}");
            ("LIN-LOST-WRITE", format!("{lost}, found {value} in its place"))
        } else if seen {
            let stale = match self.failure.told(at).invoked {
                Some(begun) => format!("{reader} began at {begun}, after {what} had been"),
                None => format!("{reader} began after {what} had been"),
            };
            let replaced = format!("yet found {value}, which that had replaced");
            ("LIN-STALE-READ", format!("{stale} acknowledged{when}, {replaced}"))
        } else {
            let lost = format!("{what} was acknowledged{when}, and nobody ever saw it");
            ("LIN-LOST-WRITE", format!("{lost}: {reader}{begun}, found {value}"))
        };
        let shown = writer.into_iter().chain([newer, at]).collect();
        Some(Named { id, sentence, shown, more: Vec::new() })
    }

    /// A read found a newer value, and a later read an older one.
    fn inversion(&self) -> Option<Named> {
        let at = self.failure.at;
        let RegisterCall::Read(older) = self.call(at) else { return None };
        let writer = self.writer_of(older)?;
        let newer = self.failure.held.iter().copied().find(|entry| {
            let call = self.call(*entry);
            let found = call.observed().filter(|found| *found != older && call.written().is_none());
            // It is newer if the older value was there before this read, and if the held operations
            // are only these reads and the writers of what they found.
            found.is_some_and(|found| {
                self.failure.precedes(*entry, at)
                    && self.came_before(writer, *entry)
                    && self.failure.held.iter().all(|held| {
                        [*entry, at].contains(held)
                            || self.call(*held).written().is_some_and(|written| {
                                Some(written) == found || Some(written) == older
                            })
                            || self.call(*held).observed() == Some(older)
                    })
            })
        })?;
        let found = |entry: usize| self.value(self.call(entry).observed().flatten());
        let until = match self.failure.told(newer).completed {
            Some(end) => format!(" until {end}"),
            None => String::new(),
        };
        let sentence = format!(
            "two reads went back in time: {} found {}{until}, then {}{}, found {}, which is older",
            self.what(newer),
            found(newer),
            self.what(at),
            self.begun(at),
            found(at)
        );
        Some(self.named("LIN-INVERSION", sentence, []))
    }

    /// The only entry that writes this value: `None` if several may have. `Some(None)` for the
    /// initial state, which nobody wrote.
    fn writer_of(&self, value: Option<u64>) -> Option<Option<usize>> {
        let Some(value) = value else { return Some(None) };
        let writes = |entry: &usize| self.call(*entry).written() == Some(value);
        let mut writers = (0..self.failure.entries.len()).filter(writes);
        let writer = writers.next()?;
        writers.next().is_none().then_some(Some(writer))
    }

    /// Whether the value of `writer` was there before `read` returned another: because its write
    /// had ended, or because somebody had read it.
    fn came_before(&self, writer: Option<usize>, read: usize) -> bool {
        let Some(writer) = writer else { return true };
        let value = self.call(writer).written();
        let observed = |other: &usize| {
            self.call(*other).observed() == Some(value) && self.failure.precedes(*other, read)
        };
        self.failure.precedes(writer, read)
            || self.failure.held.iter().any(observed)
            || self.written_before_newer(writer, read)
    }

    /// Whether `writer` had ended before the write was asked whose value `read` found.
    fn written_before_newer(&self, writer: usize, read: usize) -> bool {
        let found = self.call(read).observed();
        found
            .and_then(|found| self.writer_of(found).flatten())
            .is_some_and(|newer| self.failure.precedes(writer, newer))
    }

    /// Whether anyone ever observed the value that this entry wrote.
    fn is_seen(&self, entry: usize) -> bool {
        let value = self.call(entry).written();
        self.failure.entries.iter().any(|other| other.call.observed() == Some(value))
    }

    /// The finding shows what is held, who wrote what it observed, and `more`.
    fn named(
        &self,
        id: &'static str,
        sentence: String,
        more: impl IntoIterator<Item = usize>,
    ) -> Named {
        let mut shown = self.failure.held.to_vec();
        for entry in self.failure.held {
            let found = self.call(*entry).observed();
            shown.extend(found.and_then(|found| self.writer_of(found).flatten()));
        }
        shown.extend(more);
        Named { id, sentence, shown, more: Vec::new() }
    }

    fn call(&self, entry: usize) -> RegisterCall {
        self.failure.entries[entry].call
    }

    /// `c2's write x=7 on n3`.
    fn what(&self, entry: usize) -> String {
        self.failure.told(entry).what
    }

    fn value(&self, value: Option<u64>) -> String {
        value.map_or("no value".into(), |value| self.failure.words.value(value))
    }

    fn at_end(&self, entry: usize) -> String {
        self.failure.told(entry).completed.map_or(String::new(), |end| format!(" at {end}"))
    }

    fn begun(&self, entry: usize) -> String {
        match self.failure.told(entry).invoked {
            Some(begun) => format!(", begun at {begun}"),
            None => ", begun later".into(),
        }
    }
}
