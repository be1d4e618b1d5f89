//! Consistency models under Jepsen's names: which is stronger than which, and what each forbids.
//!
//! PROBLEM     A history shows a G-single. Is the database still what it says it is: read
//!             committed, repeatable read, snapshot isolation?
//! IDEA        The models form a lattice: what is forbidden by a weaker model is forbidden by each
//!             stronger one. Each model lists the anomalies that it forbids beyond those of the
//!             weaker ones; an anomaly then rules out a model, and with it all that are stronger.
//! RULES       Names, arrows and anomalies as in Jepsen's map of consistency models
//!             and in Elle [kingsbury2020 §3].
//! CAVEATS     Some models forbid things that no history of reads and writes by key shows, or whose
//!             anomalies nobody has named. They are ruled out by weaker ones only, and never are
//!             called the strongest that holds: see [`Model::is_judged`].
//! READ NEXT   anomaly.rs → list_append.rs

use std::fmt;
use std::str::FromStr;

use crate::anomaly::{Anomalies, Anomaly};

macro_rules! models {
    ($($(#[$judged:ident])? $model:ident $name:literal $($alias:literal)* :
        $($weaker:ident)* ! $($forbids:ident)*;)*) => {
        /// A consistency model.
        ///
        /// ```
        /// use splitbrain_check::consistency::Model;
        ///
        /// let model: Model = "PL-SI".parse().unwrap();
        /// assert_eq!(model, Model::SnapshotIsolation);
        /// assert_eq!(model.name(), "snapshot-isolation");
        /// assert!(model.is_at_least(Model::ReadCommitted));
        /// assert!(!model.is_at_least(Model::Serializable));
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[expect(missing_docs, reason = "jepsen.io/consistency describes each")]
        pub enum Model {
            $($model,)*
        }

        impl Model {
            /// All of them, each before the weaker ones.
            pub const ALL: &'static [Self] = &[$(Self::$model),*];

            /// Jepsen's name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$model => $name,)*
                }
            }

            /// Other names that are understood.
            pub const fn aliases(self) -> &'static [&'static str] {
                match self {
                    $(Self::$model => &[$($alias),*],)*
                }
            }

            /// The next weaker ones.
            const fn weaker(self) -> &'static [Self] {
                match self {
                    $(Self::$model => &[$(Self::$weaker),*],)*
                }
            }

            /// What it forbids beyond what weaker ones forbid.
            const fn forbids(self) -> &'static [Anomaly] {
                match self {
                    $(Self::$model => &[$(Anomaly::$forbids),*],)*
                }
            }

            /// Whether all that it forbids, as far as reads and writes by key show it, has a name
            /// here: else that nothing was found says nothing.
            pub const fn is_judged(self) -> bool {
                match self {
                    $(Self::$model => models!(@judged $($judged)?),)*
                }
            }
        }
    };
    (@judged) => { false };
    (@judged judged) => { true };
}

models! {
    #[judged]
    StrictSerializable "strict-serializable" "strong-serializable" "PL-SS":
        Serializable Linearizable SnapshotIsolation StrongSnapshotIsolation
        StrongSessionSerializable SessionSerializable
        ! G1 G1cRealtime G2Realtime;
    #[judged]
    StrongSessionSerializable "strong-session-serializable":
        Serializable StrongSessionSnapshotIsolation ! G1Process G2Process;
    SessionSerializable "session-serializable": OneCopySerializable ! ;
    OneCopySerializable "1SR": ! ;
    #[judged]
    Serializable "serializable" "conflict-serializable" "PL-3":
        RepeatableRead UpdateSerializable SnapshotIsolation ViewSerializable ! G1 G2 Internal;
    ViewSerializable "view-serializable": ! ;
    UpdateSerializable "update-serializable" "PL-3U": ForwardConsistentView ! G1;
    #[judged]
    StrongSnapshotIsolation "strong-snapshot-isolation":
        StrongSessionSnapshotIsolation StrongReadCommitted
        ! Internal G1Realtime GNonadjacentRealtime;
    #[judged]
    StrongSessionSnapshotIsolation "strong-session-snapshot-isolation":
        SnapshotIsolation StrongSessionReadCommitted ! Internal G1Process GNonadjacentProcess;
    #[judged]
    SnapshotIsolation "snapshot-isolation" "PL-SI":
        ForwardConsistentView MonotonicAtomicView MonotonicSnapshotRead ParallelSnapshotIsolation
        Prefix ! Internal G1 GNonadjacent;
    ParallelSnapshotIsolation "parallel-snapshot-isolation" "PSI":
        CausalCerone UpdateAtomic ! Internal G1a;
    Prefix "prefix": CausalCerone ! Internal G1a;
    #[judged]
    RepeatableRead "repeatable-read" "PL-2.99":
        CursorStability MonotonicAtomicView ! G1 G2Item LostUpdate;
    ForwardConsistentView "forward-consistent-view" "PL-FCV": ConsistentView ! G1;
    #[judged]
    ConsistentView "consistent-view" "PL-2+": CursorStability MonotonicView ! G1 GSingle;
    CausalCerone "causal-cerone": ReadAtomic ! Internal G1a;
    UpdateAtomic "update-atomic": ReadAtomic ! LostUpdate;
    ReadAtomic "read-atomic": MonotonicAtomicView ! Internal G1a FutureRead;
    CursorStability "cursor-stability" "PL-CS": ReadCommitted ! G1 LostUpdate;
    MonotonicView "monotonic-view" "PL-2L": ReadCommitted ! G1;
    MonotonicSnapshotRead "monotonic-snapshot-read" "PL-MSR": ReadCommitted ! G1;
    MonotonicAtomicView "monotonic-atomic-view": ReadCommitted ! ;
    #[judged]
    StrongReadCommitted "strong-read-committed" "strong-PL-2":
        StrongSessionReadCommitted StrongReadUncommitted ! G1cRealtime;
    #[judged]
    StrongSessionReadCommitted "strong-session-read-committed" "strong-session-PL-2":
        ReadCommitted StrongSessionReadUncommitted ! G1cProcess;
    #[judged]
    ReadCommitted "read-committed" "PL-2": ReadUncommitted ! G1;
    #[judged]
    StrongReadUncommitted "strong-read-uncommitted" "strong-PL-1":
        StrongSessionReadUncommitted ! G0Realtime;
    #[judged]
    StrongSessionReadUncommitted "strong-session-read-uncommitted" "strong-session-PL-1":
        ReadUncommitted ! G0Process;
    #[judged]
    ReadUncommitted "read-uncommitted" "PL-1":
        ! G0 DuplicateElements CyclicVersions GarbageRead;
    Linearizable "linearizable": Sequential ! ;
    Sequential "sequential": Causal ! ;
    Causal "causal": WritesFollowReads Pram ! ;
    Pram "PRAM": MonotonicReads MonotonicWrites ReadYourWrites ! ;
    WritesFollowReads "writes-follow-reads": ! ;
    MonotonicReads "monotonic-reads": ! ;
    MonotonicWrites "monotonic-writes": ! ;
    ReadYourWrites "read-your-writes": ! ;
}

impl Model {
    /// Whether each history that satisfies this model satisfies the other too.
    pub fn is_at_least(self, other: Self) -> bool {
        self == other || self.weaker().iter().any(|weaker| weaker.is_at_least(other))
    }

    /// Everything that a history of this model does not show.
    pub fn forbidden(self) -> Anomalies {
        let weaker = Self::ALL.iter().filter(|model| self.is_at_least(**model));
        let direct: Anomalies = weaker.flat_map(|model| model.forbids()).copied().collect();
        direct.implying()
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Model {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let called = |model: &&Self| model.name() == name || model.aliases().contains(&name);
        Self::ALL.iter().find(called).copied().ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|model| model.name()).collect();
            format!("there is no consistency model {name:?}; there are {}", names.join(", "))
        })
    }
}

/// What anomalies say of the models.
///
/// ```
/// use splitbrain_check::anomaly::{Anomalies, Anomaly};
/// use splitbrain_check::consistency::{Boundary, Model};
///
/// let boundary = Boundary::of(Anomalies::from_iter([Anomaly::G2Item]));
/// assert_eq!(boundary.not, [Model::RepeatableRead]);
/// assert_eq!(boundary.also_not.last(), Some(&Model::Serializable));
/// assert_eq!(boundary.strongest, [Model::StrongSnapshotIsolation]);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Boundary {
    /// The weakest models that are violated.
    pub not: Vec<Model>,
    /// The others that are.
    pub also_not: Vec<Model>,
    /// The strongest that are not, of those that are judged completely.
    pub strongest: Vec<Model>,
}

impl Boundary {
    /// What these anomalies say of the models.
    pub fn of(anomalies: Anomalies) -> Self {
        let shown = anomalies.implied();
        let violated = |model: Model| {
            let forbids = |weaker: &Model| weaker.forbids().iter().any(|a| shown.has(*a));
            Model::ALL.iter().any(|weaker| model.is_at_least(*weaker) && forbids(weaker))
        };
        let (impossible, possible): (Vec<Model>, Vec<Model>) =
            Model::ALL.iter().partition(|model| violated(**model));
        let is_weakest = |model: &Model| {
            !impossible.iter().any(|other| other != model && model.is_at_least(*other))
        };
        let (not, also_not) = impossible.iter().partition(|model| is_weakest(model));
        let judged: Vec<Model> = possible.into_iter().filter(|model| model.is_judged()).collect();
        let is_strongest =
            |model: &Model| !judged.iter().any(|other| other != model && other.is_at_least(*model));
        let strongest = judged.iter().copied().filter(is_strongest).collect();
        Self { not, also_not, strongest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not(anomalies: &[Anomaly]) -> Vec<&'static str> {
        let boundary = Boundary::of(anomalies.iter().copied().collect());
        boundary.not.iter().map(|model| model.name()).collect()
    }

    fn all(anomaly: Anomaly) -> Vec<&'static str> {
        let boundary = Boundary::of(Anomalies::from_iter([anomaly]));
        let mut all: Vec<_> = boundary.not.iter().chain(&boundary.also_not).collect();
        all.sort();
        all.iter().map(|model| model.name()).collect()
    }

    #[test]
    fn every_name_is_understood_and_none_is_taken_twice() {
        for model in Model::ALL {
            assert_eq!(model.name().parse(), Ok(*model));
            for alias in model.aliases() {
                assert_eq!(alias.parse(), Ok(*model));
            }
        }
        assert!("stricct-snappshot-isolation".parse::<Model>().unwrap_err().contains("PRAM"));
    }

    #[test]
    fn stronger_models_come_first_and_the_lattice_has_no_cycle() {
        for (at, model) in Model::ALL.iter().enumerate() {
            for weaker in model.weaker() {
                let place = Model::ALL.iter().position(|other| other == weaker).unwrap();
                assert!(at < place, "{model} is stronger than {weaker}");
            }
        }
    }

    /// As Elle's tests of its lattice say.
    #[test]
    fn anomalies_rule_out_what_they_should() {
        assert_eq!(not(&[]), [""; 0]);
        assert_eq!(not(&[Anomaly::CyclicVersions]), ["read-uncommitted"]);
        assert_eq!(not(&[Anomaly::G0]), ["read-uncommitted"]);
        assert_eq!(not(&[Anomaly::G1a]), ["read-committed"]);
        assert_eq!(not(&[Anomaly::Internal]), ["read-atomic"]);
        assert_eq!(not(&[Anomaly::Internal, Anomaly::G2]), ["read-atomic"]);
        assert_eq!(not(&[Anomaly::LostUpdate]), ["update-atomic", "cursor-stability"]);
        assert_eq!(not(&[Anomaly::GSingle]), ["repeatable-read", "consistent-view"]);
        assert_eq!(not(&[Anomaly::GNonadjacent]), ["snapshot-isolation", "repeatable-read"]);
        assert_eq!(not(&[Anomaly::GSingleRealtime]), ["strong-snapshot-isolation"]);
        assert_eq!(not(&[Anomaly::G1cProcess]), ["strong-session-read-committed"]);
        assert_eq!(
            all(Anomaly::GSingleRealtime),
            ["strict-serializable", "strong-snapshot-isolation"]
        );
        let internal = [
            "strict-serializable",
            "strong-session-serializable",
            "serializable",
            "strong-snapshot-isolation",
            "strong-session-snapshot-isolation",
            "snapshot-isolation",
            "parallel-snapshot-isolation",
            "prefix",
            "causal-cerone",
            "update-atomic",
            "read-atomic",
        ];
        assert_eq!(all(Anomaly::Internal), internal);
    }

    #[test]
    fn models_forbid_what_they_should() {
        let forbidden: Vec<&str> =
            Model::ReadCommitted.forbidden().iter().map(Anomaly::id).collect();
        let expected = [
            "duplicate-elements",
            "cyclic-versions",
            "garbage-read",
            "G0",
            "incompatible-order",
            "dirty-update",
            "G1a",
            "G1b",
            "future-read",
            "G1c",
            "G1",
        ];
        assert_eq!(forbidden, expected);
        assert_eq!(
            Model::StrictSerializable.forbidden(),
            Anomaly::ALL.iter().copied().collect(),
            "strict serializability forbids everything"
        );
    }

    #[test]
    fn the_strongest_that_holds_is_told() {
        let strongest = |anomalies: &[Anomaly]| -> Vec<&str> {
            let boundary = Boundary::of(anomalies.iter().copied().collect());
            boundary.strongest.iter().map(|model| model.name()).collect()
        };
        assert_eq!(strongest(&[]), ["strict-serializable"]);
        assert_eq!(
            strongest(&[Anomaly::G2ItemRealtime]),
            ["strong-session-serializable", "strong-snapshot-isolation"]
        );
        assert_eq!(strongest(&[Anomaly::GSingle]), ["strong-read-committed"]);
        assert_eq!(strongest(&[Anomaly::G0]), [""; 0]);
    }
}
