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

/// Each planted bug must be noticed by a named history or by the comparison.
#[test]
fn planted_bugs_are_noticed() {
    let mut unnoticed = Vec::new();
    for &bug in ALL {
        let by_case = with(Some(bug), || cases::failures().into_iter().next());
        let by_case = by_case.or_else(|| with(Some(bug), || kafka::failures().into_iter().next()));
        let soon = || with(Some(bug), || disagreement(300));
        let late = || with(Some(bug), || disagreement(6_000));
        let weak = || {
            let told = || memory::tests::failures().into_iter().next();
            with(Some(bug), || told().or_else(|| memory::tests::disagreement(4_000)))
        };
        let transactions = || with(Some(bug), || isolation::failures().into_iter().next());
        if by_case.or_else(soon).or_else(weak).or_else(transactions).or_else(late).is_none() {
            unnoticed.push(bug);
        }
    }
    assert_eq!(unnoticed, []);
}
