//! What reads of a list show that they should not, or not so.

use std::collections::BTreeSet;
use std::iter::once_with;

use splitbrain_core::{End, OperationId};

use crate::anomaly::Anomaly;
use crate::isolation::{Told, key_text};
use crate::planted::{Planted, planted};
use crate::transaction::{Key, Transactions, Value};

use super::index::{Index, NONE, Read, Shown};

/// `G1a`, `garbage-read`, `duplicate-elements`: elements that should not be there.
pub(super) fn shown(history: &Transactions, index: &Index, key: u32, told: &mut Told) {
    let mut strange = BTreeSet::new();
    let name = key_text(history, Key(key));
    for shown in index.shown(key) {
        let list = history.list(shown.list, shown.length);
        for (at, value) in list.iter().enumerate() {
            let append = index.append(key, value.0);
            let failed = append
                .filter(|append| history.outcome(OperationId(append.transaction)) == End::Failed);
            if (append.is_some() && failed.is_none()) || !strange.insert(value.0) {
                continue;
            }
            let element = history.value_name(*value);
            let reader = || reader(history, index, key, shown, at);
            let who = || reader().unwrap_or(NONE);
            match failed {
                Some(failed) if !planted(Planted::TxnAbortedReadMissed) => {
                    let writer = failed.transaction;
                    let sentence = || {
                        format!(
                            "T{}'s read of {name} shows {element}, which T{writer} appended; but \
                             T{writer} failed, and never happened",
                            who()
                        )
                    };
                    told.add(Anomaly::G1a, sentence, once_with(who).chain([writer]));
                }
                Some(_) => {}
                None => {
                    let sentence = || {
                        format!(
                            "T{}'s read of {name} shows {element}, which nobody appended",
                            who()
                        )
                    };
                    told.add(Anomaly::GarbageRead, sentence, once_with(who));
                }
            }
        }
        repeats(history, index, key, shown, told);
    }
}

/// `duplicate-elements` in one list.
fn repeats(history: &Transactions, index: &Index, key: u32, shown: &Shown, told: &mut Told) {
    let is_longest = index.shown(key).first().is_some_and(|first| first.list == shown.list);
    if (is_longest && !index.has_repeats(key)) || planted(Planted::TxnRepeatsMissed) {
        return;
    }
    let list = history.list(shown.list, shown.length);
    let mut seen = BTreeSet::new();
    let Some(at) = list.iter().position(|value| !seen.insert(*value)) else { return };
    let who = || reader(history, index, key, shown, at).unwrap_or(NONE);
    let sentence = || {
        format!(
            "T{}'s read of {} shows {} twice: {}",
            who(),
            key_text(history, Key(key)),
            history.value_name(list[at]),
            history.describe_list(&list[..=at]),
        )
    };
    told.add(Anomaly::DuplicateElements, sentence, once_with(who));
}

/// The first acknowledged read that shows what stands at `at` of a list; else the first read.
fn reader(
    history: &Transactions,
    index: &Index,
    key: u32,
    shown: &Shown,
    at: usize,
) -> Option<u32> {
    let shows = |read: &&Read| read.list == shown.list && read.length as usize > at;
    let reads = || index.reads.of(key).iter().filter(shows);
    let is_ok = |read: &&Read| history.outcome(OperationId(read.transaction)) == End::Ok;
    reads().find(is_ok).or_else(|| reads().next()).map(|read| read.transaction)
}

/// `incompatible-order` and `G1b`: reads that agree with no order of the appends.
pub(super) fn orders(history: &Transactions, index: &Index, key: u32, told: &mut Told) {
    let name = key_text(history, Key(key));
    if let [longest, others @ ..] = index.shown(key) {
        for shown in others.iter().filter(|shown| shown.common < shown.length) {
            let at = shown.common as usize;
            let one = || reader(history, index, key, shown, at).unwrap_or(NONE);
            let other = || reader(history, index, key, longest, at).unwrap_or(NONE);
            let sentence = || {
                let show = |list: &[Value]| history.describe_around(list, at);
                let mine = show(history.list(shown.list, shown.length));
                let theirs = show(history.list(longest.list, longest.length));
                let (one, other) = (one(), other());
                format!(
                    "T{one} read {name} as {mine}, and T{other} as {theirs}: neither is the \
                     beginning of the other"
                )
            };
            let who = once_with(one).chain(once_with(other));
            if !planted(Planted::TxnOrdersMissed) {
                told.add(Anomaly::IncompatibleOrder, sentence, who);
            }
        }
    }
    for read in index.reads.of(key) {
        let reader = read.transaction;
        if history.outcome(OperationId(reader)) != End::Ok || read.length == 0 {
            continue;
        }
        let Some((value, writer)) = intermediate(history, index, key, read) else { continue };
        if writer == reader {
            continue;
        }
        let sentence = || {
            format!(
                "T{reader}'s read of {name} ends in {}, the middle of T{writer}, which appended \
                 more to it",
                history.value_name(Value(value)),
            )
        };
        told.add(Anomaly::G1b, sentence, [reader, writer]);
    }
}

/// The last element of a read and who appended it, if that transaction appended more later.
fn intermediate(
    history: &Transactions,
    index: &Index,
    key: u32,
    read: &Read,
) -> Option<(u32, u32)> {
    if let Some(version) = index.version(history, key, read) {
        let version = index.versions(key).get(version as usize)?;
        return version.is_intermediate.then_some((version.value, version.writer));
    }
    let append = index.last_append(history, key, read)?;
    append.is_intermediate.then_some((append.value, append.transaction))
}
