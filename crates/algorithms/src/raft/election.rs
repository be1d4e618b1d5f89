//! Elections [raft §5.2, §5.4.1], with the thesis' pre-vote and its loyalty to a living leader.
//!
//! PROBLEM     Someone must lead, never two in one term, and nobody whose log lacks something that
//!             was committed. And a server that was cut off must not depose a leader that everybody
//!             else is happy with.
//! IDEA        One vote per server and term, kept on disk; a majority of votes wins; a voter
//!             refuses candidates whose log is behind its own. Random timeouts keep candidates
//!             apart. Before it raises its term, a candidate asks whether it would win (pre-vote),
//!             and whoever hears a leader says no.
//! RULES       One vote per term. An elected leader has every committed entry. A vote is on disk
//!             before it is seen, the candidate's own included.
//! MESSAGES    PreVote, RequestVote and their replies.
//! CAVEATS     Waiting is told in two steps, so that no clock is read: after one election timeout
//!             the leader that was heard is given up, after a random rest the server stands itself.
//! READ NEXT   replication.rs

use std::collections::BTreeSet;

use splitbrain_core::NodeId;

use super::{Command, Message, Output, Patience, Raft, RequestVote, RequestVoteReply, Role};

/// Why an election is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reason {
    /// No leader was heard.
    Silence,
    /// The leader asked for it [thesis §3.10].
    Transfer,
}

impl<C: Command> Raft<C> {
    /// The election timer has expired.
    pub fn on_election_timeout(&mut self, out: &mut Output<C>) {
        if self.is_leader() {
            self.check_quorum(out);
        } else if self.leader_alive {
            self.leader_alive = false;
            out.election = Some(Patience::Rest);
        } else if self.options.pre_vote {
            self.become_pre_candidate(out);
        } else {
            self.become_candidate(Reason::Silence, out);
        }
    }

    /// [thesis §9.6] Asks whether an election could be won. Changes neither term nor vote.
    fn become_pre_candidate(&mut self, out: &mut Output<C>) {
        out.election = Some(Patience::Both);
        if !self.configuration().is_voter(self.id) {
            return; // [thesis §4.2.1] learners and strangers do not stand
        }
        self.role = Role::PreCandidate { votes: BTreeSet::from([self.id]) };
        let term = self.current_term.next();
        self.ask_voters(out, |last_log, candidate_id| {
            Message::PreVote(RequestVote { term, candidate_id, last_log, transfer: false })
        });
        self.count_pre_votes(out);
    }

    /// Begins an election.
    pub(super) fn become_candidate(&mut self, reason: Reason, out: &mut Output<C>) {
        out.election = Some(Patience::Both); // [raft §5.2] reset election timer
        if !self.configuration().is_voter(self.id) {
            return; // [thesis §4.2.1]
        }
        assert!(!self.is_leader(), "a leader does not stand against itself");
        self.current_term = self.current_term.next(); // [raft §5.2] increment currentTerm
        self.voted_for = Some(self.id); // [raft §5.2] vote for self
        out.hard_state = true;
        self.role = Role::Candidate { votes: BTreeSet::from([self.id]) };
        let (term, transfer) = (self.current_term, reason == Reason::Transfer);
        // [raft §5.2] send RequestVote RPCs to all other servers
        self.ask_voters(out, |last_log, candidate_id| {
            Message::RequestVote(RequestVote { term, candidate_id, last_log, transfer })
        });
        self.count_votes(out);
    }

    fn ask_voters(
        &self,
        out: &mut Output<C>,
        question: impl Fn(super::LogId, NodeId) -> Message<C>,
    ) {
        let configuration = self.configuration();
        for voter in configuration.members() {
            if voter != self.id && configuration.is_voter(voter) {
                out.send.push((voter, question(self.log.last_id(), self.id)));
            }
        }
    }

    /// [thesis §4.2.3] Whoever hears a leader, or is one, lets nobody disrupt it: neither the vote
    /// nor the term is for strangers.
    pub(super) fn disregards(&self, message: &Message<C>) -> bool {
        let Message::RequestVote(request) = message else { return false };
        self.options.check_quorum && !request.transfer && self.hears_leader()
    }

    fn hears_leader(&self) -> bool {
        self.is_leader() || self.leader_alive
    }

    pub(super) fn on_request_vote(
        &mut self,
        from: NodeId,
        request: RequestVote,
        out: &mut Output<C>,
    ) {
        // [raft §5.2, §5.4] 1. Reply false if term < currentTerm. 2. If votedFor is null or
        // candidateId, and the candidate's log is at least as up-to-date as ours, grant the vote.
        let vote_granted = request.term == self.current_term
            && self.voted_for.is_none_or(|candidate| candidate == request.candidate_id)
            && request.last_log >= self.log.last_id();
        if vote_granted {
            self.voted_for = Some(request.candidate_id);
            out.hard_state = true;
            self.leader_alive = false;
            // [raft §5.2] A vote that was granted restarts the election timer; any other does not.
            out.election = Some(Patience::Both);
        }
        let reply = RequestVoteReply { term: self.current_term, vote_granted };
        out.send.push((from, Message::RequestVoteReply(reply)));
    }

    pub(super) fn on_request_vote_reply(
        &mut self,
        from: NodeId,
        reply: RequestVoteReply,
        out: &mut Output<C>,
    ) {
        if reply.term != self.current_term || !reply.vote_granted {
            return;
        }
        if let Role::Candidate { votes } = &mut self.role {
            votes.insert(from);
            self.count_votes(out);
        }
    }

    /// [raft §5.2] If votes are received from a majority of servers: become leader.
    fn count_votes(&mut self, out: &mut Output<C>) {
        if let Role::Candidate { votes } = &self.role
            && self.configuration().is_quorum(|voter| votes.contains(&voter))
        {
            self.become_leader(out);
        }
    }

    /// [thesis §9.6] Would it get this vote? Says so, and promises nothing.
    pub(super) fn on_pre_vote(&self, from: NodeId, request: RequestVote, out: &mut Output<C>) {
        let vote_granted = request.term > self.current_term
            && !self.hears_leader()
            && request.last_log >= self.log.last_id();
        // A refusal tells our own term: whoever is behind must learn of it.
        let term = if vote_granted { request.term } else { self.current_term };
        let reply = RequestVoteReply { term, vote_granted };
        out.send.push((from, Message::PreVoteReply(reply)));
    }

    pub(super) fn on_pre_vote_reply(
        &mut self,
        from: NodeId,
        reply: RequestVoteReply,
        out: &mut Output<C>,
    ) {
        if reply.term != self.current_term.next() || !reply.vote_granted {
            return;
        }
        if let Role::PreCandidate { votes } = &mut self.role {
            votes.insert(from);
            self.count_pre_votes(out);
        }
    }

    fn count_pre_votes(&mut self, out: &mut Output<C>) {
        if let Role::PreCandidate { votes } = &self.role
            && self.configuration().is_quorum(|voter| votes.contains(&voter))
        {
            self.become_candidate(Reason::Silence, out);
        }
    }

    /// The leader of this term was heard.
    pub(super) fn hear_leader(&mut self, leader: NodeId, out: &mut Output<C>) {
        assert!(!self.is_leader(), "two leaders in one term");
        // [raft §5.2] A candidate that hears from the new leader follows.
        self.role = Role::Follower { leader: Some(leader) };
        self.leader_alive = true;
        out.election = Some(Patience::Whole);
    }
}
