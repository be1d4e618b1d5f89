//! The words of Figure 2: terms, indexes, entries.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use splitbrain_core::Data;

use super::Configuration;

/// A term: a logical clock, counted up with every election [raft §5.1].
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Term(pub u64);

impl Term {
    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The place of an entry in the log; the first is 1 [raft fig. 2].
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Index(pub u64);

impl Index {
    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The one before it.
    ///
    /// # Panics
    /// If it is zero, before which there is nothing.
    #[must_use]
    pub const fn previous(self) -> Self {
        assert!(self.0 > 0, "nothing comes before index 0");
        Self(self.0 - 1)
    }
}

/// Names an entry for ever: two logs that hold the same name hold the same entries up to there
/// [raft §5.3]. Zero and zero is the place before the first entry.
///
/// The order is that of "more up-to-date": by term, and by index where terms are equal
/// [raft §5.4.1].
///
/// ```
/// # use splitbrain_algorithms::raft::{Index, LogId, Term};
/// let id = |term, index| LogId { term: Term(term), index: Index(index) };
/// assert!(id(2, 1) > id(1, 9));
/// ```
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct LogId {
    /// The term in which a leader made it.
    pub term: Term,
    /// Its place.
    pub index: Index,
}

/// One entry of the log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Entry<C> {
    /// The term in which a leader made it.
    pub term: Term,
    /// What it says.
    pub payload: Payload<C>,
}

/// What an entry says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload<C> {
    /// Nothing: the first entry of each leader [raft §8].
    Noop,
    /// A command for the state machine.
    Command(C),
    /// Who takes part from here on [raft §6].
    Configuration(Box<Configuration>),
}

/// A command for the state machine, of which Raft knows only the size.
pub trait Command: Data {
    /// How many bytes it has, more or less: flow control counts them.
    fn bytes(&self) -> u64;
}

/// What would still be Raft with another value, and is written down therefore.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Options {
    /// Ask whether an election could be won before starting one [thesis §9.6].
    pub pre_vote: bool,
    /// A leader without a majority steps down [thesis §6.2], and whoever hears one gives no votes
    /// [thesis §4.2.3].
    pub check_quorum: bool,
    /// One message carries at most so many bytes of commands, but at least one entry.
    pub message_bytes: u64,
    /// At most so many entries are on their way to one follower [thesis §10.2.1].
    pub window_entries: u64,
    /// At most so many bytes are on their way to one follower.
    pub window_bytes: u64,
    /// The bytes of a snapshot in one message [raft §7].
    pub chunk_bytes: usize,
    /// How long after a round of heartbeats reads need no further one [thesis §6.4.1]: less than
    /// the election timeout by as much as clocks may differ. Without it there are no leases.
    pub lease: Option<Duration>,
}
