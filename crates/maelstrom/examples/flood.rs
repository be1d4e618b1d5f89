//! The node of the throughput benchmark: whatever it is told, it passes on to the next node. It is
//! as small as a node can be, so that what is measured is the host.

use std::io::{self, BufRead, BufReader, BufWriter, Write};

use splitbrain_maelstrom::protocol::{Envelope, Init};

/// How many messages go round for each node.
const TOKENS: usize = 64;

fn main() -> io::Result<()> {
    let mut input = BufReader::with_capacity(1 << 16, io::stdin().lock());
    let mut output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut line = Vec::new();
    let mut token = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        if token.is_empty() || line.starts_with(br#"{"src":"c"#) {
            let message = Envelope::parse(&line).map_err(io::Error::other)?;
            if let Ok(init) = serde_json::from_str::<Init>(message.body.get()) {
                let me = init.node_ids.iter().position(|id| *id == init.node_id).unwrap_or(0);
                let next = &init.node_ids[(me + 1) % init.node_ids.len()];
                let me = &init.node_id;
                let body = r#"{"type":"token","key":12345,"value":"abcdefghijklmnopqrst"}"#;
                token =
                    format!("{{\"src\":\"{me}\",\"dest\":\"{next}\",\"body\":{body}}}\n").into();
                let id = init.msg_id;
                let answer = format!(r#"{{"type":"init_ok","in_reply_to":{id}}}"#);
                let dest = &message.src;
                writeln!(output, r#"{{"src":"{me}","dest":"{dest}","body":{answer}}}"#)?;
                for _ in 0..TOKENS {
                    output.write_all(&token)?;
                }
            }
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
