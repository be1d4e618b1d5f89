//! The reference library with one bug each: what judges and graders must notice, by name.
//!
//! PROBLEM     A test that passes may be a test that cannot fail. To trust it, plant a bug and see
//!             it caught; to trust it fully, plant every bug that people make.
//! IDEA        A mutant is a copy of a reference node with one small patch. The reference stays
//!             free of switches: `build.rs` copies it, applies the patch strictly, and lists the
//!             result.
//! RULES       1. Each mutant declares the findings that show it; one of them must, within 200
//!                seeds.
//!             2. Each variant is another design that is right too; no judge may call it wrong.
//!             3. A patch that no longer applies fails the build.
//!             4. Where an algorithm is a folder, a mutant is a copy of the folder.
//! FILES       `patches/<node>/<mutant>.patch` with the headers `breaks`, `engine`, `source`,
//!             `mistake`; `explored/...`, the same, for those that the explorer kills;
//!             `variants/<node>/<variant>.patch` with `source` and `idea`.
//! READ NEXT   patches/broadcast/ → patch.rs → ../build.rs → ../tests/kill.rs

mod explored;
#[cfg(test)]
mod patch;

use splitbrain_check::Judge;
use splitbrain_core::Node;
use splitbrain_sim::{Hosted, Subject};

pub use explored_copies::{EXPLORED, explored_mutants};
pub use patched::*;
pub use splitbrain_algorithms::{Entry, Kind};

/// The node `N` under a name, to be tested.
///
/// The simulator is made for each type of node anew, which costs the compiler more than a second a
/// piece. For mutants that happens in this crate: who only wants to run them does not wait for it.
pub fn subject<N: Node<Api: Judge>>(name: &str) -> Box<dyn Subject> {
    let promises = splitbrain_algorithms::promises(name);
    Box::new(Hosted::<N>::new(name, splitbrain::judging()).promising(promises))
}

#[expect(clippy::allow_attributes, reason = "not every mutant leaves something unused behind")]
mod patched {
    #![allow(warnings, clippy::all, reason = "bugs are planted here on purpose")]

    use splitbrain_algorithms::{Entry, Kind};
    use splitbrain_sim::Subject;

    use crate::subject;

    include!(concat!(env!("OUT_DIR"), "/registry.rs"));
}

#[expect(clippy::allow_attributes, reason = "not every mutant leaves something unused behind")]
mod explored_copies {
    #![allow(warnings, clippy::all, reason = "bugs are planted here on purpose")]

    use splitbrain_algorithms::{Entry, Kind};
    use splitbrain_explore::Case;

    use crate::explored::explored;
    use crate::patched::*;

    include!(concat!(env!("OUT_DIR"), "/explored.rs"));
}

/// The nodes without a planted bug that are explored: all runs within the bounds of each are right.
pub fn explored_references() -> Vec<Box<dyn splitbrain_explore::Case>> {
    use explored::explored;
    use splitbrain_algorithms::{
        abd, alternating_bit, lease, paxos, single_copy, two_phase_commit,
    };
    vec![
        explored::<single_copy::SingleCopy>("single-copy"),
        explored::<abd::Abd>("abd"),
        explored::<alternating_bit::AlternatingBit>("alternating-bit"),
        explored::<lease::Lease>("lease"),
        explored::<two_phase_commit::TwoPhaseCommit>("two-phase-commit"),
        explored::<paxos::Paxos>("paxos"),
    ]
}
