//! The host: runs any program that speaks Maelstrom's protocol as a cluster of real processes, on a
//! network with faults, with clients that ask and a judge at the end.
//!
//! PROBLEM     A program in any language must be tested without knowing anything of us, and
//!             whatever it does, the test must end with a verdict, a history, and no process left
//!             over.
//! IDEA        Every node is a process whose stdin and stdout are its network cable. We are the
//!             switch.
//! RULES       A failure before the first request is an error: there is nothing to judge. From then
//!             on everything is a finding, and the run returns what it has.
//!             The last reads are repeated until the judge is content or the settle limit is over:
//!             a cluster that is right ten seconds after its last fault has kept its promise, and
//!             one that is right at once need not be waited for.
//! READ NEXT   options.rs → hub.rs → clients.rs → process.rs → journal.rs

mod clients;
mod error;
mod hub;
mod journal;
mod metrics;
mod nemesis;
mod options;
pub(crate) mod process;
pub(crate) mod seat;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use splitbrain_check::Judge;
use splitbrain_core::workload::Workload;
use splitbrain_core::{
    Finding, History, Injection, Key, NodeId, Outcome, Ratio, Time, Trace, Validity, Verdict,
};

pub use error::HostError;
pub use metrics::{Latencies, Metrics, Outcomes, Traffic};
pub use nemesis::schedule;
pub use options::{Concurrency, Distribution, Log, TestOptions};

use crate::Interrupt;
use hub::{Hub, Parts};

/// What is reported while a test runs.
#[derive(Clone, Copy, Debug)]
pub enum Report<'a> {
    /// The test has come to this phase.
    Phase(Phase),
    /// The test goes on: told some twenty times a second.
    Progress {
        /// The time since the test began.
        at: Time,
        /// How many operations were begun.
        operations: usize,
        /// How many messages were sent.
        messages: u64,
    },
    /// A node wrote a line to stderr; escaped.
    Stderr {
        /// Which node.
        node: NodeId,
        /// The line.
        line: &'a str,
    },
    /// A message was sent; escaped.
    Sent {
        /// When.
        at: Time,
        /// The message.
        line: &'a str,
    },
    /// A message has arrived; escaped.
    Received {
        /// When.
        at: Time,
        /// The message.
        line: &'a str,
    },
}

/// Where a test is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Programs are started and introduced to one another.
    Starting,
    /// Clients ask, and faults strike, for so long.
    Running(Duration),
    /// All faults are healed, and the cluster settles, for so long at most.
    Settling(Duration),
    /// The programs are ended.
    Stopping,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::Running(span) => write!(f, "running for {} s", span.as_secs()),
            Self::Settling(span) => write!(f, "settling for at most {} s", span.as_secs()),
            Self::Stopping => f.write_str("stopping"),
        }
    }
}

/// What a test has found.
#[derive(Debug)]
pub struct TestRun<W: Workload> {
    /// What the judge says of the history, and what was wrong with the way the nodes spoke.
    pub verdict: Verdict,
    /// What the clients saw.
    pub history: History<W>,
    /// What happened: all of it, or its beginning and end if that was too much.
    pub trace: Trace,
    /// What it cost.
    pub metrics: Metrics,
    /// The faults that were injected, at their times in the run.
    pub faults: Vec<Injection>,
    /// Why the test could not go on to its end, if so: the program cannot be tested like this.
    pub stopped: Option<HostError>,
    /// Whether somebody interrupted the test.
    pub interrupted: bool,
}

/// Tests a program on workload `W`: starts the nodes, asks, breaks, heals, asks once more, and
/// judges.
///
/// # Errors
/// When the test could not begin.
pub fn test<W: Judge>(
    options: &TestOptions,
    interrupt: &Interrupt,
    watch: &mut dyn FnMut(Report<'_>),
) -> Result<TestRun<W>, HostError> {
    check(options)?;
    let faults = schedule(options, Key::new(options.seed).derive(FAULTS))?;
    watch(Report::Phase(Phase::Starting));
    let mut hub: Hub<'_, W> = Hub::new(options, faults, interrupt, watch)?;
    hub.handshake()?;
    (hub.watch)(Report::Phase(Phase::Running(options.time_limit)));
    let end = hub.now() + options.time_limit;
    hub.ask_until(end);
    let patience = hub.now() + options.timeout::<W>();
    hub.wait(patience, |hub| !hub.clients.has_open());

    let mut metrics = Metrics { traffic: hub.traffic, ..Metrics::default() };
    let operations = &hub.clients.history().operations;
    metrics.operations = operations.len() as u64;
    metrics.updates =
        operations.iter().filter(|operation| !W::is_query(&operation.request)).count() as u64;
    hub.heal();
    metrics.settled_after = settle(&mut hub);
    Ok(finish(hub, metrics))
}

/// The streams of randomness that are not the hub's own.
const FAULTS: u64 = 100;

fn check(options: &TestOptions) -> Result<(), HostError> {
    let refuse = |why: String| Err(HostError::Unsupported(why));
    if !(1..=1_000).contains(&options.node_count) {
        return refuse(format!("a cluster has 1 to 1000 nodes, not {}", options.node_count));
    }
    if options.request_interval.is_some_and(|interval| interval < Duration::from_micros(1)) {
        return refuse("more than a million requests a second cannot be made".into());
    }
    if options.time_limit > Duration::from_secs(100_000) {
        return refuse("a test may take at most 100000 s".into());
    }
    Ok(())
}

/// Asks the last questions, again and again until the judge is content or the limit is over.
/// Returns how long that took.
fn settle<W: Judge>(hub: &mut Hub<'_, W>) -> Option<Duration> {
    if hub.is_over() {
        return None;
    }
    let (began, limit) = (hub.now(), hub.options.settle_limit);
    (hub.watch)(Report::Phase(Phase::Settling(limit)));
    hub.wait(began + limit, |hub| hub.seats.iter().all(|seat| seat.awaiting.is_none()));
    // What was wrong before cannot be mended by waiting.
    let before = judged(hub.options, hub.clients.history());
    let before: BTreeSet<_> = before.findings.into_iter().map(|finding| finding.id).collect();
    hub.clients.grow(u32::from(hub.options.node_count), hub.options.node_count);
    let mut pause = Duration::from_millis(125);
    loop {
        let complete = ask_all(hub, began + limit);
        let verdict = judged(hub.options, hub.clients.history());
        let settled = match verdict.validity() {
            Validity::Valid => true,
            Validity::Unknown => complete,
            Validity::Invalid => verdict.findings.iter().all(|it| before.contains(&it.id)),
        };
        let waited = hub.now() - began;
        if settled || waited >= limit || hub.is_over() {
            return settled.then_some(waited);
        }
        pause = (pause * 2).min(Duration::from_secs(1));
        hub.wait(hub.now() + pause.min(limit - waited), |_| false);
    }
}

/// What the judge says of the history.
fn judged<W: Judge>(options: &TestOptions, history: &History<W>) -> Verdict {
    match &options.consistency_models[..] {
        [] => W::judge(history),
        models => W::judge_as(history, models),
    }
}

/// Every client asks once, and on from there if it is told that there is more, though not for ever;
/// nothing before that counts as its last question. Returns whether all were answered.
fn ask_all<W: Workload>(hub: &mut Hub<'_, W>, limit: Time) -> bool {
    let asked = hub.clients.history().operations.len();
    hub.ask_last();
    let mut first = asked;
    loop {
        hub.wait(Time::MAX, |hub| !hub.clients.has_open());
        let next = hub.clients.history().operations.len();
        if hub.now() >= limit || hub.is_over() || !hub.ask_on(first) {
            break;
        }
        first = next;
    }
    for (at, operation) in hub.clients.history_mut().operations.iter_mut().enumerate() {
        operation.last = at >= asked;
    }
    let last = &hub.clients.history().operations[asked..];
    last.iter().all(|operation| matches!(operation.outcome, Outcome::Ok(_)))
}

fn finish<W: Judge>(mut hub: Hub<'_, W>, mut metrics: Metrics) -> TestRun<W> {
    (hub.watch)(Report::Phase(Phase::Stopping));
    let interrupted = hub.was_interrupted();
    let stubborn = hub.stop();
    metrics.traffic_in_all = hub.traffic;
    metrics.took = hub.now() - Time::ZERO;
    let Parts { clients, journal, findings, stopped, faults, options } = hub.into_parts();
    let history = clients.into_history();
    metrics.count(&history.operations);

    let (findings, remarks) = findings.finish();
    let mut verdict = Verdict { findings, remarks, ..Verdict::default() };
    verdict.merge(judged(options, &history));
    if let Some(least) = options.availability {
        verdict.findings.extend(unavailable(least, metrics.outcomes));
    }
    if interrupted {
        verdict.undecided.push("the run was interrupted".into());
    }
    if !stubborn.is_empty() {
        let names: Vec<String> = stubborn.iter().map(NodeId::to_string).collect();
        verdict.remarks.push(("killed, for they ignored SIGTERM".into(), names.join(" ")));
    }
    let (sent, kept) = journal.kept();
    if kept < sent {
        let text = format!("the first and the last of {sent} messages, {kept} in all");
        verdict.remarks.push(("the trace has".into(), text));
    }
    let trace = journal.finish::<W>(&history, options.node_count);
    TestRun { verdict, history, trace, metrics, faults, stopped, interrupted }
}

/// The finding that too few requests succeeded, if so.
fn unavailable(least: Ratio, outcomes: Outcomes) -> Option<Finding> {
    let enough = outcomes.ok * u64::from(least.1) >= outcomes.all() * u64::from(least.0);
    (!enough).then(|| {
        Finding::new(
            "AVAILABILITY-LOW",
            format!(
                "{} of {} requests succeeded, and at least {} of {} had to",
                outcomes.ok,
                outcomes.all(),
                least.0,
                least.1
            ),
        )
    })
}
