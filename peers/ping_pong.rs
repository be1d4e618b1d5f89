//! What each engine is timed on, so that all of them do the same work.
//!
//! The nodes stand in a ring. Each keeps [`OUTSTANDING`] requests open at its right neighbour: it
//! sends `Ping`, the neighbour answers `Pong`, and at once the next `Ping` goes out. So every node
//! takes part, asks and answers. Messages are typed, every link takes the same time, nothing is
//! lost. A run lasts a span of simulated time; it is repeated with longer spans until it takes long
//! enough to be timed, and then the best of a few is kept: what disturbs a run only slows it down.

use std::time::{Duration, Instant};

/// How many requests each node keeps open.
pub(crate) const OUTSTANDING: u32 = 1;

/// The sizes of the ring.
const NODES: [u16; 3] = [2, 5, 100];
/// How long a message takes, in simulated milliseconds.
const LATENCIES_MS: [u64; 3] = [1, 10, 100];

/// One configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// How many nodes.
    pub(crate) nodes: u16,
    /// How long each message takes.
    pub(crate) latency: Duration,
}

/// Times `run` in every configuration and prints a line of JSON for each. `run` simulates the span
/// it is given and returns how many messages were delivered.
pub(crate) fn measure(bench: &str, mut run: impl FnMut(Setting, Duration) -> u64) {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (enough, repetitions) =
        if quick { (Duration::from_millis(50), 1) } else { (Duration::from_millis(500), 3) };
    for nodes in NODES {
        for latency_ms in LATENCIES_MS {
            let setting = Setting { nodes, latency: Duration::from_millis(latency_ms) };
            let mut timed = |span| {
                let begun = Instant::now();
                let messages = run(setting, span);
                (begun.elapsed(), messages)
            };
            let mut span = setting.latency * 10;
            let mut best = timed(span);
            while best.0 < enough {
                span *= 4;
                best = timed(span);
            }
            // A run this long needs no second try.
            if best.0 < enough * 4 {
                best = (1..repetitions).map(|_| timed(span)).fold(best, Ord::min);
            }
            let (time, messages) = best;
            let rate = u128::from(messages) * 1_000_000_000 / time.as_nanos().max(1);
            println!(
                "{{\"bench\":\"{bench}\",\"nodes\":{nodes},\"latency_ms\":{latency_ms},\
                 \"messages\":{messages},\"seconds\":{}.{:06},\"messages_per_s\":{rate}}}",
                time.as_secs(),
                time.subsec_micros(),
            );
        }
    }
}
