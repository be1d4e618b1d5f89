//! `splitbrain test`: any program, in any language, under Maelstrom's options and names.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use splitbrain_check::Judge;
use splitbrain_check::consistency::Model;
use splitbrain_core::workload::{Topology, Workload};
use splitbrain_core::{FaultKind, Ratio, Validity};
use splitbrain_lab::{
    Counts, Evidence, Keep, Latency, Metrics, Plan, Screen, Session, Step, runs, write_err,
    write_out,
};
use splitbrain_maelstrom::{
    Concurrency, Distribution, Interrupt, Lockstep, Log, Report, TestOptions, TestRun,
};
use splitbrain_sim::{Config, Links, Recipe, Subject, Variety};

use crate::args;
use crate::nearest::nearest;
use crate::workload::{Visit, visit};

/// The options of a test: Maelstrom's, under Maelstrom's names.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    splitbrain test -w echo --bin ./echo.py --time-limit 5\n  \
    splitbrain test -w broadcast --bin demos/python/broadcast.py --nemesis partition\n  \
    splitbrain test -w lin-kv --bin ruby --concurrency 4n -- raft.rb\n  \
    splitbrain test -w broadcast --bin demos/python/broadcast_lossy.py --lockstep")]
pub(crate) struct Test {
    /// The workload: echo, unique-ids, broadcast, g-set, g-counter, pn-counter, lin-kv, kafka,
    /// txn-list-append, txn-rw-register
    #[arg(short, long, default_value = "lin-kv")]
    workload: String,
    /// The program that runs a node
    #[arg(long, value_name = "PROGRAM")]
    bin: PathBuf,
    /// Arguments for the program, after --
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<OsString>,
    /// How many nodes
    #[arg(long, default_value_t = 5, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=200))]
    node_count: u16,
    /// For how many seconds requests are sent
    #[arg(long, default_value = "60", value_parser = span_of_seconds, value_name = "SECONDS")]
    time_limit: Duration,
    /// How many requests a second, all clients together
    #[arg(long, default_value = "5", value_parser = decimal, value_name = "PER_SECOND")]
    rate: Ratio,
    /// How many clients: a number, or 4n for four for each node
    #[arg(long, default_value = "1n", value_name = "N")]
    concurrency: Concurrency,
    /// The mean latency between nodes, in milliseconds
    #[arg(long, default_value_t = 0, value_name = "MILLIS")]
    latency: u64,
    /// How latencies spread: constant, uniform, exponential
    #[arg(long, default_value = "constant", value_name = "SHAPE")]
    latency_dist: Distribution,
    /// The faults to inject, separated by commas: partition, kill, pause
    #[arg(long, value_delimiter = ',', value_parser = nemesis, value_name = "FAULTS")]
    nemesis: Vec<FaultKind>,
    /// Seconds from one change of the nemesis to the next, on average
    #[arg(long, default_value = "10", value_parser = span_of_seconds, value_name = "SECONDS")]
    nemesis_interval: Duration,
    /// Who is whose neighbour in broadcast: line, grid, tree2, tree3, tree4, total
    #[arg(long, default_value = "grid", value_name = "SHAPE")]
    topology: Topology,
    /// The share of requests that must succeed: total, or a number from 0 to 1
    #[arg(long, value_parser = availability, value_name = "SHARE")]
    availability: Option<Ratio>,
    /// What transactions must satisfy: strict-serializable, read-committed, ...
    #[arg(long, value_delimiter = ',', value_parser = args::model, value_name = "MODELS")]
    consistency_models: Vec<Model>,
    /// The seed of what we draw: requests, faults, latencies
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Show what nodes write to stderr
    #[arg(long)]
    log_stderr: bool,
    /// Show messages as they are sent
    #[arg(long)]
    log_net_send: bool,
    /// Show messages as they arrive
    #[arg(long)]
    log_net_recv: bool,
    /// Run the program in virtual time, in several worlds; it must support lockstep
    #[arg(long)]
    lockstep: bool,
    /// How many worlds, in lockstep
    #[arg(long, default_value_t = 20, value_name = "N", requires = "lockstep")]
    worlds: u64,
    /// The verdict as JSON on standard output
    #[arg(long)]
    json: bool,
}

/// Tests a program.
pub(crate) fn test(options: &Test) -> Result<u8> {
    if options.lockstep {
        visit(&options.workload, InLockstep(options))?
    } else {
        visit(&options.workload, InRealTime(options))?
    }
}

struct InRealTime<'a>(&'a Test);

impl Visit for InRealTime<'_> {
    type Output = Result<u8>;

    fn visit<W: Judge>(self) -> Result<u8> {
        let Self(options) = self;
        let session = Session::here(options.json);
        let folder = runs::new_folder(&session.runs, &program_name(&options.bin))?;
        let host = options.host(&folder);
        let interrupt = Interrupt::on_signals()?;
        let mut meter = Meter { on: session.progress, seconds: options.time_limit.as_secs() };
        let run = splitbrain_maelstrom::test::<W>(&host, &interrupt, &mut |report| {
            meter.show(report);
        });
        meter.clear();
        let run = match run {
            Ok(run) => run,
            Err(error) => {
                runs::discard(&session.runs, &folder);
                let hint = error.id().map(|id| format!("\n  see: splitbrain explain {id}"));
                bail!("{error}{}", hint.unwrap_or_default());
            }
        };
        tell(options, &session, &folder, &run)
    }
}

/// Keeps the run, tells its verdict, and gives the exit status.
fn tell<W: Judge>(
    options: &Test,
    session: &Session,
    folder: &Path,
    run: &TestRun<W>,
) -> Result<u8> {
    let evidence = Evidence {
        trace: &run.trace,
        operations: &run.trace.operations,
        findings: &run.verdict.findings,
        faults: &run.faults,
    };
    let json = serde_json::json!({
        "verdict": run.verdict.validity(),
        "program": program_name(&options.bin),
        "workload": W::NAME,
        "seed": options.seed,
        "findings": run.verdict.findings,
        "undecided": run.verdict.undecided,
        "remarks": run.verdict.remarks,
        "stopped": run.stopped.as_ref().map(ToString::to_string),
        "interrupted": run.interrupted,
        "metrics": run.metrics,
        "run": folder.display().to_string(),
    });
    let json = format!("{json:#}\n");
    let mut history = Vec::new();
    splitbrain_check::write(&run.history, &mut history)?;
    let history = String::from_utf8(history)?;
    let keep = Keep {
        verdict: &json,
        history: Some(&history),
        evidence: Some(evidence),
        ..Keep::default()
    };
    runs::write(folder, &keep)?;
    let screen = screen(options, session, folder, run, evidence);
    if options.json {
        write_out(&json)?;
        write_err(&screen)?;
    } else {
        write_out(&screen)?;
    }
    if let Some(error) = &run.stopped {
        write_err(&format!("error: the test could not go on: {error}\n"))?;
        if run.verdict.validity() != Validity::Invalid {
            return Ok(crate::COULD_NOT_RUN);
        }
    }
    Ok(run.verdict.validity().exit_status())
}

fn screen<W: Judge>(
    options: &Test,
    session: &Session,
    folder: &Path,
    run: &TestRun<W>,
    evidence: Evidence<'_>,
) -> String {
    let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    let metrics = &run.metrics;
    let most = metrics.latencies.values().max_by_key(|quantiles| quantiles.count);
    let latency = most.map(|quantiles| Latency {
        p50: nanos(quantiles.p50),
        p95: nanos(quantiles.p95),
        p99: nanos(quantiles.p99),
        max: nanos(quantiles.max),
    });
    let invalid = run.verdict.validity() == Validity::Invalid;
    let step = |command: String, what: &str| Step { command, what: what.into() };
    let mut next = Vec::new();
    if let Some(finding) = run.verdict.findings.first() {
        next.push(step(folder.join("diagram.svg").display().to_string(), "a picture of it"));
        next.push(step(folder.join("node-logs").display().to_string(), "what the nodes wrote"));
        next.push(step(format!("splitbrain explain {}", finding.id), "what this means"));
    }
    let operations = run.history.operations.len() as u64;
    let counts = Counts {
        seed: Some(options.seed),
        worlds: 1,
        worlds_planned: 1,
        operations: (operations, operations),
        faults: (run.faults.len() as u64, run.faults.len() as u64),
        nodes: (u64::from(options.node_count), u64::from(options.node_count)),
    };
    Screen {
        program: &program_name(&options.bin),
        verdict: &run.verdict,
        evidence,
        counts: if invalid { counts } else { Counts { seed: None, ..counts } },
        metrics: Some(Metrics {
            operations: metrics.operations,
            writes: metrics.updates,
            messages: Some(metrics.traffic.servers()),
            bytes: Some(metrics.traffic.server_bytes),
            syncs: None,
            latency,
            stable: None,
            idle: None,
        }),
        elapsed: Some(metrics.took),
        next,
    }
    .render(session.style)
}

impl Test {
    fn host(&self, folder: &Path) -> TestOptions {
        TestOptions {
            args: self.args.clone(),
            node_count: self.node_count,
            concurrency: self.concurrency,
            request_interval: self.interval(),
            time_limit: self.time_limit,
            latency_mean: Duration::from_millis(self.latency),
            latency_distribution: self.latency_dist,
            topology: self.topology,
            nemesis: self.nemesis.clone(),
            nemesis_interval: self.nemesis_interval,
            availability: self.availability,
            consistency_models: self.consistency_models.clone(),
            seed: self.seed,
            log_dir: Some(folder.join("node-logs")),
            log: Log {
                stderr: self.log_stderr,
                net_send: self.log_net_send,
                net_recv: self.log_net_recv,
            },
            ..TestOptions::maelstrom(&self.bin)
        }
    }

    /// The mean time from one request to the next; `None` if nothing is asked.
    fn interval(&self) -> Option<Duration> {
        let Ratio(requests, seconds) = self.rate;
        let nanos = u64::from(seconds) * 1_000_000_000;
        nanos.checked_div(u64::from(requests)).map(Duration::from_nanos)
    }

    /// The same test as worlds of the simulator.
    fn plan<W: Workload>(&self, threads: usize) -> Plan {
        let host = self.host(Path::new(""));
        let clients = self.concurrency.clients(self.node_count);
        let operations = self.interval().map_or(0, |interval| {
            self.time_limit.as_nanos().checked_div(interval.as_nanos()).unwrap_or(0)
        });
        let config = Config {
            nodes: self.node_count,
            clients: u16::try_from(clients).unwrap_or(u16::MAX),
            operations: u32::try_from(operations).unwrap_or(u32::MAX),
            duration: self.time_limit,
            timeout: host.timeout::<W>(),
            links: Links::perfect(host.latency()),
            topology: self.topology,
            faults: self.nemesis.iter().copied().collect(),
            fault_interval: self.nemesis_interval,
            consistency_models: args::names(&self.consistency_models),
            ..Config::standard().calm()
        };
        Plan {
            seeds: self.seed..self.seed.saturating_add(self.worlds),
            config,
            variety: Variety::None,
            shrink_budget: 300,
            ..Plan::standard(threads)
        }
    }
}

struct InLockstep<'a>(&'a Test);

impl Visit for InLockstep<'_> {
    type Output = Result<u8>;

    fn visit<W: Judge>(self) -> Result<u8> {
        let Self(options) = self;
        let session = Session::here(options.json);
        let subject = Lockstep::<W>::new(&options.bin, &options.args, splitbrain::judging())
            .map_err(|error| anyhow!("{error}"))?;
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let stop = Interrupt::on_signals()?;
        let mut report = session.campaign(&subject, &options.plan::<W>(threads), stop.flag())?;
        if let Some(failure) = &mut report.failure {
            let arguments: Vec<String> =
                options.args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
            failure.recipe.arguments.clone_from(&arguments);
            if let Some(shrunk) = &mut failure.shrunk {
                shrunk.recipe.arguments = arguments;
            }
        }
        session.tell(&report)?;
        Ok(report.validity().exit_status())
    }
}

/// The program of a recipe, if it is one on disk rather than a built-in node.
pub(crate) fn lockstep_subject(recipe: &Recipe) -> Result<Option<Box<dyn Subject>>> {
    struct Find<'a>(&'a Recipe);
    impl Visit for Find<'_> {
        type Output = Result<Box<dyn Subject>>;
        fn visit<W: Judge>(self) -> Self::Output {
            let args: Vec<OsString> = self.0.arguments.iter().map(OsString::from).collect();
            let program = Path::new(&self.0.program);
            let subject = Lockstep::<W>::new(program, &args, splitbrain::judging())
                .map_err(|error| anyhow!("{error}"))?;
            Ok(Box::new(subject))
        }
    }
    if !Path::new(&recipe.program).is_file() {
        return Ok(None);
    }
    visit(&recipe.workload, Find(recipe))?.map(Some).context("the recipe's program")
}

fn program_name(program: &Path) -> String {
    let name = program.file_name().unwrap_or(program.as_os_str());
    name.to_string_lossy().into_owned()
}

/// A decimal number as a fraction: `2.5` is 25/10.
fn decimal(text: &str) -> Result<Ratio, String> {
    let bad = || format!("{text:?} is no number such as 5 or 0.5");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction}");
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !plain || fraction.len() > 6 {
        return Err(bad());
    }
    let of = 10_u32.pow(u32::try_from(fraction.len()).map_err(|_| bad())?);
    Ok(Ratio(digits.parse().map_err(|_| bad())?, of))
}

fn span_of_seconds(text: &str) -> Result<Duration, String> {
    let Ratio(seconds, of) = decimal(text)?;
    let span = Duration::from_secs(u64::from(seconds)) / of;
    if span.is_zero() { Err("must be more than nothing".into()) } else { Ok(span) }
}

fn availability(text: &str) -> Result<Ratio, String> {
    let share = if text == "total" { Ratio(1, 1) } else { decimal(text)? };
    if share.0 > share.1 { Err("must be total, or from 0 to 1".into()) } else { Ok(share) }
}

/// Maelstrom calls a crash a kill.
fn nemesis(name: &str) -> Result<FaultKind, String> {
    match name {
        "partition" => Ok(FaultKind::Partition),
        "kill" | "crash" => Ok(FaultKind::Crash),
        "pause" => Ok(FaultKind::Pause),
        other => Err(match nearest(other, ["partition", "kill", "pause"]) {
            Some(near) => format!("did you mean {near:?}?"),
            None => "one of partition, kill, pause".into(),
        }),
    }
}

/// Says how far the test is, and passes on what was asked to be shown.
struct Meter {
    on: bool,
    seconds: u64,
}

impl Meter {
    fn show(&mut self, report: Report<'_>) {
        let text = match report {
            Report::Phase(phase) if self.on => format!("\r\x1b[2K{phase} ..."),
            Report::Progress { at, operations, messages } if self.on => format!(
                "\r\x1b[2K{} of {} s · {operations} operations · {messages} messages",
                at.as_millis() / 1_000,
                self.seconds
            ),
            Report::Phase(_) | Report::Progress { .. } => return,
            Report::Stderr { node, line } => format!("{}{node}: {line}\n", self.fresh()),
            Report::Sent { at, line } => format!("{}{at} sent {line}\n", self.fresh()),
            Report::Received { at, line } => format!("{}{at} received {line}\n", self.fresh()),
        };
        let _ = write_err(&text);
    }

    const fn fresh(&self) -> &'static str {
        if self.on { "\r\x1b[2K" } else { "" }
    }

    fn clear(&self) {
        let _ = write_err(self.fresh());
    }
}
