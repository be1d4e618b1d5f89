//! turmoil: each node is a host with a UDP socket. Time moves in ticks of a millisecond, its
//! default, and every host is polled in every tick.

#[path = "../../ping_pong.rs"]
mod ping_pong;

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use ping_pong::{OUTSTANDING, Setting, measure};
use turmoil::net::UdpSocket;

const PORT: u16 = 9000;

/// What is sent: the kind, then the round.
#[derive(Clone, Copy)]
enum Message {
    Ping(u64),
    Pong(u64),
}

impl Message {
    fn to_bytes(self) -> [u8; 9] {
        let (kind, round) = match self {
            Self::Ping(round) => (0, round),
            Self::Pong(round) => (1, round),
        };
        let mut bytes = [kind; 9];
        bytes[1..].copy_from_slice(&round.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: [u8; 9]) -> Self {
        let [kind, round @ ..] = bytes;
        let round = u64::from_le_bytes(round);
        if kind == 0 { Self::Ping(round) } else { Self::Pong(round) }
    }
}

async fn node(next: String, delivered: Rc<Cell<u64>>) -> turmoil::Result {
    let socket = UdpSocket::bind((IpAddr::from(Ipv4Addr::UNSPECIFIED), PORT)).await?;
    // Every socket must be bound before the first message arrives.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let next = (turmoil::lookup(next), PORT);
    for _ in 0..OUTSTANDING {
        socket.send_to(&Message::Ping(0).to_bytes(), next).await?;
    }
    let mut bytes = [0; 9];
    loop {
        let (_, from) = socket.recv_from(&mut bytes).await?;
        delivered.set(delivered.get() + 1);
        match Message::from_bytes(bytes) {
            Message::Ping(round) => {
                socket.send_to(&Message::Pong(round).to_bytes(), from).await?;
            }
            Message::Pong(round) => {
                socket.send_to(&Message::Ping(round + 1).to_bytes(), next).await?;
            }
        }
    }
}

fn run(setting: Setting, span: Duration) -> u64 {
    let mut sim = turmoil::Builder::new()
        .rng_seed(7)
        .epoch(SystemTime::UNIX_EPOCH)
        .simulation_duration(span * 2)
        .min_message_latency(setting.latency)
        .max_message_latency(setting.latency)
        .build();
    let delivered = Rc::new(Cell::new(0));
    for id in 0..setting.nodes {
        let next = format!("n{}", (id + 1) % setting.nodes);
        let delivered = Rc::clone(&delivered);
        sim.host(format!("n{id}"), move || node(next.clone(), Rc::clone(&delivered)));
    }
    while sim.elapsed() < span {
        sim.step().expect("no host fails");
    }
    delivered.get()
}

fn main() {
    measure("turmoil", run);
}
