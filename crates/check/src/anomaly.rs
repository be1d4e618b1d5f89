//! What can be wrong with transactions, under the field's names, and which follows from which.
//!
//! PROBLEM     "Not serializable" tells nobody what to look for. A write that two clients race for,
//!             a read of what was taken back, two readers that disagree: each has another cause.
//! IDEA        Adya's names for the cycles of dependencies [adya1999 §4], Elle's for what no cycle
//!             shows [kingsbury2020 §4], and Jepsen's for cycles that need sessions (`-process`)
//!             or clocks (`-realtime`).
//! RULES       G0             ww only.
//!             G1c            ww and wr, at least one wr.
//!             G-single       exactly one rw.
//!             G-nonadjacent  two or more rw, no two in a row.
//!             G2-item        two or more rw, some in a row.
//! CAVEATS     Predicates (G2 proper, G-single over a range) can't be seen with reads by key.
//! READ NEXT   consistency.rs → cycle.rs → list_append.rs → rw_register.rs

use std::fmt;
use std::str::FromStr;

macro_rules! anomalies {
    ($($anomaly:ident $id:literal => $($implied:ident)*;)*) => {
        /// Something that is wrong with transactions, the worst first.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[expect(missing_docs, reason = "each has a page: splitbrain explain ID")]
        pub enum Anomaly {
            $($anomaly,)*
        }

        impl Anomaly {
            /// All of them, the worst first.
            pub const ALL: &'static [Self] = &[$(Self::$anomaly),*];

            /// The field's name for it, and the id of the finding.
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$anomaly => $id,)*
                }
            }

            /// What directly follows from it.
            const fn implies(self) -> &'static [Self] {
                match self {
                    $(Self::$anomaly => &[$(Self::$implied),*],)*
                }
            }
        }
    };
}

anomalies! {
    DuplicateElements "duplicate-elements" => ;
    CyclicVersions "cyclic-versions" => ;
    GarbageRead "garbage-read" => ;
    G0 "G0" => G1c G0Process;
    IncompatibleOrder "incompatible-order" => G1a;
    DirtyUpdate "dirty-update" => G1a;
    G1a "G1a" => G1;
    G1b "G1b" => G1;
    FutureRead "future-read" => G1c;
    G1c "G1c" => G1 G1cProcess;
    Internal "internal" => ;
    LostUpdate "lost-update" => G2Item;
    GSingle "G-single" => GNonadjacent GSingleProcess;
    GNonadjacent "G-nonadjacent" => G2Item GNonadjacentProcess;
    G2Item "G2-item" => G2 G2ItemProcess;
    G0Process "G0-process" => G1cProcess G0Realtime;
    G1cProcess "G1c-process" => G1Process G1cRealtime;
    GSingleProcess "G-single-process" => GNonadjacentProcess GSingleRealtime;
    GNonadjacentProcess "G-nonadjacent-process" => G2ItemProcess GNonadjacentRealtime;
    G2ItemProcess "G2-item-process" => G2Process G2ItemRealtime;
    G0Realtime "G0-realtime" => G1cRealtime;
    G1cRealtime "G1c-realtime" => G1Realtime;
    GSingleRealtime "G-single-realtime" => GNonadjacentRealtime;
    GNonadjacentRealtime "G-nonadjacent-realtime" => G2ItemRealtime;
    G2ItemRealtime "G2-item-realtime" => G2Realtime;
    G1 "G1" => G1Process;
    G1Process "G1-process" => G1Realtime;
    G1Realtime "G1-realtime" => ;
    G2 "G2" => G2Process;
    G2Process "G2-process" => G2Realtime;
    G2Realtime "G2-realtime" => ;
}

impl Anomaly {
    const fn bit(self) -> u64 {
        1 << self as u8
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Anomaly {
    type Err = String;

    /// Takes Elle's names too: `G-single-item-process` is [`Anomaly::GSingleProcess`].
    fn from_str(name: &str) -> Result<Self, String> {
        let plain = name.replace("G-single-item", "G-single");
        let plain = plain.replace("G-nonadjacent-item", "G-nonadjacent");
        let found = Self::ALL.iter().find(|anomaly| anomaly.id() == plain);
        found.copied().ok_or_else(|| format!("there is no anomaly {name:?}"))
    }
}

/// Several anomalies.
///
/// ```
/// use splitbrain_check::anomaly::{Anomalies, Anomaly};
///
/// let found = Anomalies::from_iter([Anomaly::LostUpdate]);
/// assert!(found.implied().has(Anomaly::G2Item));
/// assert!(!found.implied().has(Anomaly::GSingle));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Anomalies(u64);

impl Anomalies {
    /// None.
    pub const NONE: Self = Self(0);

    /// Whether it is among them.
    pub const fn has(self, anomaly: Anomaly) -> bool {
        self.0 & anomaly.bit() != 0
    }

    /// These and one more.
    #[must_use]
    pub const fn with(self, anomaly: Anomaly) -> Self {
        Self(self.0 | anomaly.bit())
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, those: Self) -> Self {
        Self(self.0 | those.0)
    }

    /// Whether one of these is one of those.
    pub const fn meet(self, those: Self) -> bool {
        self.0 & those.0 != 0
    }

    /// Those that are there, the worst first.
    pub fn iter(self) -> impl Iterator<Item = Anomaly> {
        Anomaly::ALL.iter().copied().filter(move |anomaly| self.has(*anomaly))
    }

    /// These, and all that follow from them.
    #[must_use]
    pub fn implied(self) -> Self {
        let step = |all: Self| all.iter().flat_map(|a| a.implies().iter().copied()).collect();
        fixpoint(self, step)
    }

    /// These, and all from which one of them follows.
    #[must_use]
    pub fn implying(self) -> Self {
        let implies = |anomaly: &Anomaly, all: Self| anomaly.implies().iter().any(|a| all.has(*a));
        fixpoint(self, |all| Anomaly::ALL.iter().copied().filter(|a| implies(a, all)).collect())
    }
}

/// Adds what `step` gives until it gives nothing new.
fn fixpoint(mut all: Anomalies, step: impl Fn(Anomalies) -> Anomalies) -> Anomalies {
    loop {
        let more = all.and(step(all));
        if more == all {
            return all;
        }
        all = more;
    }
}

impl FromIterator<Anomaly> for Anomalies {
    fn from_iter<I: IntoIterator<Item = Anomaly>>(anomalies: I) -> Self {
        anomalies.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Anomalies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Anomaly::id)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(anomalies: Anomalies) -> Vec<&'static str> {
        anomalies.iter().map(Anomaly::id).collect()
    }

    #[test]
    fn names_come_back() {
        for anomaly in Anomaly::ALL {
            assert_eq!(anomaly.id().parse(), Ok(*anomaly));
        }
        assert_eq!("G-single-item-process".parse(), Ok(Anomaly::GSingleProcess));
        assert_eq!("G-nonadjacent-item".parse(), Ok(Anomaly::GNonadjacent));
        assert!("G3".parse::<Anomaly>().is_err());
    }

    #[test]
    fn implications_lead_both_ways() {
        let read = Anomalies::from_iter([Anomaly::FutureRead]);
        let follows = [
            "future-read",
            "G1c",
            "G1c-process",
            "G1c-realtime",
            "G1",
            "G1-process",
            "G1-realtime",
        ];
        assert_eq!(names(read.implied()), follows);
        let skew = Anomalies::from_iter([Anomaly::G2]);
        let from = ["lost-update", "G-single", "G-nonadjacent", "G2-item", "G2"];
        assert_eq!(names(skew.implying()), from);
        for anomaly in Anomaly::ALL {
            let one = Anomalies::NONE.with(*anomaly);
            for implied in one.implied().iter() {
                assert!(Anomalies::NONE.with(implied).implying().has(*anomaly));
            }
        }
    }
}
