//! Histories that the judges must accept and reject, a judge that tries every order, and planted
//! bugs of the judges that one or the other must notice.

mod brute_force;
mod cases;
mod isolation;
mod kafka;

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

#[test]
fn search_agrees_with_trying_every_order() {
    assert_eq!(brute_force::disagreement(40_000), None);
}

/// Each planted bug must be noticed by a named history or by the comparison.
#[test]
fn planted_bugs_are_noticed() {
    let mut unnoticed = Vec::new();
    for &bug in ALL {
        let by_case = with(Some(bug), || cases::failures().into_iter().next());
        let by_case = by_case.or_else(|| with(Some(bug), || kafka::failures().into_iter().next()));
        let by_force = || with(Some(bug), || brute_force::disagreement(20_000));
        let weak = || {
            let told = || memory::tests::failures().into_iter().next();
            with(Some(bug), || told().or_else(|| memory::tests::disagreement(4_000)))
        };
        let transactions = || {
            let told = || isolation::failures().into_iter().next();
            with(Some(bug), || told().or_else(|| isolation::disagreement(20_000)))
        };
        if by_case.or_else(by_force).or_else(weak).or_else(transactions).is_none() {
            unnoticed.push(bug);
        }
    }
    assert_eq!(unnoticed, []);
}
