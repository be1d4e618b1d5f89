//! A first node: it tells everyone once what it is told, and hopes for the best. The README shows
//! it, and what becomes of it.

use std::collections::BTreeSet;

use splitbrain::workload::broadcast::{Broadcast, Request, Response};
use splitbrain::{Context, Node, NodeId, RequestId};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Hopeful {
    known: BTreeSet<u64>,
}

impl Node for Hopeful {
    type Api = Broadcast;
    type Message = u64;
    type Timer = ();
    type Disk = ();

    fn start(_: &mut Context<Self>) -> Self {
        Self { known: BTreeSet::new() }
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        let response = match request {
            Request::Topology { .. } => Response::TopologyOk,
            Request::Read => Response::ReadOk { messages: self.known.iter().copied().collect() },
            Request::Broadcast { message } => {
                self.known.insert(message);
                cx.broadcast(message);
                Response::BroadcastOk
            }
        };
        cx.reply(id, response);
    }

    fn on_message(&mut self, _: &mut Context<Self>, _: NodeId, message: u64) {
        self.known.insert(message);
    }
}

fn main() -> std::process::ExitCode {
    splitbrain::test::<Hopeful>()
}
