//! Why no order of the transactions exists, step by step.

use std::borrow::Cow;

use splitbrain_core::{Edge, Finding, OperationId, Proof};

use super::Level;
use crate::cases::operation_id;
use crate::memory::proof::{Step, Why, causal_steps, shortest};
use crate::memory::sessions::{INITIAL, Sessions};
use crate::transaction::{Key, MicroOp, Seen, Transactions};

/// Some transactions depend on themselves: of those that are missing from the order.
pub(super) fn circular(history: &Transactions, sessions: &Sessions, order: &[u32]) -> Finding {
    const TRIED: usize = 64;
    let mut in_order = vec![false; sessions.len()];
    order.iter().for_each(|node| in_order[*node as usize] = true);
    let missing = sessions.nodes().filter(|node| !in_order[*node as usize]);
    let cycle = |node| shortest(sessions, node, node, causal_steps(sessions));
    let steps = missing.filter_map(cycle).take(TRIED).min_by_key(Vec::len).unwrap_or_default();
    told("CAUSAL-CYCLE", history, sessions, &steps)
}

/// The finding of a level, of steps that form a cycle.
pub(super) fn finding(
    history: &Transactions,
    sessions: &Sessions,
    level: Level,
    steps: &[Step],
) -> Finding {
    let id = match level {
        Level::ReadCommitted => "NON-MONOTONIC-READ",
        Level::ReadAtomic => "FRACTURED-READ",
        Level::Causal => "CAUSAL-NO-ORDER",
    };
    told(id, history, sessions, steps)
}

fn told(id: &'static str, history: &Transactions, sessions: &Sessions, steps: &[Step]) -> Finding {
    let words: Vec<String> = steps.iter().map(|step| words(history, sessions, step)).collect();
    let mut shown: Vec<usize> = Vec::new();
    for step in steps {
        shown.extend([step.from, step.to].map(|node| sessions.operation(node)));
        if let Why::Older { reader } = step.why {
            let way = shortest(sessions, step.from, reader, causal_steps(sessions));
            let way = way.unwrap_or_default().into_iter().map(|step| step.to);
            shown.extend(way.map(|node| sessions.operation(node)));
        }
    }
    shown.sort_unstable();
    shown.dedup();
    let id_of = |node: u32| operation_id(sessions.operation(node));
    let edges = steps.iter().zip(&words).map(|(step, why)| Edge {
        from: id_of(step.from),
        to: id_of(step.to),
        kind: Cow::Borrowed(match step.why {
            Why::Session => "process",
            Why::ReadFrom => "wr",
            Why::Replaced => "rw",
            Why::Older { .. } => "ww",
        }),
        why: why.clone(),
    });
    let proof = Proof::Cycle(edges.collect());
    Finding::new(id, words.join("; and "))
        .operations(shown.into_iter().map(operation_id))
        .proof(proof)
}

/// A step in words.
fn words(history: &Transactions, sessions: &Sessions, step: &Step) -> String {
    let name = |node: u32| format!("T{}", sessions.operation(node));
    let (from, to) = (name(step.from), name(step.to));
    match step.why {
        Why::Session => {
            let process = history.process(operation_id(sessions.operation(step.from)));
            format!("{process} did {from} before {to}")
        }
        Why::ReadFrom => {
            let key = common_key(sessions, step.to, step.from, |_| true);
            match key {
                Some(key) => format!("{} of {from}", read(history, sessions, step.to, key)),
                None => format!("{to} reads from {from}"),
            }
        }
        Why::Replaced => {
            let of = |key: u32| sessions.writes(step.to).contains(&key);
            let key = common_key(sessions, step.from, INITIAL, of).unwrap_or(0);
            let read = read(history, sessions, step.from, key);
            format!("yet {read}, and {to} writes that too")
        }
        Why::Older { reader } => {
            let of = |key: u32| sessions.writes(step.from).contains(&key);
            let key = common_key(sessions, reader, step.to, of).unwrap_or(0);
            let read = read(history, sessions, reader, key);
            let way = shortest(sessions, step.from, reader, causal_steps(sessions));
            let way: Vec<String> =
                way.unwrap_or_default().iter().map(|step| words(history, sessions, step)).collect();
            let because = way.join(", and ");
            format!(
                "{read} of {to}, though {from} writes it too and {} knew of that, because \
                 {because}: so {from} came before {to}",
                name(reader)
            )
        }
    }
}

/// A key that `reader` reads from `writer`.
fn common_key(
    sessions: &Sessions,
    reader: u32,
    writer: u32,
    of: impl Fn(u32) -> bool,
) -> Option<u32> {
    let mut reads = sessions.reads(reader).iter();
    reads.find(|read| read.writer == writer && of(read.key)).map(|read| read.key)
}

/// `T3's read of x shows 5`.
fn read(history: &Transactions, sessions: &Sessions, node: u32, key: u32) -> String {
    let id = OperationId(u32::try_from(sessions.operation(node)).unwrap_or(u32::MAX));
    let seen = history.ops(id).find_map(|op| match op {
        MicroOp::Read { key: other, seen } if other.0 == key => Some(seen),
        _ => None,
    });
    let value = match seen {
        Some(Seen::Value(value)) => history.value_name(value).to_string(),
        Some(Seen::List([.., value])) => history.value_name(*value).to_string(),
        _ => "nothing".into(),
    };
    format!("T{}'s read of {} shows {value}", id.0, history.key_name(Key(key)))
}
