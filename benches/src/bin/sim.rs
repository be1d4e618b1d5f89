//! The simulator's speed: messages delivered per second on one core.
//!
//! Every node plays ping-pong with its neighbour, and each message re-arms a timer, as an election
//! timer is. Prints one line of JSON per configuration.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark times and prints"
)]

use std::time::{Duration, Instant};

use splitbrain_core::workload::echo::{Echo, Request};
use splitbrain_core::{Context, History, Node, NodeId, RequestId, Verdict, ms};
use splitbrain_sim::{Config, Detail, Hosted, Judging, Latency, Links, Recipe, run};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct PingPong {
    count: u64,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Message {
    Ping(u64),
    Pong(u64),
}

impl Node for PingPong {
    type Api = Echo;
    type Message = Message;
    type Timer = ();
    type Disk = ();

    fn start(cx: &mut Context<Self>) -> Self {
        let me = cx.id().0;
        if me.is_multiple_of(2) && usize::from(me) + 1 < cx.node_count() {
            cx.send(NodeId(me + 1), Message::Ping(0));
        }
        Self { count: 0 }
    }

    fn on_request(&mut self, _: &mut Context<Self>, _: RequestId, _: Request) {}

    fn on_message(&mut self, cx: &mut Context<Self>, from: NodeId, message: Message) {
        self.count += 1;
        cx.set_timer((), ms(150)..ms(300));
        match message {
            Message::Ping(n) => cx.send(from, Message::Pong(n + 1)),
            Message::Pong(n) => cx.send(from, Message::Ping(n + 1)),
        }
    }
}

const MESSAGES: u64 = 2_000_000;

fn main() {
    let judging =
        Judging { judge: |_: &History<Echo>| Verdict::default(), write: |_| String::new() };
    let subject = Hosted::<PingPong>::new("ping-pong", judging);
    for nodes in [2_u16, 5, 100] {
        for latency_ms in [1_u64, 10, 100] {
            for detail in [Detail::Verdict, Detail::Full] {
                // Each pair has one message on its way.
                let pairs = u64::from(nodes / 2);
                let duration = ms(MESSAGES / pairs * latency_ms);
                let latency = Latency::Constant(latency_ms * 1_000_000);
                let config = Config {
                    nodes,
                    operations: 0,
                    clients: 0,
                    duration,
                    settle: Duration::ZERO,
                    grace: Duration::ZERO,
                    events_max: u64::MAX,
                    links: Links::perfect(latency),
                    ..Config::standard().calm()
                };
                let mut recipe = Recipe::draw("ping-pong", "echo", config, 1);
                recipe.operations.clear();
                let begun = Instant::now();
                let run = run(&subject, &recipe, detail).expect("the recipe is sound");
                let wall = begun.elapsed();
                let per_second =
                    u128::from(run.metrics.messages) * 1_000_000_000 / wall.as_nanos().max(1);
                println!(
                    "{}",
                    serde_json::json!({
                        "bench": "sim", "nodes": nodes, "latency_ms": latency_ms,
                        "trace": detail == Detail::Full, "messages": run.metrics.messages,
                        "wall_ms": u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
                        "messages_per_s": u64::try_from(per_second).unwrap_or(u64::MAX),
                    })
                );
            }
        }
    }
}
