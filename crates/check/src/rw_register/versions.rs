//! In which order a register held its values, as far as the assumptions tell.
//!
//! PROBLEM     Nothing in a history says which of two writes of a register came first.
//! IDEA        Each assumption gives edges between values. They are added one assumption after the
//!             other; one that contradicts those before it on some key is dropped for that key,
//!             and the contradiction is a finding.
//! RULES       Edges stand in the graph under the kind of their source: rw for "nothing came before
//!             everything", wr for writes that follow reads, process and realtime.

use std::collections::BTreeSet;

use splitbrain_core::{End, OperationId};

use crate::anomaly::Anomaly;
use crate::graph::{Builder, Dependency, Graph, Kinds};
use crate::isolation::{Options, Told, key_text};
use crate::planted::{Planted, planted};
use crate::transaction::{Key, Transactions, Value};

use super::index::{Access, Index, NOTHING};

/// The kind under which edges of "no value comes before every value" stand.
pub(super) const INITIAL: Dependency = Dependency::Rw;

/// The kind of "a write follows the reads of its transaction".
pub(super) const FOLLOWS: Dependency = Dependency::Wr;

/// How many bytes an edge between values takes, with all that comes of it.
const BYTES_PER_EDGE: u64 = 64;

/// An edge between two values of a register, by their nodes.
type Edge = (u32, Dependency, u32);

/// What was assumed, and what could not be done.
#[derive(Default)]
pub(super) struct Remarks {
    pub(super) assumed: Vec<(String, String)>,
    pub(super) undecided: Vec<String>,
}

/// Puts the values in order, and tells where that is impossible.
pub(super) fn order(
    history: &Transactions,
    options: &Options,
    index: &mut Index,
    told: &mut Told,
) -> Remarks {
    let mut remarks = Remarks::default();
    let assume = options.assume;
    let mut edges = Vec::new();
    let sources: [(bool, Dependency, &str); 4] = [
        (true, INITIAL, "a register holds nothing before the first write"),
        (
            assume.writes_follow_reads,
            FOLLOWS,
            "a transaction that reads a register and then writes it replaces what it read",
        ),
        (
            assume.sequential_keys,
            Dependency::Process,
            "each process sees the values of a register in order",
        ),
        (
            assume.linearizable_keys,
            Dependency::Realtime,
            "what was asked after an answer sees what the answer saw, or something later",
        ),
    ];
    let used: Vec<&str> = sources.iter().filter(|used| used.0).map(|used| used.2).collect();
    for (_, kind, _) in sources.into_iter().filter(|(used, _, _)| *used) {
        let cap = options.budget.memory_bytes / BYTES_PER_EDGE;
        let Some(new) = source(history, index, kind, cap) else {
            let why = "too many accesses of one register overlap to put its values in order";
            remarks.undecided.push(why.into());
            continue;
        };
        let graph = graph(index, &edges, &new);
        let cyclic = tell_cycles(history, index, &graph, &used, told);
        edges
            .extend(new.into_iter().filter(|(from, _, _)| !cyclic.contains(&key_of(index, *from))));
    }
    index.order = graph(index, &edges, &[]);
    remarks.assumed.extend(used.iter().map(|what| ("assumed".into(), (*what).into())));
    if used.len() == 1 {
        let why = "nothing is assumed of the order in which a register held its values: see \
                   writes follow reads, sequential keys, linearizable keys";
        remarks.assumed.push(("this check is weak because".into(), why.into()));
    }
    remarks
}

fn graph(index: &Index, edges: &[Edge], more: &[Edge]) -> Graph {
    let mut builder = Builder::new(index.version_count());
    for (from, kind, to) in edges.iter().chain(more) {
        builder.edge(*from, *kind, *to);
    }
    builder.build()
}

/// The key of a node.
fn key_of(index: &Index, node: u32) -> u32 {
    index.values.key_of(node as usize)
}

/// The edges of one assumption; `None` if there are more than `cap`.
fn source(history: &Transactions, index: &Index, kind: Dependency, cap: u64) -> Option<Vec<Edge>> {
    let mut edges = Vec::new();
    for key in (0..index.writes.keys()).filter(|key| !index.is_ambiguous(*key)) {
        let node = |value: Option<u32>| index.node(key, value?);
        let accesses = index.accesses.of(key);
        match kind {
            INITIAL => {
                let nothing = node(Some(NOTHING))?;
                let values = index.versions(key).filter(|(_, value)| *value != NOTHING);
                edges.extend(values.map(|(value, _)| (nothing, kind, value)));
            }
            FOLLOWS => {
                for access in accesses.iter().filter(|access| access.read != Some(NOTHING)) {
                    if let (Some(read), Some(wrote)) = (node(access.read), node(access.wrote)) {
                        edges.push((read, kind, wrote));
                    }
                }
            }
            _ => {
                let mut pairs = Vec::new();
                if kind == Dependency::Process {
                    by_process(history, accesses, &mut pairs);
                } else {
                    by_time(history, accesses, cap, &mut pairs)?;
                }
                for (before, after) in pairs {
                    let (before, after) = (node(before.last()), node(after.first()));
                    let (Some(before), Some(after)) = (before, after) else { continue };
                    if before != after {
                        edges.push((before, kind, after));
                    }
                }
            }
        }
        if edges.len() as u64 > cap {
            return None;
        }
    }
    Some(edges)
}

/// Each access, and the next of the same process.
fn by_process<'a>(
    history: &Transactions,
    accesses: &'a [Access],
    pairs: &mut Vec<(&'a Access, &'a Access)>,
) {
    let mut sorted: Vec<&Access> = accesses.iter().collect();
    let process = |access: &Access| history.process(OperationId(access.transaction));
    sorted.sort_by_key(|access| (process(access), access.transaction));
    for of_process in sorted.chunk_by(|a, b| process(a) == process(b)) {
        for pair in of_process.windows(2) {
            if ended(history, pair[0]) < began(history, pair[1]) {
                pairs.push((pair[0], pair[1]));
            }
        }
    }
}

/// Each access, and those after it in time that no other stands between.
fn by_time<'a>(
    history: &Transactions,
    accesses: &'a [Access],
    cap: u64,
    pairs: &mut Vec<(&'a Access, &'a Access)>,
) -> Option<()> {
    let mut events: Vec<(u32, bool, &Access)> = Vec::new();
    for access in accesses {
        events.push((began(history, access), false, access));
        if ended(history, access) < u32::MAX {
            events.push((ended(history, access), true, access));
        }
    }
    events.sort_by_key(|(place, ends, access)| (*place, *ends, access.transaction));
    // Those that ended, and after which none has begun and ended.
    let mut latest: Vec<&Access> = Vec::new();
    for (_, ends, access) in events {
        if ends {
            let begin = began(history, access);
            latest.retain(|earlier| ended(history, earlier) >= begin);
            latest.push(access);
        } else {
            pairs.extend(latest.iter().map(|earlier| (*earlier, access)));
            if pairs.len() as u64 > cap {
                return None;
            }
        }
    }
    Some(())
}

pub(super) fn began(history: &Transactions, access: &Access) -> u32 {
    history.invoked(OperationId(access.transaction))
}

/// When it ended; never, if nobody knows.
pub(super) fn ended(history: &Transactions, access: &Access) -> u32 {
    let id = OperationId(access.transaction);
    let acknowledged = history.outcome(id) == End::Ok;
    history.completed(id).filter(|_| acknowledged).unwrap_or(u32::MAX)
}

/// `cyclic-versions`: the keys of which some values each come before the other.
fn tell_cycles(
    history: &Transactions,
    index: &Index,
    graph: &Graph,
    used: &[&str],
    told: &mut Told,
) -> BTreeSet<u32> {
    let mut keys = BTreeSet::new();
    for nodes in graph.components(Kinds::ALL).cyclic() {
        let key = key_of(index, nodes[0]);
        let values: Vec<u32> = nodes.iter().map(|node| index.value(*node)).collect();
        let sentence = || {
            let names: Vec<String> = values
                .iter()
                .take(5)
                .map(|value| match *value {
                    NOTHING => "nothing".into(),
                    value => history.value_name(Value(value)).to_string(),
                })
                .collect();
            let more = if values.len() > 5 { " and others" } else { "" };
            format!(
                "{} held {}{more} each before the other, if {}",
                key_text(history, Key(key)),
                names.join(", "),
                used.join("; and ")
            )
        };
        let involved = index.accesses.of(key).iter().filter(|access| {
            let touches =
                |value: Option<u32>| value.is_some_and(|v| values.binary_search(&v).is_ok());
            touches(access.read) || touches(access.wrote)
        });
        let involved = involved.map(|access| access.transaction).take(10);
        if !planted(Planted::TxnCyclicVersionsMissed) {
            told.add(Anomaly::CyclicVersions, sentence, involved);
        }
        keys.insert(key);
    }
    keys
}
