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
//! FILES       `patches/<node>/<mutant>.patch` with the headers `breaks`, `engine`, `source`,
//!             `mistake`; `variants/<node>/<variant>.patch` with `source` and `idea`.
//! READ NEXT   patches/broadcast/ → patch.rs → ../build.rs → ../tests/kill.rs

#[cfg(test)]
mod patch;

pub use splitbrain_algorithms::{Entry, Kind};

pub use patched::*;

#[expect(clippy::allow_attributes, reason = "not every mutant leaves something unused behind")]
mod patched {
    #![allow(warnings, clippy::all, reason = "bugs are planted here on purpose")]

    use splitbrain_algorithms::{Entry, Kind};

    include!(concat!(env!("OUT_DIR"), "/registry.rs"));
}
