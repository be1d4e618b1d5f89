//! The `splitbrain` program.

mod args;
mod builtin;
mod check;
mod demo;
mod explore;
mod nearest;
mod sim;
mod test;
mod workload;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Parser;
use splitbrain_lab::{write_err, write_out};

use args::{Cli, Command};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            if let Some(near) = nearest_option(&error) {
                let _ = write_err(&format!("\nDid you mean {near}?\n"));
            }
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

/// The option that somebody may have meant who typed one that there is not.
fn nearest_option(error: &clap::Error) -> Option<String> {
    use clap::CommandFactory;
    use clap::error::{ContextKind, ContextValue, ErrorKind};

    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    if error.kind() != ErrorKind::UnknownArgument || !typed.starts_with('-') {
        return None;
    }
    let program = Cli::command();
    let wanted = std::env::args().nth(1)?;
    let command = program.find_subcommand(wanted)?;
    let options: Vec<String> = command
        .get_arguments()
        .filter_map(|argument| argument.get_long())
        .map(|name| format!("--{name}"))
        .collect();
    nearest::nearest(typed, options.iter().map(String::as_str)).map(String::from)
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
        Some(Command::Explore(options)) => explore::explore(&options),
        Some(Command::List { filter }) => list(filter.as_deref().unwrap_or("")),
        Some(Command::Test(options)) => test::test(&options),
        Some(Command::Check(options)) => check::check(&options),
        Some(Command::Convert(options)) => check::convert(&options),
        Some(Command::Replay(options)) => sim::replay(&options),
        Some(Command::Explain { id }) => explain(id.as_deref()),
        Some(Command::Node { name, disk }) => builtin::serve(&name, disk.as_deref()).map(|()| 0),
    }
}

const WELCOME: &str = "\
splitbrain: a hands-on laboratory for distributed systems

  splitbrain demo                a split brain, explained, in seconds
  splitbrain list                the built-in nodes, and the bugs planted in them
  splitbrain sim abd             one of them in 200 broken worlds
  splitbrain explore paxos       another in every run there is, up to a bound
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

fn explain(id: Option<&str>) -> Result<u8> {
    let Some(id) = id else {
        let ids: Vec<&str> = splitbrain_check::ids().collect();
        write_out(&format!("{}\n", ids.join("\n")))?;
        return Ok(0);
    };
    let wanted = id.to_uppercase();
    if let Some(page) = splitbrain_check::explain(&wanted) {
        write_out(page)?;
        return Ok(0);
    }
    match nearest::nearest(id, splitbrain_check::ids()) {
        Some(near) => bail!("no finding {id:?}; did you mean {near}?"),
        None => bail!("no finding {id:?} ('splitbrain explain' names all)"),
    }
}
