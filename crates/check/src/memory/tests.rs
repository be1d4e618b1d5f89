//! Histories that separate the models, judges written from the definitions, and the implications
//! between models.

mod by_definition;
mod random;
mod told;

use splitbrain_core::{Rng, Validity};

use super::{Model, judge, ladder};
use crate::Budget;

pub(crate) use by_definition::disagreement;
pub(crate) use told::failures;

#[test]
fn histories_are_judged_as_told() {
    let failures = failures();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn judges_agree_with_the_definitions() {
    assert_eq!(disagreement(6_000), None);
}

/// Whatever satisfies a model satisfies all that it implies, each judged by itself.
#[test]
fn implications_hold() {
    let mut rng = Rng::new(7);
    let mut satisfied = [0_u32; Model::ALL.len()];
    let mut broken = [0_u32; Model::ALL.len()];
    for number in 0..3_000 {
        let shape = random::Shape { sessions: 2 + number % 4, operations: 30, keys: 3 };
        let history = random::history(&mut rng, shape);
        let validity = |model| judge(&history, model, Budget::default()).validity();
        let all = Model::ALL.map(|model| (model, validity(model)));
        for ((model, of), (yes, no)) in all.iter().zip(satisfied.iter_mut().zip(&mut broken)) {
            *yes += u32::from(*of == Validity::Valid);
            *no += u32::from(*of == Validity::Invalid);
            for (weaker, of_weaker) in &all {
                let wrong = model.implies(*weaker)
                    && *of == Validity::Valid
                    && *of_weaker == Validity::Invalid;
                assert!(!wrong, "history {number}: {model:?}, yet not {weaker:?}: {history:?}");
            }
        }
        for rung in ladder(&history, Budget::default()).rungs {
            let (_, of) = all[Model::ALL.iter().position(|model| *model == rung.model).unwrap()];
            // A rung may follow from another where by itself it would be unknown.
            let said = rung.verdict.validity();
            let alike = said == of || of == Validity::Unknown;
            assert!(alike, "history {number}: {:?} is {said}, not {of}", rung.model);
        }
    }
    assert!(satisfied.iter().chain(&broken).all(|count| *count > 30), "{satisfied:?} {broken:?}");
}

#[test]
fn judges_give_up_within_their_budget() {
    let mut rng = Rng::new(11);
    let shape = random::Shape { sessions: 4, operations: 40, keys: 3 };
    for budget in
        [Budget { states: 3, memory_bytes: 1 << 20 }, Budget { states: 1_000, memory_bytes: 64 }]
    {
        let mut unknown = 0;
        for _ in 0..200 {
            let history = random::history(&mut rng, shape);
            for model in Model::ALL {
                let exact = judge(&history, model, Budget::default()).validity();
                let poor = judge(&history, model, budget).validity();
                assert!(poor == exact || poor == Validity::Unknown, "{model:?}: {history:?}");
                unknown += u32::from(poor == Validity::Unknown);
            }
        }
        assert!(unknown > 100, "{unknown} with {budget:?}");
    }
}

#[test]
fn a_ladder_is_drawn() {
    let history = told::accesses(
        "c1 n1 |-w1-|   |-y/w1-|
         c2 n2                   |-y/r1-| |-rnil-|",
    );
    let drawn = ladder(&history, Budget::default()).to_string();
    let expected = "\
╟ ✗ ╢ linearizable
╟ ✗ ╢ sequential
╟ ✗ ╢ causal memory (CM)
╟ ✗ ╢ causal convergence (CCv)
╟ ✗ ╢ causal consistency (CC)    CAUSAL-STALE-INITIAL: c2's read x = nothing, though it had to \
        know of c1's write x=1, because c1's write x=1 came before c1's write y=1 in one session, \
        and c2's read y = 1 found what c1's write y=1 had written, and c2's read y = 1 came before \
        c2's read x = nothing in one session
╟ ✗ ╢ PRAM
╟ ✓ ╢ writes follow reads (WFR)
╟ ✗ ╢ monotonic writes (MW)      SESSION-MW: c2's read x = nothing misses c1's write x=1, though \
        its session had seen c1's write y=1, which the same session wrote later
╟ ✓ ╢ monotonic reads (MR)
╟ ✓ ╢ read your writes (RYW)
╟ ? ╢ eventual                   no key was read twice after everything had settled
the strongest that hold: writes follow reads (WFR), monotonic reads (MR), read your writes (RYW)
";
    assert_eq!(drawn, expected);
}
