//! What is wrong within one transaction, and what two did to the same version.

use splitbrain_core::{End, OperationId};

use crate::anomaly::Anomaly;
use crate::isolation::{Repeats, Told, Update, key_text, lost_updates};
use crate::planted::{Planted, planted};
use crate::transaction::{Key, Packed, Transactions, Value};

use super::index::{Index, NONE, Read};

/// `internal`, `future-read` and `lost-update`, of acknowledged transactions.
pub(super) fn transactions(history: &Transactions, index: &Index, told: &mut Told) {
    let mut updates = Vec::new();
    let mut repeats = Repeats::new(history.key_count());
    for id in history.ids().filter(|id| history.outcome(*id) == End::Ok) {
        for ops in repeats.of(history, id) {
            let key = ops[0].key;
            One { history, index, id, key, told: &mut *told }.look(ops);
            let first = ops[0].form < Packed::LIST;
            let appends = ops.iter().any(|op| op.form == Packed::APPEND);
            if first && appends && !index.is_ambiguous(key) {
                let read = read(id, &ops[0]);
                updates.push(Update { key, version: code(index, key, &read), transaction: id.0 });
            }
        }
    }
    lost_updates(history, updates, told);
}

fn read(id: OperationId, op: &Packed) -> Read {
    Read { transaction: id.0, list: op.value, length: op.form }
}

/// A number for the version that a read shows.
fn code(index: &Index, key: u32, read: &Read) -> u64 {
    if index.is_beginning(key, read) {
        return u64::from(read.length);
    }
    1 << 63 | u64::from(read.list) << 32 | u64::from(read.length)
}

/// What one transaction did to one list.
struct One<'a> {
    history: &'a Transactions,
    index: &'a Index,
    id: OperationId,
    key: u32,
    told: &'a mut Told,
}

impl One<'_> {
    fn look(&mut self, ops: &[Packed]) {
        let mut last: Option<&[Value]> = None;
        // What was appended since the last read.
        let mut appended = Vec::new();
        let mut reads = Vec::new();
        for op in ops {
            match op.form {
                Packed::APPEND => {
                    self.future_read(op, &reads);
                    appended.push(Value(op.value));
                }
                length if length < Packed::LIST => {
                    let shown = self.history.list(op.value, length);
                    self.internal(last, &appended, shown);
                    last = Some(shown);
                    appended.clear();
                    self.keep_longest(&mut reads, read(self.id, op));
                }
                _ => {}
            }
        }
    }

    /// Keeps a read, unless an earlier one shows all of it.
    fn keep_longest(&self, reads: &mut Vec<Read>, read: Read) {
        match reads.last_mut() {
            Some(last) if last.list == read.list => last.length = last.length.max(read.length),
            _ if read.length > 0 => reads.push(read),
            _ => {}
        }
    }

    /// `internal`: a read that disagrees with what its transaction did before.
    fn internal(&mut self, before: Option<&[Value]>, appended: &[Value], shown: &[Value]) {
        let agrees = match before {
            Some(before) => {
                shown.len() == before.len() + appended.len()
                    && shown.starts_with(before)
                    && shown.ends_with(appended)
            }
            None => shown.ends_with(appended) || planted(Planted::TxnOwnAppendsUnseen),
        };
        if agrees {
            return;
        }
        let sentence = || {
            let list = |list| self.history.describe_list(list);
            let expected = match (before, appended) {
                (Some(before), []) => format!("had read {} before", list(before)),
                (Some(before), _) => {
                    format!("had read {} before and appended {}", list(before), list(appended))
                }
                (None, _) => format!("had appended {} before", list(appended)),
            };
            let key = key_text(self.history, Key(self.key));
            format!("T{} reads {key} as {}, though it {expected}", self.id.0, list(shown))
        };
        self.told.add(Anomaly::Internal, sentence, [self.id.0]);
    }

    /// `future-read`: a read that shows what its transaction appends later.
    fn future_read(&mut self, append: &Packed, earlier: &[Read]) {
        if self.index.is_ambiguous(self.key) || planted(Planted::TxnFutureReadMissed) {
            return;
        }
        let Some(read) = earlier.iter().find(|read| self.shows(read, append)) else { return };
        let sentence = || {
            format!(
                "T{} reads {} as {} before it appends {}",
                self.id.0,
                key_text(self.history, Key(self.key)),
                self.history.describe_list(self.history.list(read.list, read.length)),
                self.history.value_name(Value(append.value)),
            )
        };
        self.told.add(Anomaly::FutureRead, sentence, [self.id.0]);
    }

    fn shows(&self, read: &Read, append: &Packed) -> bool {
        if self.index.is_beginning(self.key, read) && !self.index.has_repeats(self.key) {
            let found = self.index.append(self.key, append.value);
            return found.map_or(NONE, |append| append.place) < read.length;
        }
        self.history.list(read.list, read.length).contains(&Value(append.value))
    }
}
