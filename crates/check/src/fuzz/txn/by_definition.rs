//! Isolation by its definitions: try every order, list every cycle. Nothing is shared with the
//! judges, nothing is cut short.

use std::collections::BTreeMap;

use splitbrain_core::{End, ProcessId};

use crate::anomaly::{Anomalies, Anomaly};
use crate::cycle;
use crate::graph::Dependency;
use crate::transaction::{MicroOp, Name, Seen, Transactions, Value};

/// A micro-op on a list, or on a register, which is a list of which only the end shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Op {
    Write(u8, i64),
    Read(u8, Vec<i64>),
}

/// A transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Txn {
    pub(super) process: u32,
    pub(super) invoked: u32,
    pub(super) completed: u32,
    pub(super) end: End,
    pub(super) ops: Vec<Op>,
}

/// How much of a list a read shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shows {
    All,
    Last,
}

/// What must have been committed when a transaction takes its snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Strong {
    No,
    Session,
    Realtime,
}

impl Strong {
    fn orders(self, before: &Txn, after: &Txn) -> bool {
        let ended = before.end == End::Ok && before.completed < after.invoked;
        match self {
            Self::No => false,
            Self::Session => ended && before.process == after.process,
            Self::Realtime => ended,
        }
    }
}

type State = BTreeMap<u8, Vec<i64>>;

/// The state after a transaction that read and wrote its own copy; `None` if a read does not fit.
fn run(state: &State, txn: &Txn, shows: Shows) -> Option<State> {
    let mut state = state.clone();
    for op in &txn.ops {
        match op {
            Op::Write(key, value) => state.entry(*key).or_default().push(*value),
            Op::Read(..) if txn.end != End::Ok => {}
            Op::Read(key, seen) => {
                let list = state.get(key).map_or(&[][..], |list| list);
                let fits = match shows {
                    Shows::All => list == seen,
                    Shows::Last => list.last() == seen.last(),
                };
                if !fits {
                    return None;
                }
            }
        }
    }
    Some(state)
}

/// Whether some order of the acknowledged transactions, and of some of unknown outcome, explains
/// what was read.
pub(super) fn serializable(txns: &[Txn], strong: Strong, shows: Shows) -> bool {
    let left: Vec<usize> = (0..txns.len()).filter(|at| txns[*at].end != End::Failed).collect();
    some_order(txns, &left, &State::new(), strong, shows)
}

fn some_order(txns: &[Txn], left: &[usize], state: &State, strong: Strong, shows: Shows) -> bool {
    if left.iter().all(|at| txns[*at].end == End::Unknown) {
        return true;
    }
    left.iter().any(|next| {
        let rest: Vec<usize> = left.iter().copied().filter(|at| at != next).collect();
        !rest.iter().any(|other| strong.orders(&txns[*other], &txns[*next]))
            && run(state, &txns[*next], shows)
                .is_some_and(|state| some_order(txns, &rest, &state, strong, shows))
    })
}

/// Whether each transaction could have read from a snapshot, and been the only one to replace what
/// it replaced.
pub(super) fn snapshot_isolated(txns: &[Txn], strong: Strong) -> bool {
    let some: Vec<&Txn> = txns.iter().filter(|txn| txn.end != End::Failed).collect();
    some_schedule(&some, &mut vec![Phase::Before; some.len()], &State::new(), strong)
}

#[derive(Clone, PartialEq, Eq)]
enum Phase {
    Before,
    /// The snapshot, and the state that the transaction made of it.
    Began(State, State),
    Committed,
}

fn some_schedule(txns: &[&Txn], phases: &mut [Phase], state: &State, strong: Strong) -> bool {
    let is_done = |(txn, phase): (&&Txn, &Phase)| {
        *phase == Phase::Committed || (txn.end == End::Unknown && *phase == Phase::Before)
    };
    if txns.iter().zip(&*phases).all(is_done) {
        return true;
    }
    for at in 0..txns.len() {
        let before = phases[at].clone();
        let next = match &before {
            Phase::Committed => continue,
            Phase::Before => {
                let must_wait = (0..txns.len()).any(|other| {
                    phases[other] != Phase::Committed && strong.orders(txns[other], txns[at])
                });
                let Some(own) = run(state, txns[at], Shows::All).filter(|_| !must_wait) else {
                    continue;
                };
                phases[at] = Phase::Began(state.clone(), own);
                state.clone()
            }
            Phase::Began(snapshot, own) => {
                let mut next = state.clone();
                let changed = own.iter().filter(|(key, list)| snapshot.get(key) != Some(list));
                let mut conflict = false;
                for (key, list) in changed {
                    conflict |= state.get(key) != snapshot.get(key);
                    next.insert(*key, list.clone());
                }
                if conflict {
                    continue;
                }
                phases[at] = Phase::Committed;
                next
            }
        };
        if some_schedule(txns, phases, &next, strong) {
            return true;
        }
        phases[at] = before;
    }
    false
}

/// The names of all cycles among `nodes` transactions, each with the length of its shortest.
pub(super) fn cycles(nodes: u32, edges: &[(u32, Dependency, u32)]) -> BTreeMap<Anomaly, usize> {
    let mut found = BTreeMap::new();
    for start in 0..nodes {
        extend(edges, start, &mut Vec::new(), start, &mut found);
    }
    found
}

/// Walks on from `at` over nodes above `start`, each once, and notes each way back.
fn extend(
    edges: &[(u32, Dependency, u32)],
    start: u32,
    path: &mut Vec<(u32, Dependency)>,
    at: u32,
    found: &mut BTreeMap<Anomaly, usize>,
) {
    for (_, kind, to) in edges.iter().filter(|(from, _, _)| *from == at) {
        path.push((at, *kind));
        if *to == start {
            let shortest = found.entry(cycle::classify(path)).or_insert(usize::MAX);
            *shortest = path.len().min(*shortest);
        } else if *to > start && path.iter().all(|(node, _)| node != to) {
            extend(edges, start, path, *to, found);
        }
        path.pop();
    }
}

/// All that follows from the names of some cycles.
pub(super) fn implied(found: &BTreeMap<Anomaly, usize>) -> Anomalies {
    found.keys().copied().collect::<Anomalies>().implied()
}

/// The history as the judges take it.
pub(super) fn transactions(txns: &[Txn], shows: Shows) -> Transactions {
    let mut history = Transactions::default();
    for txn in txns {
        let id = history.begin(ProcessId(txn.process), txn.invoked, &[]);
        let mut lists = Vec::new();
        for op in &txn.ops {
            let values = match op {
                Op::Write(_, value) => vec![*value],
                Op::Read(_, seen) => seen.clone(),
            };
            let numbers: Vec<Value> =
                values.into_iter().map(|value| history.value(Name::Integer(value))).collect();
            lists.push(numbers);
        }
        let mut ops = Vec::new();
        for (op, list) in txn.ops.iter().zip(&lists) {
            let (Op::Write(key, _) | Op::Read(key, _)) = op;
            let key = history.key(Name::Integer(i64::from(*key)));
            ops.push(match (op, shows) {
                (Op::Write(..), Shows::All) => MicroOp::Append { key, value: list[0] },
                (Op::Write(..), Shows::Last) => MicroOp::Write { key, value: list[0] },
                (Op::Read(..), _) => {
                    let seen = match (list.last(), shows) {
                        _ if txn.end != End::Ok => Seen::Unknown,
                        (None, _) => Seen::Nothing,
                        (Some(last), Shows::Last) => Seen::Value(*last),
                        (Some(_), Shows::All) => Seen::List(list),
                    };
                    MicroOp::Read { key, seen }
                }
            });
        }
        history.end(id, txn.completed, txn.end, &ops);
    }
    history
}
