//! A server: Figure 2's state, and its rules for all servers.
//!
//! PROBLEM     The rules of Figure 2 are read by heart and broken in code: a reply before the disk
//!             has it, a term compared after it was used, a clock read in the middle.
//! IDEA        A server is a value. It reads no clock and does no I/O: what happens to it are
//!             method calls, what it wants done is an [`Output`]. Its caller moves messages, arms
//!             timers and writes the disk.
//! RULES       The caller of every method performs the [`Output`] like this:
//!             1. Where `hard_state` is not set, messages that promise nothing may go out at once:
//!                so a leader's disk works in parallel with its followers' [thesis §10.2.1].
//!             2. It writes hard state, snapshot and log, in this order, and syncs.
//!             3. Then the other messages go out, and it says [`Raft::persisted`].
//!             4. It applies what [`Raft::next_to_apply`] gives, and answers what
//!                [`Raft::take_reads`] gives.
//! READ NEXT   election.rs → replication.rs → read.rs → snapshot.rs → membership.rs → transfer.rs

use std::collections::BTreeSet;

use splitbrain_core::NodeId;

use super::{
    Command, Configuration, Entry, Index, Leader, Log, LogId, Message, Options, Payload, Snapshot,
    Term,
};

/// One server [raft fig. 2].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Raft<C> {
    pub(super) id: NodeId,
    pub(super) options: Options,

    // Persistent state on all servers.
    pub(super) current_term: Term,
    pub(super) voted_for: Option<NodeId>,
    pub(super) log: Log<C>,
    /// What replaces the entries before the log [raft §7].
    pub(super) snapshot: Snapshot,

    // Volatile state on all servers.
    pub(super) commit_index: Index,
    pub(super) last_applied: Index,
    /// With volatile state on leaders in it, so that nobody else can use that.
    pub(super) role: Role,
    /// A leader was heard within the minimum election timeout, or may have been: we have only just
    /// started [thesis §4.2.3].
    pub(super) leader_alive: bool,
    /// The last entry that is on disk.
    pub(super) durable: Index,
    /// Every configuration of the log by the index of its entry, the snapshot's first.
    pub(super) configurations: Vec<(Index, Configuration)>,
    /// A snapshot of which some pieces have arrived.
    pub(super) incoming: Option<(LogId, Vec<u8>)>,
}

/// What a server is, with the state that only this role has.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// Answers others.
    Follower {
        /// Whom it follows, if it knows.
        leader: Option<NodeId>,
    },
    /// Asks whether it could win an election [thesis §9.6].
    PreCandidate {
        /// Those who say yes, itself included.
        votes: BTreeSet<NodeId>,
    },
    /// Wants to lead [raft §5.2].
    Candidate {
        /// Those whose vote it has, itself included.
        votes: BTreeSet<NodeId>,
    },
    /// Leads.
    Leader(Box<Leader>),
}

/// What a server wants done; see the rules above. Several calls may add to one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Output<C> {
    /// Messages, in order.
    pub send: Vec<(NodeId, Message<C>)>,
    /// Term or vote have changed: write both.
    pub hard_state: bool,
    /// There is a new snapshot: write it, and drop what it covers.
    pub snapshot: bool,
    /// The log has changed from here on: cut it off there, and write what is there now.
    pub log_from: Option<Index>,
    /// The state machine is to be replaced by the snapshot's.
    pub restore: bool,
    /// The election timer is to be armed anew.
    pub election: Option<Patience>,
    /// The heartbeat timer is to be armed.
    pub heartbeat: bool,
}

/// How long to wait for a leader, counted in election timeouts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Patience {
    /// One: until then a leader that was heard is taken to be alive.
    Whole,
    /// A random part of one: the time after `Whole` that tells candidates apart [raft §5.2].
    Rest,
    /// One and a random part of another.
    Both,
}

/// The reason why nothing was done: somebody else leads, perhaps this one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NotLeader {
    /// Whom to ask instead.
    pub leader: Option<NodeId>,
}

/// What a server finds on its disk when it starts.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Recovered<L> {
    /// The last term it took part in.
    pub current_term: Term,
    /// Whom it voted for in that term.
    pub voted_for: Option<NodeId>,
    /// The last snapshot; on first boot [`Snapshot::initial`].
    pub snapshot: Snapshot,
    /// The entries.
    pub log: L,
}

impl<C> Default for Output<C> {
    fn default() -> Self {
        Self {
            send: Vec::new(),
            hard_state: false,
            snapshot: false,
            log_from: None,
            restore: false,
            election: None,
            heartbeat: false,
        }
    }
}

impl<C> Output<C> {
    /// Whether something is to be written.
    pub const fn needs_disk(&self) -> bool {
        self.hard_state || self.snapshot || self.log_from.is_some()
    }
}

impl<C: Command> Raft<C> {
    /// A server that starts, for the first time or again. The caller restores the state machine
    /// from the snapshot.
    pub fn start<L>(id: NodeId, options: Options, found: Recovered<L>, out: &mut Output<C>) -> Self
    where
        L: IntoIterator<Item = (Index, Entry<C>)>,
    {
        let Recovered { current_term, voted_for, snapshot, log } = found;
        let base = snapshot.last_included;
        let mut raft = Self {
            id,
            options,
            current_term,
            voted_for,
            log: Log::recover(base, log),
            commit_index: base.index,
            last_applied: base.index,
            role: Role::Follower { leader: None },
            leader_alive: true,
            durable: base.index,
            configurations: vec![(base.index, snapshot.configuration.clone())],
            snapshot,
            incoming: None,
        };
        raft.durable = raft.log.last_index();
        let found: Vec<(Index, Configuration)> =
            raft.log.tail(base.index.next()).filter_map(configuration_of).collect();
        raft.configurations.extend(found);
        out.election = Some(Patience::Whole);
        raft
    }

    /// A message has arrived.
    pub fn on_message(&mut self, from: NodeId, message: Message<C>, out: &mut Output<C>) {
        if self.disregards(&message) {
            return;
        }
        // [raft §5.1] If an RPC's request or reply contains a term larger than ours, it is ours
        // from now on, and we follow.
        if let Some(term) = message.sender_term().filter(|term| *term > self.current_term) {
            self.become_follower(term, None, out);
        }
        match message {
            Message::RequestVote(request) => self.on_request_vote(from, request, out),
            Message::RequestVoteReply(reply) => self.on_request_vote_reply(from, reply, out),
            Message::PreVote(request) => self.on_pre_vote(from, request, out),
            Message::PreVoteReply(reply) => self.on_pre_vote_reply(from, reply, out),
            Message::AppendEntries(request) => self.on_append_entries(from, request, out),
            Message::AppendEntriesReply(reply) => self.on_append_entries_reply(from, reply, out),
            Message::InstallSnapshot(request) => self.on_install_snapshot(from, request, out),
            Message::InstallSnapshotReply(reply) => {
                self.on_install_snapshot_reply(from, reply, out);
            }
            Message::TimeoutNow(request) => self.on_timeout_now(request, out),
        }
    }

    /// The next entry for the state machine, if one is committed. It counts as applied.
    pub fn next_to_apply(&mut self) -> Option<(Index, &Entry<C>)> {
        // [raft §5.3] If commitIndex > lastApplied: increment lastApplied, apply log[lastApplied].
        if self.commit_index <= self.last_applied {
            return None;
        }
        self.last_applied = self.last_applied.next();
        let entry = self.log.get(self.last_applied).expect("what is committed is in the log");
        Some((self.last_applied, entry))
    }

    /// The log is on disk up to this entry.
    pub fn persisted(&mut self, last: LogId, out: &mut Output<C>) {
        // An entry that was cut off meanwhile is no longer in the log, whatever the disk says.
        if self.log.matches(last) {
            self.durable = self.durable.max(last.index);
            self.advance_commit_index(out);
        }
    }

    /// Follows in `term`.
    pub(super) fn become_follower(
        &mut self,
        term: Term,
        leader: Option<NodeId>,
        out: &mut Output<C>,
    ) {
        assert!(term >= self.current_term, "a term never falls");
        if term > self.current_term {
            self.current_term = term;
            self.voted_for = None; // one vote per term: in this one there was none yet
            out.hard_state = true;
        }
        if matches!(self.role, Role::Leader(_)) {
            out.election = Some(Patience::Both);
        }
        self.role = Role::Follower { leader };
    }

    /// Adds an entry at the end of the log.
    pub(super) fn append(&mut self, entry: Entry<C>, out: &mut Output<C>) {
        self.log.append(entry);
        let index = self.log.last_index();
        out.log_from = Some(out.log_from.map_or(index, |from| from.min(index)));
        let added = self.log.get(index).and_then(|entry| configuration_of((index, entry)));
        self.configurations.extend(added); // [raft §6] in force from here on, committed or not
    }

    /// Removes the entry at `from` and all after it.
    pub(super) fn truncate(&mut self, from: Index, out: &mut Output<C>) {
        assert!(from > self.commit_index, "what is committed stays");
        self.log.truncate(from);
        self.durable = self.durable.min(from.previous());
        out.log_from = Some(out.log_from.map_or(from, |earlier| earlier.min(from)));
        self.configurations.retain(|(index, _)| *index < from);
    }
}

/// What tests, pictures and callers look at.
impl<C: Command> Raft<C> {
    /// This server.
    pub const fn id(&self) -> NodeId {
        self.id
    }

    /// Figure 2's `currentTerm`.
    pub const fn current_term(&self) -> Term {
        self.current_term
    }

    /// Figure 2's `votedFor`.
    pub const fn voted_for(&self) -> Option<NodeId> {
        self.voted_for
    }

    /// Figure 2's `log[]`.
    pub const fn log(&self) -> &Log<C> {
        &self.log
    }

    /// Figure 2's `commitIndex`.
    pub const fn commit_index(&self) -> Index {
        self.commit_index
    }

    /// Figure 2's `lastApplied`.
    pub const fn last_applied(&self) -> Index {
        self.last_applied
    }

    /// What it is.
    pub const fn role(&self) -> &Role {
        &self.role
    }

    /// The last snapshot.
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Whom it takes to be the leader.
    pub const fn leader(&self) -> Option<NodeId> {
        match &self.role {
            Role::Leader(_) => Some(self.id),
            Role::Follower { leader } => *leader,
            Role::PreCandidate { .. } | Role::Candidate { .. } => None,
        }
    }

    /// The configuration in force: the last one of the log [raft §6].
    pub fn configuration(&self) -> &Configuration {
        &self.configurations.last().expect("the snapshot's is always there").1
    }

    /// The index of the entry with the configuration in force.
    pub fn configuration_index(&self) -> Index {
        self.configurations.last().expect("the snapshot's is always there").0
    }

    pub(super) const fn not_leader(&self) -> NotLeader {
        NotLeader { leader: if self.is_leader() { None } else { self.leader() } }
    }

    /// Whether it leads.
    pub const fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }
}

fn configuration_of<C>((index, entry): (Index, &Entry<C>)) -> Option<(Index, Configuration)> {
    match &entry.payload {
        Payload::Configuration(configuration) => Some((index, (**configuration).clone())),
        Payload::Noop | Payload::Command(_) => None,
    }
}
