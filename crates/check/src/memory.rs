//! Weaker than linearizable, and still worth something: what a history of reads and writes keeps.
//!
//! PROBLEM     A store that answers from the nearest replica is not linearizable, and nobody said
//!             it would be. What does it promise? Does it keep that?
//! IDEA        Each model forbids less than the one above it. Judge them all, and tell the
//!             strongest that holds and what breaks the next: the ladder.
//! RULES       *Linearizable*: one order of all operations, each between its request and its answer
//!             [herlihy1990 §2].
//!             *Sequential*: one order of all operations that keeps each session's (Lamport 1979).
//!             *Causal memory* (CM), *causal convergence* (CCv), *causal consistency* (CC):
//!             causal.rs [bouajjani2017 §3].
//!             *PRAM*: an order for each session, of its reads and all writes, that keeps every
//!             session's (Lipton and Sandberg 1988).
//!             *Session guarantees* (RYW, MR, MW, WFR): session.rs [terry1994 §3].
//!             *Eventual*: convergence.rs.
//!             Linearizable implies sequential and eventual; sequential implies CM and CCv; CM
//!             implies CC, PRAM and WFR; CCv implies CC and all session guarantees; CC implies
//!             RYW; PRAM implies RYW, MR and MW.
//! CAVEATS     A value that was written to a key twice and read tells not whose it is. Then only
//!             linearizable, sequential and eventual are decided; of the others, what is broken
//!             whoever wrote it is found, and else the answer is unknown.
//! READ NEXT   memory/access.rs → readings.rs → sessions.rs → causality.rs → causal.rs →
//!             session.rs → ladder.rs

mod access;
mod causal;
pub(crate) mod causality;
pub(crate) mod commit_order;
mod convergence;
mod ladder;
mod linearizable;
mod pram;
pub(crate) mod proof;
mod readings;
pub(crate) mod rows;
mod saturation;
mod sequential;
mod session;
pub(crate) mod sessions;

#[cfg(test)]
pub(crate) mod tests;

use splitbrain_core::{End, Finding, Verdict};

use crate::budget::Budget;
use crate::cases::operation_id;
use crate::planted::{Planted, planted};

pub use access::Access;
pub use ladder::{Ladder, Rung, ladder};

use readings::Readings;
use session::{Guarantee, guarantee};

/// What a history of reads and writes may be held to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Model {
    /// One copy, and each operation takes effect between its request and its answer.
    Linearizable,
    /// One copy, and everyone may be behind.
    Sequential,
    /// CM: what depends on something is seen after it, and each session has one order of writes.
    CausalMemory,
    /// CCv: what depends on something is seen after it, and all agree on one order of writes.
    CausalConvergence,
    /// CC: what depends on something is seen after it.
    Causal,
    /// Each session's writes are seen in its order.
    Pram,
    /// WFR: who sees a write has seen what its session had seen.
    WritesFollowReads,
    /// MW: who sees a write has seen what its session wrote before.
    MonotonicWrites,
    /// MR: what was seen stays seen.
    MonotonicReads,
    /// RYW: what was written is seen by who wrote it.
    ReadYourWrites,
    /// In the end everyone sees the same.
    Eventual,
}

impl Model {
    /// All, the stronger before what they imply.
    pub const ALL: [Self; 11] = [
        Self::Linearizable,
        Self::Sequential,
        Self::CausalMemory,
        Self::CausalConvergence,
        Self::Causal,
        Self::Pram,
        Self::WritesFollowReads,
        Self::MonotonicWrites,
        Self::MonotonicReads,
        Self::ReadYourWrites,
        Self::Eventual,
    ];

    /// The name on a command line.
    ///
    /// ```
    /// use splitbrain_check::memory::Model;
    /// assert_eq!(Model::MonotonicReads.name(), "monotonic-reads");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linearizable => "linearizable",
            Self::Sequential => "sequential",
            Self::CausalMemory => "causal-memory",
            Self::CausalConvergence => "causal-convergence",
            Self::Causal => "causal",
            Self::Pram => "pram",
            Self::WritesFollowReads => "writes-follow-reads",
            Self::MonotonicWrites => "monotonic-writes",
            Self::MonotonicReads => "monotonic-reads",
            Self::ReadYourWrites => "read-your-writes",
            Self::Eventual => "eventual",
        }
    }

    /// The name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Linearizable => "linearizable",
            Self::Sequential => "sequential",
            Self::CausalMemory => "causal memory (CM)",
            Self::CausalConvergence => "causal convergence (CCv)",
            Self::Causal => "causal consistency (CC)",
            Self::Pram => "PRAM",
            Self::WritesFollowReads => "writes follow reads (WFR)",
            Self::MonotonicWrites => "monotonic writes (MW)",
            Self::MonotonicReads => "monotonic reads (MR)",
            Self::ReadYourWrites => "read your writes (RYW)",
            Self::Eventual => "eventual",
        }
    }

    /// What it implies at once.
    const fn next(self) -> &'static [Self] {
        match self {
            Self::Linearizable => &[Self::Sequential, Self::Eventual],
            Self::Sequential => &[Self::CausalMemory, Self::CausalConvergence],
            Self::CausalMemory => &[Self::Causal, Self::Pram, Self::WritesFollowReads],
            Self::CausalConvergence => &[
                Self::Causal,
                Self::WritesFollowReads,
                Self::MonotonicWrites,
                Self::MonotonicReads,
            ],
            Self::Causal => &[Self::ReadYourWrites],
            Self::Pram => &[Self::MonotonicWrites, Self::MonotonicReads, Self::ReadYourWrites],
            Self::WritesFollowReads
            | Self::MonotonicWrites
            | Self::MonotonicReads
            | Self::ReadYourWrites
            | Self::Eventual => &[],
        }
    }

    /// Whether every history that satisfies this model satisfies the other.
    ///
    /// ```
    /// use splitbrain_check::memory::Model;
    /// assert!(Model::Sequential.implies(Model::Pram));
    /// assert!(!Model::CausalConvergence.implies(Model::Pram));
    /// ```
    pub fn implies(self, other: Self) -> bool {
        self == other || self.next().iter().any(|next| next.implies(other))
    }
}

/// Judges a history by one model.
///
/// Invalid with what breaks it, valid, or unknown with the reason: the budget, values that were
/// written twice, or nothing to judge.
pub fn judge(accesses: &[Access], model: Model, budget: Budget) -> Verdict {
    let mut verdict = Verdict::default();
    if !accesses.iter().any(|access| access.end == End::Ok) {
        verdict.undecided.push("no operation was answered".into());
        return verdict;
    }
    match model {
        Model::Linearizable => return linearizable::linearizable(accesses, budget),
        Model::Eventual => return convergence::eventual(accesses),
        _ => (),
    }
    let readings = Readings::new(accesses);
    if let Some(finding) = thin_air(&readings) {
        verdict.findings.push(finding);
        return verdict;
    }
    let mut verdict = match model {
        Model::Linearizable | Model::Eventual => verdict,
        Model::Sequential => sequential::sequential(&readings, budget),
        Model::CausalMemory => causal::memory(&readings, budget),
        Model::CausalConvergence => causal::convergence(&readings, budget),
        Model::Causal => causal::consistency(&readings, budget),
        Model::Pram => pram::pram(&readings, budget),
        Model::WritesFollowReads => guarantee(&readings, Guarantee::WritesFollowReads, budget),
        Model::MonotonicWrites => guarantee(&readings, Guarantee::MonotonicWrites, budget),
        Model::MonotonicReads => guarantee(&readings, Guarantee::MonotonicReads, budget),
        Model::ReadYourWrites => guarantee(&readings, Guarantee::ReadYourWrites, budget),
    };
    if let (Some((count, what)), true) = (&readings.ambiguous, model != Model::Sequential) {
        verdict.undecided.push(format!(
            "{count} reads found values that were written more than once, such as {what}: whose \
             they are is not known"
        ));
    }
    verdict
}

/// A read of what nobody wrote: no model allows that.
fn thin_air(readings: &Readings<'_>) -> Option<Finding> {
    let (read, failed) =
        readings.thin_air.first().filter(|_| !planted(Planted::ThinAirForgiven))?;
    let words = readings.accesses[*read].words();
    let sentence = match failed {
        Some(_) => format!("{words}, though the write of it had failed"),
        None => format!("{words}, which nobody ever wrote"),
    };
    let shown = failed.iter().chain([read]).map(|at| operation_id(*at));
    Some(Finding::new("READ-THIN-AIR", sentence).operations(shown))
}
