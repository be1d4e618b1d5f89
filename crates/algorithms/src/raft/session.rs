//! Client sessions: a command that was sent twice is carried out once [thesis §6.3].
//!
//! PROBLEM     An answer is lost, the client asks again, and the log now has its command twice.
//! IDEA        The state machine itself remembers what it answered, and answers the same again.
//!             That table is part of the state: every server has the same one, and so has every
//!             snapshot.
//! RULES       1. A session is opened by an entry of the log and named after its index.
//!             2. With each command a client says which is the first whose answer it still waits
//!                for: older answers are forgotten, and older commands ignored.
//!             3. Where there are too many sessions, the one that was used longest ago ends. The
//!                log is the clock: all servers end the same one. Who comes back is told so, and
//!                nothing is carried out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use splitbrain_core::NodeId;

use super::Index;

/// So many sessions are open at most.
const SESSIONS_MAX: usize = 64;

/// Who opened a session: one life of one node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Owner {
    /// The node.
    pub node: NodeId,
    /// Which life of it.
    pub boot: u64,
}

/// Every open session, by the index of the entry that opened it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Sessions<R> {
    pub(super) open: BTreeMap<Index, Session<R>>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Session<R> {
    pub(super) owner: Owner,
    /// When it was used last, by the clock of the log.
    pub(super) last_used: Index,
    /// Commands before this one are answered, and their owner knows.
    pub(super) first_open: u64,
    /// What was answered to the commands from there on.
    pub(super) answers: BTreeMap<u64, R>,
}

/// What became of a command.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Once<R> {
    /// Carried out, now or before.
    Answer(R),
    /// Answered long ago: nobody waits.
    Forgotten,
    /// There is no such session any more. This command was not carried out now; whether it was
    /// before, nobody knows.
    Expired,
}

impl<R> Default for Sessions<R> {
    fn default() -> Self {
        Self { open: BTreeMap::new() }
    }
}

impl<R: Clone> Sessions<R> {
    /// The entry at `index` opens a session for `owner`, who may have one already. Returns its
    /// name.
    pub fn register(&mut self, index: Index, owner: Owner) -> Index {
        if let Some(session) = self.of(owner) {
            return session;
        }
        // rule 3
        if self.open.len() >= SESSIONS_MAX
            && let Some(oldest) = self.open.iter().min_by_key(|(_, session)| session.last_used)
        {
            let oldest = *oldest.0;
            self.open.remove(&oldest);
        }
        let (last_used, answers) = (index, BTreeMap::new());
        self.open.insert(index, Session { owner, last_used, first_open: 0, answers });
        index
    }

    /// The session of `owner`.
    pub fn of(&self, owner: Owner) -> Option<Index> {
        self.open.iter().find(|(_, session)| session.owner == owner).map(|(index, _)| *index)
    }

    /// Who opened a session.
    pub fn owner(&self, session: Index) -> Option<Owner> {
        self.open.get(&session).map(|session| session.owner)
    }

    /// The answer, if the command was carried out already.
    pub fn answer(&self, session: Index, sequence: u64) -> Option<R> {
        self.open.get(&session)?.answers.get(&sequence).cloned()
    }

    /// The entry at `index` is a command: carries it out with `apply`, unless that was done.
    pub fn once(
        &mut self,
        index: Index,
        session: Index,
        sequence: u64,
        first_open: u64,
        apply: impl FnOnce() -> R,
    ) -> Once<R> {
        let Some(session) = self.open.get_mut(&session) else { return Once::Expired };
        session.last_used = index;
        session.first_open = session.first_open.max(first_open);
        session.answers = session.answers.split_off(&session.first_open); // rule 2
        if sequence < session.first_open {
            return Once::Forgotten;
        }
        Once::Answer(session.answers.entry(sequence).or_insert_with(apply).clone())
    }
}
