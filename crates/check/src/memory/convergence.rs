//! Eventual consistency, as far as a history can show it: in the end everyone sees the same.
//!
//! PROBLEM     Replicas may differ for a while. For how long? "Eventually" can never be refuted,
//!             unless the clients wait until everything has settled and ask once more.
//! IDEA        Look at the reads of the last phase only, which were asked after every fault was
//!             healed, after every acknowledged write of the key had ended, and after some time to
//!             settle. They must agree [terry1995 §1].
//! RULES       `EVENTUAL-DIVERGED`: two last reads of a key found different values.
//!             A write of unknown outcome may arrive even then, here sooner than there; reads that
//!             found its value are left out.
//! CAVEATS     That the reads agree does not make them right: all may have lost the same write.

use std::collections::BTreeMap;

use splitbrain_core::{End, Finding, Verdict};

use super::access::{Access, name};
use crate::cases::operation_id;
use crate::planted::{Planted, planted};

/// What is known of a key.
#[derive(Default)]
struct Key {
    /// When the last acknowledged write had ended.
    settled: u32,
    /// Values that may arrive at any time.
    open: Vec<u64>,
    /// The last reads, by their place in the history.
    reads: Vec<usize>,
}

/// `EVENTUAL-DIVERGED`.
pub(crate) fn eventual(accesses: &[Access]) -> Verdict {
    let mut keys: BTreeMap<u64, Key> = BTreeMap::new();
    for (at, access) in accesses.iter().enumerate() {
        let key = keys.entry(access.key).or_default();
        match (access.call.written(), access.end) {
            (Some(_), End::Ok) => {
                key.settled = key.settled.max(access.completed.unwrap_or(u32::MAX));
            }
            (Some(value), End::Unknown) => key.open.push(value),
            (None, End::Ok) if access.last || planted(Planted::EveryReadIsLast) => {
                key.reads.push(at);
            }
            _ => (),
        }
    }
    let mut verdict = Verdict::default();
    let mut compared = false;
    for (number, key) in &keys {
        let value = |at: &usize| accesses[*at].call.observed().flatten();
        let counts = |at: &usize| {
            let arrives = value(at).is_some_and(|value| key.open.contains(&value));
            let tells = accesses[*at].call.observed().is_some();
            let settled = accesses[*at].invoked > key.settled;
            tells && settled && (!arrives || planted(Planted::OpenHasArrived))
        };
        let mut reads = key.reads.iter().filter(|at| counts(at));
        let Some(first) = reads.next() else { continue };
        for other in reads {
            compared = true;
            if value(first) != value(other) && verdict.findings.is_empty() {
                let sentence = format!(
                    "after everything had settled, replicas still differ on {}: {}, and {}",
                    name(*number),
                    accesses[*first].words(),
                    accesses[*other].words()
                );
                let shown = [*first, *other].map(operation_id);
                verdict
                    .findings
                    .push(Finding::new("EVENTUAL-DIVERGED", sentence).operations(shown));
            }
        }
    }
    if !compared {
        verdict.undecided.push("no key was read twice after everything had settled".into());
    }
    verdict
}
