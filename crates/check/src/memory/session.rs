//! What a client may expect of its own session, whichever replicas answer it.
//!
//! PROBLEM     I changed my password and was asked for the old one. I saw an answer, and when I
//!             looked again it was gone.
//! IDEA        Four guarantees [terry1994 §3], each of which says which writes a read must not
//!             miss. A read misses a write if it finds an older one, or nothing.
//! RULES       A read must not miss
//!             RYW  *read your writes*: what its own session wrote before (`SESSION-RYW`).
//!             MR   *monotonic reads*: what its session had found before (`SESSION-MR`).
//!             MW   *monotonic writes*: what a session wrote before a write that the reader's
//!                  session has found by now (`SESSION-MW`).
//!             WFR  *writes follow reads*: what a session had found before it wrote something that
//!                  the reader's session has found by now (`SESSION-WFR`).
//!             Which of two writes of a key is older is not told. So a guarantee holds if for each
//!             session there is, for each key, *some* order of the writes in which no read misses
//!             what it must not, and in which each writer's own writes keep their order.
//! CAVEATS     Each guarantee is judged by itself. That all four hold, each with an order of its
//!             own, does not mean that one order serves all: PRAM and CM ask that.

use std::collections::BTreeMap;

use splitbrain_core::{Finding, Verdict};

use super::causal::finding;
use super::proof::{self, Step, Why, shortest};
use super::readings::Readings;
use super::sessions::{INITIAL, Sessions};
use crate::budget::Budget;
use crate::planted::{Planted, planted};

/// One of the four.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Guarantee {
    ReadYourWrites,
    MonotonicReads,
    MonotonicWrites,
    WritesFollowReads,
}
use Guarantee::{MonotonicReads, MonotonicWrites, ReadYourWrites, WritesFollowReads};

/// `SESSION-RYW`, `SESSION-MR`, `SESSION-MW` or `SESSION-WFR`.
pub(crate) fn guarantee(readings: &Readings<'_>, which: Guarantee, budget: Budget) -> Verdict {
    let mut verdict = Verdict::default();
    let sessions = &readings.sessions;
    let room = budget.memory_bytes / size_of::<Missed>() as u64;
    for session in (0..).take(sessions.count()) {
        let missed = match Reader::new(sessions, which).follow(session, room) {
            Followed::All(missed) => missed,
            Followed::Missed { read, owed } => {
                verdict.findings.push(nothing_found(readings, which, read, owed));
                return verdict;
            }
            Followed::TooMany => {
                let limit = budget.memory_bytes;
                verdict.undecided.push(format!("what was missed does not fit into {limit} bytes"));
                return verdict;
            }
        };
        if let Some(steps) = contradiction(sessions, &missed) {
            verdict.findings.push(out_of_order(readings, which, &missed, &steps));
            return verdict;
        }
    }
    verdict
}

/// A write that a session's reads must not miss from now on, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Owed {
    write: u32,
    /// MR, MW, WFR: the read of the session that found it, or that found `through`.
    found_by: u32,
    /// MW, WFR: the later write of the same session as `write`, or of the session that had found
    /// `write`.
    through: u32,
    /// WFR: the read by which that session had found `write`.
    read_before: u32,
}

/// A read found `newer` although it was owed `owed.write`: so `newer` is newer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Missed {
    key: u32,
    newer: u32,
    read: u32,
    owed: Owed,
}

enum Followed {
    /// Where reads did not find what they were owed.
    All(Vec<Missed>),
    /// A read was owed something and found nothing.
    Missed { read: u32, owed: Owed },
    /// More than there is room for.
    TooMany,
}

/// Follows one session through its reads and writes.
struct Reader<'a> {
    sessions: &'a Sessions,
    which: Guarantee,
    /// By key, and by the session that wrote: the last write that is owed.
    owed: BTreeMap<u32, BTreeMap<u32, Owed>>,
    /// By session: how many of its operations came before one that was found.
    seen: Vec<u32>,
}

impl<'a> Reader<'a> {
    fn new(sessions: &'a Sessions, which: Guarantee) -> Self {
        Self { sessions, which, owed: BTreeMap::new(), seen: vec![0; sessions.count()] }
    }

    fn follow(mut self, session: u32, room: u64) -> Followed {
        let mut missed: Vec<Missed> = Vec::new();
        for node in self.sessions.of(session) {
            for read in self.sessions.reads(node) {
                if read.writer != INITIAL {
                    self.learn_through(node, read.writer);
                }
                let owed = self.owed.get(&read.key);
                for owed in owed.into_iter().flat_map(BTreeMap::values) {
                    if read.writer == INITIAL && !planted(Planted::InitialForgiven) {
                        return Followed::Missed { read: node, owed: *owed };
                    }
                    if read.writer != INITIAL && !self.is_later(read.writer, owed.write) {
                        let (key, newer) = (read.key, read.writer);
                        missed.push(Missed { key, newer, read: node, owed: *owed });
                    }
                }
                if missed.len() as u64 > room {
                    return Followed::TooMany;
                }
                if self.which == MonotonicReads && read.writer != INITIAL {
                    let (write, through) = (read.writer, INITIAL);
                    let owed = Owed { write, found_by: node, through, read_before: INITIAL };
                    self.owe(read.key, owed);
                }
            }
            if self.which == ReadYourWrites {
                for key in self.sessions.writes(node) {
                    let (found_by, through) = (INITIAL, INITIAL);
                    let owed = Owed { write: node, found_by, through, read_before: INITIAL };
                    self.owe(*key, owed);
                }
            }
        }
        Followed::All(missed)
    }

    /// Whether `write` is `owed`, or its session wrote it later.
    fn is_later(&self, write: u32, owed: u32) -> bool {
        self.sessions.session(write) == self.sessions.session(owed) && write >= owed
    }

    /// The session's read has found `through`: what its writer had written or read before is owed.
    fn learn_through(&mut self, found_by: u32, through: u32) {
        let writer = self.sessions.session(through);
        // What a compare-and-set found it found before it wrote.
        let end = self.sessions.place(through) + u32::from(self.which == WritesFollowReads);
        let seen = self.seen[writer as usize];
        self.seen[writer as usize] = seen.max(end);
        let start = self.sessions.of(writer).start;
        for node in start + seen.min(end)..start + end {
            if self.which == MonotonicWrites {
                for key in self.sessions.writes(node) {
                    let owed = Owed { write: node, found_by, through, read_before: INITIAL };
                    self.owe(*key, owed);
                }
            }
            if self.which == WritesFollowReads {
                for read in self.sessions.reads(node) {
                    if read.writer != INITIAL {
                        let (write, read_before) = (read.writer, node);
                        self.owe(read.key, Owed { write, found_by, through, read_before });
                    }
                }
            }
        }
    }

    fn owe(&mut self, key: u32, owed: Owed) {
        let session = self.sessions.session(owed.write);
        let by_session = self.owed.entry(key).or_default();
        let last = by_session.entry(session).or_insert(owed);
        if owed.write > last.write || planted(Planted::OwesTheLatestHeard) {
            *last = owed;
        }
    }
}

/// A cycle of "that one is newer", if there is one.
fn contradiction(sessions: &Sessions, missed: &[Missed]) -> Option<Vec<Step>> {
    let mut edges: Vec<&Missed> = missed.iter().collect();
    edges.sort_by_key(|edge| (edge.key, edge.owed.write, edge.newer));
    edges.dedup_by_key(|edge| (edge.key, edge.owed.write, edge.newer));
    // The first edge that begins at a write of this key and session, not before `node`.
    let next = |key: u32, node: u32| {
        let at = edges.partition_point(|edge| (edge.key, edge.owed.write) < (key, node));
        let edge = edges.get(at)?;
        let same = edge.key == key && sessions.session(edge.owed.write) == sessions.session(node);
        same.then_some(at)
    };
    // An edge leads on to those that begin at the same write, or at a later one of its session.
    let mut missing = vec![0_u32; edges.len()];
    let onward = |at: usize| {
        let edge = edges[at];
        let sibling = edges.get(at + 1).filter(|other| {
            let same = sessions.session(other.owed.write) == sessions.session(edge.owed.write);
            other.key == edge.key && same
        });
        [next(edge.key, edge.newer), sibling.map(|_| at + 1)].into_iter().flatten()
    };
    (0..edges.len()).for_each(|at| onward(at).for_each(|to| missing[to] += 1));
    let mut ready: Vec<usize> = (0..edges.len()).filter(|at| missing[*at] == 0).collect();
    let mut done = 0;
    while let Some(at) = ready.pop() {
        done += 1;
        for to in onward(at) {
            missing[to] -= 1;
            if missing[to] == 0 {
                ready.push(to);
            }
        }
    }
    if done == edges.len() {
        return None;
    }
    let stuck: Vec<&Missed> =
        (0..edges.len()).filter(|at| missing[*at] > 0).map(|at| edges[at]).collect();
    let cycle = |start: &&Missed| {
        let (key, node) = (start.key, start.owed.write);
        shortest(sessions, node, node, |from, visit| {
            let of_key = stuck.iter().filter(|edge| edge.key == key && edge.owed.write == from);
            of_key.for_each(|edge| visit(edge.newer, Why::Older { reader: edge.read }));
        })
    };
    stuck.iter().filter_map(cycle).min_by_key(Vec::len)
}

fn nothing_found(readings: &Readings<'_>, which: Guarantee, read: u32, owed: Owed) -> Finding {
    let sentence = sentence(readings, which, read, owed);
    let mut nodes = vec![owed.write];
    nodes.extend([owed.read_before, owed.through, owed.found_by]);
    nodes.push(read);
    nodes.retain(|node| *node != INITIAL);
    nodes.dedup();
    let sessions = &readings.sessions;
    let mut steps: Vec<Step> = nodes
        .windows(2)
        .map(|pair| {
            let same = sessions.session(pair[0]) == sessions.session(pair[1]);
            let why = if same { Why::Session } else { Why::ReadFrom };
            Step { from: pair[0], to: pair[1], why }
        })
        .collect();
    steps.push(Step { from: read, to: owed.write, why: Why::Replaced });
    finding(id(which), sentence, readings, &steps)
}

fn out_of_order(
    readings: &Readings<'_>,
    which: Guarantee,
    missed: &[Missed],
    steps: &[Step],
) -> Finding {
    let told = steps.iter().filter_map(|step| {
        let Why::Older { reader } = step.why else { return None };
        let edge = missed.iter().find(|edge| {
            (edge.owed.write, edge.newer, edge.read) == (step.from, step.to, reader)
        })?;
        Some(sentence(readings, which, edge.read, edge.owed))
    });
    let told: Vec<String> = told.collect();
    let kept = steps.iter().filter(|step| step.why == Why::Session);
    let kept: Vec<String> = kept.map(|step| proof::words(readings, step)).collect();
    let mut sentence = told.join(", and ");
    if !kept.is_empty() {
        sentence += &format!(" ({})", kept.join(", and "));
    }
    finding(id(which), sentence, readings, steps)
}

const fn id(which: Guarantee) -> &'static str {
    match which {
        ReadYourWrites => "SESSION-RYW",
        MonotonicReads => "SESSION-MR",
        MonotonicWrites => "SESSION-MW",
        WritesFollowReads => "SESSION-WFR",
    }
}

/// What a read missed, and why it must not have.
fn sentence(readings: &Readings<'_>, which: Guarantee, read: u32, owed: Owed) -> String {
    let words = |node: u32| readings.words(node);
    let missed = format!("{} misses {}", words(read), words(owed.write));
    match which {
        ReadYourWrites => format!("{missed}, which its own session had done before"),
        MonotonicReads => {
            format!("{missed}, which its session had seen before: {}", words(owed.found_by))
        }
        MonotonicWrites => format!(
            "{missed}, though its session had seen {}, which the same session wrote later",
            words(owed.through)
        ),
        WritesFollowReads => format!(
            "{missed}, though its session had seen {}, whose session had seen that before: {}",
            words(owed.through),
            words(owed.read_before)
        ),
    }
}
