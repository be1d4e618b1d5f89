//! The node of `hopeful.rs`, mended: what it acknowledges is on its disk, and it tells everyone all
//! it knows again and again. `cargo xtask budget` measures a learner's loop with it.

use std::collections::BTreeSet;

use splitbrain::workload::broadcast::{Broadcast, Request, Response};
use splitbrain::{Context, Node, NodeId, RequestId, Wal, ms};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Gossip {
    known: BTreeSet<u64>,
}

impl Node for Gossip {
    type Api = Broadcast;
    type Message = BTreeSet<u64>;
    type Timer = ();
    type Disk = Wal<(), u64>;

    fn start(cx: &mut Context<Self>) -> Self {
        cx.set_timer((), ms(300)..ms(500));
        Self { known: cx.disk.log().iter().copied().collect() }
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        match request {
            Request::Topology { .. } => cx.reply(id, Response::TopologyOk),
            Request::Read => {
                cx.reply(id, Response::ReadOk { messages: self.known.iter().copied().collect() });
            }
            Request::Broadcast { message } => {
                self.known.insert(message);
                cx.disk.append(message);
                cx.sync();
                cx.reply(id, Response::BroadcastOk);
            }
        }
    }

    fn on_message(&mut self, _: &mut Context<Self>, _: NodeId, known: BTreeSet<u64>) {
        self.known.extend(known);
    }

    fn on_timer(&mut self, cx: &mut Context<Self>, (): ()) {
        cx.broadcast(self.known.clone());
        cx.set_timer((), ms(300)..ms(500));
    }
}

fn main() -> std::process::ExitCode {
    splitbrain::test::<Gossip>()
}
