//! `rw-register`: transactions that read and write registers.
//!
//! PROBLEM     A register forgets: its reads tell who wrote what they saw (wr), but not which of
//!             two writes came first. Without that order there is no ww, no rw, and little to find.
//! IDEA        Assume what the store promises of each key by itself, and say so: that it begins
//!             without a value; that a write follows the read of its transaction; that processes,
//!             or everyone, see the values of a key in order [kingsbury2020 §5]. Each assumption
//!             orders some values; where they contradict each other, that is a finding of its own.
//! RULES       `G1a`              a read shows what a failed transaction wrote.
//!             `G1b`              a read shows what its writer itself replaced.
//!             `garbage-read`     a read shows what nobody wrote.
//!             `internal`         a read disagrees with what its transaction read or wrote.
//!             `future-read`      a read shows what its transaction writes later.
//!             `lost-update`      two transactions read the same value and replace it.
//!             `cyclic-versions`  values of a key that each come before the other.
//!             And the cycles of anomaly.rs.
//!             What a write of unknown outcome wrote counts once it is read.
//! CAVEATS     A value may be written to a key by one transaction only: else whose write a read
//!             shows is unknown, the key is left out, and the history is not called valid.
//! READ NEXT   rw_register/index.rs → rw_register/versions.rs → isolation.rs

mod explain;
mod index;
mod versions;

use std::collections::BTreeSet;

use splitbrain_core::{End, OperationId, Verdict};

use crate::anomaly::Anomaly;
use crate::graph::{Builder, Dependency};
use crate::isolation::{self, Inferred, Options, Repeats, Told, Update, key_text, lost_updates};
use crate::planted::{Planted, planted};
use crate::transaction::{Key, Packed, Transactions, Value};

use index::{Index, NOTHING};

/// What is wrong with a history of transactions over registers, if anything. Remarks say what was
/// assumed.
///
/// ```
/// use splitbrain_check::isolation::Options;
/// use splitbrain_check::rw_register;
/// use splitbrain_check::transaction::{MicroOp, Name, Seen, Transactions};
/// use splitbrain_core::{End, ProcessId};
///
/// // Each of two transactions reads what the other wrote: neither can come first.
/// let mut history = Transactions::default();
/// let x = history.key(Name::Text("x"));
/// let y = history.key(Name::Text("y"));
/// let value = history.value(Name::Integer(1));
/// for (process, (read, write)) in [(0, (x, y)), (1, (y, x))] {
///     let read = MicroOp::Read { key: read, seen: Seen::Value(value) };
///     let ops = [read, MicroOp::Write { key: write, value }];
///     let id = history.begin(ProcessId(process), process, &ops);
///     history.end(id, 2 + process, End::Ok, &ops);
/// }
/// let verdict = rw_register::judge(&history, &Options::default());
/// assert_eq!(verdict.findings[0].id, "G1c");
/// ```
pub fn judge(history: &Transactions, options: &Options) -> Verdict {
    isolation::judge(history, options, infer)
}

/// What the reads of a history tell.
pub(crate) fn infer(history: &Transactions, options: &Options) -> Inferred<Index> {
    let (mut index, happened) = Index::new(history);
    let mut told = Told::default();
    let mut undecided = twice_written(history, &index);
    let is_foreign = |op: &Packed| {
        op.form == Packed::APPEND || (op.form != Packed::READ_NOTHING && op.form < Packed::LIST)
    };
    undecided.extend(isolation::foreign(history, "no reads or writes of registers", is_foreign));
    reads(history, &index, &mut told);
    within(history, &index, &mut told);
    let remarks = versions::order(history, options, &mut index, &mut told);
    undecided.extend(remarks.undecided);
    let mut graph = Builder::new(history.len());
    for key in (0..index.writes.keys()).filter(|key| !index.is_ambiguous(*key)) {
        edges(&index, &happened, key, &mut graph);
    }
    let remarks = remarks.assumed;
    Inferred { graph, happened, anomalies: told, undecided, remarks, index }
}

/// What comes before what on one register.
fn edges(index: &Index, happened: &[bool], key: u32, graph: &mut Builder) {
    let writer = |value: u32| {
        let write = index.write(key, value).filter(|write| write.is_final)?;
        Some(write.transaction).filter(|writer| happened[*writer as usize])
    };
    // The reads of each value stand together.
    let reads = index.reads.of(key);
    for (node, value) in index.versions(key) {
        let begin = reads.partition_point(|read| read.value < value);
        let end = reads.partition_point(|read| read.value <= value);
        let readers: Vec<u32> = reads[begin..end].iter().map(|read| read.transaction).collect();
        let wrote = writer(value);
        for reader in &readers {
            if let Some(wrote) = wrote {
                graph.edge(wrote, Dependency::Wr, *reader);
            }
        }
        let mut next: Vec<u32> =
            index.order.out(node).filter_map(|(_, next)| writer(index.value(next))).collect();
        next.sort_unstable();
        next.dedup();
        if let Some(wrote) = wrote {
            for next in &next {
                graph.edge(wrote, Dependency::Ww, *next);
            }
        }
        graph.all_to_all(&readers, Dependency::Rw, &next);
    }
}

/// `G1a`, `G1b`, `garbage-read`: what reads of acknowledged transactions should not show.
fn reads(history: &Transactions, index: &Index, told: &mut Told) {
    for id in history.ids().filter(|id| history.outcome(*id) == End::Ok) {
        let reads = history.packed_ops(id).iter().filter(|op| op.form == Packed::READ_VALUE);
        for op in reads.filter(|op| !index.is_ambiguous(op.key)) {
            let name = || {
                let value = history.value_name(Value(op.value));
                format!("T{}'s read of {} shows {value}", id.0, key_text(history, Key(op.key)))
            };
            let Some(write) = index.write(op.key, op.value) else {
                let sentence = || format!("{}, which nobody wrote", name());
                told.add(Anomaly::GarbageRead, sentence, [id.0]);
                continue;
            };
            let writer = write.transaction;
            if history.outcome(OperationId(writer)) == End::Failed {
                let sentence = || {
                    format!(
                        "{}, which T{writer} wrote; but T{writer} failed, and never happened",
                        name()
                    )
                };
                if !planted(Planted::TxnAbortedReadMissed) {
                    told.add(Anomaly::G1a, sentence, [id.0, writer]);
                }
            }
            if !write.is_final && writer != id.0 {
                let sentence =
                    || format!("{}, which T{writer} wrote and then replaced itself", name());
                told.add(Anomaly::G1b, sentence, [id.0, writer]);
            }
        }
    }
}

/// `internal`, `future-read` and `lost-update`, of acknowledged transactions.
fn within(history: &Transactions, index: &Index, told: &mut Told) {
    let mut updates = Vec::new();
    let mut repeats = Repeats::new(history.key_count());
    for id in history.ids().filter(|id| history.outcome(*id) == End::Ok) {
        for ops in repeats.of(history, id) {
            within_key(history, index, id, ops, told);
            let key = ops[0].key;
            let writes = ops.iter().any(|op| op.form == Packed::WRITE);
            if let Some(seen) = index::seen(&ops[0]).filter(|_| writes && !index.is_ambiguous(key))
            {
                updates.push(Update { key, version: u64::from(seen), transaction: id.0 });
            }
        }
    }
    lost_updates(history, updates, told);
}

/// What one transaction did to one register.
fn within_key(
    history: &Transactions,
    index: &Index,
    id: OperationId,
    ops: &[Packed],
    told: &mut Told,
) {
    let key = ops[0].key;
    let name = || key_text(history, Key(key));
    let show = |value: u32| match value {
        NOTHING => "nothing".into(),
        value => history.value_name(Value(value)).to_string(),
    };
    let mut last: Option<(u32, &str)> = None;
    let mut told_internal = false;
    let mut written = BTreeSet::new();
    for op in ops {
        if op.form == Packed::WRITE {
            last = Some((op.value, "wrote"));
            written.insert(op.value);
            continue;
        }
        let Some(seen) = index::seen(op) else { continue };
        let expected = last.filter(|(value, _)| *value != seen && !told_internal);
        if let Some((value, did)) = expected {
            let sentence = || {
                let (seen, value) = (show(seen), show(value));
                format!("T{} reads {} as {seen}, though it {did} {value} before", id.0, name())
            };
            if !planted(Planted::TxnOwnAppendsUnseen) {
                told.add(Anomaly::Internal, sentence, [id.0]);
            }
            told_internal = true;
        }
        let own = index.write(key, seen).is_some_and(|write| write.transaction == id.0);
        if own && !written.contains(&seen) && !planted(Planted::TxnFutureReadMissed) {
            let sentence =
                || format!("T{} reads {} as {} before it writes that", id.0, name(), show(seen));
            told.add(Anomaly::FutureRead, sentence, [id.0]);
        }
        last = Some((seen, "read"));
    }
}

/// Registers to which a value was written by two transactions.
fn twice_written(history: &Transactions, index: &Index) -> Vec<String> {
    let mut ambiguous = (0..index.writes.keys()).filter(|key| index.is_ambiguous(*key));
    let Some(key) = ambiguous.next() else { return Vec::new() };
    let mut pairs = index.writes.of(key).windows(2);
    let Some(pair) = pairs.find(|pair| index::is_twice(pair)) else { return Vec::new() };
    let more = match ambiguous.count() {
        0 => String::new(),
        more => format!("; so are {more} more registers"),
    };
    vec![format!(
        "{} was written to {} by T{} and by T{}: whose write a read shows is unknown, and the \
         register is left out{more}",
        history.value_name(Value(pair[0].value)),
        key_text(history, Key(key)),
        pair[0].transaction,
        pair[1].transaction,
    )]
}
