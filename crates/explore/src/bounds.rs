//! What may happen in the runs that are explored, and how often.
//!
//! PROBLEM     Without a bound there is no end: a network may always lose one more message.
//! IDEA        Everything that goes wrong is paid for from a budget, and what is left of the
//!             budget is part of the state. So "holds" means: in every run with so many losses, so
//!             many crashes, and so on, in any order.
//! RULES       Nothing is hidden: whoever reads the bounds knows what was explored.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use splitbrain_core::NodeId;

/// How often something may happen in one run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Budget(pub u8);

impl Budget {
    /// Never.
    pub const NONE: Self = Self(0);
    /// As often as it likes: the state does not count it.
    pub const UNLIMITED: Self = Self(u8::MAX);

    /// What is left after one more, or `None` if nothing was left.
    pub(crate) const fn spend(self) -> Option<Self> {
        match self {
            Self::NONE => None,
            Self::UNLIMITED => Some(Self::UNLIMITED),
            Self(left) => Some(Self(left - 1)),
        }
    }

    pub(crate) fn is_left(self) -> bool {
        self != Self::NONE
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UNLIMITED => f.write_str("any"),
            Self(count) => write!(f, "{count}"),
        }
    }
}

/// In which order the messages of one link arrive.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// In any.
    Any,
    /// In the order in which they were sent.
    Fifo,
}

/// How clients and nodes hear of each other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asking {
    /// A client asks at any time, and is heard and answered at once, as in the simulator. Delays on
    /// the way would only make operations longer, and so excuse more: no wrong answer is missed.
    AtOnce,
    /// Requests and answers travel as messages, and a client asks again as soon as it is answered.
    /// Many more states.
    ByMessage,
}

/// Which of a node's timers may expire next.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timers {
    /// Any that is armed, as if every time-out could be too short.
    Any,
    /// Not before one that was armed earlier and must expire sooner: the longest time of the
    /// earlier one is not longer than the shortest of the later.
    Ordered,
}

/// The clocks that nodes read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Clocks {
    /// How far a clock moves at a tick.
    #[serde(rename = "tick_ns", with = "nanos")]
    pub tick: Duration,
    /// How often each clock ticks at most.
    pub ticks: u16,
    /// How many ticks two clocks may be apart.
    pub skew: u16,
}

/// Which partitions there may be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cuts {
    /// One node is cut off from all others.
    Isolate,
    /// Any two groups that do not hear each other.
    Groups,
    /// Two groups as before, and also those of which only one does not hear the other.
    OneWay,
}

/// What may happen, and how often.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// The order of messages.
    pub order: Order,
    /// How many equal messages may be under way at once, in a row where their order matters; one
    /// more is lost, and costs nothing. A node that repeats itself without end, to someone who is
    /// dead, has endless states without this.
    pub alike: Budget,
    /// How clients ask.
    pub asking: Asking,
    /// The order of timers.
    pub timers: Timers,
    /// How often timers expire.
    pub expiries: Budget,
    /// The clocks; a node that reads one needs this.
    pub clocks: Option<Clocks>,
    /// How many messages between nodes are lost.
    pub losses: Budget,
    /// How many messages between nodes arrive twice.
    pub duplicates: Budget,
    /// How often a node crashes: between any two effects of a handler, with any loss of unsynced
    /// writes that the disk allows. It may start again at any time.
    pub crashes: Budget,
    /// Whether a crash may also tear the record that was being written.
    pub torn: bool,
    /// How often the network is partitioned. It may heal at any time.
    pub partitions: Budget,
    /// In which ways.
    pub cuts: Cuts,
    /// How often a client gives up waiting and asks the next thing.
    pub impatience: Budget,
    /// The nodes that may lie.
    pub liars: Vec<NodeId>,
    /// How many messages of theirs are withheld, or replaced as [`Model::forge`] says.
    ///
    /// [`Model::forge`]: crate::Model::forge
    pub lies: Budget,
}

impl Bounds {
    /// Messages are delayed and overtake each other, timers expire in any order; nothing else goes
    /// wrong.
    pub const fn calm() -> Self {
        Self {
            order: Order::Any,
            alike: Budget::UNLIMITED,
            asking: Asking::AtOnce,
            timers: Timers::Any,
            expiries: Budget::NONE,
            clocks: None,
            losses: Budget::NONE,
            duplicates: Budget::NONE,
            crashes: Budget::NONE,
            torn: false,
            partitions: Budget::NONE,
            cuts: Cuts::Isolate,
            impatience: Budget::NONE,
            liars: Vec::new(),
            lies: Budget::NONE,
        }
    }

    /// The partitions that may begin in a cluster of `nodes`, each as the links that it cuts.
    pub(crate) fn partitions_of(&self, nodes: u16) -> Vec<u64> {
        let mut cuts = Vec::new();
        let groups = 1_u64..(1 << nodes) - 1;
        for group in groups {
            let within = |node: u16| group >> node & 1 == 1;
            let links = |from: &dyn Fn(u16) -> bool, to: &dyn Fn(u16) -> bool| {
                let mut cut = 0;
                for one in (0..nodes).filter(|node| from(*node)) {
                    for other in (0..nodes).filter(|node| to(*node)) {
                        cut |= link(one, other, nodes);
                    }
                }
                cut
            };
            let out = links(&within, &|node| !within(node));
            let back = links(&|node| !within(node), &within);
            match self.cuts {
                Cuts::Isolate if group.count_ones() > 1 => {}
                Cuts::Isolate | Cuts::Groups => cuts.push(out | back),
                Cuts::OneWay => cuts.extend([out | back, out]),
            }
        }
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }
}

/// The bit of a link in a set of links.
pub(crate) const fn link(from: u16, to: u16, nodes: u16) -> u64 {
    1 << (from as u32 * nodes as u32 + to as u32)
}

/// Spans as whole nanoseconds.
mod nanos {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_told_once() {
        let count = |cuts, nodes| Bounds { cuts, ..Bounds::calm() }.partitions_of(nodes).len();
        assert_eq!(count(Cuts::Isolate, 3), 3);
        assert_eq!(count(Cuts::Isolate, 2), 1);
        assert_eq!(count(Cuts::Groups, 3), 3);
        assert_eq!(count(Cuts::Groups, 4), 7);
        assert_eq!(count(Cuts::OneWay, 3), 9);
        assert_eq!(count(Cuts::OneWay, 2), 3);
        assert_eq!(count(Cuts::OneWay, 1), 0);
    }

    #[test]
    fn a_budget_is_spent_one_by_one() {
        assert_eq!(Budget(2).spend(), Some(Budget(1)));
        assert_eq!(Budget::NONE.spend(), None);
        assert_eq!(Budget::UNLIMITED.spend(), Some(Budget::UNLIMITED));
    }
}
