//! What makes a check weak: a workload that never put the promise to the test.

use splitbrain_core::{End, Verdict};

use crate::transaction::{MicroOp, Transactions};

/// Below this share of transactions that touch what another process writes, in percent, a workload
/// has too few conflicts.
const CONFLICTS_PERCENT: usize = 10;

/// How many transactions a history must have before its shares mean something.
const ENOUGH: usize = 20;

/// What each key was used for.
#[derive(Clone, Copy, Default)]
struct Use {
    is_read: bool,
    writer: Option<u32>,
    several_writers: bool,
}

/// Adds what makes the check weak.
pub(super) fn remarks(history: &Transactions, happened: &[bool], verdict: &mut Verdict) {
    let mut weak = |why: String| {
        verdict.remarks.push(("this check is weak because".into(), why));
    };
    let count = happened.iter().filter(|happened| **happened).count();
    if count < ENOUGH {
        return;
    }
    let uses = uses(history, happened);
    let written = uses.iter().filter(|of| of.writer.is_some()).count();
    let unread = uses.iter().filter(|of| of.writer.is_some() && !of.is_read).count();
    if unread * 2 > written {
        weak(format!("{unread} of {written} keys were written and never read"));
    }
    let conflicts = conflicts(history, happened, &uses);
    if conflicts * 100 < count * CONFLICTS_PERCENT {
        weak(format!(
            "only {conflicts} of {count} transactions touch a key that another process writes"
        ));
    }
    if !overlaps(history, happened) {
        weak("no two transactions overlap in time: nothing could get mixed up".into());
    }
}

fn uses(history: &Transactions, happened: &[bool]) -> Vec<Use> {
    let mut uses = vec![Use::default(); history.key_count()];
    for id in history.ids().filter(|id| happened[id.index()]) {
        let process = history.process(id).0;
        for op in history.ops(id) {
            let of = &mut uses[op.key().index()];
            match op {
                MicroOp::Read { .. } => of.is_read |= history.outcome(id) == End::Ok,
                _ => {
                    of.several_writers |= of.writer.is_some_and(|writer| writer != process);
                    of.writer = Some(process);
                }
            }
        }
    }
    uses
}

/// How many transactions touch a key that another process writes.
fn conflicts(history: &Transactions, happened: &[bool], uses: &[Use]) -> usize {
    let conflicts = |id: &splitbrain_core::OperationId| {
        let process = history.process(*id).0;
        history.ops(*id).any(|op| {
            let of = uses[op.key().index()];
            of.several_writers || of.writer.is_some_and(|writer| writer != process)
        })
    };
    history.ids().filter(|id| happened[id.index()]).filter(conflicts).count()
}

/// Whether two transactions overlap in time.
fn overlaps(history: &Transactions, happened: &[bool]) -> bool {
    let mut spans: Vec<(u32, u32)> = history
        .ids()
        .filter(|id| happened[id.index()])
        .map(|id| {
            let ended = history.completed(id).filter(|_| history.outcome(id) == End::Ok);
            (history.invoked(id), ended.unwrap_or(u32::MAX))
        })
        .collect();
    spans.sort_unstable();
    let mut latest = 0;
    spans.iter().enumerate().any(|(at, (from, to))| {
        let overlaps = at > 0 && *from <= latest;
        latest = latest.max(*to);
        overlaps
    })
}
