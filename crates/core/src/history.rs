//! What the clients saw: the only thing a checker may judge.

use serde::{Deserialize, Serialize};

use crate::workload::Workload;
use crate::{Api, ErrorCode, NodeId, ProcessId, Time};

/// When something happened, twice: its place in the order of all invocations and completions, which
/// decides what came before what, and the true time, which is for people.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Stamp {
    /// The place in the order; no two stamps of a history have the same.
    pub order: u32,
    /// The true time, in nanoseconds.
    #[serde(rename = "at_ns")]
    pub at: Time,
}

/// How an operation ended.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome<Response> {
    /// It happened, with this answer.
    Ok(Response),
    /// It did not happen and never will.
    Failed {
        /// What the node said.
        code: ErrorCode,
        /// Its text.
        text: String,
    },
    /// It may have happened, may happen later, or never: the client timed out, got an indefinite
    /// error, or the run ended first.
    Unknown,
}

/// One operation of one client.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(bound(
    serialize = "A::Request: Serialize, A::Response: Serialize",
    deserialize = "A::Request: Deserialize<'de>, A::Response: Deserialize<'de>"
))]
pub struct Operation<A: Api> {
    /// Who asked. A process has one operation open at a time.
    pub process: ProcessId,
    /// Whom it asked.
    pub node: NodeId,
    /// What it asked.
    pub request: A::Request,
    /// When it asked.
    pub invoked: Stamp,
    /// When it was answered or gave up; `None` if neither happened before the run ended.
    pub completed: Option<Stamp>,
    /// How it ended.
    pub outcome: Outcome<A::Response>,
    /// Whether it belongs to the last phase: asked after every fault was healed and the cluster had
    /// time to settle.
    pub last: bool,
}

impl<A: Api> Operation<A> {
    /// The answer, if there was one.
    pub const fn response(&self) -> Option<&A::Response> {
        match &self.outcome {
            Outcome::Ok(response) => Some(response),
            Outcome::Failed { .. } | Outcome::Unknown => None,
        }
    }

    /// Whether this operation had ended before `other` began.
    pub fn precedes(&self, other: &Self) -> bool {
        self.completed.is_some_and(|end| end.order < other.invoked.order)
    }
}

/// All operations of a run, in the order of their invocations.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(bound(
    serialize = "A::Request: Serialize, A::Response: Serialize",
    deserialize = "A::Request: Deserialize<'de>, A::Response: Deserialize<'de>"
))]
pub struct History<A: Api> {
    /// The operations.
    pub operations: Vec<Operation<A>>,
}

impl<A: Api> Default for History<A> {
    fn default() -> Self {
        Self { operations: Vec::new() }
    }
}

/// An operation in words: what stories and diagrams show, whatever its types.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Described {
    /// Who asked.
    pub process: ProcessId,
    /// Whom it asked.
    pub node: NodeId,
    /// What it asked: `write x=7`.
    pub request: String,
    /// What it was answered: `7`, or why it failed. May be empty.
    pub answer: String,
    /// When it asked.
    #[serde(rename = "invoked_ns")]
    pub invoked: Time,
    /// When it was answered or gave up.
    #[serde(rename = "completed_ns")]
    pub completed: Option<Time>,
    /// How it ended.
    pub end: End,
}

/// How an operation ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It happened.
    Ok,
    /// It did not happen.
    Failed,
    /// Nobody knows.
    Unknown,
}

impl Described {
    /// An operation in words.
    pub fn new<W: Workload>(operation: &Operation<W>) -> Self {
        let (end, answer) = match &operation.outcome {
            Outcome::Ok(response) => (End::Ok, W::describe_response(response)),
            Outcome::Failed { code, text } if text.is_empty() => (End::Failed, code.to_string()),
            Outcome::Failed { text, .. } => (End::Failed, text.clone()),
            Outcome::Unknown => (End::Unknown, String::new()),
        };
        Self {
            process: operation.process,
            node: operation.node,
            request: W::describe_request(&operation.request),
            answer,
            invoked: operation.invoked.at,
            completed: operation.completed.map(|stamp| stamp.at),
            end,
        }
    }

    /// The operations of a history, in words.
    pub fn all<W: Workload>(history: &History<W>) -> Vec<Self> {
        history.operations.iter().map(Self::new).collect()
    }
}
