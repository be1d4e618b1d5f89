//! `splitbrain sim` and `splitbrain replay`.

use anyhow::{Context, Result, bail};
use splitbrain_lab::{Session, describe, evidence, listing, runs, write_out};
use splitbrain_maelstrom::Interrupt;
use splitbrain_sim::{Recipe, Subject};

use crate::args;
use crate::builtin;

/// Runs a built-in node in many worlds.
pub(crate) fn sim(options: &args::Sim) -> Result<u8> {
    let builtin = builtin::find(&options.node)?;
    let workload = builtin.subject.workload();
    if options.workload.as_deref().is_some_and(|wanted| wanted != workload) {
        bail!("{} is a node for the workload {workload}", options.node);
    }
    let harder = format!("splitbrain sim {} {{}}", options.node);
    let session = Session { harder, ..Session::here(options.json) };
    let stop = Interrupt::on_signals()?;
    let report = session.run(&*builtin.subject, &options.worlds.plan(), stop.flag())?;
    Ok(report.validity().exit_status())
}

/// Runs a kept run again: the same events, one by one.
pub(crate) fn replay(options: &args::Replay) -> Result<u8> {
    let session = Session::here(options.json);
    let found = runs::find(&session.runs, &options.run)?;
    let schedule = found.join(crate::explore::SCHEDULE);
    if schedule.exists() {
        return crate::explore::replay(&schedule, options.events);
    }
    let name = if options.found { "recipe-found.json" } else { "recipe.json" };
    let file = if found.is_dir() { found.join(name) } else { found.clone() };
    if found.is_dir() && !file.exists() {
        bail!(
            "{} has no {name}: only simulated runs can be had again (its history, trace and diagram \
             are in the folder)",
            found.display()
        );
    }
    let text =
        std::fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
    let text = String::from_utf8(text)
        .map_err(|error| anyhow::anyhow!("{}: not text: {error}", file.display()))?;
    let recipe =
        Recipe::from_json(&text).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    let subject: Box<dyn Subject> = crate::test::lockstep_subject(&recipe)?
        .map_or_else(|| builtin::find(&recipe.program).map(|builtin| builtin.subject), Ok)?;
    let budget = if options.shrink { 5_000 } else { 0 };
    let report = session.replay(&*subject, recipe.clone(), budget)?;
    if options.json {
        write_out(&format!("{:#}\n", describe(&report)))?;
        return Ok(report.validity().exit_status());
    }
    let run = match &report.failure {
        Some(failure) => failure.smallest().1.clone(),
        None => splitbrain_sim::run(&*subject, &recipe, splitbrain_sim::Detail::Full)?,
    };
    if let Some(trace) = &run.trace {
        write_out(&listing(
            &evidence(trace, &run.verdict, &recipe),
            options.events,
            session.style,
        ))?;
    }
    write_out("\n")?;
    write_out(&session.screen(&report, found.is_dir().then_some(&*found)))?;
    Ok(report.validity().exit_status())
}
