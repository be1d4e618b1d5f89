//! The vocabulary of splitbrain: what a node is, what it may do, and what is recorded of it.
//!
//! PROBLEM     The same program must run in a simulator, in an exhaustive explorer, behind a pipe
//!             and on a real network, and must be judged the same way in all four.
//! IDEA        A node is a value. Its handlers turn an input into effects; an engine performs them.
//!             Time, randomness, disk and peers reach it through [`Context`] only.
//! RULES       What is in the struct dies in a crash; what was written to `cx.disk` and synced
//!             survives. A crash may fall between any two effects of a handler; effects happen
//!             in call order.
//! CAVEATS     Nothing here runs a node: engines do (`splitbrain-sim` is one of them).
//! READ NEXT   node.rs → context.rs → disk.rs → fault.rs → history.rs → trace.rs → verdict.rs

mod caught;
mod context;
mod digest;
mod disk;
mod error_code;
mod fault;
mod history;
mod id;
mod node;
mod random;
mod rpc;
mod time;
mod trace;
mod verdict;
pub mod workload;

pub use caught::{caught, file_of};
pub use context::{After, Choices, Context, Effect, Peers};
pub use digest::Fingerprint;
pub use disk::{Damage, Disk, Wal};
pub use error_code::ErrorCode;
pub use fault::{
    ClockFault, Cut, CutMode, DiskFault, DiskLoss, Fault, FaultKind, Injection, LinkFault, Moment,
    Target,
};
pub use history::{Described, End, History, Operation, Outcome, Stamp};
pub use id::{NodeId, OperationId, ProcessId, RequestId};
pub use node::{Api, Data, Node, Request, Response};
pub use random::{Key, Ratio, Rng};
pub use rpc::{CallId, Rpc};
pub use time::{Time, ms, us};
pub use trace::{
    DropReason, Event, EventId, EventKind, Lane, LaneKind, MessageId, MessageText, Trace,
    TraceError,
};
pub use verdict::{Edge, Finding, Point, Proof, Refused, Validity, Verdict};
