//! A history of accesses as sessions: what happened, and which write each read had found.
//!
//! PROBLEM     A read tells a value, not who wrote it. Some writes may never have happened, and a
//!             client that gave up cannot say what came of its last.
//! IDEA        Where each value of a key is written once, a read's value names its write, and to
//!             judge a weak model is easy; where it is not, most of them are NP-complete
//!             [bouajjani2017 §3].
//! RULES       What failed never happened. A write of unknown outcome happened if somebody found
//!             its value; else it may be left out: no weak model misses a write that nobody found.
//!             What a process did after an operation of unknown outcome is another session: the
//!             operation may happen after all of it.
//! CAVEATS     A compare-and-set that was refused tells only what was not there. It is left out
//!             here; sequential.rs and linearizability look at it.

use std::collections::BTreeMap;

use splitbrain_core::End;

use super::access::{Access, name};
use super::rows::number;
use super::sessions::{Builder, INITIAL, ReadFrom, Sessions};
use crate::planted::{Planted, planted};
use crate::table::{Numbers, Table};

/// A history as the weak models see it.
pub(crate) struct Readings<'a> {
    pub(crate) accesses: &'a [Access],
    pub(crate) sessions: Sessions,
    /// Reads of what nobody wrote, by their place in the history, and the failed write of that
    /// value if there was one.
    pub(crate) thin_air: Vec<(usize, Option<usize>)>,
    /// Reads that several writes could explain: how many, and in words the first. They are left
    /// out, so that what is found is true and what is not found is not known.
    pub(crate) ambiguous: Option<(usize, String)>,
}

/// Who wrote a value: one operation, or several.
#[derive(Clone, Copy)]
struct Writer {
    operation: u32,
    count: u32,
}

/// How the read part of an operation is explained.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// It reads nothing, or it is not known what.
    None,
    Initial,
    Operation(u32),
    Ambiguous,
    ThinAir,
}

impl<'a> Readings<'a> {
    pub(crate) fn new(accesses: &'a [Access]) -> Self {
        let mut writers: Table<(u64, u64), Writer> = Table::default();
        for (at, access) in accesses.iter().enumerate() {
            if let (Some(value), true) = (access.call.written(), access.end != End::Failed) {
                let new = || Writer { operation: number(at), count: 0 };
                writers.or_insert_with((access.key, value), new).count += 1;
            }
        }
        let source = |access: &Access| match access.call.observed() {
            None => Source::None,
            Some(None) => Source::Initial,
            Some(Some(value)) => match writers.get(&(access.key, value)) {
                None => Source::ThinAir,
                Some(Writer { operation, count: 1 }) => Source::Operation(*operation),
                Some(_) if planted(Planted::DuplicatesAttributed) => {
                    Source::Operation(writers.get(&(access.key, value)).map_or(0, |w| w.operation))
                }
                Some(_) => Source::Ambiguous,
            },
        };
        let happened = happened(accesses, source);
        let sources: Vec<Source> = accesses
            .iter()
            .zip(&happened)
            .map(|(access, happened)| if *happened { source(access) } else { Source::None })
            .collect();
        let thin = (0..accesses.len()).filter(|at| sources[*at] == Source::ThinAir);
        let thin_air = thin.map(|at| (at, failed_write(accesses, &accesses[at]))).collect();
        let mut unclear = (0..accesses.len()).filter(|at| sources[*at] == Source::Ambiguous);
        let ambiguous = unclear.next().map(|first| {
            let access = &accesses[first];
            let value = access.call.observed().flatten().unwrap_or(0);
            let what = format!("{}={value}", name(access.key));
            (1 + unclear.count(), what)
        });
        let sessions = sessions(accesses, &happened, &sources);
        Self { accesses, sessions, thin_air, ambiguous }
    }

    /// A node in words.
    pub(crate) fn words(&self, node: u32) -> String {
        self.accesses[self.sessions.operation(node)].words()
    }
}

/// Which operations happened, so far as it matters.
fn happened(accesses: &[Access], source: impl Fn(&Access) -> Source) -> Vec<bool> {
    let mut happened: Vec<bool> = accesses
        .iter()
        .map(|access| {
            let open = access.end == End::Unknown && access.call.written().is_some();
            access.end == End::Ok || (open && planted(Planted::WeakOpenRequired))
        })
        .collect();
    let mut unexplained: Vec<usize> = (0..accesses.len()).filter(|at| happened[*at]).collect();
    while let Some(at) = unexplained.pop() {
        if let Source::Operation(writer) = source(&accesses[at]) {
            let writer = writer as usize;
            if !happened[writer] && !planted(Planted::WeakOpenIgnored) {
                happened[writer] = true;
                unexplained.push(writer);
            }
        }
    }
    happened
}

/// A write of what the read found, which failed.
fn failed_write(accesses: &[Access], read: &Access) -> Option<usize> {
    let found = read.call.observed().flatten();
    accesses.iter().position(|other| {
        other.end == End::Failed && other.key == read.key && other.call.written() == found
    })
}

fn sessions(accesses: &[Access], happened: &[bool], sources: &[Source]) -> Sessions {
    let mut by_session: Vec<Vec<u32>> = Vec::new();
    let mut current: BTreeMap<u32, usize> = BTreeMap::new();
    for (at, access) in accesses.iter().enumerate() {
        if access.end == End::Failed {
            continue;
        }
        let session = *current.entry(access.process.0).or_insert_with(|| {
            by_session.push(Vec::new());
            by_session.len() - 1
        });
        let tells = access.call.written().is_some() || access.call.observed().is_some();
        if happened[at] && tells {
            by_session[session].push(number(at));
        }
        if access.end == End::Unknown && !planted(Planted::OpenKeepsItsSession) {
            current.remove(&access.process.0);
        }
    }
    by_session.retain(|session| !session.is_empty());
    let mut keys = Numbers::default();
    let mut builder = Builder::default();
    for session in &by_session {
        builder.session();
        for operation in session {
            let access = &accesses[*operation as usize];
            let key = keys.number(&access.key);
            let read = match sources[*operation as usize] {
                Source::Initial => Some(INITIAL),
                Source::Operation(writer) if happened[writer as usize] => Some(writer),
                Source::Operation(_) | Source::None | Source::Ambiguous | Source::ThinAir => None,
            };
            let read = read.map(|writer| ReadFrom { key, writer });
            builder.node(*operation, read, access.call.written().map(|_| key));
        }
    }
    builder.build(accesses.len(), keys.values().len())
}
