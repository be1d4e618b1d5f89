//! Histories that the judges must accept and reject, a judge that tries every order, and planted
//! bugs of the judges that one or the other must notice.

mod cases;
mod isolation;
mod kafka;
mod objects;

use splitbrain_core::Rng;

use crate::fuzz::{Model, models};
use crate::memory;
use crate::planted::{ALL, with};
use crate::weak_isolation;

#[test]
fn judges_accept_and_reject_as_told() {
    let failures = cases::failures();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn logs_are_judged_as_told() {
    let failures = kafka::failures();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn logs_are_judged_by_the_definitions() {
    assert_eq!(kafka::disagreement(20_000), None);
}

/// The first disagreement between an algorithm and its definition.
fn disagreement(histories: u64) -> Option<String> {
    let run = |model: &Model| (model.run)(&mut Rng::new(20_261_122), histories).err();
    models("").find_map(run)
}

#[test]
fn every_algorithm_agrees_with_its_definition() {
    for model in models("") {
        let tally = (model.run)(&mut Rng::new(7), 3_000).unwrap_or_else(|wrong| panic!("{wrong}"));
        let share = tally.invalid * 100 / tally.histories;
        assert!((5..60).contains(&share), "{}: {share} % are invalid", model.name);
    }
}

/// Says which named histories are judged otherwise than told.
type Named = fn() -> Vec<String>;
/// Compares so many random histories with the definitions, and tells the first that differs.
type Compare = fn(u64) -> Option<String>;

const NAMED: [Named; 5] = [
    cases::failures,
    kafka::failures,
    memory::tests::failures,
    isolation::failures,
    weak_isolation::tests::failures,
];
const COMPARED: [(Compare, u64); 4] = [
    (disagreement, 300),
    (|count| memory::tests::disagreement(u32::try_from(count).ok()?), 4_000),
    (|count| weak_isolation::tests::disagreement(u32::try_from(count).ok()?), 4_000),
    (disagreement, 6_000),
];

/// Each planted bug must be noticed by a named history or by a comparison.
#[test]
fn planted_bugs_are_noticed() {
    let is_noticed = |bug| {
        NAMED.iter().any(|named| !with(Some(bug), named).is_empty())
            || COMPARED.iter().any(|(compare, count)| with(Some(bug), || compare(*count)).is_some())
    };
    let unnoticed: Vec<_> = ALL.iter().filter(|bug| !is_noticed(**bug)).collect();
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
}
