//! The host without the program around it: `host PROGRAM` asks three nodes for echoes for a minute,
//! or until Ctrl-C. The tests end it in unkind ways, and look for what it leaves behind.

#![expect(clippy::print_stdout, reason = "this is a program")]

use std::error::Error;
use std::time::Duration;

use splitbrain_core::workload::echo::Echo;
use splitbrain_maelstrom::{Interrupt, TestOptions, test};

fn main() -> Result<(), Box<dyn Error>> {
    let program = std::env::args().nth(1).ok_or("usage: host PROGRAM")?;
    let options = TestOptions {
        node_count: 3,
        time_limit: Duration::from_secs(60),
        request_interval: Some(Duration::from_millis(10)),
        ..TestOptions::maelstrom(program)
    };
    let run = test::<Echo>(&options, &Interrupt::on_signals()?, &mut |_| {})?;
    println!("{:?}", run.verdict);
    Ok(())
}
