//! What the two workloads of transactions share: which keys a transaction touches, and how a
//! micro-operation looks in JSON.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Draw;

/// A transaction has at most so many micro-operations.
const LENGTH_MAX: u64 = 4;
/// How many keys are in use at any moment. The first has half of the micro-operations, the second a
/// quarter, and so on: some keys are fought over, others are quiet.
pub(super) const KEYS_AT_ONCE: u64 = 4;
/// After so many operations of a run new keys take their turn, so that lists stay short.
const OPERATIONS_PER_ERA: u32 = 64;

/// What a micro-operation does to a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    Read {
        key: u64,
    },
    /// With a value that is the only one of its kind in the run.
    Write {
        key: u64,
        value: u64,
    },
}

/// The micro-operations of the transaction that is drawn. Half of the writes come after a read of
/// the same key: then the order of the two values is known.
pub(super) fn draw(draw: Draw) -> Vec<Access> {
    let mut rng = draw.rng();
    let length = rng.between(1, LENGTH_MAX);
    let first = first_key(draw.index);
    let mut accesses = Vec::new();
    while (accesses.len() as u64) < length {
        let rank = u64::from(rng.between(1, (1 << KEYS_AT_ONCE) - 1).ilog2());
        let key = first + KEYS_AT_ONCE - 1 - rank;
        let write = rng.below(2) == 0;
        let reads_first = rng.below(2) == 0 && accesses.len() as u64 + 1 < length;
        if !write || reads_first {
            accesses.push(Access::Read { key });
        }
        if write {
            let value = u64::from(draw.index) * 10 + accesses.len() as u64;
            accesses.push(Access::Write { key, value });
        }
    }
    accesses
}

/// The keys that are read at the end: those in use, and those before them.
pub(super) fn last(draw: Draw) -> impl Iterator<Item = u64> {
    let first = first_key(draw.index);
    first.saturating_sub(KEYS_AT_ONCE)..first + KEYS_AT_ONCE
}

/// The first of the keys in use at this operation of a run.
fn first_key(index: u32) -> u64 {
    u64::from(index / OPERATIONS_PER_ERA) * KEYS_AT_ONCE
}

/// A micro-operation in JSON: what to do, to which key, and the value: `["r", 3, null]`.
#[derive(Serialize, Deserialize)]
pub(super) struct Triple(pub(super) Cow<'static, str>, pub(super) u64, pub(super) Value);

/// What a micro-operation writes, or what it was shown.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Value {
    Nothing,
    One(u64),
    Many(Vec<u64>),
}

/// The micro-operations in words, with commas between them. The middle of many is left out.
pub(super) fn words(all: &[String]) -> String {
    const SHOWN: usize = 8;
    match all.len() {
        0 => "nothing".into(),
        1..=SHOWN => all.join(", "),
        many => format!("{}, … ({many} in all)", all[..SHOWN].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::Key;

    #[test]
    fn keys_are_fought_over_and_values_are_unique() {
        let key = Key::new(5);
        let all: Vec<Vec<Access>> = (0..640).map(|index| draw(Draw { key, index })).collect();
        assert_eq!(draw(Draw { key, index: 321 }), all[321], "none depends on another");
        let (mut values, mut writes) = (BTreeSet::new(), BTreeMap::<u64, u32>::new());
        for accesses in &all {
            assert!((1..=4).contains(&accesses.len()));
            for access in accesses {
                if let Access::Write { key, value } = access {
                    assert!(values.insert(*value), "{value} is written twice");
                    *writes.entry(*key).or_default() += 1;
                }
            }
        }
        assert!(writes.keys().all(|key| *key < 40), "four keys to each of ten eras");
        for era in 0..10 {
            let count = |rank| writes.get(&(era * KEYS_AT_ONCE + rank)).copied().unwrap_or(0);
            assert!((20..70).contains(&count(0)) && count(3) < 20, "{writes:?}");
        }
        assert_eq!(last(Draw { key, index: 70 }).collect::<Vec<_>>(), Vec::from_iter(0..8));
    }
}
