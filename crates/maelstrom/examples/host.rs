//! The host alone, without the program around it:
//! `host WORKLOAD SECONDS NEMESIS NODES PROGRAM ARGS...`
//! where NEMESIS is a list like `partition,crash`, or `none`.

#![expect(clippy::print_stdout, reason = "this is a program")]

use std::error::Error;
use std::time::Duration;

use splitbrain_check::Judge;
use splitbrain_core::FaultKind;
use splitbrain_core::workload::{
    broadcast, echo, g_counter, g_set, lin_kv, pn_counter, unique_ids,
};
use splitbrain_maelstrom::{Concurrency, Interrupt, Report, TestOptions, test};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [workload, seconds, nemesis, nodes, program, rest @ ..] = &args[..] else {
        return Err("WORKLOAD SECONDS NEMESIS NODES PROGRAM ARGS...".into());
    };
    let options = TestOptions {
        args: rest.iter().map(Into::into).collect(),
        node_count: nodes.parse()?,
        time_limit: Duration::from_secs(seconds.parse()?),
        nemesis: FaultKind::ALL.into_iter().filter(|it| nemesis.contains(it.name())).collect(),
        nemesis_interval: Duration::from_secs(2),
        request_interval: Some(Duration::from_millis(10)),
        concurrency: Concurrency::PerNode(2),
        log_dir: Some("/tmp/splitbrain-node-logs".into()),
        ..TestOptions::maelstrom(program)
    };
    match workload.as_str() {
        "broadcast" => run::<broadcast::Broadcast>(&options),
        "echo" => run::<echo::Echo>(&options),
        "g-counter" => run::<g_counter::GCounter>(&options),
        "g-set" => run::<g_set::GSet>(&options),
        "lin-kv" => run::<lin_kv::LinKv>(&options),
        "pn-counter" => run::<pn_counter::PnCounter>(&options),
        "unique-ids" => run::<unique_ids::UniqueIds>(&options),
        other => Err(format!("no workload {other}").into()),
    }
}

fn run<W: Judge>(options: &TestOptions) -> Result<(), Box<dyn Error>> {
    let interrupt = Interrupt::on_signals()?;
    let run = test::<W>(options, &interrupt, &mut |report| match report {
        Report::Phase(phase) => println!("{phase}"),
        Report::Progress { .. } => {}
        Report::Stderr { node, line } => println!("{node}: {line}"),
        Report::Sent { at, line } => println!("{at} sent {line}"),
        Report::Received { at, line } => println!("{at} received {line}"),
    })?;
    println!("{:#?}", run.metrics);
    for fault in &run.faults {
        println!("{} to {}: {}", fault.at, fault.ends(), fault.fault);
    }
    for finding in &run.verdict.findings {
        println!("{}: {}", finding.id, finding.sentence);
    }
    println!("{:?} {:?}", run.verdict.undecided, run.verdict.remarks);
    println!("stopped: {:?}; {}", run.stopped, run.verdict.validity());
    Ok(())
}
