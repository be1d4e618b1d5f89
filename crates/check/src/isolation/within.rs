//! What transactions did to the same key more than once, and what several did to one version.

use splitbrain_core::OperationId;

use crate::anomaly::Anomaly;
use crate::planted::{Planted, planted};
use crate::transaction::{Key, MicroOp, Packed, Seen, Transactions};

use super::{Told, key_text};

/// No transaction.
const NONE: u32 = u32::MAX;

/// Finds the keys that a transaction accesses more than once.
pub(crate) struct Repeats {
    /// The last transaction that accessed each key.
    last: Vec<u32>,
    /// The micro-ops of a transaction, sorted by key.
    ops: Vec<Packed>,
}

impl Repeats {
    pub(crate) fn new(keys: usize) -> Self {
        Self { last: vec![NONE; keys], ops: Vec::new() }
    }

    /// Of each key that the transaction accesses more than once, what it does to it, in order.
    pub(crate) fn of(
        &mut self,
        history: &Transactions,
        id: OperationId,
    ) -> impl Iterator<Item = &[Packed]> {
        let ops = history.packed_ops(id);
        let mut is_first =
            |op: &Packed| std::mem::replace(&mut self.last[op.key as usize], id.0) != id.0;
        self.ops.clear();
        if !ops.iter().all(&mut is_first) {
            self.ops.extend_from_slice(ops);
            self.ops.sort_by_key(|op| op.key);
        }
        self.ops.chunk_by(|a, b| a.key == b.key).filter(|ops| ops.len() > 1)
    }
}

/// A transaction that read a version of a key and then replaced it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Update {
    pub(crate) key: u32,
    /// A number for the version, of its own for each version of the key.
    pub(crate) version: u64,
    pub(crate) transaction: u32,
}

/// `lost-update`: two transactions that replaced the same version.
pub(crate) fn lost_updates(history: &Transactions, mut updates: Vec<Update>, told: &mut Told) {
    updates.sort_unstable();
    let same = |a: &Update, b: &Update| {
        a.key == b.key && (a.version == b.version || planted(Planted::TxnUpdatesByKey))
    };
    for group in updates.chunk_by(same).filter(|group| group.len() > 1) {
        let (first, second) = (group[0].transaction, group[1].transaction);
        let sentence = || {
            let key = key_text(history, Key(group[0].key));
            let seen = seen(history, Key(group[0].key), OperationId(first));
            let more = match group.len() - 2 {
                0 => String::new(),
                more => format!(", as did {more} more"),
            };
            format!(
                "T{first} and T{second} both read {key} as {seen} and then wrote it{more}: one of \
                 the updates ignores the other"
            )
        };
        told.add(Anomaly::LostUpdate, sentence, group.iter().map(|update| update.transaction));
    }
}

/// What the first read of a key showed.
fn seen(history: &Transactions, key: Key, id: OperationId) -> String {
    let mut ops = history.ops(id).filter(|op| op.key() == key);
    match ops.next() {
        Some(MicroOp::Read { seen: Seen::List(list), .. }) => history.describe_list(list),
        Some(MicroOp::Read { seen: Seen::Value(value), .. }) => {
            history.value_name(value).to_string()
        }
        _ => "nothing".into(),
    }
}
