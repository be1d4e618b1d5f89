//! What a world drives: nodes and the operations on them, with their types hidden.
//!
//! The world's event loop knows no node's types: it moves numbers. A [`Cluster`] holds the values
//! behind the numbers. So the loop is compiled once, not for each learner's node, and a cluster may
//! as well be a set of processes that speak JSON.

use std::fmt;
use std::panic::Location;

use splitbrain_core::{
    Described, DiskLoss, MessageText, NodeId, OperationId, ProcessId, RequestId, Stamp, Time,
    Verdict,
};

use crate::Planned;

/// The number under which a cluster keeps a message, an answer or a timer.
pub type Slot = u32;

/// What a handler is given to handle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// First boot, or recovery.
    Start,
    /// What the workload tells every node after its start. Only if [`Cluster::has_setup`].
    Setup,
    /// A client's operation.
    Request(OperationId),
    /// A message; the slot is the cluster's to empty, unless `keep`.
    Message {
        /// Who sent it.
        from: NodeId,
        /// The message.
        message: Slot,
        /// Whether the message must stay readable: a trace shows it later.
        keep: bool,
    },
    /// A timer expired; it is no longer armed.
    Timer(Slot),
}

/// What the clocks of a node show when its handler runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clocks {
    /// The monotonic clock.
    pub now: Time,
    /// The wall clock.
    pub wall: Time,
}

/// What a handler asked for, with its types hidden.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// Send a message.
    Send {
        /// The receiver; may not exist.
        to: NodeId,
        /// The message.
        message: Slot,
        /// Its fingerprint.
        hash: u64,
        /// Its size.
        bytes: u64,
        /// The line that sent it.
        source: Option<&'static Location<'static>>,
    },
    /// Answer a request.
    Reply {
        /// The request.
        request: RequestId,
        /// The answer.
        answer: Slot,
        /// What kind of answer.
        kind: AnswerKind,
        /// Its fingerprint.
        hash: u64,
        /// The line that answered.
        source: Option<&'static Location<'static>>,
    },
    /// Arm a timer, or arm it anew.
    SetTimer {
        /// The timer: the same slot as long as it is armed.
        timer: Slot,
        /// Not sooner than this, in nanoseconds of the node's clock.
        low: u64,
        /// Not later than this.
        high: u64,
    },
    /// Disarm a timer.
    CancelTimer(Slot),
    /// Write to the disk, so many times.
    Write {
        /// How many.
        writes: u32,
    },
    /// Make the oldest writes durable.
    Sync {
        /// How many.
        writes: u32,
    },
    /// A remark.
    Note(String),
    /// The part the node now plays.
    Role(&'static str),
    /// An assertion did not hold.
    Violated(&'static str),
    /// What all nodes must say alike.
    Agree {
        /// What is said.
        name: &'static str,
        /// Of which subject.
        subject: u64,
        /// And this it is.
        value: u64,
    },
    /// Something that should happen sometimes has happened.
    Reached(&'static str),
}

/// What a client asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask<'a> {
    /// What the recipe says.
    Planned(&'a Planned),
    /// Whatever follows from the answer to this operation, one of the last.
    FollowUp(OperationId),
}

/// What an answer means for the operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AnswerKind {
    /// It happened.
    Ok,
    /// It did not happen and never will.
    Definite {
        /// Whether it is worth asking again: the node was not ready.
        retry: bool,
    },
    /// Nobody knows.
    Indefinite,
}

/// A handler that did not come to its end, or did not come to the same end twice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// It panicked: the message, and where.
    Panic(String),
    /// Run twice on the same input, it did two different things.
    Nondeterministic(String),
    /// It broke the rules of its protocol: the finding's id, and a sentence. A process may; a typed
    /// node cannot.
    Protocol(&'static str, String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic(why) | Self::Nondeterministic(why) | Self::Protocol(_, why) => {
                f.write_str(why)
            }
        }
    }
}

/// Nodes and the operations on them, behind numbers.
pub trait Cluster {
    /// Runs a handler of `node` and appends what it asked for to `acts`.
    ///
    /// # Errors
    /// When the handler failed. The world then crashes the node.
    fn handle(
        &mut self,
        node: NodeId,
        input: Input,
        clocks: Clocks,
        acts: &mut Vec<Act>,
    ) -> Result<(), Failure>;

    /// Whether nodes are told something after each start.
    fn has_setup(&self) -> bool;

    /// The oldest `writes` unsynced writes of `node` are durable.
    fn synced(&mut self, node: NodeId, writes: u32);

    /// `node` stops: its state is gone, its timers are disarmed. Its newest `undone` writes never
    /// happened: the crash came first. Of the others, those not synced suffer `loss`. Returns how
    /// many of them were lost.
    fn crash(&mut self, node: NodeId, undone: u32, loss: DiskLoss) -> u32;

    /// A durable record of `node`, which is down, goes bad.
    fn rot(&mut self, node: NodeId, pick: u64);

    /// A copy of a message, under a number of its own.
    fn copy(&mut self, message: Slot) -> Slot;

    /// A message that nobody will ask for again.
    fn forget(&mut self, message: Slot);

    /// What a message says.
    fn message(&self, message: Slot) -> MessageText;

    /// What an answer says.
    fn answer(&self, answer: Slot) -> MessageText;

    /// The name of an armed timer.
    fn timer(&self, node: NodeId, timer: Slot) -> String;

    /// A client begins an operation at `node`: makes its request and its entry in the history.
    /// Returns the operation, or `None` if the workload has none.
    fn invoke(
        &mut self,
        ask: Ask<'_>,
        node: NodeId,
        process: ProcessId,
        invoked: Stamp,
    ) -> Option<OperationId>;

    /// An operation ended: with this answer, or with nobody knowing how.
    fn complete(&mut self, operation: OperationId, at: Stamp, answer: Option<Slot>);

    /// Whether the client asks on after this answer.
    fn has_follow_up(&self, operation: OperationId) -> bool;

    /// Whether the operation changes nothing.
    fn is_query(&self, operation: OperationId) -> bool;

    /// The operation in words.
    fn operation(&self, operation: OperationId) -> Described;

    /// The request as JSON, to be written into a recipe.
    fn request(&self, planned: &Planned) -> Option<serde_json::Value>;

    /// What the judge says of the history so far.
    fn judge(&self) -> Verdict;

    /// The history as a file.
    fn history(&self) -> String;
}
