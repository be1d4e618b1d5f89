//! What a leader knows of one follower: Figure 2's `nextIndex` and `matchIndex`, and how fast to
//! send.
//!
//! PROBLEM     To send one batch and wait for its answer wastes the round trip; to send all at
//!             once floods whoever is slow, or asks again and again what he does not have.
//! IDEA        First find out where the logs part, with one message at a time (*probe*). Then send
//!             without waiting, up to a window (*replicate*). Whoever needs entries that are gone
//!             is sent the snapshot, piece by piece (*snapshot*).
//! RULES       1. `match_index` never falls: an acknowledgement may come late.
//!             2. `next_index` is above `match_index`.
//!             3. What is on its way lies between the two: there is nothing else to count, and so
//!                nothing to leak.

use super::{Index, LogId};

/// What a leader knows of one follower.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Progress {
    /// The next entry to send [raft fig. 2].
    pub next_index: Index,
    /// The last entry that is known to be stored there [raft fig. 2].
    pub match_index: Index,
    /// How to send.
    pub mode: Mode,
    /// Whether it has answered since the leader last counted [thesis §6.2].
    pub recently_active: bool,
    /// The last round of heartbeats that it has answered [thesis §6.4].
    pub round: u64,
}

/// How to send.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mode {
    /// Nobody knows where the logs part: one message at a time.
    Probe {
        /// Whether the answer to it is still out.
        waiting: bool,
    },
    /// The logs agree: send, and do not wait.
    Replicate,
    /// The entries it needs are gone.
    Snapshot {
        /// The snapshot that is being sent.
        last_included: LogId,
        /// So many of its bytes have arrived.
        offset: usize,
    },
}

impl Progress {
    /// What a new leader assumes: that everyone has what it has.
    pub const fn new(last_index: Index) -> Self {
        Self {
            next_index: last_index.next(),
            match_index: Index(0),
            mode: Mode::Probe { waiting: false },
            recently_active: true,
            round: 0,
        }
    }

    /// The follower stores everything up to `index`. Returns whether that is news.
    pub fn stored(&mut self, index: Index) -> bool {
        let news = index > self.match_index;
        self.match_index = self.match_index.max(index); // rule 1
        self.next_index = self.next_index.max(self.match_index.next()); // rule 2
        match self.mode {
            Mode::Snapshot { last_included, .. } if index < last_included.index => {}
            Mode::Snapshot { .. } | Mode::Probe { .. } => {
                self.next_index = self.match_index.next();
                self.mode = Mode::Replicate;
            }
            Mode::Replicate => {}
        }
        news
    }

    /// The follower does not have the entry at `refused`; go on at `next`. An old refusal, of what
    /// is known to be stored meanwhile or of another probe, changes nothing.
    pub fn refused(&mut self, refused: Index, next: Index) {
        let current = match self.mode {
            Mode::Probe { .. } => refused == self.next_index.previous(),
            Mode::Replicate => refused > self.match_index,
            Mode::Snapshot { .. } => false,
        };
        if current {
            self.next_index = next.max(self.match_index.next()); // rule 2
            self.mode = Mode::Probe { waiting: false };
        }
    }
}
