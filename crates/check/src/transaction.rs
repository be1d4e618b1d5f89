//! Transactions as flat columns: what each process asked to read and write together, and saw.
//!
//! PROBLEM     A million transactions that read lists of fifty elements hold a hundred million
//!             elements. Kept as they are read from a file, they fill the memory before the judge
//!             has begun.
//! IDEA        Keys and values are numbers; their names stand in a table once. A list only grows:
//!             what a read shows is, most often, the beginning of what another read of the key
//!             shows. So only the longest list is kept, and each read is a length.
//! RULES       Transactions are numbered in the order in which they begin. A place is a position in
//!             the order of all invocations and completions, and decides what came before what.
//! CAVEATS     A list that is no beginning of another is kept whole: memory is bounded by what was
//!             put in, whatever it was.
//! READ NEXT   transaction/names.rs → transaction/lists.rs → list_append.rs → rw_register.rs

mod lists;
mod names;

use std::fmt;

use splitbrain_core::{End, OperationId, ProcessId};

pub use names::{Key, Name, Value};

use lists::Lists;
use names::Names;

/// What a read showed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Seen<'a> {
    /// It is not known what: the transaction was never answered.
    Unknown,
    /// That nothing was ever written there: no value, or the empty list.
    Nothing,
    /// This value of a register.
    Value(Value),
    /// This list, oldest element first.
    List(&'a [Value]),
}

/// One read, write or append of a transaction: what Jepsen calls a micro-op.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MicroOp<'a> {
    /// Reads a register or a list.
    Read {
        /// Which.
        key: Key,
        /// What it showed.
        seen: Seen<'a>,
    },
    /// Replaces the value of a register.
    Write {
        /// Which.
        key: Key,
        /// The new value.
        value: Value,
    },
    /// Adds an element to the end of a list.
    Append {
        /// Which.
        key: Key,
        /// The element.
        value: Value,
    },
}

impl MicroOp<'_> {
    /// The register or list that is read or written.
    pub const fn key(&self) -> Key {
        match *self {
            Self::Read { key, .. } | Self::Write { key, .. } | Self::Append { key, .. } => key,
        }
    }
}

/// A micro-op in twelve bytes: `form` is one of the constants, or else the length of the list that
/// a read showed, and `value` then tells which list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed {
    pub(crate) key: u32,
    pub(crate) value: u32,
    pub(crate) form: u32,
}

impl Packed {
    pub(crate) const APPEND: u32 = u32::MAX;
    pub(crate) const WRITE: u32 = u32::MAX - 1;
    pub(crate) const READ_UNKNOWN: u32 = u32::MAX - 2;
    pub(crate) const READ_NOTHING: u32 = 0;
    pub(crate) const READ_VALUE: u32 = u32::MAX - 3;
    /// Lists are shorter than this.
    pub(crate) const LIST: u32 = u32::MAX - 4;

    /// Whether it is a read, and it is known what it showed.
    pub(crate) const fn is_answered(&self) -> bool {
        self.form < Self::LIST || self.form == Self::READ_VALUE
    }
}

/// The place of a completion that never came.
const NEVER: u32 = u32::MAX;

/// A history of transactions, one after the other in the order in which they began.
///
/// ```
/// use splitbrain_check::transaction::{MicroOp, Name, Seen, Transactions};
/// use splitbrain_core::{End, ProcessId};
///
/// let mut history = Transactions::default();
/// let x = history.key(Name::Text("x"));
/// let one = history.value(Name::Integer(1));
/// let append = MicroOp::Append { key: x, value: one };
/// let read = |seen| MicroOp::Read { key: x, seen };
/// let id = history.begin(ProcessId(0), 0, &[append, read(Seen::Unknown)]);
/// history.end(id, 1, End::Ok, &[append, read(Seen::List(&[one]))]);
/// assert_eq!(history.describe(id), "append 1 to x, read x [1]");
/// ```
#[derive(Clone, Default)]
pub struct Transactions {
    names: Names,
    lists: Lists,
    process: Vec<ProcessId>,
    invoked: Vec<u32>,
    completed: Vec<u32>,
    end: Vec<End>,
    first: Vec<u32>,
    count: Vec<u32>,
    ops: Vec<Packed>,
}

/// Putting transactions in.
impl Transactions {
    /// The number of a key.
    pub fn key(&mut self, name: Name<'_>) -> Key {
        self.names.key(name)
    }

    /// The number of a value: of an element, or of what a register holds.
    pub fn value(&mut self, name: Name<'_>) -> Value {
        self.names.value(name)
    }

    /// A process asks for a transaction, at this place of the order of all invocations and
    /// completions. Call it in that order. What its reads will show is not known yet.
    ///
    /// # Panics
    /// With more than 4 billion transactions or micro-ops, or an element twice that long: no reader
    /// lets so much in.
    pub fn begin(&mut self, process: ProcessId, place: u32, ops: &[MicroOp<'_>]) -> OperationId {
        let id = OperationId(number(self.len()));
        self.process.push(process);
        self.invoked.push(place);
        self.completed.push(NEVER);
        self.end.push(End::Unknown);
        self.first.push(number(self.ops.len()));
        self.count.push(number(ops.len()));
        for op in ops {
            let packed = self.packed(op, End::Unknown);
            self.ops.push(packed);
        }
        id
    }

    /// The transaction ends at this place. `ops` is what it did, with what its reads showed; empty
    /// if the answer did not say.
    ///
    /// What the reads of a failed transaction showed is not kept: a database that takes a
    /// transaction back takes its answers back. A read of an unknown transaction that shows nothing
    /// is a read without an answer.
    ///
    /// # Panics
    /// If there is no such transaction; else as [`Self::begin`].
    pub fn end(&mut self, id: OperationId, place: u32, end: End, ops: &[MicroOp<'_>]) {
        let at = id.index();
        // What ends before it begins can't be so: it takes no time.
        self.completed[at] = place.max(self.invoked[at]);
        self.end[at] = end;
        if ops.is_empty() {
            return;
        }
        if ops.len() != self.count[at] as usize {
            self.first[at] = number(self.ops.len());
            self.count[at] = number(ops.len());
            self.ops.resize(self.ops.len() + ops.len(), Packed { key: 0, value: 0, form: 0 });
        }
        for (op, into) in ops.iter().zip(self.first[at] as usize..) {
            self.ops[into] = self.packed(op, end);
        }
    }

    fn packed(&mut self, op: &MicroOp<'_>, end: End) -> Packed {
        let (key, value, form) = match *op {
            MicroOp::Append { key, value } => (key, value.0, Packed::APPEND),
            MicroOp::Write { key, value } => (key, value.0, Packed::WRITE),
            MicroOp::Read { key, seen } => match seen {
                _ if end == End::Failed => (key, 0, Packed::READ_UNKNOWN),
                Seen::Nothing if end == End::Ok => (key, 0, Packed::READ_NOTHING),
                Seen::Unknown | Seen::Nothing => (key, 0, Packed::READ_UNKNOWN),
                Seen::Value(value) => (key, value.0, Packed::READ_VALUE),
                Seen::List(list) => {
                    let length = number(list.len());
                    assert!(length < Packed::LIST, "readers bound what they let in");
                    (key, self.lists.intern(key, list), length)
                }
            },
        };
        Packed { key: key.0, value, form }
    }
}

/// Looking at them.
impl Transactions {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.process.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.process.is_empty()
    }

    /// All of them, in the order in which they began.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = OperationId> + use<> {
        (0..number(self.len())).map(OperationId)
    }

    /// Who asked.
    pub fn process(&self, id: OperationId) -> ProcessId {
        self.process[id.index()]
    }

    /// Its place when it was asked.
    pub fn invoked(&self, id: OperationId) -> u32 {
        self.invoked[id.index()]
    }

    /// Its place when it was answered, or its client gave up.
    pub fn completed(&self, id: OperationId) -> Option<u32> {
        Some(self.completed[id.index()]).filter(|place| *place != NEVER)
    }

    /// How it ended. Unknown, if it did not.
    pub fn outcome(&self, id: OperationId) -> End {
        self.end[id.index()]
    }

    /// Its micro-ops, in order.
    pub fn ops(&self, id: OperationId) -> impl ExactSizeIterator<Item = MicroOp<'_>> {
        self.packed_ops(id).iter().map(|op| self.unpacked(*op))
    }

    /// How many keys there are: they are numbered from 0.
    pub fn key_count(&self) -> usize {
        self.names.key_count()
    }

    /// What a key is called.
    pub fn key_name(&self, key: Key) -> Name<'_> {
        self.names.key_name(key)
    }

    /// What a value is called.
    pub fn value_name(&self, value: Value) -> Name<'_> {
        self.names.value_name(value)
    }

    /// A transaction in words: `append 5 to x, read y [1 4]`.
    pub fn describe(&self, id: OperationId) -> String {
        let words: Vec<String> = self.ops(id).map(|op| self.describe_op(&op)).collect();
        words.join(", ")
    }

    /// A micro-op in words: `write x 5`, `read x nil`, `read y [1 4]`.
    pub fn describe_op(&self, op: &MicroOp<'_>) -> String {
        let key = self.key_name(op.key());
        match *op {
            MicroOp::Append { value, .. } => format!("append {} to {key}", self.value_name(value)),
            MicroOp::Write { value, .. } => format!("write {key} {}", self.value_name(value)),
            MicroOp::Read { seen, .. } => match seen {
                Seen::Unknown => format!("read {key}"),
                Seen::Nothing => format!("read {key} nil"),
                Seen::Value(value) => format!("read {key} {}", self.value_name(value)),
                Seen::List(list) => format!("read {key} {}", self.describe_list(list)),
            },
        }
    }

    /// A list in words: `[1 4 5]`. Of a long one, the beginning and the end.
    pub fn describe_list(&self, list: &[Value]) -> String {
        const SHOWN: usize = 8;
        let names = |part: &[Value]| {
            let names: Vec<_> = part.iter().map(|v| self.value_name(*v).to_string()).collect();
            names.join(" ")
        };
        if list.is_empty() {
            return "nothing".into();
        }
        if list.len() <= 2 * SHOWN {
            return format!("[{}]", names(list));
        }
        let (start, end) = (&list[..SHOWN], &list[list.len() - SHOWN..]);
        format!("[{} ... {}]", names(start), names(end))
    }

    /// A list around the element at `at`: `[... 3 8 ...]`.
    pub(crate) fn describe_around(&self, list: &[Value], at: usize) -> String {
        const SHOWN: usize = 4;
        let from = at.saturating_sub(SHOWN).min(list.len().saturating_sub(1));
        let to = list.len().min(at.saturating_add(SHOWN));
        let names: Vec<String> =
            list[from..to].iter().map(|value| self.value_name(*value).to_string()).collect();
        let before = if from > 0 { "... " } else { "" };
        let after = if to < list.len() { " ..." } else { "" };
        format!("[{before}{}{after}]", names.join(" "))
    }

    /// The first `length` elements of a list, by its number.
    pub(crate) fn list(&self, list: u32, length: u32) -> &[Value] {
        if length == 0 { &[] } else { self.lists.list(list, length) }
    }

    /// Some of the transactions, and of each what it did to some of the keys; numbered as they
    /// stand.
    pub(crate) fn only(&self, ids: &[OperationId], keep: impl Fn(Key) -> bool) -> Self {
        let mut some = Self::default();
        for id in ids {
            let new = some.begin(self.process(*id), self.invoked(*id), &[]).index();
            some.completed[new] = self.completed[id.index()];
            some.end[new] = self.end[id.index()];
            for op in self.ops(*id).filter(|op| keep(op.key())) {
                let list = self.renumbered(op, &mut some);
                let key = some.key(self.key_name(op.key()));
                let value = list.first().copied().unwrap_or(Value(0));
                let op = match op {
                    MicroOp::Append { .. } => MicroOp::Append { key, value },
                    MicroOp::Write { .. } => MicroOp::Write { key, value },
                    MicroOp::Read { seen, .. } => {
                        let seen = match seen {
                            Seen::Value(_) => Seen::Value(value),
                            Seen::List(_) => Seen::List(&list),
                            Seen::Nothing | Seen::Unknown => seen,
                        };
                        MicroOp::Read { key, seen }
                    }
                };
                let packed = some.packed(&op, some.end[new]);
                some.ops.push(packed);
                some.count[new] += 1;
            }
        }
        some
    }

    /// The values of a micro-op, as another history numbers them.
    fn renumbered(&self, op: MicroOp<'_>, other: &mut Self) -> Vec<Value> {
        let mut number = |value: &Value| other.value(self.value_name(*value));
        match op {
            MicroOp::Append { value, .. }
            | MicroOp::Write { value, .. }
            | MicroOp::Read { seen: Seen::Value(value), .. } => vec![number(&value)],
            MicroOp::Read { seen: Seen::List(list), .. } => list.iter().map(number).collect(),
            MicroOp::Read { .. } => Vec::new(),
        }
    }

    /// How many micro-ops there are of these forms, and the first transaction that has one.
    pub(crate) fn count(&self, is_one: impl Fn(&Packed) -> bool) -> Option<(usize, OperationId)> {
        let of = |id: &OperationId| self.packed_ops(*id).iter().filter(|op| is_one(op)).count();
        let first = self.ids().find(|id| of(id) > 0)?;
        Some((self.ids().map(|id| of(&id)).sum(), first))
    }

    /// How many bytes it takes to judge it, roughly.
    pub(crate) fn bytes(&self) -> u64 {
        const PER_TRANSACTION: u64 = 120;
        const PER_MICRO_OP: u64 = 120;
        self.len() as u64 * PER_TRANSACTION + self.ops.len() as u64 * PER_MICRO_OP
    }

    /// The micro-ops as they are kept.
    pub(crate) fn packed_ops(&self, id: OperationId) -> &[Packed] {
        let first = self.first[id.index()] as usize;
        &self.ops[first..first + self.count[id.index()] as usize]
    }

    fn unpacked(&self, op: Packed) -> MicroOp<'_> {
        let key = Key(op.key);
        let seen = match op.form {
            Packed::APPEND => return MicroOp::Append { key, value: Value(op.value) },
            Packed::WRITE => return MicroOp::Write { key, value: Value(op.value) },
            Packed::READ_UNKNOWN => Seen::Unknown,
            Packed::READ_NOTHING => Seen::Nothing,
            Packed::READ_VALUE => Seen::Value(Value(op.value)),
            length => Seen::List(self.lists.list(op.value, length)),
        };
        MicroOp::Read { key, seen }
    }
}

impl fmt::Debug for Transactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for id in self.ids() {
            let (process, end) = (self.process(id), self.outcome(id));
            let (from, to) = (self.invoked(id), self.completed(id));
            writeln!(f, "T{} {process} {from}..{to:?} {end:?}: {}", id.0, self.describe(id))?;
        }
        Ok(())
    }
}

/// A count as a number of 32 bits.
fn number(count: usize) -> u32 {
    u32::try_from(count).expect("readers bound what they let in")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integer(history: &mut Transactions, numbers: &[i64]) -> Vec<Value> {
        numbers.iter().map(|number| history.value(Name::Integer(*number))).collect()
    }

    #[test]
    fn reads_share_what_they_show() {
        let mut history = Transactions::default();
        let key = history.key(Name::Integer(-7));
        let lists = [&[1, 2][..], &[1], &[], &[1, 2, 3], &[1, 3], &[1, 3, 2], &[2]];
        for (place, list) in (0..).zip(lists) {
            let values = integer(&mut history, list);
            let seen = Seen::List(&values);
            let id = history.begin(ProcessId(0), 2 * place, &[MicroOp::Read { key, seen }]);
            history.end(id, 2 * place + 1, End::Ok, &[MicroOp::Read { key, seen }]);
        }
        let told: Vec<String> = history.ids().map(|id| history.describe(id)).collect();
        let expected = ["[1 2]", "[1]", "nil", "[1 2 3]", "[1 3]", "[1 3 2]", "[2]"];
        assert_eq!(told, expected.map(|list| format!("read -7 {list}")));
        assert_eq!(history.lists.count(), 3, "[1 2 3], [1 3 2] and [2]");
    }

    #[test]
    fn what_was_taken_back_or_never_answered_was_not_seen() {
        let mut history = Transactions::default();
        let key = history.key(Name::Text("x"));
        let values = integer(&mut history, &[1 << 40]);
        let read = |seen| [MicroOp::Read { key, seen }];
        for (end, seen) in [
            (End::Failed, Seen::List(&values)),
            (End::Unknown, Seen::Nothing),
            (End::Unknown, Seen::Value(values[0])),
            (End::Ok, Seen::Nothing),
        ] {
            let id = history.begin(ProcessId(3), 0, &read(Seen::Unknown));
            history.end(id, 1, end, &read(seen));
        }
        let told: Vec<String> = history.ids().map(|id| history.describe(id)).collect();
        assert_eq!(told, ["read x", "read x", "read x 1099511627776", "read x nil"]);
    }

    #[test]
    fn an_answer_may_tell_of_other_micro_ops_than_were_asked() {
        let mut history = Transactions::default();
        let key = history.key(Name::Text("x"));
        let value = history.value(Name::Text("a"));
        let id = history.begin(ProcessId(0), 0, &[]);
        let other = history.begin(ProcessId(1), 1, &[MicroOp::Write { key, value }]);
        history.end(id, 2, End::Ok, &[MicroOp::Append { key, value }]);
        assert_eq!(history.completed(other), None);
        assert_eq!(history.completed(id), Some(2));
        assert_eq!(history.describe(id), "append a to x");
        assert_eq!(history.describe(other), "write x a");
    }
}
