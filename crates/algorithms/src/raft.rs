//! Raft: agreement on a log, led by one server at a time.
//!
//! PROBLEM     Several servers are to act as one that never fails: the same commands, in the same
//!             order, on all of them, although any minority may be dead, slow or cut off.
//! IDEA        Agree on a log of commands. Elect a leader; only the leader adds to the log; what a
//!             majority has stored is there for ever. Elect only those who have it (Ongaro and
//!             Ousterhout 2014).
//! RULES       The five of [raft fig. 3], as facts in invariants.rs, which engines compare after
//!             every step:
//!             1. Election safety: at most one leader per term [raft §5.2].
//!             2. Leader append-only: a leader never changes or removes its entries [raft §5.3].
//!             3. Log matching: an index and a term name one entry, and all before it [raft §5.3].
//!             4. Leader completeness: what is committed is in the log of every later leader
//!                [raft §5.4].
//!             5. State machine safety: no two servers apply different commands at one index
//!                [raft §5.4.3].
//! MESSAGES    RequestVote, AppendEntries [raft fig. 2]; InstallSnapshot [raft fig. 13]; PreVote
//!             [thesis §9.6]; TimeoutNow [thesis §3.10]. See message.rs.
//! FILES       Figure 2's box "State" is server.rs and the struct `Leader` in replication.rs;
//!             "Rules for Servers" is server.rs (all servers), election.rs (followers, candidates)
//!             and replication.rs (leaders); the box "RequestVote RPC" is election.rs,
//!             "AppendEntries RPC" replication.rs. Where a rule acts stands `[raft §...]`.
//! COST        A command takes one round trip from the leader to a majority and one sync on each;
//!             its leader's own disk works meanwhile. A read takes a round trip and no sync.
//! CAVEATS     A server whose synced disk was damaged may break rules 1 and 4: it must be replaced
//!             by one with another name. The log is bounded by snapshots; a leader's list of
//!             waiting reads by its clerks, who give up.
//! READ NEXT   types.rs → server.rs → election.rs → replication.rs → invariants.rs; then the
//!             thesis: read.rs → snapshot.rs → membership.rs → transfer.rs → session.rs; at last
//!             the node: machine.rs → clerk.rs → node.rs → churn.rs

mod types;

mod configuration;
mod log;
mod message;
mod progress;

mod election;
mod membership;
mod read;
mod replication;
mod server;
mod snapshot;
mod transfer;

pub mod invariants;

mod churn;
mod clerk;
mod machine;
mod node;
mod session;

pub use churn::RaftChurn;
pub use clerk::{Ask, Clerk, Told};
pub use configuration::Configuration;
pub use log::Log;
pub use machine::{Answer, Applied, Execute, KvCommand, Machine};
pub use message::{
    AppendEntries, AppendEntriesReply, Appended, InstallSnapshot, InstallSnapshotReply, Message,
    RequestVote, RequestVoteReply, TimeoutNow,
};
pub use node::{Disk, Durable, Message as NodeMessage, RaftKv, Timer};
pub use progress::{Mode, Progress};
pub use replication::Leader;
pub use server::{NotLeader, Output, Patience, Raft, Recovered, Role};
pub use session::{Once, Owner, Sessions};
pub use snapshot::Snapshot;
pub use types::{Command, Entry, Index, LogId, Options, Payload, Term};
