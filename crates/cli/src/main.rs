//! The `splitbrain` program.

#![expect(
    clippy::disallowed_methods,
    reason = "this crate is a border to the real world: terminals, files, processes"
)]

mod args;
mod builtin;
mod demo;
mod nearest;
mod sim;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use splitbrain_lab::{write_err, write_out};

use args::{Cli, Command};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { COULD_NOT_RUN } else { 0 });
        }
    };
    match run(cli) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            let _ = write_err(&format!("error: {error:#}\n"));
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

/// The exit status for bad usage, bad input, a program that will not start.
const COULD_NOT_RUN: u8 = 3;

fn run(cli: Cli) -> Result<u8> {
    match cli.command {
        None => {
            write_out(WELCOME)?;
            Ok(0)
        }
        Some(Command::Demo { name }) => demo::demo(&name),
        Some(Command::Sim(options)) => sim::sim(&options),
        Some(Command::List { filter }) => list(filter.as_deref().unwrap_or("")),
        Some(Command::Check { file, json }) => check(&file, json),
        Some(Command::Replay(options)) => sim::replay(&options),
        Some(Command::Explain { .. }) => Ok(0),
        Some(Command::Node { name }) => builtin::serve(&name).map(|()| 0),
    }
}

const WELCOME: &str = "\
splitbrain: a hands-on laboratory for distributed systems

  splitbrain demo                a split brain, explained, in seconds
  splitbrain list                the built-in nodes, and the bugs planted in them
  splitbrain sim abd             one of them in 200 broken worlds
  splitbrain test -w echo --bin ./echo.py
                                 your own program, in any language
  splitbrain --help              everything else
";

fn list(filter: &str) -> Result<u8> {
    let mut text = String::new();
    for builtin in builtin::all() {
        let entry = builtin.entry;
        if entry.name.contains(filter) {
            let workload = builtin.subject.workload();
            text += &format!("{:<34} {workload:<11} {}\n", entry.name, entry.summary);
        }
    }
    if text.is_empty() {
        bail!("no built-in node has {filter:?} in its name");
    }
    write_out(&text)?;
    Ok(0)
}

/// Judges a history file by the judge of the workload that it names.
fn check(file: &Path, json: bool) -> Result<u8> {
    let open = || {
        std::fs::File::open(file)
            .map(std::io::BufReader::new)
            .with_context(|| format!("{} cannot be read", file.display()))
    };
    let place = |error: splitbrain_check::FileError| anyhow::anyhow!("{}: {error}", file.display());
    let header = splitbrain_check::read_header(open()?).map_err(place)?;
    macro_rules! judge {
        ($($workload:path),*) => {{
            use splitbrain_check::Judge;
            use splitbrain_core::workload::Workload;
            match header.workload.as_str() {
                $(<$workload>::NAME => {
                    let history = splitbrain_check::read(open()?).map_err(place)?;
                    (history.operations.len(), <$workload>::judge(&history))
                })*
                other => {
                    let known = [$(<$workload>::NAME),*];
                    bail!("{}: no judge for workload {other:?}; known are {}", file.display(), known.join(", "));
                }
            }
        }};
    }
    use splitbrain_core::workload as w;
    let (operations, verdict) = judge!(
        w::echo::Echo,
        w::unique_ids::UniqueIds,
        w::broadcast::Broadcast,
        w::g_set::GSet,
        w::g_counter::GCounter,
        w::pn_counter::PnCounter,
        w::lin_kv::LinKv
    );
    let validity = verdict.validity();
    if json {
        let value = serde_json::json!({
            "verdict": validity, "workload": header.workload, "operations": operations,
            "findings": verdict.findings, "undecided": verdict.undecided, "remarks": verdict.remarks,
        });
        write_out(&format!("{value:#}\n"))?;
    } else {
        let mut text = format!("{validity}: {operations} operations of {}\n", header.workload);
        for finding in &verdict.findings {
            text += &format!("  {}  {}\n", finding.id, finding.sentence);
        }
        for why in &verdict.undecided {
            text += &format!("  undecided: {why}\n");
        }
        write_out(&text)?;
    }
    Ok(validity.exit_status())
}
