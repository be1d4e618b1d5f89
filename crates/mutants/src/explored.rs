//! Nodes for the explorer: small clusters of the reference nodes, and of copies with one bug each,
//! that it goes through to the end.
//!
//! PROBLEM     A correct algorithm must be seen to be correct in every run within its bounds, and a
//!             wrong one must be caught however rare the run is that shows it.
//! IDEA        For each node there is one setting: so many nodes, what clients ask, what may go
//!             wrong. It is as small as shows every planted bug, and as large as can be explored
//!             to the end in seconds.

use splitbrain_check::Judge;
use splitbrain_core::workload::Workload;
use splitbrain_core::workload::lin_kv::{LinKv, Request};
use splitbrain_core::{Described, History, Node, NodeId, ms};
use splitbrain_explore::{Bounds, Budget, Case, Clocks, Model, Order, Shareable, Timers, case};

/// The node `N` under a name, to be explored in the setting of that name.
pub(crate) fn explored<N: Shareable + Node<Api = LinKv>>(name: &'static str) -> Box<dyn Case> {
    case(name, LinKv::NAME, move || setting::<N>(name))
}

const fn write(value: u64) -> Request {
    Request::Write { key: 0, value }
}

const READ: Request = Request::Read { key: 0 };

/// How the node of this name is explored: `paxos`, or `paxos/own-value`.
fn setting<N: Node<Api = LinKv>>(name: &str) -> Model<N> {
    match name.split('/').next().unwrap_or(name) {
        "paxos" => paxos(name),
        "abd" => abd(name),
        "two-phase-commit" => two_phase_commit(),
        "alternating-bit" => alternating_bit(),
        "lease" => lease(),
        _ => single_copy(),
    }
}

const fn node(number: u16) -> NodeId {
    NodeId(number - 1)
}

const ONCE: Budget = Budget(1);

/// A model in which nothing happens yet.
fn model<N: Node<Api = LinKv>>(nodes: u16) -> Model<N> {
    let file: fn(&History<LinKv>) -> String = |history| {
        let mut file = Vec::new();
        let written = splitbrain_check::write(history, &mut file);
        written.map_or_else(|error| error.to_string(), |()| String::from_utf8_lossy(&file).into())
    };
    Model { describe: Some(Described::all), write: Some(file), ..Model::new(nodes) }
}

fn paxos<N: Node<Api = LinKv>>(name: &str) -> Model<N> {
    let retries = name.ends_with("smallest-number");
    Model {
        clients: vec![vec![(node(1), write(1))], vec![(node(2), write(2))]],
        bounds: Bounds {
            crashes: if retries { Budget::NONE } else { ONCE },
            expiries: if retries { ONCE } else { Budget::NONE },
            ..Bounds::calm()
        },
        judge: Some(LinKv::judge),
        ..model(if name.ends_with("half-is-enough") { 4 } else { 3 })
    }
}

fn abd<N: Node<Api = LinKv>>(name: &str) -> Model<N> {
    let crashes = name.ends_with("sync") || name.ends_with("copies");
    let clients = if crashes {
        vec![vec![(node(1), write(1))], vec![(node(3), READ)]]
    } else if name.ends_with("older-replaces-newer") {
        vec![vec![(node(1), write(1)), (node(2), write(2)), (node(1), READ)]]
    } else {
        vec![vec![(node(1), write(1))], vec![(node(2), READ)], vec![(node(3), READ)]]
    };
    let crashes = if crashes { ONCE } else { Budget::NONE };
    Model {
        clients,
        bounds: Bounds { crashes, ..Bounds::calm() },
        judge: Some(LinKv::judge),
        ..model(3)
    }
}

fn two_phase_commit<N: Node<Api = LinKv>>() -> Model<N> {
    Model {
        clients: vec![vec![(node(1), write(1))]],
        bounds: Bounds { crashes: ONCE, duplicates: ONCE, expiries: Budget(2), ..Bounds::calm() },
        ..model(3)
    }
}

fn alternating_bit<N: Node<Api = LinKv>>() -> Model<N> {
    Model {
        clients: vec![(1..=4).map(|value| (node(1), write(value))).collect()],
        bounds: Bounds {
            order: Order::Fifo,
            expiries: Budget(3),
            losses: Budget(2),
            duplicates: Budget(2),
            ..Bounds::calm()
        },
        ..model(2)
    }
}

fn lease<N: Node<Api = LinKv>>() -> Model<N> {
    Model {
        clients: vec![
            vec![(node(2), write(1)), (node(2), write(3))],
            vec![(node(3), write(2))],
            vec![(node(1), READ)],
        ],
        bounds: Bounds {
            crashes: ONCE,
            timers: Timers::Ordered,
            clocks: Some(Clocks { tick: ms(10), ticks: 4, skew: 2 }),
            ..Bounds::calm()
        },
        ..model(3)
    }
}

fn single_copy<N: Node<Api = LinKv>>() -> Model<N> {
    Model {
        clients: vec![
            vec![(node(2), write(1)), (node(2), READ)],
            vec![(node(3), write(2)), (node(3), READ)],
        ],
        judge: Some(LinKv::judge),
        ..model(3)
    }
}
