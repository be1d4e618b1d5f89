//! The fault vocabulary: one enum for every engine. Each performs what it can and refuses the rest
//! with an error that says so.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{NodeId, Ratio, Time};

/// A fault at a time, for a time.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Injection {
    /// When it strikes.
    #[serde(rename = "at_ns")]
    pub at: Time,
    /// How long until it is undone: a partition healed, a crashed node restarted. A fault that is
    /// over at once (a clock's jump, rot) ignores it.
    #[serde(rename = "lasts_ns", with = "crate::time::nanos")]
    pub lasts: Duration,
    /// What goes wrong.
    pub fault: Fault,
}

impl Injection {
    /// When the fault is undone.
    pub fn ends(&self) -> Time {
        self.at + self.lasts
    }
}

/// Something that goes wrong.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Some links carry nothing for a while.
    Partition {
        /// Which links.
        cut: Cut,
        /// What becomes of their messages.
        mode: CutMode,
    },
    /// Some links get worse.
    Link {
        /// The senders; all nodes if empty.
        from: Vec<NodeId>,
        /// The receivers; all nodes if empty.
        to: Vec<NodeId>,
        /// In what way.
        fault: LinkFault,
    },
    /// A node stops, loses what it had not synced, and starts again when the fault is over.
    Crash {
        /// Which node.
        target: Target,
        /// When exactly.
        moment: Moment,
        /// What becomes of the writes that were not synced.
        disk: DiskLoss,
    },
    /// A node stops for a while and then goes on as if nothing had happened: a long garbage
    /// collection, a suspended virtual machine. Its messages wait.
    Pause {
        /// Which node.
        target: Target,
    },
    /// A node takes a while over every handler.
    Slow {
        /// Which node.
        target: Target,
        /// How long each handler then takes.
        #[serde(rename = "handler_ns", with = "crate::time::nanos")]
        handler: Duration,
    },
    /// A disk misbehaves.
    Disk {
        /// Whose disk.
        target: Target,
        /// In what way.
        fault: DiskFault,
    },
    /// A clock is wrong.
    Clock {
        /// Whose clock.
        target: Target,
        /// In what way.
        fault: ClockFault,
    },
}

/// The kinds of [`Fault`], by name: what a nemesis is told to use.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// [`Fault::Partition`]
    Partition,
    /// [`Fault::Link`]
    Link,
    /// [`Fault::Crash`]
    Crash,
    /// [`Fault::Pause`]
    Pause,
    /// [`Fault::Slow`]
    Slow,
    /// [`Fault::Disk`]
    Disk,
    /// [`Fault::Clock`]
    Clock,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Partition,
        Self::Link,
        Self::Crash,
        Self::Pause,
        Self::Slow,
        Self::Disk,
        Self::Clock,
    ];

    /// The kind's name on the command line and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Partition => "partition",
            Self::Link => "link",
            Self::Crash => "crash",
            Self::Pause => "pause",
            Self::Slow => "slow",
            Self::Disk => "disk",
            Self::Clock => "clock",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Fault {
    /// The fault's kind.
    pub const fn kind(&self) -> FaultKind {
        match self {
            Self::Partition { .. } => FaultKind::Partition,
            Self::Link { .. } => FaultKind::Link,
            Self::Crash { .. } => FaultKind::Crash,
            Self::Pause { .. } => FaultKind::Pause,
            Self::Slow { .. } => FaultKind::Slow,
            Self::Disk { .. } => FaultKind::Disk,
            Self::Clock { .. } => FaultKind::Clock,
        }
    }
}

/// Whom a fault strikes.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// This node.
    Node(NodeId),
    /// Whichever node plays this role when the fault strikes ([`Context::role`]); the lowest
    /// numbered, if several do; nobody, if none does.
    ///
    /// [`Context::role`]: crate::Context::role
    Role(String),
}

/// The links that a partition cuts.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// All links of one node.
    Isolate(Target),
    /// All links between nodes of different groups. A node in no group is in one of its own.
    Groups(Vec<Vec<NodeId>>),
    /// The links from the first nodes to the second, but not back.
    OneWay {
        /// Those who are not heard.
        from: Vec<NodeId>,
        /// Those who do not hear them.
        to: Vec<NodeId>,
    },
    /// Two groups that can reach each other only through one node.
    Bridge {
        /// One side.
        left: Vec<NodeId>,
        /// The node both sides reach.
        bridge: NodeId,
        /// The other side.
        right: Vec<NodeId>,
    },
    /// Every node reaches itself and its nearest neighbours in a ring, so that each sees a
    /// majority, and no two the same one [jepsen nemesis: majorities-ring].
    MajoritiesRing {
        /// The order of the ring.
        order: Vec<NodeId>,
    },
}

/// What becomes of the messages on a link that is cut.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutMode {
    /// They are lost.
    Drop,
    /// They wait, and arrive after the partition has healed.
    Hold,
}

/// How a link gets worse. Its own settings hold again when the fault is over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkFault {
    /// Each message is lost with this probability.
    Loss(Ratio),
    /// Each message arrives twice with this probability.
    Duplicate(Ratio),
    /// Each message takes this many times as long, up to some seconds.
    Delay(u32),
}

/// When exactly a node crashes. If the moment does not come before the fault is over, nothing
/// happens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// At once: between handlers, or in the middle of a sync.
    Now,
    /// Within the next handler that asks for so many effects or more, after the last of these.
    AfterEffects(u32),
    /// Within the next handler that says something (a message, an answer) and writes something,
    /// with no sync in between: before its next sync, or at its end. Whoever says only what is
    /// durable is never caught.
    Unsynced,
}

/// What a crash does to the writes that were not synced.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskLoss {
    /// They had all reached the disk.
    KeepAll,
    /// They are all lost.
    LoseAll,
    /// The oldest of them survive, up to this many.
    KeepPrefix(u32),
    /// The oldest of them survive, up to this many, and the next one is torn.
    Torn(u32),
    /// The whole disk is lost: the node comes back as if new.
    Wipe,
}

/// How a disk misbehaves.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskFault {
    /// There is no room: every sync fails, and a failed sync is a crash (Rebello et al.
    /// 2020). The node restarts when there is room again.
    Full,
    /// The next sync fails, and so the node crashes and loses what it had not synced. The disk is
    /// well again at once; the node restarts when the fault is over.
    SyncError,
    /// Each sync takes this many times as long.
    SlowSync(u32),
    /// A durable record goes bad; the number picks which. It shows at the next start.
    Rot(u64),
}

/// How a clock is wrong. Offsets and jumps move the wall clock only; drift moves both clocks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockFault {
    /// The wall clock is off by so many nanoseconds while the fault lasts.
    Offset(i64),
    /// Both clocks run so many parts per million too fast while the fault lasts.
    Drift(i32),
    /// The wall clock jumps by so many nanoseconds, for good.
    Jump(i64),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(id) => write!(f, "{id}"),
            Self::Role(name) => write!(f, "the {name}"),
        }
    }
}

struct Names<'a>(&'a [NodeId]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("all");
        }
        for (at, node) in self.0.iter().enumerate() {
            write!(f, "{}{node}", if at == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Isolate(target) => write!(f, "{target} | the others"),
            Self::Groups(groups) => {
                for (at, group) in groups.iter().enumerate() {
                    write!(f, "{}{}", if at == 0 { "" } else { " | " }, Names(group))?;
                }
                Ok(())
            }
            Self::OneWay { from, to } => write!(f, "{} -/-> {}", Names(from), Names(to)),
            Self::Bridge { left, bridge, right } => {
                write!(f, "{} | {} with {bridge} as a bridge", Names(left), Names(right))
            }
            Self::MajoritiesRing { order } => write!(f, "majorities ring {}", Names(order)),
        }
    }
}

/// One line for people: what goes wrong, without the time.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partition { cut, mode: CutMode::Drop } => write!(f, "partition {cut}"),
            Self::Partition { cut, mode: CutMode::Hold } => {
                write!(f, "partition {cut}, messages held")
            }
            Self::Link { from, to, fault } => {
                match fault {
                    LinkFault::Loss(Ratio(n, of)) => write!(f, "loss {n}/{of}")?,
                    LinkFault::Duplicate(Ratio(n, of)) => write!(f, "duplication {n}/{of}")?,
                    LinkFault::Delay(factor) => write!(f, "delay x{factor}")?,
                }
                match (from.is_empty(), to.is_empty()) {
                    (true, true) => Ok(()),
                    _ => write!(f, " from {} to {}", Names(from), Names(to)),
                }
            }
            Self::Crash { target, moment, disk } => {
                write!(f, "crash {target}")?;
                match moment {
                    Moment::Now => {}
                    Moment::AfterEffects(effects) => {
                        write!(f, " after effect {effects} of a handler")?;
                    }
                    Moment::Unsynced => f.write_str(" with a write it spoke of unsynced")?,
                }
                match disk {
                    DiskLoss::KeepAll => Ok(()),
                    DiskLoss::LoseAll => f.write_str(", unsynced writes lost"),
                    DiskLoss::KeepPrefix(kept) => {
                        write!(f, ", unsynced writes after the first {kept} lost")
                    }
                    DiskLoss::Torn(kept) => write!(f, ", write {} torn", u64::from(*kept) + 1),
                    DiskLoss::Wipe => f.write_str(", disk wiped"),
                }
            }
            Self::Pause { target } => write!(f, "pause {target}"),
            Self::Slow { target, handler } => {
                write!(f, "slow {target}, {} per handler", Time::ZERO + *handler)
            }
            Self::Disk { target, fault } => match fault {
                DiskFault::Full => write!(f, "disk of {target} full"),
                DiskFault::SyncError => write!(f, "sync of {target} fails"),
                DiskFault::SlowSync(factor) => write!(f, "disk of {target} slow x{factor}"),
                DiskFault::Rot(_) => write!(f, "disk of {target} rots"),
            },
            Self::Clock { target, fault } => match fault {
                ClockFault::Offset(nanos) => {
                    write!(f, "clock of {target} off by {}", Signed(*nanos))
                }
                ClockFault::Drift(ppm) => write!(f, "clock of {target} drifts {ppm:+} ppm"),
                ClockFault::Jump(nanos) => write!(f, "clock of {target} jumps {}", Signed(*nanos)),
            },
        }
    }
}

struct Signed(i64);

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        write!(f, "{sign}{}", Time::from_nanos(self.0.unsigned_abs()))
    }
}
