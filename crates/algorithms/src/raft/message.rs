//! The messages: Figure 2's two RPCs, Figure 13's third, and three small ones of the thesis.
//!
//! An RPC is two messages here, since either may be lost. Where the paper's leader knows from the
//! call what a reply answers, the reply says it.

use serde::{Deserialize, Serialize};
use splitbrain_core::NodeId;

use super::{Configuration, Entry, Index, LogId, Term};

/// What servers say to one another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message<C> {
    /// Asks for a vote [raft §5.2].
    RequestVote(RequestVote),
    /// The answer.
    RequestVoteReply(RequestVoteReply),
    /// Asks whether a vote would be given [thesis §9.6]. Its `term` is the one that the sender
    /// would begin, which it has not.
    PreVote(RequestVote),
    /// The answer; where granted, with the term that was asked about.
    PreVoteReply(RequestVoteReply),
    /// Entries, and a sign of life [raft §5.3].
    AppendEntries(AppendEntries<C>),
    /// The answer.
    AppendEntriesReply(AppendEntriesReply),
    /// A piece of a snapshot [raft §7].
    InstallSnapshot(InstallSnapshot),
    /// How much of it has arrived.
    InstallSnapshotReply(InstallSnapshotReply),
    /// Start an election at once: the leader wants you to take over [thesis §3.10].
    TimeoutNow(TimeoutNow),
}

impl<C> Message<C> {
    /// The sender's current term; of a question about a term that nobody has begun, none.
    pub const fn sender_term(&self) -> Option<Term> {
        match self {
            Self::RequestVote(RequestVote { term, .. })
            | Self::RequestVoteReply(RequestVoteReply { term, .. })
            | Self::PreVoteReply(RequestVoteReply { term, vote_granted: false })
            | Self::AppendEntries(AppendEntries { term, .. })
            | Self::AppendEntriesReply(AppendEntriesReply { term, .. })
            | Self::InstallSnapshot(InstallSnapshot { term, .. })
            | Self::InstallSnapshotReply(InstallSnapshotReply { term, .. })
            | Self::TimeoutNow(TimeoutNow { term }) => Some(*term),
            Self::PreVote(_) | Self::PreVoteReply(_) => None,
        }
    }

    /// Whether the sender has promised something that must be on its disk before this is seen: a
    /// vote, a term, an entry. A leader's own messages promise nothing [thesis §10.2.1].
    pub const fn is_promise(&self) -> bool {
        !matches!(self, Self::AppendEntries(_) | Self::InstallSnapshot(_) | Self::TimeoutNow(_))
    }
}

/// Figure 2's arguments of RequestVote.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct RequestVote {
    /// The candidate's term.
    pub term: Term,
    /// Who asks.
    pub candidate_id: NodeId,
    /// The candidate's last entry: `lastLogIndex` and `lastLogTerm`.
    pub last_log: LogId,
    /// The leader itself wants this election: give a vote although one was heard
    /// [thesis §4.2.3].
    pub transfer: bool,
}

/// Figure 2's results of RequestVote.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct RequestVoteReply {
    /// The voter's term, for the candidate to update itself.
    pub term: Term,
    /// Whether the candidate has the vote.
    pub vote_granted: bool,
}

/// Figure 2's arguments of AppendEntries.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct AppendEntries<C> {
    /// The leader's term.
    pub term: Term,
    /// Who leads, so that followers can tell clients.
    pub leader_id: NodeId,
    /// The entry before the new ones: `prevLogIndex` and `prevLogTerm`.
    pub prev_log: LogId,
    /// The entries to store; none in a heartbeat.
    pub entries: Vec<Entry<C>>,
    /// The leader's `commitIndex`.
    pub leader_commit: Index,
    /// To be returned: which round of heartbeats this belongs to [thesis §6.4].
    pub round: u64,
}

/// Figure 2's results of AppendEntries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct AppendEntriesReply {
    /// The follower's term, for the leader to update itself.
    pub term: Term,
    /// How it went: Figure 2's `success`, and what the leader must know.
    pub result: Appended,
    /// The round of the heartbeat that is answered.
    pub round: u64,
}

/// How it went.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Appended {
    /// `success`: the logs agree up to here, and it is on disk.
    Match(Index),
    /// The entry before the new ones is not there.
    Conflict {
        /// The `prevLogIndex` that was refused, to tell an old refusal from a new one.
        refused: Index,
        /// The term of what is there instead, if something is [raft §5.3].
        term: Option<Term>,
        /// The first index of that term; or the first that is free.
        first: Index,
    },
    /// The leader's term is over.
    Stale,
}

/// Figure 13's arguments of InstallSnapshot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct InstallSnapshot {
    /// The leader's term.
    pub term: Term,
    /// Who leads.
    pub leader_id: NodeId,
    /// The last entry that the snapshot replaces: `lastIncludedIndex` and `lastIncludedTerm`.
    pub last_included: LogId,
    /// The configuration as of that entry.
    pub configuration: Configuration,
    /// Where this piece begins.
    pub offset: usize,
    /// The piece.
    pub data: Vec<u8>,
    /// Whether it is the last one.
    pub done: bool,
}

/// How much of a snapshot has arrived. When all has, an [`AppendEntriesReply`] says so.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct InstallSnapshotReply {
    /// The follower's term, for the leader to update itself.
    pub term: Term,
    /// Which snapshot.
    pub last_included: LogId,
    /// So many bytes of it are there: go on from here.
    pub offset: usize,
}

/// Start an election at once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct TimeoutNow {
    /// The leader's term.
    pub term: Term,
}
