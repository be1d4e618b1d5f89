//! How many states a second the explorer looks at, and how much memory each takes, on models whose
//! states others have counted too. The harness in `peers/` does the same with stateright.

#![expect(clippy::print_stdout, reason = "its output is its result")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the real clock")]

#[path = "../../../peers/usage.rs"]
mod usage;

use std::sync::atomic::AtomicBool;

use splitbrain_algorithms::paxos::Paxos;
use splitbrain_check::Judge as _;
use splitbrain_core::NodeId;
use splitbrain_core::workload::lin_kv::{LinKv, Request};
use splitbrain_explore::{Asking, Bounds, Control, Limits, Model, explore};

fn paxos(clients: u16) -> Model<Paxos> {
    const SERVERS: u16 = 3;
    let script = |client: u16| {
        let node = |nth: u16| NodeId((SERVERS + client + nth) % SERVERS);
        let write = Request::Write { key: 0, value: u64::from(client) + 1 };
        vec![(node(0), write), (node(1), Request::Read { key: 0 })]
    };
    Model {
        clients: (0..clients).map(script).collect(),
        bounds: Bounds { asking: Asking::ByMessage, ..Bounds::calm() },
        judge: Some(LinKv::judge),
        ..Model::new(SERVERS)
    }
}

fn main() {
    usage::each("explore", |clients, strategy| {
        let threads = match strategy {
            "bfs" => 1,
            "bfs-2" => 2,
            _ => return None,
        };
        let stop = AtomicBool::new(false);
        let control = Control { progress: &|_| (), stop: &stop, threads };
        let explored = explore(paxos(clients), Limits::STANDARD, control);
        let progress = explored.expect("the model is sound").progress;
        Some((progress.states, progress.unique))
    });
}
