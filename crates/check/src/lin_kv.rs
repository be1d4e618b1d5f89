//! `lin-kv`: each key must behave as if there were one copy of it.
//!
//! PROBLEM     Clients read, write and compare-and-set keys that are replicated. Is there an order
//!             that explains every answer?
//! IDEA        A history is linearizable if and only if that of each key is [herlihy1990 §3.1]:
//!             judge key by key. The search decides; then the fewest operations that show the
//!             failure are found, and only these decide how it is called.
//! RULES       `LIN-PHANTOM-READ`  a value that nobody had written.
//!             `LIN-LOST-WRITE`    a write was acknowledged, nobody ever saw it, and what it had
//!                                 replaced is still there.
//!             `LIN-STALE-READ`    a value that had been replaced before the read began.
//!             `LIN-INVERSION`     two reads, one after the other, went back in time.
//!             `LIN-NO-ORDER`      anything else that no order explains.
//! CAVEATS     Only the first failure of each key is told.
//! READ NEXT   linearizability.rs → minimal.rs

mod reason;

use std::collections::BTreeMap;

use splitbrain_core::workload::Workload;
use splitbrain_core::workload::lin_kv::{LinKv, Request, Response};
use splitbrain_core::{ErrorCode, Finding, History, Operation, Outcome, Verdict};

use crate::Judge;
use crate::linearizability::{Answer, Entry, GaveUp, search};
use crate::planted::{Planted, planted};
use crate::spec::{Register, RegisterCall};

/// How to judge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// What a definite failure says.
    pub failures: Failures,
    /// How many configurations the search of one key may look at.
    pub budget: u64,
}

impl Options {
    /// Failures are answers; a million configurations per key, which take less than a second.
    pub const STRICT: Self = Self { failures: Failures::Answers, budget: 1_000_000 };
    /// The same, with Maelstrom's idea of failures.
    pub const MAELSTROM: Self = Self { failures: Failures::Ignored, ..Self::STRICT };
}

/// What a definite failure of a read or a compare-and-set says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failures {
    /// `key-does-not-exist`: there was no value. `precondition-failed`: there was another value.
    Answers,
    /// Only that the operation did not happen, as Maelstrom and Jepsen take it.
    Ignored,
}

impl Judge for LinKv {
    /// `LIN-PHANTOM-READ`, `LIN-LOST-WRITE`, `LIN-STALE-READ`, `LIN-INVERSION`, `LIN-NO-ORDER`.
    fn judge(history: &History<Self>) -> Verdict {
        judge(history, Options::STRICT)
    }
}

/// An operation of one key that the search takes part in.
#[derive(Clone, Copy)]
struct Keyed {
    /// Its place in the history.
    operation: usize,
    entry: Entry<RegisterCall>,
}

/// Judges with other options than [`Judge::judge`], which takes [`Options::STRICT`].
pub fn judge(history: &History<LinKv>, options: Options) -> Verdict {
    let mut keys: BTreeMap<u64, Vec<Keyed>> = BTreeMap::new();
    for (at, operation) in history.operations.iter().enumerate() {
        if let Some(entry) = entry(operation, options.failures) {
            keys.entry(operation.request.key()).or_default().push(Keyed { operation: at, entry });
        }
    }
    let mut verdict = Verdict::default();
    if !history.operations.iter().any(|operation| operation.response().is_some()) {
        verdict.undecided.push("no operation was answered".into());
    }
    if planted(Planted::OneKey) {
        keys = keys.into_iter().take(1).collect();
    }
    let mut findings = Vec::new();
    for (key, operations) in &keys {
        let entries: Vec<_> = operations.iter().map(|keyed| keyed.entry).collect();
        match search(&Register, &entries, options.budget).answer {
            Answer::Linearizable => (),
            Answer::NotLinearizable { at } => {
                findings.push(reason::finding(history, operations, &entries, at, options.budget));
            }
            Answer::Unknown(why) => verdict.undecided.push(match why {
                GaveUp::Budget => {
                    format!("{}: not decided within {} configurations", name(*key), options.budget)
                }
                GaveUp::TooWide => {
                    format!("{}: more than 1,024 operations were open at once", name(*key))
                }
            }),
        }
    }
    verdict.findings = worst_first(findings);
    verdict
}

/// The findings, worst first; of many, the first few.
fn worst_first(mut findings: Vec<Finding>) -> Vec<Finding> {
    const TOLD: usize = 5;
    let rank = |finding: &Finding| reason::IDS.iter().position(|id| *id == finding.id);
    findings.sort_by_key(|finding| (rank(finding), finding.operations.len()));
    let more = findings.len().saturating_sub(TOLD);
    findings.truncate(TOLD);
    if let (Some(last), 1..) = (findings.last_mut(), more) {
        last.sentence += &format!("; and {more} more keys fail");
    }
    findings
}

/// What the search should know of an operation; nothing if it tells nothing.
fn entry(operation: &Operation<LinKv>, failures: Failures) -> Option<Entry<RegisterCall>> {
    let answers = failures == Failures::Answers && !planted(Planted::FailuresIgnored);
    let call = match (&operation.request, &operation.outcome) {
        (Request::Read { .. }, Outcome::Ok(Response::ReadOk { value })) => {
            RegisterCall::Read(Some(*value))
        }
        (Request::Write { value, .. }, Outcome::Ok(_) | Outcome::Unknown) => {
            RegisterCall::Write(*value)
        }
        (Request::Cas { from, to, .. }, Outcome::Ok(_) | Outcome::Unknown) => {
            RegisterCall::Cas { from: *from, to: *to }
        }
        (Request::Read { .. } | Request::Cas { .. }, Outcome::Failed { code, .. })
            if answers && *code == ErrorCode::KEY_DOES_NOT_EXIST =>
        {
            RegisterCall::Read(None)
        }
        (Request::Cas { from, .. }, Outcome::Failed { code, .. })
            if answers && *code == ErrorCode::PRECONDITION_FAILED =>
        {
            RegisterCall::Differs(*from)
        }
        _ => return None,
    };
    // A client that gave up does not end its operation; one that was answered did, even if the
    // history does not say when.
    let returned = match operation.outcome {
        Outcome::Unknown => None,
        Outcome::Ok(_) | Outcome::Failed { .. } => {
            Some(operation.completed.map_or(u32::MAX, |stamp| stamp.order))
        }
    };
    Some(Entry { call, invoked: operation.invoked.order, returned })
}

/// The name of a key for people.
fn name(key: u64) -> String {
    LinKv::describe_request(&Request::Read { key }).replace("read ", "")
}
