//! Log replication and commitment [raft §5.3, §5.4.2, §5.5].
//!
//! PROBLEM     The leader's log must become everybody's, over a network that loses, doubles and
//!             reorders; and the leader must know when an entry can never be lost again.
//! IDEA        Every message names the entry before its own. A follower that has that entry has
//!             everything before it (log matching), cuts off what contradicts, and adds the rest.
//!             What a majority stores is committed, if it is of the leader's own term.
//! RULES       1. A follower removes an entry only if it conflicts: an old message that is a prefix
//!                of what it has must not shorten its log.
//!             2. It learns commitment only up to the last entry that this message vouches for.
//!             3. Only entries of the current term are committed by counting; those before them are
//!                committed with them (Figure 8).
//!             4. A leader counts its own copy once it is on its disk, like everybody's.
//! MESSAGES    AppendEntries and its reply. At most one message per follower and call, more only
//!             where a message is full; the commit index rides on the next one.
//! READ NEXT   progress.rs for how fast it sends; read.rs

use std::collections::{BTreeMap, VecDeque};

use splitbrain_core::{NodeId, Time};

use super::read::Read;
use super::transfer::Transfer;
use super::{
    AppendEntries, AppendEntriesReply, Appended, Command, Entry, Index, LogId, Message, Mode,
    NotLeader, Output, Patience, Payload, Progress, Raft, Role,
};

/// Figure 2's volatile state on leaders, and what the thesis adds to it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Leader {
    /// `nextIndex[]` and `matchIndex[]`.
    pub(super) peers: BTreeMap<NodeId, Progress>,
    /// The first entry of this term: until it is committed, nobody knows what is [thesis §6.4].
    pub(super) first_index: Index,
    /// The last round of heartbeats that was begun, and when, until it is confirmed.
    pub(super) round: u64,
    pub(super) rounds: VecDeque<(u64, Time)>,
    /// Reads that wait for their round or for the state machine, oldest first.
    pub(super) reads: VecDeque<Read>,
    /// When the last round was begun that a quorum has answered: from then on counts the lease.
    pub(super) lease_from: Option<Time>,
    /// To whom leadership is being handed over.
    pub(super) transfer: Option<Transfer>,
    /// Whether it ever began to, in this term: its followers may have been told to forget it.
    pub(super) has_handed_over: bool,
}

impl Leader {
    /// What it knows of its followers.
    pub const fn peers(&self) -> &BTreeMap<NodeId, Progress> {
        &self.peers
    }
}

/// The leader.
impl<C: Command> Raft<C> {
    /// The election is won.
    pub(super) fn become_leader(&mut self, out: &mut Output<C>) {
        assert!(matches!(self.role, Role::Candidate { .. }), "only candidates win elections");
        let last = self.log.last_index();
        self.role = Role::Leader(Box::new(Leader {
            peers: BTreeMap::new(),
            first_index: last.next(),
            round: 0,
            rounds: VecDeque::new(),
            reads: VecDeque::new(),
            lease_from: None,
            transfer: None,
            has_handed_over: false,
        }));
        self.follow_configuration();
        // [raft §8] A new leader commits an entry of its term, to learn what is committed.
        self.append(Entry { term: self.current_term, payload: Payload::Noop }, out);
        out.election = Some(Patience::Whole);
        self.on_heartbeat_timeout(out); // [raft §5.2] upon election: send heartbeats
    }

    /// Adds commands to the log, to be sent at the next [`flush`](Self::flush). Returns the name of
    /// the last entry.
    ///
    /// # Errors
    /// Where somebody else leads, or will in a moment.
    pub fn propose(
        &mut self,
        commands: impl IntoIterator<Item = C>,
        out: &mut Output<C>,
    ) -> Result<LogId, NotLeader> {
        match &self.role {
            // [thesis §3.10] A leader that hands over takes nothing more.
            Role::Leader(leader) if leader.transfer.is_none() => {}
            _ => return Err(self.not_leader()),
        }
        // [raft §5.3] If a command is received from a client: append an entry to the local log.
        for command in commands {
            let entry = Entry { term: self.current_term, payload: Payload::Command(command) };
            self.append(entry, out);
        }
        Ok(self.log.last_id())
    }

    /// The heartbeat timer has expired.
    pub fn on_heartbeat_timeout(&mut self, out: &mut Output<C>) {
        let Role::Leader(leader) = &mut self.role else { return };
        out.heartbeat = true;
        // [raft §5.2] Repeat during idle periods, to prevent election timeouts.
        let peers: Vec<NodeId> = leader.peers.keys().copied().collect();
        for peer in peers {
            self.send_heartbeat(peer, out);
        }
    }

    /// Sends what has gathered: entries, and the heartbeats that reads wait for. `now` is read on a
    /// clock that never goes back; only leases look at it.
    pub fn flush(&mut self, now: Time, out: &mut Output<C>) {
        if self.begin_round(now) {
            self.on_heartbeat_timeout(out);
        }
        let Role::Leader(leader) = &self.role else { return };
        let last = self.log.last_index();
        let behind =
            |(peer, progress): (&NodeId, &Progress)| (progress.next_index <= last).then_some(*peer);
        let behind: Vec<NodeId> = leader.peers.iter().filter_map(behind).collect();
        for peer in behind {
            self.send_entries(peer, out);
        }
    }

    /// [raft §5.3] If last log index >= nextIndex for a follower: send AppendEntries with the
    /// entries from nextIndex on; as many as its window takes.
    fn send_entries(&mut self, peer: NodeId, out: &mut Output<C>) {
        let (window, bytes) = (self.options.window_entries, self.options.window_bytes);
        loop {
            let Some(progress) = self.progress(peer) else { return };
            let (next, stored, mode) = (progress.next_index, progress.match_index, progress.mode);
            let in_flight = next.previous().0 - stored.0;
            let bytes_in_flight = self.log.bytes_between(stored, next.previous());
            let full = in_flight >= window || bytes_in_flight >= bytes;
            let waits = match mode {
                Mode::Probe { waiting } => waiting,
                Mode::Replicate => full,
                Mode::Snapshot { .. } => true,
            };
            if waits || next > self.log.last_index() {
                return;
            }
            let room = if mode == Mode::Replicate { window - in_flight } else { window };
            self.send_append(peer, room, out);
        }
    }

    /// A sign of life, with the entries that a probe waits for.
    fn send_heartbeat(&mut self, peer: NodeId, out: &mut Output<C>) {
        let Some(progress) = self.progress(peer) else { return };
        match progress.mode {
            Mode::Snapshot { .. } => self.send_chunk(peer, out),
            Mode::Probe { .. } => self.send_append(peer, self.options.window_entries, out),
            Mode::Replicate => self.send_append(peer, 0, out),
        }
    }

    /// Sends one AppendEntries with at most so many entries, or the snapshot if what comes before
    /// them is gone.
    fn send_append(&mut self, peer: NodeId, entries_max: u64, out: &mut Output<C>) {
        let message_bytes = self.options.message_bytes;
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(progress) = leader.peers.get_mut(&peer) else { return };
        let prev_index = progress.next_index.previous();
        let Some(prev_term) = self.log.term_at(prev_index) else {
            progress.mode =
                Mode::Snapshot { last_included: self.snapshot.last_included, offset: 0 };
            return self.send_chunk(peer, out);
        };
        let entries = if entries_max == 0 {
            Vec::new()
        } else {
            self.log.batch(progress.next_index, entries_max, message_bytes)
        };
        match &mut progress.mode {
            Mode::Replicate => progress.next_index.0 += entries.len() as u64,
            Mode::Probe { waiting } => *waiting = true,
            Mode::Snapshot { .. } => {}
        }
        let message = AppendEntries {
            term: self.current_term,
            leader_id: self.id,
            prev_log: LogId { term: prev_term, index: prev_index },
            entries,
            leader_commit: self.commit_index,
            round: leader.round,
        };
        out.send.push((peer, Message::AppendEntries(message)));
    }

    pub(super) fn on_append_entries_reply(
        &mut self,
        from: NodeId,
        reply: AppendEntriesReply,
        out: &mut Output<C>,
    ) {
        let last = self.log.last_index();
        if reply.term != self.current_term {
            return;
        }
        let Some(progress) = self.progress(from) else { return };
        progress.recently_active = true;
        progress.round = progress.round.max(reply.round);
        match reply.result {
            // [raft §5.3] If successful: update nextIndex and matchIndex for the follower.
            Appended::Match(index) => {
                assert!(index <= last, "a follower of this term has nothing that we never had");
                if progress.stored(index) {
                    self.advance_commit_index(out);
                    self.continue_transfer(from, out);
                }
            }
            // [raft §5.3] If it fails because of log inconsistency: decrement nextIndex and retry;
            // by a whole term at a time.
            Appended::Conflict { refused, term, first } => {
                let next = term
                    .and_then(|term| self.log.last_of_term(term))
                    .map_or(first, Index::next)
                    .min(refused);
                if let Some(progress) = self.progress(from) {
                    progress.refused(refused, next);
                }
            }
            Appended::Stale => {}
        }
        self.confirm_rounds();
    }

    /// [raft §5.3, §5.4] If there is an N > commitIndex that a majority of matchIndex has reached,
    /// and log[N].term is currentTerm: set commitIndex to N.
    pub(super) fn advance_commit_index(&mut self, out: &mut Output<C>) {
        let Role::Leader(leader) = &self.role else { return };
        let reached = |voter: NodeId| match leader.peers.get(&voter) {
            Some(progress) => progress.match_index.0,
            None if voter == self.id => self.durable.0, // rule 4
            None => 0,
        };
        let n = Index(self.configuration().quorum_reached(reached));
        // [raft §5.4.2] Never by counting copies of an entry of an earlier term.
        if n > self.commit_index && self.log.term_at(n) == Some(self.current_term) {
            self.commit_index = n;
            self.continue_change(out);
        }
    }

    /// What is known of a follower.
    pub(super) fn progress(&mut self, peer: NodeId) -> Option<&mut Progress> {
        match &mut self.role {
            Role::Leader(leader) => leader.peers.get_mut(&peer),
            _ => None,
        }
    }
}

/// The follower.
impl<C: Command> Raft<C> {
    pub(super) fn on_append_entries(
        &mut self,
        from: NodeId,
        request: AppendEntries<C>,
        out: &mut Output<C>,
    ) {
        let round = request.round;
        // [raft §5.1] 1. Reply false if term < currentTerm.
        let result = if request.term < self.current_term {
            Appended::Stale
        } else {
            self.hear_leader(request.leader_id, out);
            self.append_entries(request, out)
        };
        let reply = AppendEntriesReply { term: self.current_term, result, round };
        out.send.push((from, Message::AppendEntriesReply(reply)));
    }

    fn append_entries(&mut self, request: AppendEntries<C>, out: &mut Output<C>) -> Appended {
        let AppendEntries { prev_log, entries, leader_commit, .. } = request;
        let last_new = Index(prev_log.index.0 + entries.len() as u64);
        // What the snapshot covers is committed, and therefore the same everywhere.
        let covered = prev_log.index < self.log.base().index;
        // [raft §5.3] 2. Reply false if log has no entry at prevLogIndex with prevLogTerm.
        if !covered && !self.log.matches(prev_log) {
            return self.conflict(prev_log.index);
        }
        let mut index = prev_log.index;
        for entry in entries {
            index = index.next();
            if index <= self.log.base().index {
                continue;
            }
            match self.log.term_at(index) {
                Some(term) if term == entry.term => continue, // rule 1
                // [raft §5.3] 3. If an existing entry conflicts with a new one: delete it and all
                // that follow it.
                Some(_) => self.truncate(index, out),
                None => {}
            }
            self.append(entry, out); // [raft §5.3] 4. Append entries that are not in the log.
        }
        // [raft §5.3] 5. If leaderCommit > commitIndex: set commitIndex to the minimum of
        // leaderCommit and the index of the last new entry.
        self.commit_index = self.commit_index.max(leader_commit.min(last_new)); // rule 2
        Appended::Match(last_new)
    }

    /// [raft §5.3] The term of the conflicting entry, and the first index of that term: the leader
    /// need not try its entries one by one.
    fn conflict(&self, refused: Index) -> Appended {
        let end = self.log.last_index().next();
        let first = self.log.first_of_its_term(refused).unwrap_or(end);
        Appended::Conflict { refused, term: self.log.term_at(refused), first }
    }
}
