//! How many messages a second the host routes between trivial nodes, which pass tokens round.
//!
//! `cargo build --release -p splitbrain-maelstrom --examples`, then run `throughput [NODES] [SECONDS]`
//! from `target/release/examples`: the node is the example `flood` beside it.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "this is a program")]
#![expect(clippy::float_arithmetic, reason = "a rate for people")]

use std::error::Error;
use std::time::{Duration, Instant};

use splitbrain_core::workload::echo::Echo;
use splitbrain_maelstrom::{Interrupt, TestOptions, test};

fn main() -> Result<(), Box<dyn Error>> {
    let number = |at: usize, default: u16| {
        std::env::args().nth(at).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (node_count, seconds) = (number(1, 2), number(2, 3));
    let program = std::env::current_exe()?.with_file_name("flood");
    let options = TestOptions {
        node_count,
        request_interval: None,
        time_limit: Duration::from_secs(seconds.into()),
        settle_limit: Duration::ZERO,
        request_timeout: Some(Duration::from_millis(1)),
        ..TestOptions::maelstrom(program)
    };
    let began = Instant::now();
    let run = test::<Echo>(&options, &Interrupt::default(), &mut |_| {})?;
    let messages = run.metrics.traffic.between_nodes;
    let rate = messages as f64 / f64::from(seconds);
    println!(
        "{node_count} nodes: {rate:.0} messages/s ({messages} in {seconds} s; {:?} in all)",
        began.elapsed()
    );
    Ok(())
}
