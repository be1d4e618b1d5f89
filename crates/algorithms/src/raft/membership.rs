//! Changes of who takes part [raft §6] [thesis §4], and a leader's care for its majority
//! [thesis §6.2].
//!
//! PROBLEM     If every server switches to the new configuration at its own time, two majorities
//!             may decide apart.
//! IDEA        A configuration is an entry of the log, and in force as soon as it is there. The
//!             leader first adds one that needs both majorities (joint consensus); when that is
//!             committed, it adds the new one alone.
//! RULES       1. One change at a time: the last configuration must be committed first.
//!             2. A leader changes nothing before an entry of its own term is committed.
//!             3. When the new configuration is committed, a leader that is not in it steps down.
//!             4. A leader that hears from no majority steps down: its clients should ask
//!                elsewhere.

use std::collections::BTreeSet;

use splitbrain_core::NodeId;

use super::{
    Command, Configuration, Entry, NotLeader, Output, Patience, Payload, Progress, Raft, Role,
};

impl<C: Command> Raft<C> {
    /// Begins a change to these voters and learners. Returns whether it has begun: another may be
    /// under way.
    ///
    /// # Errors
    /// Where somebody else leads.
    pub fn change(
        &mut self,
        voters: BTreeSet<NodeId>,
        learners: &BTreeSet<NodeId>,
        out: &mut Output<C>,
    ) -> Result<bool, NotLeader> {
        let Role::Leader(leader) = &self.role else { return Err(self.not_leader()) };
        let current = self.configuration();
        let settled = self.configuration_index() <= self.commit_index && !current.is_joint();
        let knows = leader.first_index <= self.commit_index;
        // rules 1 and 2; [thesis §4.3] the same voters need no joint step, and none is no cluster.
        if !settled || !knows || leader.transfer.is_some() || voters.is_empty() {
            return Ok(false);
        }
        let outgoing =
            if voters == current.voters { BTreeSet::new() } else { current.voters.clone() };
        let learners = learners.difference(&voters).copied().collect();
        self.configure(Configuration { voters, outgoing, learners }, out);
        Ok(true)
    }

    /// Something was committed: if that was a configuration, the next step is due.
    pub(super) fn continue_change(&mut self, out: &mut Output<C>) {
        if self.configuration_index() > self.commit_index || !self.is_leader() {
            return;
        }
        let current = self.configuration();
        if current.is_joint() {
            // [raft §6] C-old,new is committed: it is safe to add C-new.
            let next = Configuration { outgoing: BTreeSet::new(), ..current.clone() };
            self.configure(next, out);
        } else if !current.is_voter(self.id) {
            self.become_follower(self.current_term, None, out); // rule 3
        }
    }

    fn configure(&mut self, configuration: Configuration, out: &mut Output<C>) {
        let payload = Payload::Configuration(Box::new(configuration));
        self.append(Entry { term: self.current_term, payload }, out);
        self.follow_configuration();
    }

    /// Has a progress for each follower of the configuration in force, and for nobody else.
    pub(super) fn follow_configuration(&mut self) {
        let mut members = self.configuration().members();
        members.remove(&self.id);
        let last = self.log.last_index();
        let Role::Leader(leader) = &mut self.role else { return };
        leader.peers.retain(|peer, _| members.contains(peer));
        for member in members {
            leader.peers.entry(member).or_insert_with(|| Progress::new(last));
        }
    }

    /// An election timeout has passed while it led.
    pub(super) fn check_quorum(&mut self, out: &mut Output<C>) {
        out.election = Some(Patience::Whole);
        self.age_transfer();
        let Role::Leader(leader) = &self.role else { return };
        let active = |voter: NodeId| match leader.peers.get(&voter) {
            Some(progress) => progress.recently_active,
            None => voter == self.id,
        };
        if self.options.check_quorum && !self.configuration().is_quorum(active) {
            return self.become_follower(self.current_term, None, out); // rule 4
        }
        let Role::Leader(leader) = &mut self.role else { return };
        for progress in leader.peers.values_mut() {
            progress.recently_active = false;
        }
    }
}
