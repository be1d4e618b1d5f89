//! What is wrong within one transaction, and what two did to the same version.

use std::collections::BTreeSet;

use splitbrain_core::{End, OperationId};

use crate::anomaly::Anomaly;
use crate::isolation::{Repeats, Told, Update, key_text, lost_updates};
use crate::planted::{Planted, planted};
use crate::transaction::{Key, Packed, Transactions, Value};

use super::index::{Append, Index, NONE, Read};

/// `internal`, `future-read` and `lost-update`, of acknowledged transactions, and whether what one
/// transaction appends is read in its order.
pub(super) fn transactions(history: &Transactions, index: &Index, told: &mut Told) {
    let mut updates = Vec::new();
    let mut repeats = Repeats::new(history.key_count());
    for id in history.ids().filter(|id| history.outcome(*id) != End::Failed) {
        for ops in repeats.of(history, id) {
            let key = ops[0].key;
            let mut one = One { history, index, id, key, told: &mut *told };
            one.order(ops);
            if history.outcome(id) != End::Ok {
                continue;
            }
            one.look(ops);
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
        for op in ops {
            match op.form {
                Packed::APPEND => appended.push(Value(op.value)),
                length if length < Packed::LIST => {
                    let shown = self.history.list(op.value, length);
                    self.internal(last, &appended, shown);
                    last = Some(shown);
                    appended.clear();
                }
                _ => {}
            }
        }
        if !self.index.is_ambiguous(self.key) && !planted(Planted::TxnFutureReadMissed) {
            self.future_read(ops);
        }
    }

    /// `incompatible-order`: appends of one transaction that are not read in the order in which it
    /// asked for them. What no read shows comes last.
    fn order(&mut self, ops: &[Packed]) {
        let appends = ops.iter().filter(|op| op.form == Packed::APPEND);
        let places: Vec<&Append> =
            appends.filter_map(|op| self.index.append(self.key, op.value)).collect();
        let wrong = places.windows(2).find(|two| two[0].place > two[1].place);
        let Some(two) = wrong.filter(|_| !self.index.is_ambiguous(self.key)) else { return };
        let (history, index, key) = (self.history, self.index, self.key);
        // The order of versions is that of the longest list.
        let longest = index.shown(key).first();
        let shows = |read: &&Read| {
            longest.is_some_and(|list| (list.list, list.length) == (read.list, read.length))
        };
        let reader = || index.reads.of(key).iter().find(shows).map_or(NONE, |r| r.transaction);
        let sentence = || {
            let [first, second] = [two[0], two[1]].map(|a| history.value_name(Value(a.value)));
            let how = if two[0].place == NONE { "without" } else { "before" };
            format!(
                "T{} appended {first} to {} and then {second}, yet T{}'s read shows {second} \
                 {how} {first}",
                self.id.0,
                key_text(history, Key(key)),
                reader(),
            )
        };
        let who = std::iter::once(self.id.0).chain(std::iter::once_with(reader));
        if !planted(Planted::TxnOrdersMissed) {
            self.told.add(Anomaly::IncompatibleOrder, sentence, who);
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
    fn future_read(&mut self, ops: &[Packed]) {
        // What is appended after the micro-op that is looked at, and the first of it by its place
        // among the versions.
        let mut later = BTreeSet::new();
        let mut first = NONE;
        for op in ops.iter().rev() {
            if op.form == Packed::APPEND {
                later.insert(op.value);
                let append = self.index.append(self.key, op.value);
                first = first.min(append.map_or(NONE, |append| append.place));
                continue;
            }
            if op.form >= Packed::LIST || later.is_empty() {
                continue;
            }
            let read = read(self.id, op);
            let plain = self.index.is_beginning(self.key, &read);
            if plain && !self.index.has_repeats(self.key) && first >= read.length {
                continue;
            }
            let list = self.history.list(read.list, read.length);
            let Some(seen) = list.iter().find(|value| later.contains(&value.0)) else { continue };
            let sentence = || {
                format!(
                    "T{} reads {} as {} before it appends {}",
                    self.id.0,
                    key_text(self.history, Key(self.key)),
                    self.history.describe_list(list),
                    self.history.value_name(*seen),
                )
            };
            self.told.add(Anomaly::FutureRead, sentence, [self.id.0]);
            return;
        }
    }
}
