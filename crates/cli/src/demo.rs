//! `splitbrain demo`: a minute that shows a thing.

use anyhow::{Result, bail};
use splitbrain_core::{FaultKind, Validity, ms};
use splitbrain_lab::{Plan, Session, evidence, text, write_out};
use splitbrain_maelstrom::Interrupt;
use splitbrain_sim::Config;

use crate::{builtin, nearest};

const DEMOS: [&str; 1] = ["split-brain"];

/// Plays the demo of this name.
pub(crate) fn demo(name: &str) -> Result<u8> {
    match name {
        "split-brain" => split_brain(),
        other => match nearest::nearest(other, DEMOS) {
            Some(near) => bail!("no demo {other:?}; did you mean {near:?}?"),
            None => bail!("no demo {other:?}; there is {}", DEMOS.join(", ")),
        },
    }
}

const INTRODUCTION: &str = "\
A key-value store on three nodes, the kind everyone writes first: n1 is the primary
and answers all clients; the others copy it, and whoever hears no heartbeat from it
for a while takes over. It works on every laptop. Now the network breaks a little:

";

const PICTURE: &str = "\nThe same as a picture, time running down:\n\n";

const MORAL: &str = "
Both sides of the cut believed they were in charge: a split brain. No time-out is
right: a node that hears nothing cannot tell a dead peer from a broken network.

What helps is a majority. In the next store every read and every write waits for
more than half of the nodes, and any two majorities share one (Attiya, Bar-Noy and
Dolev 1995). Ten thousand broken worlds, with crashes, pauses and wrong clocks too:

";

const NEXT: &str = "
What next?
  splitbrain replay latest       the broken world again, event by event
  splitbrain list                more nodes, and the bugs planted in copies of them
  splitbrain sim abd/no-write-back
                                 what happens if one line of the good one is left out
";

/// The lines of the picture that fit a terminal beside the story.
const PICTURE_LINES: usize = 40;

/// A primary with heartbeats loses an acknowledged write; a majority does not. The exit status is 0
/// if both came out as told.
fn split_brain() -> Result<u8> {
    let session = Session::here(false);
    let stop = Interrupt::on_signals()?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    write_out(INTRODUCTION)?;
    let villain = builtin::find("primary-backup")?;
    let config = Config {
        nodes: 3,
        clients: 3,
        faults: [FaultKind::Partition].into(),
        fault_interval: ms(3_000),
        ..Config::standard().calm()
    };
    let plan = Plan { seeds: 0..1_000, config, ..Plan::standard(threads) };
    let report = session.campaign(&*villain.subject, &plan, stop.flag())?;
    session.tell(&report)?;
    let Some(failure) = &report.failure else {
        bail!("it survived {} worlds, which it must not: please report this", report.worlds);
    };
    let (recipe, run) = failure.smallest();
    if let Some(trace) = &run.trace {
        write_out(PICTURE)?;
        write_out(&text(&evidence(trace, &run.verdict, recipe), PICTURE_LINES, session.style))?;
    }
    write_out(MORAL)?;
    let hero = builtin::find("abd")?;
    let plan = Plan { seeds: 0..10_000, ..Plan::standard(threads) };
    let report = session.campaign(&*hero.subject, &plan, stop.flag())?;
    session.tell(&report)?;
    write_out(NEXT)?;
    Ok(if report.validity() == Validity::Valid { 0 } else { 1 })
}
