//! Who wrote which value, who read it, and in which order a register held its values.

use splitbrain_core::{End, OperationId};

use crate::graph::{Builder, Graph};
use crate::isolation::ByKey;
use crate::planted::{Planted, planted};
use crate::transaction::{Packed, Transactions};

/// The value of a register to which nothing was written yet.
pub(super) const NOTHING: u32 = u32::MAX;

/// A write, of whatever outcome. Those of a key are sorted by value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write {
    pub(super) value: u32,
    pub(super) transaction: u32,
    /// Whether it is the last write of its transaction to the register.
    pub(super) is_final: bool,
}

/// The read with which an acknowledged transaction began on a register. Those of a key are sorted
/// by value, then by transaction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Read {
    pub(super) value: u32,
    pub(super) transaction: u32,
}

/// What a transaction that happened did to a register, seen from outside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    pub(super) transaction: u32,
    /// What it read at first, if it read before it wrote.
    pub(super) read: Option<u32>,
    /// What it wrote last.
    pub(super) wrote: Option<u32>,
}

impl Access {
    /// The first value of the register that it had to do with.
    pub(super) fn first(&self) -> Option<u32> {
        self.read.or(self.wrote)
    }

    /// The last.
    pub(super) fn last(&self) -> Option<u32> {
        self.wrote.or(self.read)
    }
}

/// The writes and reads of a history.
pub(crate) struct Index {
    pub(super) writes: ByKey<Write>,
    pub(super) reads: ByKey<Read>,
    /// In the order in which the transactions began.
    pub(super) accesses: ByKey<Access>,
    ambiguous: Vec<bool>,
    /// The values that each register held, in ascending order, [`NOTHING`] last.
    pub(super) values: ByKey<u32>,
    /// Which value comes before which, by their places in `values`.
    pub(super) order: Graph,
}

impl Index {
    /// The index, without an order of values yet, and whether each transaction happened.
    pub(super) fn new(history: &Transactions) -> (Self, Vec<bool>) {
        let keys = history.key_count();
        let writes = writes(history);
        let is_ambiguous = |key| {
            writes.of(key).windows(2).any(is_twice) && !planted(Planted::TxnDuplicateAppendsKept)
        };
        let ambiguous: Vec<bool> = (0..writes.keys()).map(is_ambiguous).collect();
        let happened = happened(history, &writes, &ambiguous);
        let accesses = accesses(history, &happened);
        let mut reads = Vec::new();
        let mut values: Vec<(u32, u32)> = (0..writes.keys()).map(|key| (key, NOTHING)).collect();
        for (key, access) in &accesses {
            if let Some(value) = access.read {
                reads.push((*key, Read { value, transaction: access.transaction }));
            }
            for value in [access.read, access.wrote].into_iter().flatten() {
                values.push((*key, value));
            }
        }
        values.sort_unstable();
        values.dedup();
        let mut reads = ByKey::new(keys, Read { value: NOTHING, transaction: 0 }, &reads);
        for key in 0..reads.keys() {
            reads.of_mut(key).sort_unstable();
        }
        let none = Access { transaction: 0, read: None, wrote: None };
        let index = Self {
            writes,
            reads,
            accesses: ByKey::new(keys, none, &accesses),
            ambiguous,
            values: ByKey::new(keys, NOTHING, &values),
            order: Builder::new(values.len()).build(),
        };
        (index, happened)
    }

    /// Whether two transactions wrote the same value to the register.
    pub(super) fn is_ambiguous(&self, key: u32) -> bool {
        self.ambiguous[key as usize]
    }

    /// The write of a value; if its transaction wrote it twice, the final one.
    pub(super) fn write(&self, key: u32, value: u32) -> Option<&Write> {
        let writes = self.writes.of(key);
        let at = writes.partition_point(|write| write.value < value);
        writes.get(at).filter(|write| write.value == value)
    }

    /// The values of a register, each with its node in the order.
    pub(super) fn versions(&self, key: u32) -> impl Iterator<Item = (u32, u32)> {
        let begin = u32::try_from(self.values.range(key).start).unwrap_or(u32::MAX);
        (begin..).zip(self.values.of(key).iter().copied())
    }

    /// How many values there are in all.
    pub(super) fn version_count(&self) -> usize {
        self.values.all().len()
    }

    /// The node of a value.
    pub(super) fn node(&self, key: u32, value: u32) -> Option<u32> {
        let at = self.values.of(key).binary_search(&value).ok()?;
        u32::try_from(self.values.range(key).start + at).ok()
    }

    /// The value of a node.
    pub(super) fn value(&self, node: u32) -> u32 {
        self.values.all()[node as usize]
    }
}

/// Whether two writes that stand next to each other wrote the same value in two transactions.
pub(super) fn is_twice(pair: &[Write]) -> bool {
    pair[0].value == pair[1].value && pair[0].transaction != pair[1].transaction
}

/// What a read of a register showed.
pub(super) const fn seen(op: &Packed) -> Option<u32> {
    match op.form {
        Packed::READ_VALUE => Some(op.value),
        Packed::READ_NOTHING => Some(NOTHING),
        _ => None,
    }
}

fn writes(history: &Transactions) -> ByKey<Write> {
    let mut writes: Vec<(u32, Write)> = Vec::new();
    // Where the last write to each key stands.
    let mut last = vec![0; history.key_count()];
    for id in history.ids() {
        for op in history.packed_ops(id).iter().filter(|op| op.form == Packed::WRITE) {
            let last = &mut last[op.key as usize];
            if let Some((key, write)) = writes.get_mut(*last) {
                write.is_final &= *key != op.key || write.transaction != id.0;
            }
            *last = writes.len();
            writes.push((op.key, Write { value: op.value, transaction: id.0, is_final: true }));
        }
    }
    let filler = Write { value: 0, transaction: 0, is_final: false };
    let mut writes = ByKey::new(history.key_count(), filler, &writes);
    for key in 0..writes.keys() {
        let writes = writes.of_mut(key);
        writes.sort_unstable_by_key(|write| (write.value, write.transaction, !write.is_final));
    }
    writes
}

/// Whether each transaction happened: it was acknowledged, or an acknowledged one read its write.
fn happened(history: &Transactions, writes: &ByKey<Write>, ambiguous: &[bool]) -> Vec<bool> {
    let unknown = planted(Planted::TxnUnknownHappened);
    let outcome = |id| history.outcome(id);
    let mut happened: Vec<bool> = history
        .ids()
        .map(|id| outcome(id) == End::Ok || (unknown && outcome(id) == End::Unknown))
        .collect();
    for id in history.ids().filter(|id| outcome(*id) == End::Ok) {
        let reads = history.packed_ops(id).iter().filter(|op| op.form == Packed::READ_VALUE);
        for op in reads.filter(|op| !ambiguous[op.key as usize]) {
            let writes = writes.of(op.key);
            let at = writes.partition_point(|write| write.value < op.value);
            let Some(write) = writes.get(at).filter(|write| write.value == op.value) else {
                continue;
            };
            let writer = OperationId(write.transaction);
            if outcome(writer) == End::Unknown && !planted(Planted::TxnUnknownIgnored) {
                happened[writer.index()] = true;
            }
        }
    }
    happened
}

/// What each transaction that happened did to each register: of one of unknown outcome, only what
/// it wrote.
fn accesses(history: &Transactions, happened: &[bool]) -> Vec<(u32, Access)> {
    let mut accesses: Vec<(u32, Access)> = Vec::new();
    // Where the last access to each key stands.
    let mut last = vec![0; history.key_count()];
    for id in history.ids().filter(|id| happened[id.index()]) {
        for op in history.packed_ops(id) {
            let read = seen(op).filter(|_| history.outcome(id) == End::Ok);
            let wrote = Some(op.value).filter(|_| op.form == Packed::WRITE);
            if read.is_none() && wrote.is_none() {
                continue;
            }
            let at = &mut last[op.key as usize];
            match accesses.get_mut(*at) {
                Some((key, access)) if *key == op.key && access.transaction == id.0 => {
                    access.wrote = wrote.or(access.wrote);
                }
                _ => {
                    *at = accesses.len();
                    accesses.push((op.key, Access { transaction: id.0, read, wrote }));
                }
            }
        }
    }
    accesses
}
