//! A history of transactions as sessions, and what is wrong before any order is asked for.
//!
//! PROBLEM     A read shows a value. Who wrote it, did that happen, and was it to be seen at all?
//! IDEA        Sort the writes of each key by value, and look each read up.
//! RULES       A read after the transaction's own write of the key shows that write (`internal`,
//!             or `future-read` if it shows one that comes later).
//!             Any other read shows nothing, or the last write (`G1b`) of the key in another
//!             transaction that did not fail (`G1a`) and exists (`garbage-read`).
//!             Of a transaction of unknown outcome nothing is known that it read; it happened if
//!             somebody read from it.

use std::collections::BTreeMap;

use splitbrain_core::{End, OperationId, Verdict};

use crate::anomaly::Anomaly;
use crate::cases::Cases;
use crate::memory::rows::{Rows, number};
use crate::memory::sessions::{Builder, INITIAL, ReadFrom, Sessions};
use crate::planted::{Planted, planted};
use crate::transaction::{Key, MicroOp, Seen, Transactions, Value};

/// A value that was written to a key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Write {
    value: u32,
    transaction: u32,
    /// Whether its transaction writes the key again.
    is_replaced: bool,
}

/// What a read shows.
enum Shown {
    /// It is not known what.
    Unknown,
    Nothing,
    Value(u32),
}

const fn shown(seen: Seen<'_>) -> Shown {
    match seen {
        Seen::Unknown => Shown::Unknown,
        Seen::Nothing | Seen::List([]) => Shown::Nothing,
        Seen::Value(value) => Shown::Value(value.0),
        Seen::List([.., value]) => Shown::Value(value.0),
    }
}

/// What all sessions did; and findings, of what no order can mend.
pub(super) fn sessions(history: &Transactions) -> (Sessions, Verdict) {
    let index = Index::new(history);
    let mut checked = Checked::new(history, &index);
    let happened = checked.happened();
    let by_session = by_session(history, &happened);
    let mut builder = Builder::default();
    let (mut reads, mut writes) = (Vec::new(), Vec::new());
    for session in 0..number(by_session.len()) {
        builder.session();
        for &id in by_session.row(session) {
            reads.clear();
            writes.clear();
            if history.outcome(OperationId(id)) == End::Ok {
                checked.reads(id, |read| reads.push(read));
            }
            writes.extend(written(history, id).map(|(key, _)| key));
            writes.sort_unstable();
            writes.dedup();
            builder.node(id, reads.iter().copied(), writes.iter().copied());
        }
    }
    let verdict = checked.verdict();
    (builder.build(history.len(), history.key_count()), verdict)
}

/// The keys and values that a transaction writes, in order.
fn written(history: &Transactions, id: u32) -> impl Iterator<Item = (u32, u32)> {
    history.ops(OperationId(id)).filter_map(|op| match op {
        MicroOp::Write { key, value } | MicroOp::Append { key, value } => Some((key.0, value.0)),
        MicroOp::Read { .. } => None,
    })
}

/// The transactions of each session that happened, by session.
fn by_session(history: &Transactions, happened: &[bool]) -> Rows<u32> {
    let mut current: BTreeMap<u32, u32> = BTreeMap::new();
    let mut count = 0;
    let mut of: Vec<(u32, u32)> = Vec::with_capacity(history.len());
    for id in history.ids() {
        if history.outcome(id) == End::Failed {
            continue;
        }
        let process = history.process(id).0;
        let session = *current.entry(process).or_insert_with(|| {
            count += 1;
            count - 1
        });
        if happened[id.index()] {
            of.push((session, id.0));
        }
        if history.outcome(id) == End::Unknown {
            current.remove(&process);
        }
    }
    // Sessions in which nothing happened are left out.
    let mut used = vec![u32::MAX; count as usize];
    let mut next = 0;
    for (session, _) in &mut of {
        let number = &mut used[*session as usize];
        if *number == u32::MAX {
            *number = next;
            next += 1;
        }
        *session = *number;
    }
    Rows::sorted(next as usize, of.iter().copied())
}

/// The writes of a history, by key and value.
struct Index {
    writes: Rows<Write>,
}

impl Index {
    fn new(history: &Transactions) -> Self {
        let mut writes: Vec<(u32, Write)> = Vec::new();
        // By key: where the last write stands.
        let mut last = vec![0; history.key_count()];
        for id in history.ids() {
            for (key, value) in written(history, id.0) {
                let last = &mut last[key as usize];
                if let Some((other, write)) = writes.get_mut(*last) {
                    write.is_replaced |= *other == key && write.transaction == id.0;
                }
                *last = writes.len();
                writes.push((key, Write { value, transaction: id.0, is_replaced: false }));
            }
        }
        let mut writes = Rows::sorted(history.key_count(), writes.iter().copied());
        for key in 0..number(history.key_count()) {
            writes.row_mut(key).sort_unstable();
        }
        Self { writes }
    }

    /// The writes of a value to a key.
    fn of(&self, key: u32, value: u32) -> &[Write] {
        let row = self.writes.row(key);
        let from = row.partition_point(|write| write.value < value);
        let count = row[from..].iter().take_while(|write| write.value == value).count();
        &row[from..from + count]
    }
}

/// Looks at the reads of each transaction.
struct Checked<'a> {
    history: &'a Transactions,
    index: &'a Index,
    cases: [Cases; 5],
    ambiguous: usize,
}

/// What may be wrong with a read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wrong {
    Garbage,
    Aborted,
    Intermediate,
    Future,
    Internal,
}

/// What rw_register.rs calls these, in that order.
const ANOMALIES: [Anomaly; 5] =
    [Anomaly::GarbageRead, Anomaly::G1a, Anomaly::G1b, Anomaly::FutureRead, Anomaly::Internal];

impl<'a> Checked<'a> {
    fn new(history: &'a Transactions, index: &'a Index) -> Self {
        let cases = ANOMALIES.map(|anomaly| Cases::new(anomaly.id()));
        Self { history, index, cases, ambiguous: 0 }
    }

    /// Whether each transaction happened.
    fn happened(&self) -> Vec<bool> {
        let history = self.history;
        let mut happened: Vec<bool> =
            history.ids().map(|id| history.outcome(id) == End::Ok).collect();
        for id in history.ids().filter(|id| history.outcome(*id) == End::Ok) {
            for op in history.ops(id) {
                let MicroOp::Read { key, seen } = op else { continue };
                if let Shown::Value(value) = shown(seen)
                    && let [write] = self.index.of(key.0, value)
                    && history.outcome(OperationId(write.transaction)) == End::Unknown
                {
                    happened[write.transaction as usize] = true;
                }
            }
        }
        happened
    }

    /// Hands over the reads of other transactions' writes.
    fn reads(&mut self, id: u32, mut found: impl FnMut(ReadFrom)) {
        let history = self.history;
        // What the transaction itself has written last, by key.
        let mut own: BTreeMap<Key, u32> = BTreeMap::new();
        for op in history.ops(OperationId(id)) {
            let (key, seen) = match op {
                MicroOp::Write { key, value } | MicroOp::Append { key, value } => {
                    own.insert(key, value.0);
                    continue;
                }
                MicroOp::Read { key, seen } => (key, seen),
            };
            let own = own.get(&key).copied();
            match shown(seen) {
                Shown::Unknown => (),
                Shown::Nothing if own.is_some() => self.tell(Wrong::Internal, id, key, None, None),
                Shown::Nothing => found(ReadFrom { key: key.0, writer: INITIAL }),
                Shown::Value(value) => {
                    if let Some(writer) = self.writer(id, key, value, own) {
                        found(ReadFrom { key: key.0, writer });
                    }
                }
            }
        }
    }

    /// The other transaction whose write a read shows, if all is well.
    fn writer(&mut self, id: u32, key: Key, value: u32, own: Option<u32>) -> Option<u32> {
        if own == Some(value) {
            return None;
        }
        let Some((first, rest)) = self.index.of(key.0, value).split_first() else {
            self.tell(Wrong::Garbage, id, key, Some(value), None);
            return None;
        };
        let writer = first.transaction;
        if rest.iter().any(|write| write.transaction != writer) {
            self.ambiguous += 1;
            return None;
        }
        let is_replaced = first.is_replaced && rest.iter().all(|write| write.is_replaced);
        let failed = self.history.outcome(OperationId(writer)) == End::Failed;
        let wrong = if writer == id {
            if own.is_none() { Wrong::Future } else { Wrong::Internal }
        } else if failed && !planted(Planted::WeakAbortedReadAllowed) {
            Wrong::Aborted
        } else if is_replaced && !planted(Planted::WeakIntermediateReadAllowed) {
            Wrong::Intermediate
        } else if own.is_some() && !planted(Planted::WeakOwnWriteIgnored) {
            Wrong::Internal
        } else {
            return (!failed).then_some(writer);
        };
        self.tell(wrong, id, key, Some(value), Some(writer).filter(|writer| *writer != id));
        None
    }

    fn tell(&mut self, wrong: Wrong, id: u32, key: Key, value: Option<u32>, writer: Option<u32>) {
        let history = self.history;
        let sentence = || {
            let value = value.map(|value| history.value_name(Value(value)).to_string());
            let value = value.unwrap_or_else(|| "nothing".into());
            let read = format!("T{id}'s read of {} shows {value}", history.key_name(key));
            let writer = writer.unwrap_or(id);
            match wrong {
                Wrong::Garbage => format!("{read}, which nobody wrote"),
                Wrong::Aborted => format!("{read}, which T{writer} wrote, and T{writer} failed"),
                Wrong::Intermediate => {
                    format!("{read}, which T{writer} wrote and then replaced itself")
                }
                Wrong::Future => format!("{read}, which it writes only later itself"),
                Wrong::Internal => format!("{read}, though it had written something else before"),
            }
        };
        let shown = [Some(id), writer].into_iter().flatten().map(|id| id as usize);
        self.cases[wrong as usize].add(sentence, shown);
    }

    fn verdict(self) -> Verdict {
        let mut verdict = Verdict::default();
        for cases in self.cases {
            cases.into_verdict(&mut verdict);
        }
        if self.ambiguous > 0 {
            verdict.undecided.push(format!(
                "{} reads show values that several transactions wrote: whose they are is not known",
                self.ambiguous
            ));
        }
        let history = self.history;
        if !history.ids().any(|id| history.outcome(id) == End::Ok) {
            verdict.undecided.push("no transaction was acknowledged".into());
        }
        verdict
    }
}
