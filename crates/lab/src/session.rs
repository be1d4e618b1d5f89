//! A session at the terminal: run a campaign, show how far it is, tell the verdict, keep the run.
//!
//! The one place of this crate that talks to a terminal and reads a clock: the program and a
//! learner's own binary share it.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use splitbrain_core::{Trace, Validity, Verdict};
use splitbrain_sim::{Recipe, RecipeError, Run, Subject};

use crate::campaign::{Control, Failure, Plan, Progress, Report, campaign, examine};
use crate::evidence::Evidence;
use crate::runs::{self, Keep};
use crate::screen::{Counts, Latency, Metrics, Screen, Step};
use crate::style::{Colour, Glyphs, Style};

/// How a session talks.
#[derive(Clone, Debug)]
pub struct Session {
    /// How the verdict is written.
    pub style: Style,
    /// Whether the verdict is written as JSON, and the screen to standard error.
    pub json: bool,
    /// Whether progress is shown.
    pub progress: bool,
    /// Where runs are kept.
    pub runs: PathBuf,
    /// What to type to have a run again, `{}` standing for the run's folder.
    pub replay: String,
    /// What to type to have it harder, `{}` standing for an option; empty if nothing is.
    pub harder: String,
    /// What to type to have a finding explained, `{}` standing for its id.
    pub explain: String,
}

impl Session {
    /// A session on this terminal. `NO_COLOR` is honoured, and colour and progress are for
    /// terminals only.
    #[expect(clippy::disallowed_methods, reason = "how a verdict looks may depend on the terminal")]
    pub fn here(json: bool) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let terminal = if json { io::stderr().is_terminal() } else { io::stdout().is_terminal() };
        let colour = terminal && !set("NO_COLOR");
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        Self {
            style: Style {
                colour: if colour && !dumb { Colour::Ansi } else { Colour::Never },
                glyphs: Glyphs::Unicode,
            },
            json,
            progress: io::stderr().is_terminal() && !dumb,
            runs: runs::RUNS.into(),
            replay: "splitbrain replay {}".into(),
            harder: String::new(),
            explain: "splitbrain explain {}".into(),
        }
    }

    /// Runs a campaign, tells its verdict, and keeps the run if it failed.
    ///
    /// # Errors
    /// When the program cannot run such worlds, or the run cannot be kept.
    pub fn run(
        &self,
        subject: &dyn Subject,
        plan: &Plan,
        stop: &AtomicBool,
    ) -> Result<Report, SessionError> {
        let report = self.campaign(subject, plan, stop)?;
        self.tell(&report)?;
        Ok(report)
    }

    /// Runs a campaign and shows how far it is.
    ///
    /// # Errors
    /// When the program cannot run such worlds.
    pub fn campaign(
        &self,
        subject: &dyn Subject,
        plan: &Plan,
        stop: &AtomicBool,
    ) -> Result<Report, SessionError> {
        let meter = Meter::new(self.progress);
        let progress = |progress: Progress| meter.show(progress);
        let report = campaign(subject, plan, Control { progress: &progress, stop })?;
        meter.clear();
        Ok(report)
    }

    /// Tells the verdict of a campaign, and keeps the run if it failed. Returns the run's folder.
    ///
    /// # Errors
    /// When the run cannot be kept or the verdict cannot be written.
    pub fn tell(&self, report: &Report) -> Result<Option<PathBuf>, SessionError> {
        let folder = match &report.failure {
            Some(failure) => Some(self.keep(report, failure)?),
            None => None,
        };
        let screen = self.screen(report, folder.as_deref());
        if self.json {
            let mut value = describe(report);
            value["run"] = json!(folder.as_ref().map(|folder| folder.display().to_string()));
            write_out(&format!("{value:#}\n"))?;
            write_err(&screen)?;
        } else {
            write_out(&screen)?;
        }
        Ok(folder)
    }

    /// Runs one recipe again, tells its verdict, and shrinks it if that is asked for.
    ///
    /// # Errors
    /// When the recipe cannot be run.
    #[expect(clippy::disallowed_methods, reason = "how long it took is told, and decides nothing")]
    pub fn replay(
        &self,
        subject: &dyn Subject,
        recipe: Recipe,
        shrink_budget: u32,
    ) -> Result<Report, SessionError> {
        let begun = Instant::now();
        let failure = examine(subject, recipe, shrink_budget)?;
        let run = &failure.run;
        let validity = run.verdict.validity();
        Ok(Report {
            program: subject.name().into(),
            workload: subject.workload().into(),
            worlds: 1,
            wanted: 1,
            undecided: (
                u64::from(validity == Validity::Unknown),
                run.verdict.undecided.first().cloned(),
            ),
            metrics: run.metrics.clone(),
            digest: run.digest,
            elapsed: begun.elapsed(),
            failure: (validity == Validity::Invalid).then_some(failure),
        })
    }

    fn keep(&self, report: &Report, failure: &Failure) -> Result<PathBuf, SessionError> {
        let folder = runs::new_folder(&self.runs, &report.program)?;
        let (recipe, run) = failure.smallest();
        let (text, found) = (recipe.to_json(), failure.recipe.to_json());
        let keep = Keep {
            recipe: Some(&text),
            recipe_found: failure.shrunk.is_some().then_some(found.as_str()),
            verdict: &format!("{:#}\n", describe(report)),
            history: run.history.as_deref(),
            evidence: run.trace.as_ref().map(|trace| evidence(trace, &run.verdict, recipe)),
        };
        runs::write(&folder, &keep)?;
        Ok(folder)
    }

    /// The verdict on one screen.
    pub fn screen(&self, report: &Report, folder: Option<&Path>) -> String {
        let nothing = Trace::default();
        let undecided = Verdict {
            undecided: report.undecided.1.iter().cloned().collect(),
            ..Verdict::default()
        };
        let mut counts =
            Counts { worlds: report.worlds, worlds_planned: report.wanted, ..Counts::default() };
        let mut next = Vec::new();
        let (verdict, evidence) = match &report.failure {
            Some(failure) => {
                let (recipe, run) = failure.smallest();
                let sizes = |recipe: &Recipe| {
                    let operations = recipe.operations.len() as u64;
                    (operations, recipe.faults.len() as u64, u64::from(recipe.config.nodes))
                };
                let (small, found) = (sizes(recipe), sizes(&failure.recipe));
                counts.seed = Some(failure.seed);
                counts.operations = (small.0, found.0);
                counts.faults = (small.1, found.1);
                counts.nodes = (small.2, found.2);
                let id = run.verdict.findings.first().map_or("", |finding| &finding.id);
                next = self.steps(id, folder);
                let trace = run.trace.as_ref().unwrap_or(&nothing);
                (&run.verdict, evidence(trace, &run.verdict, recipe))
            }
            None if report.validity() == Validity::Unknown => (
                &undecided,
                Evidence { trace: &nothing, operations: &[], findings: &[], faults: &[] },
            ),
            None => {
                let harder = |option: &str, what: &str| Step {
                    command: self.harder.replace("{}", option),
                    what: what.into(),
                };
                if !self.harder.is_empty() {
                    next.push(harder("--swarm", "every world its own network and faults"));
                }
                const PASSED: &Verdict = &Verdict::NOTHING;
                (PASSED, Evidence { trace: &nothing, operations: &[], findings: &[], faults: &[] })
            }
        };
        Screen {
            program: &report.program,
            verdict,
            evidence,
            counts,
            metrics: Some(measured(&report.metrics)),
            elapsed: Some(report.elapsed),
            next,
        }
        .render(self.style)
    }

    fn steps(&self, id: &str, folder: Option<&Path>) -> Vec<Step> {
        let step = |command: String, what: &str| Step { command, what: what.into() };
        let mut steps = Vec::new();
        if let Some(folder) = folder {
            let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or(runs::LATEST);
            let number = name.split('-').next().unwrap_or(name).trim_start_matches('0');
            steps.push(step(self.replay.replace("{}", number), "the whole story, event by event"));
            let picture = folder.join("diagram.svg").display().to_string();
            steps.push(step(picture, "the same as a picture"));
        }
        steps.push(step(self.explain.replace("{}", id), "what this means, and what fixes it"));
        steps
    }
}

impl Failure {
    /// The smallest recipe that fails, and its run.
    pub fn smallest(&self) -> (&Recipe, &Run) {
        self.shrunk
            .as_ref()
            .map_or((&self.recipe, &self.run), |shrunk| (&shrunk.recipe, &shrunk.run))
    }
}

/// What stories and diagrams are made from.
pub fn evidence<'a>(trace: &'a Trace, verdict: &'a Verdict, recipe: &'a Recipe) -> Evidence<'a> {
    Evidence {
        trace,
        operations: &trace.operations,
        findings: &verdict.findings,
        faults: &recipe.faults,
    }
}

/// The verdict of a campaign as JSON, with stable names.
pub fn describe(report: &Report) -> Value {
    let failure = report.failure.as_ref().map(|failure| {
        let (recipe, run) = failure.smallest();
        json!({
            "seed": failure.seed,
            "finding": failure.finding,
            "findings": run.verdict.findings,
            "shrunk": failure.shrunk.as_ref().map(|shrunk| json!({
                "minimal": shrunk.minimal,
                "runs": shrunk.runs,
                "operations": recipe.operations.len(),
                "faults": recipe.faults.len(),
                "nodes": recipe.config.nodes,
            })),
            "digest": format!("{:016x}", run.digest),
        })
    });
    json!({
        "verdict": report.validity(),
        "program": report.program,
        "workload": report.workload,
        "worlds": report.worlds,
        "worlds_wanted": report.wanted,
        "worlds_undecided": report.undecided.0,
        "digest": format!("{:016x}", report.digest),
        "failure": failure,
        "metrics": report.metrics,
        "elapsed_ms": u64::try_from(report.elapsed.as_millis()).unwrap_or(u64::MAX),
    })
}

fn measured(metrics: &splitbrain_sim::Metrics) -> Metrics {
    let quantile = |part| metrics.latency.quantile(part, 100);
    let latency = quantile(50).map(|p50| Latency {
        p50,
        p95: quantile(95).unwrap_or(p50),
        p99: quantile(99).unwrap_or(p50),
        max: metrics.latency.max(),
    });
    Metrics {
        operations: metrics.ok,
        writes: metrics.updates,
        messages: Some(metrics.messages),
        bytes: Some(metrics.bytes),
        syncs: Some(metrics.syncs),
        latency,
        stable: None,
        idle: Some((metrics.idle_messages, Duration::from_nanos(metrics.idle_node_ns))),
    }
}

/// A line on a terminal that says how far the work is.
struct Meter {
    shown: Mutex<Option<Instant>>,
    on: bool,
}

impl Meter {
    const fn new(on: bool) -> Self {
        Self { shown: Mutex::new(None), on }
    }

    #[expect(clippy::disallowed_methods, reason = "how often it is shown decides nothing")]
    fn show(&self, progress: Progress) {
        if !self.on || progress.elapsed < Duration::from_millis(300) {
            return;
        }
        let Ok(mut shown) = self.shown.lock() else { return };
        if shown.is_some_and(|last| last.elapsed() < Duration::from_millis(100)) {
            return;
        }
        *shown = Some(Instant::now());
        let millis = progress.elapsed.as_millis().max(1);
        let rate = u128::from(progress.done) * 1_000 / millis;
        let left = u128::from(progress.worlds - progress.done) / rate.max(1);
        let text = if progress.shrinking {
            format!("world {} fails; looking for the smallest story ...", progress.done)
        } else {
            format!(
                "{} of {} worlds · {rate} a second · about {left} s left",
                progress.done, progress.worlds
            )
        };
        let _ = write_err(&format!("\r\x1b[2K{text}"));
    }

    fn clear(&self) {
        if self.shown.lock().is_ok_and(|shown| shown.is_some()) {
            let _ = write_err("\r\x1b[2K");
        }
    }
}

/// Writes to standard output. A reader that went away is no error.
///
/// # Errors
/// When it cannot be written.
pub fn write_out(text: &str) -> io::Result<()> {
    quietly(io::stdout().lock(), text)
}

/// Writes to standard error.
///
/// # Errors
/// When it cannot be written.
pub fn write_err(text: &str) -> io::Result<()> {
    quietly(io::stderr().lock(), text)
}

fn quietly(mut to: impl Write, text: &str) -> io::Result<()> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// What can go wrong with a session. The exit status is then 3.
#[derive(Debug)]
pub enum SessionError {
    /// The program cannot run such worlds. Nothing was run.
    Recipe(RecipeError),
    /// A file or the terminal could not be written.
    Io(io::Error),
}

impl std::fmt::Display for SessionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Recipe(error) => write!(f, "cannot be run: {error}"),
            Self::Io(error) => write!(f, "cannot be written: {error}"),
        }
    }
}

impl std::error::Error for SessionError {}

impl From<RecipeError> for SessionError {
    fn from(error: RecipeError) -> Self {
        Self::Recipe(error)
    }
}

impl From<io::Error> for SessionError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
