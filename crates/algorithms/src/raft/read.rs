//! Linearizable reads that write nothing [thesis §6.4], and reads by lease [thesis §6.4.1].
//!
//! PROBLEM     A deposed leader does not know it yet, and would answer with old data. To put every
//!             read into the log costs a disk write for nothing.
//! IDEA        Remember the commit index, then make sure that a majority still follows, then wait
//!             until the state machine has got there (ReadIndex). One round of heartbeats serves
//!             all reads that were waiting when it began.
//! RULES       1. A new leader does not know what is committed before its first entry is.
//!             2. Only heartbeats that were sent after the read arrived confirm it.
//!             3. The state machine has applied everything up to the read's index.
//!             4. A lease counts from when a round was sent, not from when it was answered.
//! CAVEATS     A lease trusts that no two clocks differ by more than its margin, and that voters
//!             keep faith with the leader they heard: it needs `check_quorum`. Whoever hands
//!             leadership over has broken that faith itself, and has no lease any more.

use splitbrain_core::Time;

use super::{Command, Index, NotLeader, Progress, Raft, Role};

/// A read that waits.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Read {
    /// The caller's name for it.
    token: u64,
    /// The state machine must have got here.
    index: Index,
    /// This round of heartbeats must be confirmed.
    round: u64,
}

impl<C: Command> Raft<C> {
    /// Asks for a linearizable read, to be made when [`take_reads`](Self::take_reads) returns its
    /// `token`. A read that is never returned was lost with the leadership: ask again.
    ///
    /// # Errors
    /// Where somebody else leads.
    pub fn read(&mut self, token: u64, now: Time) -> Result<(), NotLeader> {
        let (commit_index, lease) = (self.commit_index, self.options.lease);
        let Role::Leader(leader) = &mut self.role else { return Err(self.not_leader()) };
        // [thesis §6.4] Step 1: save the commit index, once an entry of this term is committed.
        let index = commit_index.max(leader.first_index); // rule 1
        let leased = !leader.has_handed_over
            && leader.lease_from.zip(lease).is_some_and(|(from, lease)| now < from + lease);
        let round = if leased { 0 } else { leader.round + 1 }; // rule 2
        leader.reads.push_back(Read { token, index, round });
        Ok(())
    }

    /// The reads that may be made now.
    pub fn take_reads(&mut self) -> Vec<u64> {
        let (confirmed, applied) = (self.confirmed_round(), self.last_applied);
        let Role::Leader(leader) = &mut self.role else { return Vec::new() };
        let mut ready = Vec::new();
        // [thesis §6.4] Step 3: wait until the state machine has applied up to the index.
        leader.reads.retain(|read| {
            let waits = read.round > confirmed || read.index > applied; // rule 3
            if !waits {
                ready.push(read.token);
            }
            waits
        });
        ready
    }

    /// [thesis §6.4] Step 2: a round of heartbeats, if a read waits for one that has not begun.
    pub(super) fn begin_round(&mut self, now: Time) -> bool {
        let lease = self.options.lease;
        let Role::Leader(leader) = &mut self.role else { return false };
        let wanted = leader.reads.back().is_some_and(|read| read.round > leader.round);
        if wanted {
            leader.round += 1;
            if lease.is_some() {
                leader.rounds.push_back((leader.round, now)); // rule 4
            }
        }
        wanted
    }

    /// A follower has answered: notes what that does for the lease.
    pub(super) fn confirm_rounds(&mut self) {
        let confirmed = self.confirmed_round();
        let Role::Leader(leader) = &mut self.role else { return };
        while let Some((round, sent)) = leader.rounds.front().copied() {
            if round > confirmed {
                break;
            }
            leader.lease_from = Some(sent);
            leader.rounds.pop_front();
        }
    }

    /// The last round that a majority has answered.
    fn confirmed_round(&self) -> u64 {
        let Role::Leader(leader) = &self.role else { return 0 };
        self.configuration().quorum_reached(|voter| {
            let own = if voter == self.id { leader.round } else { 0 };
            leader.peers.get(&voter).map_or(own, |Progress { round, .. }| *round)
        })
    }
}
