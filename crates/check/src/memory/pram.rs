//! PRAM: everyone sees what each session wrote in that session's order, and nothing else holds.
//!
//! PROBLEM     Replicas send their writes to the others through pipes that keep their order. That
//!             is cheap. What does it promise?
//! IDEA        Pipelined RAM, also called FIFO consistency (Lipton and Sandberg 1988): for each
//!             session there is one order of all writes and of its own reads that keeps the order
//!             of every session, and in which each read finds the last write before it.
//! RULES       Decided by saturation, one session at a time: `PRAM-NO-ORDER`.
//! CAVEATS     What others read says nothing here; so an answer may be seen before its question.
//! READ NEXT   saturation.rs → session.rs

use splitbrain_core::Verdict;

use super::causal::{finding, one_by_one, out_of_budget};
use super::causality::Clocks;
use super::readings::Readings;
use super::saturation::{Observer, Saturated, Saturation};
use crate::budget::Budget;
use crate::planted::{Planted, planted};

/// `PRAM-NO-ORDER`.
pub(crate) fn pram(readings: &Readings<'_>, budget: Budget) -> Verdict {
    let mut verdict = Verdict::default();
    let sessions = &readings.sessions;
    if Clocks::bytes(sessions) > budget.memory_bytes {
        verdict.undecided.push(format!(
            "the clocks of {} operations in {} sessions do not fit into {} bytes",
            sessions.len(),
            sessions.count(),
            budget.memory_bytes
        ));
        return verdict;
    }
    let mut order: Vec<u32> = sessions.nodes().collect();
    order.sort_by_key(|node| sessions.operation(*node));
    let mut left = budget.states;
    for session in (0..).take(sessions.count()) {
        let observer = if planted(Planted::PramIsMemory) {
            Observer::OneOfAll(session)
        } else {
            Observer::Alone(session)
        };
        let clocks = Clocks::of_sessions(sessions);
        let mut saturation = Saturation::new(sessions, observer, clocks, &order, left);
        let (saturated, states) = saturation.run();
        left = states;
        match saturated {
            Saturated::Consistent => (),
            Saturated::OutOfBudget => {
                verdict.undecided.push(out_of_budget(budget));
                return verdict;
            }
            Saturated::Cycle(steps) => {
                let sentence = one_by_one(readings, session, &steps);
                verdict.findings.push(finding("PRAM-NO-ORDER", sentence, readings, &steps));
                return verdict;
            }
        }
    }
    verdict
}
