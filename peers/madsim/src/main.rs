//! madsim: each node is a simulated process with an `Endpoint`, which carries typed payloads. To be
//! built with `RUSTFLAGS="--cfg madsim"`; without it madsim would use the real network.

#[path = "../../ping_pong.rs"]
mod ping_pong;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use madsim::net::Endpoint;
use madsim::runtime::{Handle, Runtime};
use ping_pong::{OUTSTANDING, Setting, measure};

const TAG: u64 = 1;

enum Message {
    Ping(u64),
    Pong(u64),
}

fn address(id: u16) -> SocketAddr {
    let [high, low] = id.to_be_bytes();
    SocketAddr::from(([10, 0, high, low + 1], 1))
}

async fn node(id: u16, nodes: u16, delivered: Arc<AtomicU64>) -> std::io::Result<()> {
    let endpoint = Endpoint::bind(address(id)).await?;
    // Every endpoint must be bound before the first message arrives.
    madsim::time::sleep(Duration::from_millis(5)).await;
    let next = address((id + 1) % nodes);
    for _ in 0..OUTSTANDING {
        endpoint.send_to_raw(next, TAG, Box::new(Message::Ping(0))).await?;
    }
    loop {
        let (payload, from) = endpoint.recv_from_raw(TAG).await?;
        delivered.fetch_add(1, Ordering::Relaxed);
        match *payload.downcast::<Message>().expect("only messages are sent") {
            Message::Ping(round) => {
                endpoint.send_to_raw(from, TAG, Box::new(Message::Pong(round))).await?;
            }
            Message::Pong(round) => {
                endpoint.send_to_raw(next, TAG, Box::new(Message::Ping(round + 1))).await?;
            }
        }
    }
}

fn run(setting: Setting, span: Duration) -> u64 {
    let mut config = madsim::Config::default();
    config.net.send_latency = setting.latency..setting.latency + Duration::from_nanos(1);
    let delivered = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&delivered);
    Runtime::with_seed_and_config(7, config).block_on(async move {
        for id in 0..setting.nodes {
            let host = Handle::current().create_node().ip(address(id).ip()).build();
            host.spawn(node(id, setting.nodes, Arc::clone(&count)));
        }
        madsim::time::sleep(span).await;
    });
    delivered.load(Ordering::Relaxed)
}

fn main() {
    measure("madsim", run);
}
