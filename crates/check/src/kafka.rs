//! `kafka`: a log keeps what was sent to it, in one order, and shows it to everyone.
//!
//! PROBLEM     Nobody sees a whole log. A sender learns one offset, a poll shows a part; offsets
//!             may have gaps, and a poll may stop early. What, then, is missing?
//! IDEA        Put together what all answers say of a log: which message is at which offset. Then
//!             hold every answer against that. A poll may stop anywhere, but what it passes over
//!             it denies; and a last poll that shows nothing says that the log has come to its end.
//! RULES       `KAFKA-LOST-WRITE`             sent for sure, passed over, and shown to nobody.
//!             `KAFKA-UNSEEN`                 known, yet past what a last poll takes for the end.
//!             `KAFKA-INCONSISTENT-OFFSET`    two messages at one offset.
//!             `KAFKA-DUPLICATE`              one message at two offsets.
//!             `KAFKA-ABORTED-READ`           shown, though its send had failed.
//!             `KAFKA-PHANTOM`                shown, though nobody had sent it.
//!             `KAFKA-PRECOMMITTED-READ`      shown to its own transaction, before that was done.
//!             `KAFKA-POLL-SKIP`              a poll begins after a message it should begin with.
//!             `KAFKA-INT-POLL-SKIP`          a poll leaves a message out.
//!             `KAFKA-NONMONOTONIC-POLL`      a poll begins before the offset it should.
//!             `KAFKA-INT-NONMONOTONIC-POLL`  offsets of one poll do not rise.
//!             `KAFKA-NONMONOTONIC-SEND`      a sender's second message is before its first.
//!             `KAFKA-INT-NONMONOTONIC-SEND`  the same within one transaction.
//!             `KAFKA-COMMIT-AHEAD`           a committed offset that nobody committed.
//! CAVEATS     Nothing is said about when a message must be seen, but for the last polls: a log may
//!             be as far behind as it likes. The names are Jepsen's; see DEVIATIONS.md for where
//!             the meaning is not.
//! READ NEXT   kafka/logs.rs → kafka/polls.rs

mod logs;
mod polls;
mod sends;

use std::collections::BTreeMap;

use splitbrain_core::workload::kafka::{Kafka, LogName, Request, Response};
use splitbrain_core::{End, History, NodeId, Operation, Outcome, ProcessId, Stamp, Verdict};

use crate::Judge;
use logs::Logs;

/// A history of operations on logs, whoever recorded it.
#[derive(Clone, Default, Debug)]
pub struct Recording {
    /// The operations, in the order in which they began.
    pub steps: Vec<Step>,
    /// What the logs are called, by number.
    pub logs: Vec<String>,
    /// What the messages are called, by number.
    pub messages: Vec<String>,
}

/// An operation on logs. With more than one act it is a transaction.
#[derive(Clone, Debug)]
pub struct Step {
    /// Who asked.
    pub process: ProcessId,
    /// Whom, if that is known.
    pub node: Option<NodeId>,
    /// When.
    pub invoked: Stamp,
    /// When it was answered, or its client gave up.
    pub completed: Option<Stamp>,
    /// How it ended.
    pub end: End,
    /// Whether it belongs to the last phase.
    pub last: bool,
    /// What it did, as far as that is known.
    pub acts: Vec<Act>,
}

/// One thing that an operation does to a log.
#[derive(Clone, Debug)]
pub enum Act {
    /// Appends a message.
    Send {
        /// To this log.
        log: u32,
        /// The message.
        message: u32,
        /// Where it was put, if that was told.
        offset: Option<u64>,
    },
    /// Reads.
    Poll {
        /// This log.
        log: u32,
        /// From where on.
        start: Start,
        /// Offsets and messages, as they were shown.
        shown: Vec<(u64, u32)>,
    },
    /// From now on the process reads these logs. Where it is in any other is forgotten.
    Assign {
        /// The logs.
        logs: Vec<u32>,
    },
    /// Has the server keep in mind how far a log was read.
    Commit {
        /// The log.
        log: u32,
        /// The last offset that was read.
        offset: u64,
    },
    /// Is told how far a log was read.
    Committed {
        /// The log.
        log: u32,
        /// The last offset that was read.
        offset: u64,
    },
}

/// Where a poll begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// At the first message with this offset or a greater one.
    At(u64),
    /// After the last message that the process was shown.
    Position,
    /// Anywhere.
    Anywhere,
}

impl Judge for Kafka {
    /// What [`judge`] says of the history.
    fn judge(history: &History<Self>) -> Verdict {
        judge(&recorded(history))
    }
}

/// What is wrong with a recording.
pub fn judge(recording: &Recording) -> Verdict {
    let logs = Logs::new(recording);
    let mut verdict = Verdict::default();
    let lost = logs.tell_lost(&mut verdict);
    logs.tell_unseen(&lost, &mut verdict);
    logs.tell_inconsistent(&mut verdict);
    logs.tell_duplicates(&mut verdict);
    logs.tell_sources(&mut verdict);
    logs.tell_precommitted(&mut verdict);
    logs.tell_gaps(&lost, &mut verdict);
    logs.tell_sends(&mut verdict);
    logs.tell_commits(&mut verdict);
    logs.tell_undecided(&mut verdict);
    logs.tell_remarks(&mut verdict);
    verdict
}

/// The typed history as a recording.
fn recorded(history: &History<Kafka>) -> Recording {
    let mut names = Names::default();
    let steps = history.operations.iter().map(|operation| step(operation, &mut names)).collect();
    let Names { logs, messages } = names;
    Recording { steps, logs: logs.names, messages: messages.names }
}

#[derive(Default)]
struct Names {
    logs: Numbered<LogName>,
    messages: Numbered<u64>,
}

/// Numbers values in the order in which they first come.
struct Numbered<T> {
    numbers: BTreeMap<T, u32>,
    names: Vec<String>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { numbers: BTreeMap::new(), names: Vec::new() }
    }
}

impl<T: Ord + Copy + std::fmt::Display> Numbered<T> {
    fn number(&mut self, value: T) -> u32 {
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(value).or_insert_with(|| {
            self.names.push(value.to_string());
            next
        })
    }
}

fn step(operation: &Operation<Kafka>, names: &mut Names) -> Step {
    Step {
        process: operation.process,
        node: Some(operation.node),
        invoked: operation.invoked,
        completed: operation.completed,
        end: match operation.outcome {
            Outcome::Ok(_) => End::Ok,
            Outcome::Failed { .. } => End::Failed,
            Outcome::Unknown => End::Unknown,
        },
        last: operation.last,
        acts: acts(&operation.request, operation.response(), names),
    }
}

fn acts(request: &Request, response: Option<&Response>, names: &mut Names) -> Vec<Act> {
    match (request, response) {
        (Request::Send { key, msg }, response) => {
            let offset = match response {
                Some(Response::SendOk { offset }) => Some(*offset),
                _ => None,
            };
            let (log, message) = (names.logs.number(*key), names.messages.number(*msg));
            vec![Act::Send { log, message, offset }]
        }
        (Request::Poll { offsets }, Some(Response::PollOk { msgs })) => {
            let mut poll = |name: LogName, start| {
                let records = msgs.get(&name).map_or(&[][..], Vec::as_slice);
                let shown = records.iter().map(|it| (it.0, names.messages.number(it.1))).collect();
                Act::Poll { log: names.logs.number(name), start, shown }
            };
            let mut acts: Vec<Act> =
                offsets.iter().map(|(log, from)| poll(*log, Start::At(*from))).collect();
            let unasked = msgs.keys().filter(|log| !offsets.contains_key(log));
            acts.extend(unasked.map(|log| poll(*log, Start::Anywhere)));
            acts
        }
        (Request::CommitOffsets { offsets }, _) => offsets
            .iter()
            .map(|(log, offset)| Act::Commit { log: names.logs.number(*log), offset: *offset })
            .collect(),
        (_, Some(Response::ListCommittedOffsetsOk { offsets })) => offsets
            .iter()
            .map(|(log, offset)| Act::Committed { log: names.logs.number(*log), offset: *offset })
            .collect(),
        _ => Vec::new(),
    }
}
