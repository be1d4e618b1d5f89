//! `splitbrain explore`: every run of a built-in node within bounds.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;
use splitbrain_core::{Validity, ms};
use splitbrain_explore::{
    Bounds, Budget, Case, Clocks, Control, Counterexample, Explored, Limits, Order, Progress,
    Replay, Stopped, Timers,
};
use splitbrain_lab::{Evidence, Keep, Session, listing, runs, write_err, write_out};
use splitbrain_maelstrom::Interrupt;

#[derive(Args, Debug)]
pub(crate) struct Explore {
    /// The node; all that can be explored if left out
    node: Option<String>,
    /// Expect this workload
    #[arg(short, long)]
    workload: Option<String>,
    /// How many messages are lost, or any
    #[arg(long, value_parser = budget, value_name = "N")]
    losses: Option<Budget>,
    /// How many messages arrive twice, or any
    #[arg(long, value_parser = budget, value_name = "N")]
    duplicates: Option<Budget>,
    /// How often nodes crash, or any
    #[arg(long, value_parser = budget, value_name = "N")]
    crashes: Option<Budget>,
    /// How often timers expire, or any
    #[arg(long, value_parser = budget, value_name = "N")]
    expiries: Option<Budget>,
    /// How often the network is partitioned, or any
    #[arg(long, value_parser = budget, value_name = "N")]
    partitions: Option<Budget>,
    /// How often clients give up waiting, or any
    #[arg(long, value_parser = budget, value_name = "N")]
    impatience: Option<Budget>,
    /// How many equal messages may be under way at once, or any
    #[arg(long, value_parser = budget, value_name = "N")]
    alike: Option<Budget>,
    /// The order of messages on a link: any, fifo
    #[arg(long, value_parser = order, value_name = "ORDER")]
    order: Option<Order>,
    /// The order of timers: any, or ordered (not before one that must expire sooner)
    #[arg(long, value_parser = timers, value_name = "ORDER")]
    timers: Option<Timers>,
    /// Clocks that tick so often, by ten milliseconds
    #[arg(long, value_name = "N")]
    ticks: Option<u16>,
    /// How many ticks two clocks may be apart
    #[arg(long, value_name = "N", default_value_t = 1)]
    skew: u16,
    /// End after so many different states
    #[arg(long, value_name = "N")]
    states: Option<u64>,
    /// End after so many steps from the start
    #[arg(long, value_name = "N")]
    depth: Option<u32>,
    /// End when so much memory is taken, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 4_096)]
    memory: u64,
    /// How many threads; the verdict does not depend on it
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Print what was found as a regression test in Rust
    #[arg(long)]
    as_test: bool,
    /// The verdict as JSON on standard output
    #[arg(long)]
    json: bool,
}

fn budget(text: &str) -> Result<Budget, String> {
    match text {
        "any" => Ok(Budget::UNLIMITED),
        number => match number.parse() {
            Ok(count) if count < u8::MAX => Ok(Budget(count)),
            _ => Err("a number up to 254, or any".into()),
        },
    }
}

fn order(text: &str) -> Result<Order, String> {
    match text {
        "any" => Ok(Order::Any),
        "fifo" => Ok(Order::Fifo),
        _ => Err("any or fifo".into()),
    }
}

fn timers(text: &str) -> Result<Timers, String> {
    match text {
        "any" => Ok(Timers::Any),
        "ordered" => Ok(Timers::Ordered),
        _ => Err("any or ordered".into()),
    }
}

impl Explore {
    fn bounds(&self, usual: Bounds) -> Bounds {
        let clocks = self.ticks.map(|ticks| Clocks { tick: ms(10), ticks, skew: self.skew });
        Bounds {
            losses: self.losses.unwrap_or(usual.losses),
            duplicates: self.duplicates.unwrap_or(usual.duplicates),
            crashes: self.crashes.unwrap_or(usual.crashes),
            expiries: self.expiries.unwrap_or(usual.expiries),
            partitions: self.partitions.unwrap_or(usual.partitions),
            impatience: self.impatience.unwrap_or(usual.impatience),
            alike: self.alike.unwrap_or(usual.alike),
            order: self.order.unwrap_or(usual.order),
            timers: self.timers.unwrap_or(usual.timers),
            clocks: clocks.or(usual.clocks),
            ..usual
        }
    }
}

/// All that can be explored: references first, then mutants.
fn cases() -> Vec<Box<dyn Case>> {
    let references = splitbrain_mutants::explored_references();
    references.into_iter().chain(splitbrain_mutants::explored_mutants()).collect()
}

fn find(name: &str) -> Result<Box<dyn Case>> {
    let mut all = cases();
    if let Some(at) = all.iter().position(|case| case.name() == name) {
        return Ok(all.swap_remove(at));
    }
    let names = all.iter().map(|case| case.name());
    match crate::nearest::nearest(name, names) {
        Some(near) => {
            bail!(
                "no node {name:?} to explore; did you mean {near:?}? ('splitbrain explore' names all)"
            )
        }
        None => bail!("no node {name:?} to explore ('splitbrain explore' names all)"),
    }
}

/// What was asked, and what came of it.
struct Report<'a> {
    case: &'a dyn Case,
    bounds: &'a Bounds,
    explored: &'a Explored,
    elapsed: Duration,
}

/// Explores a built-in node.
#[expect(clippy::disallowed_methods, reason = "how long it took is told, and decides nothing")]
pub(crate) fn explore(options: &Explore) -> Result<u8> {
    let Some(name) = &options.node else {
        return list();
    };
    let case = find(name)?;
    if options.workload.as_deref().is_some_and(|wanted| wanted != case.workload()) {
        bail!("{name} is a node for the workload {}", case.workload());
    }
    let bounds = options.bounds(case.bounds());
    let session = Session::here(options.json);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let limits = Limits {
        states: options.states.unwrap_or(Limits::STANDARD.states),
        depth: options.depth.unwrap_or(Limits::STANDARD.depth),
        memory_bytes: options.memory.saturating_mul(1 << 20),
    };
    let stop = Interrupt::on_signals()?;
    let begun = Instant::now();
    let shown = Mutex::new(begun);
    let progress = |progress: Progress| {
        if let (true, Ok(mut shown)) = (session.progress, shown.lock())
            && shown.elapsed() > Duration::from_millis(200)
        {
            *shown = Instant::now();
            let _ = write_err(&format!("\r\x1b[2K{} ...", looked(&progress, begun.elapsed())));
        }
    };
    let threads = options.threads.unwrap_or(cores);
    let control = Control { progress: &progress, stop: stop.flag(), threads };
    let explored = case.explore(&bounds, limits, control)?;
    if session.progress {
        write_err("\r\x1b[2K")?;
    }
    let report =
        Report { case: &*case, bounds: &bounds, explored: &explored, elapsed: begun.elapsed() };
    report.tell(&session, options.as_test)?;
    Ok(report.validity().exit_status())
}

fn list() -> Result<u8> {
    let mut text = String::new();
    for case in cases() {
        let (nodes, clients, operations) = case.size();
        _ = writeln!(
            text,
            "{:<36} {nodes} nodes, {clients} clients, {operations} operations · {}",
            case.name(),
            within(&case.bounds())
        );
    }
    write_out(&text)?;
    Ok(0)
}

/// What the bounds let go wrong.
fn within(bounds: &Bounds) -> String {
    let mut parts = vec![match bounds.order {
        Order::Any => "messages in any order".to_owned(),
        Order::Fifo => "links keep their order".to_owned(),
    }];
    for (budget, name) in [
        (bounds.losses, "lost"),
        (bounds.duplicates, "doubled"),
        (bounds.crashes, "crashes"),
        (bounds.expiries, "time-outs"),
        (bounds.partitions, "partitions"),
        (bounds.impatience, "impatient"),
        (bounds.lies, "lies"),
    ] {
        if budget != Budget::NONE {
            parts.push(format!("{budget} {name}"));
        }
    }
    if let Some(clocks) = bounds.clocks {
        parts.push(format!("{} ticks, {} apart", clocks.ticks, clocks.skew));
    }
    parts.join(", ")
}

fn looked(progress: &Progress, elapsed: Duration) -> String {
    let millis = elapsed.as_millis().max(1);
    let rate = u128::from(progress.states) * 1_000 / millis;
    format!(
        "{} states, {} steps, depth {} · {}.{:03} s · {} steps a second · {} MiB",
        progress.unique,
        progress.states,
        progress.depth,
        millis / 1_000,
        millis % 1_000,
        rate,
        progress.memory_bytes >> 20
    )
}

impl Report<'_> {
    /// Valid only if all was seen and everything could be decided.
    const fn validity(&self) -> Validity {
        if self.explored.counterexample.is_some() {
            Validity::Invalid
        } else if self.explored.stopped.is_some() || !self.explored.undecided.is_empty() {
            Validity::Unknown
        } else {
            Validity::Valid
        }
    }

    fn tell(&self, session: &Session, as_test: bool) -> Result<()> {
        let folder = match &self.explored.counterexample {
            Some(found) => Some(self.keep(session, found)?),
            None => None,
        };
        let screen = self.screen(session, folder.as_deref());
        if session.json {
            write_out(&format!("{:#}\n", self.json(folder.as_deref())))?;
            write_err(&screen)?;
        } else {
            write_out(&screen)?;
        }
        if let (true, Some(found)) = (as_test, &self.explored.counterexample) {
            write_out(&format!("\n{}", found.as_test(self.case.name())))?;
        }
        Ok(())
    }

    fn screen(&self, session: &Session, folder: Option<&Path>) -> String {
        let name = self.case.name();
        let mut text = match (&self.explored.counterexample, self.explored.stopped) {
            (Some(found), _) => {
                let steps = found.steps.len();
                let title = format!(
                    "✗ {name}  {}  {steps} steps, and no way is shorter\n  {}\n\n",
                    found.finding.id, found.finding.sentence
                );
                title + &listing(&evidence(found), 60, session.style) + "\n"
            }
            (None, None) if self.explored.undecided.is_empty() => {
                format!("✓ {name}  holds in every run\n")
            }
            (None, None) => format!("? {name}  nothing is wrong, but not all could be decided\n"),
            (None, Some(why)) => {
                let expanded = self.explored.progress.expanded;
                let depth = self.explored.progress.depth.saturating_sub(1);
                format!(
                    "? {name}  nothing is wrong so far, but {}: all runs of {} steps were seen, \
                     and what follows {expanded} states\n",
                    stopped(why),
                    depth.saturating_sub(1)
                )
            }
        };
        for (goal, steps) in &self.explored.goals {
            _ = match steps {
                Some(steps) => writeln!(text, "  {goal}: reached in {steps} steps"),
                None => writeln!(text, "  {goal}: never reached"),
            };
        }
        for (what, states) in &self.explored.undecided {
            _ = writeln!(text, "  {what}: not decided, for {states} states used up a budget");
        }
        _ = writeln!(text, "  seen    {}", looked(&self.explored.progress, self.elapsed));
        _ = writeln!(text, "  within  {}", within(self.bounds));
        if let (Some(folder), Some(found)) = (folder, &self.explored.counterexample) {
            _ = writeln!(text, "\n  splitbrain replay {}", folder.display());
            _ = writeln!(text, "  splitbrain explain {}", found.finding.id);
        }
        text
    }

    fn json(&self, folder: Option<&Path>) -> serde_json::Value {
        let Explored { progress, counterexample, goals, undecided, stopped, calls } = self.explored;
        json!({
            "verdict": self.validity(),
            "program": self.case.name(),
            "workload": self.case.workload(),
            "bounds": self.bounds,
            "steps_tried": progress.states,
            "states": progress.unique,
            "states_expanded": progress.expanded,
            "depth": progress.depth,
            "memory_bytes": progress.memory_bytes,
            "handler_calls": calls,
            "stopped": stopped.map(self::stopped),
            "finding": counterexample.as_ref().map(|found| &found.finding),
            "steps": counterexample.as_ref().map(|found| &found.steps),
            "cycle": counterexample.as_ref().and_then(|found| found.cycle),
            "goals": goals,
            "undecided": undecided,
            "run": folder.map(|folder| folder.display().to_string()),
            "elapsed_ms": u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn keep(&self, session: &Session, found: &Counterexample) -> Result<std::path::PathBuf> {
        let folder = runs::new_folder(&session.runs, self.case.name())?;
        let keep = Keep {
            recipe: None,
            recipe_found: None,
            verdict: &format!("{:#}\n", self.json(Some(&folder))),
            history: found.history.as_deref(),
            evidence: Some(evidence(found)),
        };
        runs::write(&folder, &keep)?;
        let schedule = Schedule {
            format: FORMAT.into(),
            version: VERSION,
            program: self.case.name().into(),
            bounds: self.bounds.clone(),
            steps: found.steps.clone(),
        };
        let text = serde_json::to_string_pretty(&schedule)? + "\n";
        std::fs::write(folder.join(SCHEDULE), text)?;
        Ok(folder)
    }
}

const fn stopped(why: Stopped) -> &'static str {
    match why {
        Stopped::States => "it had seen as many states as it may",
        Stopped::Depth => "it had gone as deep as it may",
        Stopped::Memory => "it had taken as much memory as it may",
        Stopped::Asked => "it was stopped",
    }
}

fn evidence(found: &Counterexample) -> Evidence<'_> {
    Evidence {
        trace: &found.trace,
        operations: &found.trace.operations,
        findings: std::slice::from_ref(&found.finding),
        faults: &found.faults,
    }
}

/// The file of a kept run that has its steps.
pub(crate) const SCHEDULE: &str = "schedule.json";
const FORMAT: &str = "splitbrain-schedule";
const VERSION: u32 = 1;

/// The steps of a counterexample, as a file.
#[derive(Serialize, Deserialize)]
struct Schedule {
    format: String,
    version: u32,
    program: String,
    bounds: Bounds,
    steps: Vec<String>,
}

/// Takes the steps of a kept run again, event by event.
pub(crate) fn replay(file: &Path, events: usize) -> Result<u8> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    let schedule: Schedule =
        serde_json::from_str(&text).with_context(|| format!("{}", file.display()))?;
    if schedule.format != FORMAT || schedule.version != VERSION {
        bail!("{}: not {FORMAT} version {VERSION}", file.display());
    }
    let case = find(&schedule.program)?;
    match case.replay(&schedule.bounds, &schedule.steps)? {
        Replay::Fails(found) => {
            let session = Session::here(false);
            let mut text = format!("✗ {}  {}\n", case.name(), found.finding.id);
            _ = writeln!(text, "  {}\n", found.finding.sentence);
            text += &listing(&evidence(&found), events, session.style);
            write_out(&text)?;
            Ok(Validity::Invalid.exit_status())
        }
        Replay::Holds => {
            write_out(&format!("✓ {}  took all steps, and nothing is wrong\n", case.name()))?;
            Ok(Validity::Valid.exit_status())
        }
        Replay::Diverges { at, step } => {
            write_out(&format!(
                "? {}  cannot take step {} any more: {step}\n",
                case.name(),
                at + 1
            ))?;
            Ok(Validity::Unknown.exit_status())
        }
    }
}
