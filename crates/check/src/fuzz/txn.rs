//! Transactions: the search for cycles against a list of all cycles, and both judges against all
//! schedules.

mod by_definition;

use std::collections::BTreeMap;

use splitbrain_core::{End, Rng};

use crate::anomaly::{Anomalies, Anomaly};
use crate::consistency;
use crate::cycle;
use crate::graph::{Builder, Dependency};
use crate::isolation::{self, Assume, Options};
use crate::{list_append, rw_register};

use by_definition::{Op, Shows, Strong, Txn, transactions};

use super::{Model, Outcome, Tally};

/// Transactions, and the graphs of their dependencies.
pub(super) const MODELS: &[Model] = &[
    Model { name: "txn-graph", run: |rng, count| run(rng, count, on_graph) },
    Model { name: "txn-lists", run: |rng, count| run(rng, count, on_lists) },
    Model { name: "txn-registers", run: |rng, count| run(rng, count, on_registers) },
];

/// Draws histories and looks at each.
fn run(
    rng: &mut Rng,
    count: u64,
    mut look: impl FnMut(&mut Rng) -> Result<bool, String>,
) -> Outcome {
    let mut tally = Tally::default();
    for number in 0..count {
        let is_valid = look(rng).map_err(|wrong| format!("history {number}: {wrong}"))?;
        tally.histories += 1;
        tally.invalid += u64::from(!is_valid);
    }
    Ok(tally)
}

fn below(rng: &mut Rng, bound: usize) -> usize {
    usize::try_from(rng.below(bound as u64)).unwrap_or(0)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Cycles of a random graph: valid if there is none of data alone.
fn on_graph(rng: &mut Rng) -> Result<bool, String> {
    let nodes = 3 + below(rng, 4);
    let (builder, edges) = random_graph(rng, nodes);
    let expected = by_definition::cycles(number(nodes), &edges);
    let found = cycle::search(&builder.build(), 1_000_000);
    let names: Anomalies = found.found.iter().map(|(anomaly, _)| *anomaly).collect();
    let all = by_definition::implied(&expected);
    // What DEVIATIONS.md says: beside a G0 or G1c, a G-nonadjacent may go untold, and rules out no
    // model that they do not.
    let flow = [Anomaly::G0Realtime, Anomaly::G1cRealtime];
    let may_hide = names.implied().meet(Anomalies::from_iter(flow));
    let same_models = consistency::Boundary::of(names) == consistency::Boundary::of(all);
    if names.implied() != all && !(may_hide && same_models) {
        return Err(format!("{edges:?}: {names:?} of {expected:?}"));
    }
    for (at, (anomaly, cycle)) in found.found.iter().enumerate() {
        let next = cycle.iter().cycle().skip(1);
        let exists = cycle.iter().zip(next).all(|(a, b)| edges.contains(&(a.0, a.1, b.0)));
        let shortest = expected.get(anomaly).is_some_and(|length| {
            cycle.len() == *length || (found.found.len() > 1 && cycle.len() > *length)
        });
        let implied = found.found.iter().enumerate().any(|(other, (stronger, walk))| {
            let implies = Anomalies::NONE.with(*stronger).implied().has(*anomaly);
            other != at && stronger != anomaly && implies && shares(walk, cycle)
        });
        if !exists || !shortest || implied || cycle::classify(cycle) != *anomaly {
            return Err(format!("{edges:?}: {anomaly} {cycle:?} of {expected:?}"));
        }
    }
    Ok(!names.meet(consistency::Model::Serializable.forbidden()))
}

type Edges = Vec<(u32, Dependency, u32)>;

/// A graph with junctions, and the edges that it stands for.
fn random_graph(rng: &mut Rng, nodes: usize) -> (Builder, Edges) {
    let mut builder = Builder::new(nodes);
    let mut edges: Edges = Vec::new();
    for _ in 0..nodes + below(rng, nodes) {
        let node = |rng: &mut Rng| number(below(rng, nodes));
        let (from, to) = (node(rng), node(rng));
        let (sources, kind, targets) = match rng.below(9) {
            0..2 => (vec![from], Dependency::Ww, vec![to]),
            2..4 => (vec![from], Dependency::Wr, vec![to]),
            4..6 => (vec![from], Dependency::Rw, vec![to]),
            6 => {
                let all = 0..number(nodes);
                let mut side = || all.clone().filter(|_| rng.below(2) == 0).collect();
                (side(), Dependency::Rw, side())
            }
            // Time and processes make no cycles of their own.
            7 => (vec![from.min(to)], Dependency::Process, vec![from.max(to)]),
            _ => (vec![from.min(to)], Dependency::Realtime, vec![from.max(to)]),
        };
        builder.all_to_all(&sources, kind, &targets);
        for (from, to) in sources.iter().flat_map(|s| targets.iter().map(move |t| (*s, *t))) {
            if from != to && !edges.contains(&(from, kind, to)) {
                edges.push((from, kind, to));
            }
        }
    }
    (builder, edges)
}

/// Whether two cycles have a transaction in common.
fn shares(one: &cycle::Cycle, other: &cycle::Cycle) -> bool {
    one.iter().any(|(node, _)| other.iter().any(|(same, _)| same == node))
}

/// Lists: what is forbidden by a model was found exactly if no schedule of the model exists.
fn on_lists(rng: &mut Rng) -> Result<bool, String> {
    let (txns, complete) = random(rng);
    let history = transactions(&txns, Shows::All);
    let found = isolation::anomalies(&history, &Options::default(), list_append::infer);
    let models: [(consistency::Model, &dyn Fn() -> bool); 6] = [
        (consistency::Model::Serializable, &|| {
            by_definition::serializable(&txns, Strong::No, Shows::All)
        }),
        (consistency::Model::StrongSessionSerializable, &|| {
            by_definition::serializable(&txns, Strong::Session, Shows::All)
        }),
        (consistency::Model::StrictSerializable, &|| {
            by_definition::serializable(&txns, Strong::Realtime, Shows::All)
        }),
        (consistency::Model::SnapshotIsolation, &|| {
            by_definition::snapshot_isolated(&txns, Strong::No)
        }),
        (consistency::Model::StrongSessionSnapshotIsolation, &|| {
            by_definition::snapshot_isolated(&txns, Strong::Session)
        }),
        (consistency::Model::StrongSnapshotIsolation, &|| {
            by_definition::snapshot_isolated(&txns, Strong::Realtime)
        }),
    ];
    for (model, holds) in models {
        let violated = found.meet(model.forbidden());
        let holds = holds();
        if (violated && holds) || (complete && !violated && !holds) {
            let holds = if holds { "holds" } else { "does not hold" };
            return Err(format!("{model} {holds}, found {found:?} in\n{history:?}"));
        }
    }
    Ok(!found.meet(consistency::Model::Serializable.forbidden()))
}

/// Registers: nothing is found in what has an explanation.
fn on_registers(rng: &mut Rng) -> Result<bool, String> {
    let (txns, _) = random(rng);
    let history = transactions(&txns, Shows::Last);
    let everything =
        Assume { writes_follow_reads: true, sequential_keys: true, linearizable_keys: true };
    let checks = [
        (Assume::NOTHING, Strong::No, consistency::Model::Serializable),
        (Assume::NOTHING, Strong::Realtime, consistency::Model::StrictSerializable),
        (
            Assume { writes_follow_reads: true, ..Assume::NOTHING },
            Strong::No,
            consistency::Model::Serializable,
        ),
        (
            Assume { sequential_keys: true, ..Assume::NOTHING },
            Strong::Session,
            consistency::Model::StrongSessionSerializable,
        ),
        (everything, Strong::Realtime, consistency::Model::StrictSerializable),
    ];
    for (assume, strong, model) in checks {
        let options = Options { assume, ..Options::default() };
        let found = isolation::anomalies(&history, &options, rw_register::infer);
        if found.meet(model.forbidden()) && by_definition::serializable(&txns, strong, Shows::Last)
        {
            return Err(format!("{model} holds, found {found:?} with {assume:?} in\n{history:?}"));
        }
    }
    let none = Assume::NOTHING;
    let options = Options { assume: none, ..Options::default() };
    Ok(isolation::anomalies(&history, &options, rw_register::infer) == Anomalies::NONE)
}

/// A small history as clients of a store would see it that is isolated more or less, and whether it
/// shows the order of all its appends.
fn random(rng: &mut Rng) -> (Vec<Txn>, bool) {
    let count = 2 + below(rng, 3);
    let mut values = 0;
    let mut txns: Vec<Txn> = (0..count)
        .map(|_| {
            let ops = (0..=below(rng, 3))
                .map(|_| {
                    let key = u8::from(rng.below(2) == 1);
                    if rng.below(2) == 0 {
                        return Op::Read(key, Vec::new());
                    }
                    values += 1;
                    Op::Write(key, values)
                })
                .collect();
            let end = match rng.below(12) {
                0 => End::Failed,
                1..3 => End::Unknown,
                _ => End::Ok,
            };
            Txn { process: 0, invoked: 0, completed: 0, end, ops }
        })
        .collect();
    let complete = rng.below(3) > 0;
    if complete {
        let ops = vec![Op::Read(0, Vec::new()), Op::Read(1, Vec::new())];
        txns.push(Txn { process: 0, invoked: 0, completed: 0, end: End::Ok, ops });
    }
    let mut order: Vec<usize> = (0..count).collect();
    rng.shuffle(&mut order);
    order.extend(count..txns.len());
    let is_interleaved = rng.below(2) == 0;
    execute(rng, &mut txns, &order, is_interleaved);
    in_time(rng, &mut txns, &order);
    if rng.below(4) == 0 {
        spoil(rng, &mut txns);
    }
    let shown = shows_everything(&txns);
    (txns, shown)
}

/// Runs the transactions one after the other, or micro-op by micro-op in any order, each against
/// the state or against an old one.
fn execute(rng: &mut Rng, txns: &mut [Txn], order: &[usize], is_interleaved: bool) {
    let mut steps: Vec<usize> =
        order.iter().flat_map(|at| std::iter::repeat_n(*at, txns[*at].ops.len())).collect();
    if is_interleaved {
        let count = steps.len() - if order.len() > 4 { 2 } else { 0 };
        rng.shuffle(&mut steps[..count]);
    }
    let has_snapshots = rng.below(2) == 0;
    let mut state: BTreeMap<u8, Vec<i64>> = BTreeMap::new();
    let mut snapshots: Vec<Option<BTreeMap<u8, Vec<i64>>>> = vec![None; txns.len()];
    let mut next = vec![0; txns.len()];
    for at in steps {
        let is_seen = txns[at].end != End::Failed || rng.below(4) == 0;
        let is_seen = is_seen && (txns[at].end != End::Unknown || rng.below(2) == 0);
        let snapshot = snapshots[at].get_or_insert_with(|| state.clone());
        let step = next[at];
        next[at] += 1;
        match &mut txns[at].ops[step] {
            Op::Write(key, value) => {
                snapshot.entry(*key).or_default().push(*value);
                if is_seen {
                    state.entry(*key).or_default().push(*value);
                }
            }
            Op::Read(key, seen) => {
                let source = if has_snapshots { &*snapshot } else { &state };
                *seen = source.get(key).cloned().unwrap_or_default();
            }
        }
    }
}

/// Gives each transaction a time and a process: mostly in the order in which they ran.
fn in_time(rng: &mut Rng, txns: &mut [Txn], order: &[usize]) {
    let mut places: Vec<(u64, usize, bool)> = Vec::new();
    for (rank, at) in order.iter().enumerate() {
        let middle = 10 * rank as u64 + 100;
        let spread = [1, 8, 30][below(rng, 3)];
        places.push((middle - rng.below(spread + 1), *at, false));
        places.push((middle + 1 + rng.below(spread + 1), *at, true));
    }
    places.sort_unstable();
    for ((_, at, ends), place) in places.into_iter().zip(0..) {
        let txn = &mut txns[at];
        *(if ends { &mut txn.completed } else { &mut txn.invoked }) = place;
    }
    txns.sort_by_key(|txn| txn.invoked);
    for at in 0..txns.len() {
        let free = (0..at).filter(|other| {
            txns[*other].completed < txns[at].invoked && txns[*other].end == End::Ok
        });
        let free: Vec<u32> = free.map(|other| txns[other].process).collect();
        let busy = |process: &u32| {
            txns[..at].iter().any(|txn| {
                txn.process == *process && (txn.completed > txns[at].invoked || txn.end != End::Ok)
            })
        };
        let free = free.into_iter().find(|process| !busy(process) && rng.below(2) == 0);
        txns[at].process = free.unwrap_or_else(|| number(at));
    }
}

/// Makes one read show a little more or less.
fn spoil(rng: &mut Rng, txns: &mut [Txn]) {
    let at = below(rng, txns.len());
    for op in &mut txns[at].ops {
        if let Op::Read(_, seen) = op {
            match rng.below(3) {
                0 => drop(seen.pop()),
                1 => seen.insert(0, 1),
                _ => seen.reverse(),
            }
            return;
        }
    }
}

/// Whether a read shows each append that may have happened, and nothing is unknown that was seen.
fn shows_everything(txns: &[Txn]) -> bool {
    let reads = |value: &i64| {
        txns.iter().filter(|txn| txn.end == End::Ok).flat_map(|txn| &txn.ops).any(|op| match op {
            Op::Read(_, seen) => seen.contains(value),
            Op::Write(..) => false,
        })
    };
    txns.iter().filter(|txn| txn.end == End::Ok).flat_map(|txn| &txn.ops).all(|op| match op {
        Op::Write(_, value) => reads(value),
        Op::Read(..) => true,
    }) && txns.iter().filter(|txn| txn.end == End::Unknown).all(|txn| {
        let writes = txn.ops.iter().filter_map(|op| match op {
            Op::Write(_, value) => Some(reads(value)),
            Op::Read(..) => None,
        });
        let seen: Vec<bool> = writes.collect();
        seen.iter().all(|seen| *seen) || seen.iter().all(|seen| !*seen)
    })
}
