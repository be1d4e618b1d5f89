//! The self-test kit: every algorithm against its definition, on histories drawn at random.
//!
//! PROBLEM     A judge with a bug calls wrong systems right, and nobody notices.
//! IDEA        Draw small histories: some right, some with a wrong answer, with operations that
//!             overlap, fail, or never end. Judge each by every algorithm there is, and by one that
//!             tries every order. All must agree.
//! RULES       A model is deterministic: the same seed draws the same histories.
//!             What disagrees is printed in full, so that it can become a test.
//! READ NEXT   fuzz/by_force.rs → fuzz/objects.rs → fuzz/lin.rs → fuzz/txn.rs

mod by_force;
mod lin;
mod objects;
mod txn;

use splitbrain_core::Rng;

/// One kind of history, and the algorithms that are compared on it.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Its name: what it is about, then the object: `lin-queue`.
    pub name: &'static str,
    /// Draws histories and compares what is said of them.
    pub run: fn(&mut Rng, u64) -> Outcome,
}

/// What came of drawing histories: how many were what, or the first on which two algorithms
/// disagree, in words.
pub type Outcome = Result<Tally, String>;

/// How many histories were drawn, and what they were.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// All.
    pub histories: u64,
    /// Those that are not as the model demands.
    pub invalid: u64,
    /// Those that were also decided without a search, or by a second algorithm that does not apply
    /// to all.
    pub fast: u64,
}

/// All models.
pub const MODELS: &[&[Model]] = &[lin::MODELS, txn::MODELS];

/// All models whose name begins so.
pub fn models(begin: &str) -> impl Iterator<Item = &'static Model> {
    MODELS.iter().copied().flatten().filter(move |model| model.name.starts_with(begin))
}
