//! Who takes part, and what counts as a majority: of one set of voters, or of two at once.
//!
//! PROBLEM     While servers learn of a new configuration one after another, a majority of the old
//!             and a majority of the new could decide apart.
//! IDEA        In between, let both decide: a joint configuration needs a majority of the old
//!             voters and a majority of the new ones, for elections and for commitment alike
//!             [raft §6].
//! RULES       1. Votes and copies count once per voter, and only of voters.
//!             2. An empty set of voters has no majority.
//!             3. Learners receive the log and are never counted [thesis §4.2.1].
//! READ NEXT   membership.rs for how a configuration changes

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use splitbrain_core::NodeId;

/// Who takes part.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Configuration {
    /// Those whose majority elects and commits: C-new in the paper, while there are two.
    pub voters: BTreeSet<NodeId>,
    /// C-old, while there are two; else empty.
    pub outgoing: BTreeSet<NodeId>,
    /// Those who receive the log and have no vote.
    pub learners: BTreeSet<NodeId>,
}

impl Configuration {
    /// These voters, and nobody else.
    pub fn of(voters: impl IntoIterator<Item = NodeId>) -> Self {
        Self { voters: voters.into_iter().collect(), ..Self::default() }
    }

    /// Whether two majorities are needed.
    pub fn is_joint(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Whether this node's vote counts.
    pub fn is_voter(&self, node: NodeId) -> bool {
        self.voters.contains(&node) || self.outgoing.contains(&node)
    }

    /// Everyone who receives the log, in order.
    pub fn members(&self) -> BTreeSet<NodeId> {
        self.voters.iter().chain(&self.outgoing).chain(&self.learners).copied().collect()
    }

    /// Whether those who agree decide.
    pub fn is_quorum(&self, agrees: impl Fn(NodeId) -> bool) -> bool {
        let majority = |voters: &BTreeSet<NodeId>| {
            voters.iter().filter(|voter| agrees(**voter)).count() * 2 > voters.len()
        };
        majority(&self.voters) && (!self.is_joint() || majority(&self.outgoing))
    }

    /// The largest number that a quorum has reached, each voter having reached `reached(voter)`.
    ///
    /// ```
    /// # use splitbrain_algorithms::raft::Configuration;
    /// # use splitbrain_core::NodeId;
    /// let five = Configuration::of((0..5).map(NodeId));
    /// let reached = [9, 7, 4, 4, 2];
    /// assert_eq!(five.quorum_reached(|node| reached[node.index()]), 4);
    /// ```
    pub fn quorum_reached(&self, reached: impl Fn(NodeId) -> u64) -> u64 {
        let majority = |voters: &BTreeSet<NodeId>| {
            let mut numbers: Vec<u64> = voters.iter().map(|voter| reached(*voter)).collect();
            numbers.sort_unstable_by(|one, other| other.cmp(one));
            numbers.get(voters.len() / 2).copied().unwrap_or(0)
        };
        if self.is_joint() {
            majority(&self.voters).min(majority(&self.outgoing))
        } else {
            majority(&self.voters)
        }
    }
}
