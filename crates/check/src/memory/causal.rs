//! Causal consistency, in the three senses that the field gives it.
//!
//! PROBLEM     Someone who has seen an answer should have seen the question. What else should hold
//!             beside that is told differently.
//! IDEA        Where each value is written once, each sense holds exactly if none of a few bad
//!             patterns is there [bouajjani2017 §5], and these are found in polynomial time. They
//!             look at the causal order: see causality.rs.
//! RULES       In all three: no cycle in the causal order (`CAUSAL-CYCLE`), nothing from thin air
//!             (`READ-THIN-AIR`), and no read of nothing (`CAUSAL-STALE-INITIAL`), or of a write
//!             that was replaced (`CAUSAL-STALE`), by what is causally before the read. That much
//!             is *causal consistency* (CC).
//!             *Causal convergence* (CCv): and one order of all writes explains every read, so that
//!             replicas which keep the newest agree in the end. Bad: `CAUSAL-DIVERGED`.
//!             *Causal memory* (CM): and one order for each session explains all its reads, one
//!             after the other [ahamad1995 §2]. Bad: `CAUSAL-MEMORY`.
//! CAVEATS     CM and CCv do not imply one another. CC alone lets a session see two concurrent
//!             writes in turn, again and again.
//! READ NEXT   saturation.rs → commit_order.rs → pram.rs

use splitbrain_core::{Finding, Verdict};

use super::causality::{Clocks, clocks, topological};
use super::commit_order::{Commit, commit_order};
use super::proof::{self, Step, Why, causal_steps, shortest};
use super::readings::Readings;
use super::saturation::{Observer, Saturated, Saturation};
use super::sessions::{INITIAL, Sessions};
use crate::budget::Budget;
use crate::cases::operation_id;
use crate::planted::{Planted, planted};

/// CC: `CAUSAL-CYCLE`, `CAUSAL-STALE`, `CAUSAL-STALE-INITIAL`.
pub(crate) fn consistency(readings: &Readings<'_>, budget: Budget) -> Verdict {
    let mut verdict = Verdict::default();
    if let Some((_, clocks)) = order(readings, budget, &mut verdict) {
        verdict.findings.extend(stale(readings, &clocks));
    }
    verdict
}

/// CCv: those of CC, and `CAUSAL-DIVERGED`.
pub(crate) fn convergence(readings: &Readings<'_>, budget: Budget) -> Verdict {
    let mut verdict = Verdict::default();
    let Some((order, clocks)) = order(readings, budget, &mut verdict) else { return verdict };
    verdict.findings.extend(stale(readings, &clocks));
    if !verdict.findings.is_empty() {
        return verdict;
    }
    drop(clocks);
    if let Commit::Cycle(steps) = commit_order(&readings.sessions, &order) {
        let sentence = format!(
            "no one order of the writes explains all reads: {}",
            proof::chain(readings, &newer(&steps))
        );
        verdict.findings.push(finding("CAUSAL-DIVERGED", sentence, readings, &steps));
    }
    verdict
}

/// CM: those of CC, and `CAUSAL-MEMORY`.
pub(crate) fn memory(readings: &Readings<'_>, budget: Budget) -> Verdict {
    let mut verdict = Verdict::default();
    let Some((order, causal)) = order(readings, budget, &mut verdict) else { return verdict };
    verdict.findings.extend(stale(readings, &causal));
    if !verdict.findings.is_empty() {
        return verdict;
    }
    let sessions = &readings.sessions;
    let mut left = budget.states;
    for session in (0..).take(sessions.count()) {
        let observer = if planted(Planted::MemoryForgetsOthers) {
            Observer::Alone(session)
        } else {
            Observer::OneOfAll(session)
        };
        let mut saturation = Saturation::new(sessions, observer, causal.clone(), &order, left);
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
                verdict.findings.push(finding("CAUSAL-MEMORY", sentence, readings, &steps));
                return verdict;
            }
        }
    }
    verdict
}

/// The causal order and its clocks; or the verdict says why there are none.
pub(crate) fn order(
    readings: &Readings<'_>,
    budget: Budget,
    verdict: &mut Verdict,
) -> Option<(Vec<u32>, Clocks)> {
    let sessions = &readings.sessions;
    let order = topological(sessions);
    if order.len() < sessions.len() {
        verdict.findings.push(circular(readings, &order));
        return None;
    }
    // The causal order's, and those of the one session that is looked at.
    if Clocks::bytes(sessions) * 2 > budget.memory_bytes {
        verdict.undecided.push(format!(
            "the clocks of {} operations in {} sessions do not fit into {} bytes",
            sessions.len(),
            sessions.count(),
            budget.memory_bytes
        ));
        return None;
    }
    let clocks = clocks(sessions, &order);
    Some((order, clocks))
}

/// Some operations depend on themselves: those that are missing from the order, or some of them.
fn circular(readings: &Readings<'_>, order: &[u32]) -> Finding {
    let sessions = &readings.sessions;
    let mut in_order = vec![false; sessions.len()];
    order.iter().for_each(|node| in_order[*node as usize] = true);
    let missing = sessions.nodes().filter(|node| !in_order[*node as usize]);
    let cycle = |node| shortest(sessions, node, node, causal_steps(sessions));
    let steps = missing.filter_map(cycle).min_by_key(Vec::len).unwrap_or_default();
    let sentence =
        format!("each of these had to come before itself: {}", proof::chain(readings, &steps));
    finding("CAUSAL-CYCLE", sentence, readings, &steps)
}

/// The first read, in the order of the history, that found what had been replaced causally before
/// it.
fn stale(readings: &Readings<'_>, clocks: &Clocks) -> Option<Finding> {
    let sessions = &readings.sessions;
    let (read, newer) = sessions
        .nodes()
        .filter_map(|node| Some((node, replaced(sessions, clocks, node)?)))
        .min_by_key(|(node, _)| sessions.operation(*node))?;
    let mut steps = shortest(sessions, newer, read, causal_steps(sessions))?;
    steps.push(Step { from: read, to: newer, why: Why::Replaced });
    let reader = readings.words(read);
    let reached = proof::chain(readings, &steps[..steps.len() - 1]);
    let writer = writer(sessions, read, newer)?;
    if writer == INITIAL {
        let sentence = format!(
            "{reader}, though it had to know of {}, because {reached}",
            readings.words(newer)
        );
        return Some(finding("CAUSAL-STALE-INITIAL", sentence, readings, &steps));
    }
    let replacing = shortest(sessions, writer, newer, causal_steps(sessions))?;
    let sentence = format!(
        "{reader} had been replaced: {}; and the reader had to know, because {reached}",
        proof::chain(readings, &replacing)
    );
    let shown: Vec<Step> = steps.iter().chain(&replacing).copied().collect();
    let shown = proof::operations(readings, &shown).into_iter().map(operation_id);
    let finding = Finding::new("CAUSAL-STALE", sentence).operations(shown);
    Some(finding.proof(proof::cycle(readings, &steps)))
}

/// Whose write of the key that `newer` writes the node had found.
fn writer(sessions: &Sessions, node: u32, newer: u32) -> Option<u32> {
    let read = sessions.reads(node).iter().find(|read| sessions.writes(newer).contains(&read.key));
    read.map(|read| read.writer)
}

/// A write that is causally before the node and after what its read had found.
fn replaced(sessions: &Sessions, clocks: &Clocks, node: u32) -> Option<u32> {
    sessions.reads(node).iter().find_map(|read| {
        let mut known = sessions.latest(read.key, |session| clocks.known(node, session));
        known.find(|newer| {
            *newer != read.writer
                && if read.writer == INITIAL {
                    !planted(Planted::InitialForgiven)
                } else if planted(Planted::StaleWithinSessionOnly) {
                    sessions.session(*newer) == sessions.session(read.writer)
                        && *newer > read.writer
                } else {
                    clocks.is_before(sessions, read.writer, *newer)
                }
        })
    })
}

/// The steps that tell which write is newer.
fn newer(steps: &[Step]) -> Vec<Step> {
    let is_newer = |step: &&Step| matches!(step.why, Why::Older { .. });
    steps.iter().filter(is_newer).copied().collect()
}

/// Why a session's reads have no order, in one sentence.
pub(crate) fn one_by_one(readings: &Readings<'_>, session: u32, steps: &[Step]) -> String {
    let first = readings.sessions.operation(readings.sessions.of(session).start);
    format!(
        "no order of the writes explains what {} read, one after the other: {}",
        readings.accesses[first].process,
        proof::chain(readings, steps)
    )
}

pub(crate) fn out_of_budget(budget: Budget) -> String {
    format!("not decided within {} states", budget.states)
}

/// A finding with its cycle as proof.
pub(crate) fn finding(
    id: &'static str,
    sentence: String,
    readings: &Readings<'_>,
    steps: &[Step],
) -> Finding {
    let operations = proof::operations(readings, steps).into_iter().map(operation_id);
    Finding::new(id, sentence).operations(operations).proof(proof::cycle(readings, steps))
}
