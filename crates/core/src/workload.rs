//! Workloads: what clients ask, how it looks as JSON, and what is asked in a run.
//!
//! PROBLEM     A test must ask the same things of a node in Rust and of a program in Python, in a
//!             simulator and over a pipe, and a failing run must lose operations one by one.
//! IDEA        A workload fixes the [`Api`]. Its generator is a function of `(key, index)`:
//!             operation 17 is the same whether or not operation 16 is asked.
//! RULES       The JSON form is that of Maelstrom's protocol [maelstrom doc/workloads.md], without
//!             `msg_id` and `in_reply_to`, which the transport adds.
//! READ NEXT   echo.rs → lin_kv.rs; the judges are in `splitbrain-check`.

pub mod broadcast;
pub mod echo;
pub mod g_counter;
pub mod g_set;
pub mod kafka;
pub mod lin_kv;
pub mod pn_counter;
mod topology;
mod transaction;
pub mod txn_list_append;
pub mod txn_rw_register;
pub mod unique_ids;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use topology::{Topology, TopologyError};

use crate::{Api, Key, NodeId, Rng};

/// An [`Api`] with a generator and a JSON form.
///
/// Requests and responses serialise as the `body` of Maelstrom's messages: tagged by `type`.
pub trait Workload: Api<Request: Wire, Response: Wire> {
    /// Its name, as Maelstrom's `-w` takes it.
    const NAME: &'static str;

    /// What every node is told before the first operation and after each restart, if anything.
    fn setup(node: NodeId, node_count: u16, topology: Topology) -> Option<Self::Request> {
        let _ = (node, node_count, topology);
        None
    }

    /// The operation `draw.index` of a run. The same draw gives the same request, whatever other
    /// operations the run has.
    fn generate(draw: Draw) -> Self::Request;

    /// What each client asks at the very end, when all faults are healed and the cluster has had
    /// time to settle. The draw's index goes on where that of the planned operations ended.
    fn last(draw: Draw) -> Option<Self::Request>;

    /// What a client asks on after its last request was answered, if anything: the answer may say
    /// that there is more.
    fn follow_up(request: &Self::Request, response: &Self::Response) -> Option<Self::Request> {
        let _ = (request, response);
        None
    }

    /// Whether the request changes nothing. An answer that never comes then means: it failed.
    fn is_query(request: &Self::Request) -> bool;

    /// The request in a few characters: `write x=7`.
    fn describe_request(request: &Self::Request) -> String;

    /// The response in a few characters: `7`. Empty if there is nothing to tell.
    fn describe_response(response: &Self::Response) -> String;
}

/// What has a form in bytes.
pub trait Wire: Serialize + DeserializeOwned + Send + Sync {}
impl<T: Serialize + DeserializeOwned + Send + Sync> Wire for T {}

/// Which operation to generate, and the randomness for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Draw {
    /// The run's stream for operations.
    pub key: Key,
    /// The operation's number in the run as it was planned, from 0.
    pub index: u32,
}

impl Draw {
    /// This operation's random numbers.
    pub const fn rng(self) -> Rng {
        self.key.derive(self.index as u64).rng()
    }

    /// The draw of an earlier operation: `back` before this one.
    pub const fn earlier(self, back: u32) -> Option<Self> {
        match self.index.checked_sub(back) {
            Some(index) => Some(Self { key: self.key, index }),
            None => None,
        }
    }
}

/// The name of a key for people: x, y, z, k3, k4, ...
pub fn key_name(key: u64) -> String {
    match key {
        0 => "x".into(),
        1 => "y".into(),
        2 => "z".into(),
        other => format!("k{other}"),
    }
}

/// The items, separated by spaces; the middle ones are left out if there are many.
fn list<T: ToString>(items: &[T]) -> String {
    const SHOWN: usize = 8;
    let shown = |items: &[T]| items.iter().map(T::to_string).collect::<Vec<_>>().join(" ");
    if items.len() <= SHOWN {
        format!("{{{}}}", shown(items))
    } else {
        let (head, tail) = (&items[..SHOWN - 2], &items[items.len() - 1..]);
        format!("{{{} … {}}} ({} in all)", shown(head), shown(tail), items.len())
    }
}
