//! How many messages a second the simulator delivers on one core, with the trace off (`sim`) and
//! on (`sim_trace`). The same ping-pong is run by the harnesses in `peers/`.

#![expect(clippy::print_stdout, reason = "its output is its result")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the real clock")]

#[path = "../../../peers/ping_pong.rs"]
mod ping_pong;

use std::time::Duration;

use ping_pong::{OUTSTANDING, Setting, measure};
use splitbrain_core::workload::echo::{Echo, Request, Response};
use splitbrain_core::{Context, Node, NodeId, RequestId, Verdict};
use splitbrain_sim::{Config, Detail, Hosted, Judging, Latency, Links, Recipe, run};

/// A node that keeps [`OUTSTANDING`] requests open at its right neighbour.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Player {
    next: NodeId,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Message {
    Ping(u64),
    Pong(u64),
}

impl Node for Player {
    type Api = Echo;
    type Message = Message;
    type Timer = ();
    type Disk = ();

    fn start(cx: &mut Context<Self>) -> Self {
        let last = usize::from(cx.id().0) + 1 == cx.node_count();
        let next = if last { NodeId(0) } else { NodeId(cx.id().0 + 1) };
        for _ in 0..OUTSTANDING {
            cx.send(next, Message::Ping(0));
        }
        Self { next }
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        let Request::Echo { echo } = request;
        cx.reply(id, Response::EchoOk { echo });
    }

    fn on_message(&mut self, cx: &mut Context<Self>, from: NodeId, message: Message) {
        match message {
            Message::Ping(round) => cx.send(from, Message::Pong(round)),
            Message::Pong(round) => cx.send(self.next, Message::Ping(round + 1)),
        }
    }
}

fn deliver(setting: Setting, span: Duration, detail: Detail) -> u64 {
    let latency = u64::try_from(setting.latency.as_nanos()).expect("latencies are short");
    let config = Config {
        nodes: setting.nodes,
        clients: 0,
        operations: 0,
        duration: span,
        settle: Duration::ZERO,
        grace: Duration::ZERO,
        links: Links::perfect(Latency::Constant(latency)),
        events_max: u64::MAX,
        ..Config::standard().calm()
    };
    let judging = Judging { judge: |_, _| Verdict::default(), write: |_| String::new() };
    let recipe = Recipe::draw("ping-pong", "echo", config, 7);
    let run = run(&Hosted::<Player>::new("ping-pong", judging), &recipe, detail);
    let metrics = run.expect("the recipe can be run").metrics;
    assert_eq!(metrics.lost, 0, "nothing is lost on a perfect network");
    // What was sent, without what was still under way at the end.
    metrics.messages - u64::from(setting.nodes) * u64::from(OUTSTANDING)
}

fn main() {
    measure("sim", |setting, span| deliver(setting, span, Detail::Verdict));
    measure("sim_trace", |setting, span| deliver(setting, span, Detail::Events));
}
