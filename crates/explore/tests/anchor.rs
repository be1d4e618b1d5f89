//! The number of states of a known model, as others have counted them.

use std::sync::atomic::AtomicBool;

use splitbrain_algorithms::paxos::Paxos;
use splitbrain_check::Judge as _;
use splitbrain_core::NodeId;
use splitbrain_core::workload::lin_kv::{LinKv, Request};
use splitbrain_explore::{Asking, Bounds, Control, Explored, Limits, Model, explore};

/// Three servers; each client writes a value of its own to one of them, and when that is answered
/// asks the next one for it. This is the model that stateright's example `paxos check CLIENTS`
/// explores.
fn paxos(clients: u16, threads: usize) -> Explored {
    const SERVERS: u16 = 3;
    let script = |client: u16| {
        let node = |nth: u16| NodeId((SERVERS + client + nth) % SERVERS);
        let write = Request::Write { key: 0, value: u64::from(client) + 1 };
        vec![(node(0), write), (node(1), Request::Read { key: 0 })]
    };
    let model = Model::<Paxos> {
        clients: (0..clients).map(script).collect(),
        bounds: Bounds { asking: Asking::ByMessage, ..Bounds::calm() },
        judge: Some(LinKv::judge),
        ..Model::new(SERVERS)
    };
    let stop = AtomicBool::new(false);
    let control = Control { progress: &|_| (), stop: &stop, threads };
    explore(model, Limits::STANDARD, control).expect("the model is sound")
}

fn check(clients: u16, threads: usize, states: u64, unique: u64, depth: u32) {
    let explored = paxos(clients, threads);
    assert_eq!((explored.stopped, explored.counterexample), (None, None));
    let progress = explored.progress;
    assert_eq!((progress.states, progress.unique, progress.depth), (states, unique, depth));
}

#[test]
fn paxos_of_two_clients_has_16_668_states() {
    check(2, 1, 32_971, 16_668, 21);
    check(2, 3, 32_971, 16_668, 21);
}

#[test]
fn paxos_of_three_clients_has_1_194_428_states() {
    check(3, 1, 2_420_477, 1_194_428, 28);
}
