//! How many messages a second the host routes between trivial nodes, which pass tokens round.
//!
//! `cargo run --release -p splitbrain-maelstrom --example throughput` prints a line of JSON for
//! each size of cluster. The nodes are this program, too, under the argument `node`.

#![expect(clippy::print_stdout, reason = "this is a program")]

use std::error::Error;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::time::Duration;

use splitbrain_core::workload::echo::Echo;
use splitbrain_maelstrom::protocol::{Envelope, Init};
use splitbrain_maelstrom::{Interrupt, TestOptions, test};

/// How many messages go round for each node.
const TOKENS: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("node") => Ok(node()?),
        Some("--quick") => measure(1),
        _ => measure(5),
    }
}

fn measure(seconds: u64) -> Result<(), Box<dyn Error>> {
    for node_count in [2, 5, 25] {
        let options = TestOptions {
            args: vec!["node".into()],
            node_count,
            request_interval: None,
            time_limit: Duration::from_secs(seconds),
            settle_limit: Duration::ZERO,
            request_timeout: Some(Duration::from_millis(1)),
            ..TestOptions::maelstrom(std::env::current_exe()?)
        };
        let run = test::<Echo>(&options, &Interrupt::default(), &mut |_| {})?;
        let rate = run.metrics.traffic.between_nodes / seconds;
        println!(r#"{{"bench":"stdio","nodes":{node_count},"messages_per_s":{rate}}}"#);
    }
    Ok(())
}

/// A node as small as a node can be, so that what is measured is the host: for each line from
/// another node, one line for the next.
fn node() -> io::Result<()> {
    let mut input = BufReader::with_capacity(1 << 16, io::stdin().lock());
    let mut output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let (mut line, mut token) = (Vec::new(), Vec::new());
    while input.read_until(b'\n', &mut line)? > 0 {
        if line.starts_with(br#"{"src":"c"#) {
            token = begin(&line, &mut output)?;
        } else {
            output.write_all(&token)?;
        }
        line.clear();
        if input.buffer().is_empty() {
            output.flush()?;
        }
    }
    Ok(())
}

/// Answers `init` and sends the first tokens; returns the token.
fn begin(line: &[u8], output: &mut impl Write) -> io::Result<Vec<u8>> {
    let message = Envelope::parse(line).map_err(io::Error::other)?;
    let Ok(Init { msg_id, node_id, node_ids, .. }) = serde_json::from_str(message.body.get())
    else {
        return Ok(Vec::new());
    };
    let me = node_ids.iter().position(|id| *id == node_id).unwrap_or(0);
    let next = &node_ids[(me + 1) % node_ids.len()];
    let answer = format!(r#"{{"type":"init_ok","in_reply_to":{msg_id}}}"#);
    writeln!(output, r#"{{"src":"{node_id}","dest":"{}","body":{answer}}}"#, message.src)?;
    let body = r#"{"type":"token","key":12345,"value":"abcdefghijklmnopqrst"}"#;
    let token = format!("{{\"src\":\"{node_id}\",\"dest\":\"{next}\",\"body\":{body}}}\n");
    for _ in 0..TOKENS {
        output.write_all(token.as_bytes())?;
    }
    Ok(token.into())
}
