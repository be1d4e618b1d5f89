//! Handing leadership over [thesis §3.10].
//!
//! PROBLEM     A leader that is to be shut down costs its clients an election timeout; and nobody
//!             else may start an election while it is alive.
//! IDEA        It stops taking commands, brings one follower up to date, and tells it to start an
//!             election at once: that candidate's log is as good as any, so it wins.
//! RULES       1. Nothing is added to the log while it lasts: the target must catch up.
//!             2. It ends after an election timeout, whatever happened: the target may be dead.
//!             3. The target asks with `transfer` set, and skips the pre-vote: voters would be
//!                loyal to the leader who wants to go.

use splitbrain_core::NodeId;

use super::election::Reason;
use super::{Command, Message, NotLeader, Output, Raft, Role, TimeoutNow};

/// A handing-over that is under way.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Transfer {
    target: NodeId,
    /// Whether an election timer has expired since it began: it ends with the next one.
    overdue: bool,
}

impl<C: Command> Raft<C> {
    /// Hands leadership over to `target`, a voter.
    ///
    /// # Errors
    /// Where somebody else leads.
    pub fn transfer(&mut self, target: NodeId, out: &mut Output<C>) -> Result<(), NotLeader> {
        let known = self.configuration().voters.contains(&target) && target != self.id;
        let Role::Leader(leader) = &mut self.role else { return Err(self.not_leader()) };
        if known && leader.transfer.is_none() {
            leader.transfer = Some(Transfer { target, overdue: false });
            leader.has_handed_over = true;
            self.continue_transfer(target, out);
        }
        Ok(())
    }

    /// A follower has stored more: if it is the target and now has everything, it is its turn.
    pub(super) fn continue_transfer(&self, peer: NodeId, out: &mut Output<C>) {
        let Role::Leader(leader) = &self.role else { return };
        let target = leader.transfer.as_ref().map(|transfer| transfer.target);
        let stored = leader.peers.get(&peer).map(|progress| progress.match_index);
        if target == Some(peer) && stored == Some(self.log.last_index()) {
            let message = Message::TimeoutNow(TimeoutNow { term: self.current_term });
            out.send.push((peer, message));
        }
    }

    /// An election timeout of a leader has passed.
    pub(super) fn age_transfer(&mut self) {
        let Role::Leader(leader) = &mut self.role else { return };
        let overdue = leader.transfer.as_ref().is_some_and(|transfer| transfer.overdue);
        if overdue {
            leader.transfer = None; // rule 2
        } else if let Some(transfer) = &mut leader.transfer {
            transfer.overdue = true;
        }
    }

    pub(super) fn on_timeout_now(&mut self, request: TimeoutNow, out: &mut Output<C>) {
        let follows = matches!(self.role, Role::Follower { .. });
        if request.term == self.current_term && follows {
            self.become_candidate(Reason::Transfer, out); // rule 3
        }
    }
}
