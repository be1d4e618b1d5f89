//! The verdict on one screen, 80 by 24: the cause first, at the bottom what to type next.
//!
//! RULES       Never a dump: every part has its number of lines, and says what it left out. What
//!             was not measured is not shown. What a node provided is escaped and cut.
//! READ NEXT   the golden screens in tests/golden/

use std::time::Duration;

use splitbrain_core::{
    Described, DropReason, Edge, End, EventKind, OperationId, Proof, Time, Validity, Verdict,
};

use crate::evidence::{Evidence, in_brief};
use crate::story::Story;
use crate::style::{COLUMNS, Ink, Line, Style, write};
use splitbrain_check::show::visible::{clock, count, plural, shown, source, span, width, wrapped};

/// What the verdict screen shows.
#[derive(Clone, Debug)]
pub struct Screen<'a> {
    /// The program or node that was judged.
    pub program: &'a str,
    /// The verdict.
    pub verdict: &'a Verdict,
    /// The shrunk run that failed, and what is wrong with it. Of a run that passed it may be empty.
    pub evidence: Evidence<'a>,
    /// How much was tried, and how far the failure was shrunk.
    pub counts: Counts,
    /// What was measured, if anything was.
    pub metrics: Option<Metrics>,
    /// How long it took, if that is to be shown.
    pub elapsed: Option<Duration>,
    /// What can be typed next.
    pub next: Vec<Step>,
}

/// How much was tried.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// The seed of the run that failed.
    pub seed: Option<u64>,
    /// How many worlds were run.
    pub worlds: u64,
    /// How many were to be run.
    pub worlds_planned: u64,
    /// Operations of the failing run: as shrunk, and as it was found.
    pub operations: (u64, u64),
    /// Its faults: as shrunk, and as it was found.
    pub faults: (u64, u64),
    /// Its nodes: as shrunk, and as it was found.
    pub nodes: (u64, u64),
}

/// What was measured, summed over all worlds. What was not measured is `None`.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Metrics {
    /// Operations that ended well.
    pub operations: u64,
    /// Those of them that change something.
    pub writes: u64,
    /// Messages from server to server that the operations caused.
    pub messages: Option<u64>,
    /// Bytes of all messages.
    pub bytes: Option<u64>,
    /// Syncs of all disks.
    pub syncs: Option<u64>,
    /// How long operations took.
    pub latency: Option<Latency>,
    /// How long until what was written was seen everywhere.
    pub stable: Option<Latency>,
    /// Messages while nothing was asked, and the node-time they were counted over.
    pub idle: Option<(u64, Duration)>,
}

/// Quantiles of a span of time, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Latency {
    /// Half are not longer.
    pub p50: u64,
    /// 95 of 100 are not longer.
    pub p95: u64,
    /// 99 of 100 are not longer.
    pub p99: u64,
    /// None is longer.
    pub max: u64,
}

/// Something to type next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// The command.
    pub command: String,
    /// What it does.
    pub what: String,
}

const HISTORY_LINES: usize = 5;
const CAUSE_LINES: usize = 5;
const CYCLE_LINES: usize = 4;
const FAULT_LINES: usize = 2;
const NEXT_LINES: usize = 3;
const SOURCE_COLUMNS: usize = 24;
const TIMELINE_COLUMNS: u64 = 22;

impl Screen<'_> {
    /// The screen as text: at most 24 lines of at most 80 columns.
    pub fn render(&self, style: Style) -> String {
        let lines = match self.verdict.validity() {
            Validity::Valid => self.passed(),
            Validity::Unknown => self.undecided(),
            Validity::Invalid => self.failed(),
        };
        write(lines, style)
    }

    fn failed(&self) -> Vec<Line> {
        let story = Story::tell(&self.evidence, CAUSE_LINES);
        let mut lines = self.head(Ink::Bad, '✗');
        lines.extend(self.history(&story.operations));
        lines.extend(self.smallest());
        if !story.lines.is_empty() {
            lines.push(Line::indented(2).then(Ink::Strong, "why it could happen"));
            lines.extend(story.lines.iter().map(|told| {
                let time = format!("    {:>8}  ", clock(told.at));
                let position = told.source.as_deref().unwrap_or("");
                let room = COLUMNS.saturating_sub(16 + width(&told.sentence));
                let position = source(position, room.clamp(12, SOURCE_COLUMNS));
                Line::default()
                    .then(Ink::Dim, time)
                    .then(Ink::Plain, told.sentence.clone())
                    .flush_right(Ink::Dim, position)
            }));
        }
        lines.extend(self.faults());
        lines.extend(self.metrics_in_brief());
        lines.extend(self.next());
        lines
    }

    fn passed(&self) -> Vec<Line> {
        let worlds = plural(self.counts.worlds, "world");
        let program = shown(self.program, 40);
        let elapsed = self.elapsed.map(span).unwrap_or_default();
        let head = Line::default()
            .then(Ink::Good, "✓ ")
            .then(Ink::Strong, program)
            .then(Ink::Plain, format!("  {worlds}"))
            .flush_right(Ink::Dim, elapsed);
        let mut lines = vec![head];
        lines.extend(self.metrics_table());
        for (name, value) in self.verdict.remarks.iter().take(4) {
            lines.push(row(name, &shown(value, 52)));
        }
        lines.extend(self.next());
        lines
    }

    fn undecided(&self) -> Vec<Line> {
        let mut lines = self.head(Ink::Strong, '?');
        for why in self.verdict.undecided.iter().take(4) {
            let text = wrapped(why, COLUMNS - 2, 2);
            lines.extend(text.into_iter().map(|text| Line::indented(2).then(Ink::Plain, text)));
        }
        let note = "nothing wrong was found, and nothing was proven";
        lines.push(Line::indented(2).then(Ink::Dim, note));
        lines.extend(self.metrics_table());
        lines.extend(self.next());
        lines
    }

    /// Program, id, sentence, and at the right what was tried.
    fn head(&self, ink: Ink, mark: char) -> Vec<Line> {
        let finding = self.verdict.findings.first();
        let id = finding.map_or("not decided", |finding| &finding.id);
        let head = Line::default()
            .then(ink, format!("{mark} "))
            .then(Ink::Strong, shown(self.program, 32))
            .then(ink, format!("  {}", shown(id, 32)));
        let tried = self.tried();
        let Some(finding) = finding else { return vec![head.flush_right(Ink::Dim, tried)] };
        let sentence = shown(&finding.sentence, 2 * COLUMNS);
        if head.width() + 2 + width(&sentence) + 2 + width(&tried) <= COLUMNS {
            let line = head.then(Ink::Plain, format!("  {sentence}"));
            return vec![line.flush_right(Ink::Dim, tried)];
        }
        let mut lines = vec![head.flush_right(Ink::Dim, tried)];
        for text in wrapped(&sentence, COLUMNS - 2, 2) {
            lines.push(Line::indented(2).then(Ink::Plain, text));
        }
        lines
    }

    /// `seed 17 of 200 · 0.31 s`
    fn tried(&self) -> String {
        let Counts { seed, worlds, worlds_planned, .. } = self.counts;
        let tried = match seed {
            Some(seed) if seed <= worlds_planned => {
                format!("seed {} of {}", count(seed), count(worlds_planned))
            }
            Some(seed) => {
                format!("seed {seed}, world {} of {}", count(worlds), count(worlds_planned))
            }
            None if worlds > 0 => plural(worlds, "world"),
            None => String::new(),
        };
        let parts: Vec<String> = [Some(tried), self.elapsed.map(span)]
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .collect();
        parts.join(" · ")
    }

    /// The operations, each with its interval on a common line of time: all of them if they are
    /// few, else those that show what is wrong.
    fn history(&self, operations: &[OperationId]) -> Vec<Line> {
        let all = self.evidence.operations;
        let described: Vec<&Described> = if all.len() <= HISTORY_LINES {
            all.iter().collect()
        } else {
            operations.iter().filter_map(|id| all.get(id.index())).collect()
        };
        // The first ones set the scene, the last one is what went wrong: the middle is left out.
        let head = HISTORY_LINES.min(described.len());
        let (first, rest) = described.split_at(head);
        let (first, last) = match rest.last() {
            Some(last) => (&first[..head - 1], Some(*last)),
            None => (first, None),
        };
        let shown_operations: Vec<&Described> = first.iter().copied().chain(last).collect();
        let timeline = Timeline::around(&shown_operations);
        let asks = shown_operations.iter().map(|op| width(&in_brief(op))).max().unwrap_or(0);
        let asks = asks.min(28);
        let mut lines: Vec<Line> =
            shown_operations.iter().map(|operation| timeline.line(operation, asks)).collect();
        let left_out = described.len() - shown_operations.len();
        if left_out > 0 {
            let note = format!("    … {} more", plural(left_out as u64, "operation"));
            let at = lines.len().saturating_sub(1);
            lines.insert(at, Line::default().then(Ink::Dim, note));
        }
        lines
    }

    /// Why there is no way out, and how small the failure is.
    fn smallest(&self) -> Vec<Line> {
        let Counts { operations, faults, nodes, .. } = self.counts;
        let mut lines = Vec::new();
        let finding = self.verdict.findings.first();
        if let Some(Proof::Cycle(edges)) = finding.and_then(|finding| finding.proof.as_ref()) {
            lines.extend(self.cycle(edges));
        } else if operations.0 > 1 && finding.is_some_and(|f| f.id.starts_with("LIN-")) {
            let text = format!("no order of the {} operations explains this", count(operations.0));
            lines.push(Line::indented(2).then(Ink::Plain, text));
        }
        let part = |(left, found): (u64, u64), one: &str| match found {
            0 => None,
            _ if left == found => Some(plural(left, one)),
            _ => Some(format!("{} of {}", count(left), plural(found, one))),
        };
        let parts = [part(operations, "operation"), part(faults, "fault"), part(nodes, "node")];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if !parts.is_empty() {
            let text = format!("smallest failing run: {}", parts.join(", "));
            lines.push(Line::indented(2).then(Ink::Dim, text));
        }
        lines
    }

    /// The steps of a cycle: who came before whom, and what shows it.
    fn cycle(&self, edges: &[Edge]) -> Vec<Line> {
        let who = |id: OperationId| {
            let operation = self.evidence.operations.get(id.index());
            operation.map_or(String::new(), |operation| operation.process.to_string())
        };
        let head = "each came before the next, and the last before the first";
        let mut lines = vec![Line::indented(2).then(Ink::Strong, head)];
        for edge in edges.iter().take(CYCLE_LINES) {
            let step = format!("{} → {}  {}", who(edge.from), who(edge.to), shown(&edge.kind, 8));
            let room = COLUMNS.saturating_sub(26);
            let line = Line::indented(4).then(Ink::Plain, format!("{step:<20}  "));
            lines.push(line.then(Ink::Plain, shown(&edge.why, room)));
        }
        if let Some(more) = edges.len().checked_sub(CYCLE_LINES + 1) {
            let note = format!("    … {}", plural(more as u64 + 1, "more step"));
            lines.push(Line::default().then(Ink::Dim, note));
        }
        lines
    }

    /// The faults of this run, and how many messages were lost.
    fn faults(&self) -> Vec<Line> {
        let events = &self.evidence.trace.events;
        let lost = events
            .iter()
            .filter(|event| {
                matches!(
                    event.kind,
                    EventKind::Drop { reason, .. } if reason != DropReason::NoSuchNode
                )
            })
            .count();
        let lost = match lost {
            0 => String::new(),
            _ => format!("{} lost", count(lost as u64)),
        };
        let faults = self.evidence.faults;
        if faults.is_empty() && lost.is_empty() {
            return vec![Line::indented(2).then(Ink::Dim, "no fault was needed")];
        }
        let mut lines = Vec::new();
        let last = faults.len().min(FAULT_LINES);
        for (at, injection) in (1..).zip(&faults[..last]) {
            let until = if injection.lasts.is_zero() {
                clock(injection.at)
            } else {
                format!("{} – {}", clock(injection.at), clock(injection.ends()))
            };
            let right = match (at == last, faults.len() - last) {
                (false, _) => String::new(),
                (true, 0) => lost.clone(),
                (true, more) => format!("and {} more", count(more as u64)),
            };
            let name = if at == 1 { "faults  " } else { "        " };
            let room = COLUMNS.saturating_sub(16 + width(&until) + width(&right));
            let line = Line::indented(2)
                .then(Ink::Strong, name)
                .then(Ink::Plain, shown(&injection.fault.to_string(), room))
                .then(Ink::Dim, format!("  {until}"));
            lines.push(line.flush_right(Ink::Dim, right));
        }
        if faults.is_empty() {
            lines.push(
                Line::indented(2)
                    .then(Ink::Strong, "faults  ")
                    .then(Ink::Plain, format!("messages: {lost}")),
            );
        }
        lines
    }

    /// What already works: one line of numbers.
    fn metrics_in_brief(&self) -> Option<Line> {
        let metrics = self.metrics.as_ref()?;
        let mut parts = Vec::new();
        if let Some(messages) = metrics.messages {
            parts.extend(ratio(messages, metrics.operations).map(|r| format!("{r} messages/op")));
        }
        if let Some(latency) = metrics.latency {
            parts.push(format!("latency p50 {} p99 {}", nanos(latency.p50), nanos(latency.p99)));
        }
        if let Some(syncs) = metrics.syncs {
            parts.extend(ratio(syncs, metrics.operations).map(|r| format!("{r} syncs/op")));
        }
        if parts.is_empty() {
            return None;
        }
        Some(Line::indented(2).then(Ink::Dim, format!("cost    {}", parts.join(" · "))))
    }

    fn metrics_table(&self) -> Vec<Line> {
        let Some(metrics) = &self.metrics else { return Vec::new() };
        let Metrics { operations, writes, .. } = *metrics;
        let mut lines = vec![row(
            "operations",
            &format!("{} ended well, {}", count(operations), plural(writes, "write")),
        )];
        let mut per = |name: &str, total: Option<u64>| {
            let Some(total) = total else { return };
            let per_write = ratio(total, writes).map(|text| format!("{text} per write"));
            let per_operation =
                ratio(total, operations).map(|text| format!("{text} per operation"));
            let parts: Vec<String> = [per_operation, per_write].into_iter().flatten().collect();
            if !parts.is_empty() {
                lines.push(row(name, &parts.join(", ")));
            }
        };
        per("messages between servers", metrics.messages);
        per("syncs", metrics.syncs);
        per("bytes", metrics.bytes);
        if let Some(latency) = metrics.latency {
            lines.push(row("latency", &quantiles(latency)));
        }
        if let Some(stable) = metrics.stable {
            lines.push(row("seen everywhere after", &quantiles(stable)));
        }
        if let Some((messages, time)) = metrics.idle {
            let tenths = u128::from(messages) * 10_000_000_000;
            let rate = tenths.checked_div(time.as_nanos()).unwrap_or(0);
            let text = format!("{}.{} messages per node and second", rate / 10, rate % 10);
            lines.push(row("when idle", &text));
        }
        lines
    }

    fn next(&self) -> Vec<Line> {
        let steps = &self.next[..self.next.len().min(NEXT_LINES)];
        let column = steps.iter().map(|step| width(&step.command)).max().unwrap_or(0).min(44) + 4;
        let line = |step: &Step| {
            Line::indented(2)
                .then(Ink::Command, shown(&step.command, COLUMNS - 4))
                .up_to(column)
                .then(Ink::Dim, shown(&step.what, COLUMNS))
        };
        let blank = (!steps.is_empty()).then(Line::default);
        blank.into_iter().chain(steps.iter().map(line)).collect()
    }
}

/// A name and what was measured of it.
fn row(name: &str, value: &str) -> Line {
    Line::indented(2).then(Ink::Dim, shown(name, 26)).up_to(29).then(Ink::Plain, value.to_owned())
}

/// `12.0`; nothing if there is nothing to divide by.
fn ratio(total: u64, by: u64) -> Option<String> {
    let tenths = (u128::from(total) * 10 + u128::from(by) / 2).checked_div(u128::from(by))?;
    let whole = u64::try_from(tenths / 10).unwrap_or(u64::MAX);
    Some(format!("{}.{}", count(whole), tenths % 10))
}

fn nanos(nanos: u64) -> String {
    span(Duration::from_nanos(nanos))
}

fn quantiles(latency: Latency) -> String {
    let Latency { p50, p95, p99, max } = latency;
    format!("p50 {}  p95 {}  p99 {}  max {}", nanos(p50), nanos(p95), nanos(p99), nanos(max))
}

/// The span of time that the operations of a history share.
struct Timeline {
    from: Time,
    to: Time,
}

impl Timeline {
    fn around(operations: &[&Described]) -> Self {
        let from = operations.iter().map(|op| op.invoked).min().unwrap_or(Time::ZERO);
        let ends = operations.iter().map(|op| op.completed.unwrap_or(op.invoked));
        let to = ends.max().unwrap_or(from).max(from + Duration::from_nanos(1));
        Self { from, to }
    }

    /// The column of an instant.
    fn column(&self, at: Time) -> usize {
        let whole = self.to.since(self.from).as_nanos().max(1);
        let part = at.min(self.to).since(self.from).as_nanos();
        usize::try_from(part * u128::from(TIMELINE_COLUMNS - 1) / whole).unwrap_or(0)
    }

    /// `  c1  read x → 7          ├────┤          120ms – 214ms`
    fn line(&self, operation: &Described, asks: usize) -> Line {
        let (start, end) =
            (self.column(operation.invoked), operation.completed.map(|at| self.column(at)));
        let mut bar = " ".repeat(start);
        bar.push('├');
        let last = end.unwrap_or(self.column(self.to)).max(start + 1);
        bar.push_str(&"─".repeat(last - start - 1));
        bar.push(match (operation.end, end) {
            (End::Unknown, _) | (_, None) => '…',
            (End::Ok | End::Failed, Some(_)) => '┤',
        });
        let interval = match operation.completed {
            Some(completed) => format!("{} – {}", clock(operation.invoked), clock(completed)),
            None => format!("{} –", clock(operation.invoked)),
        };
        let ink = if operation.end == End::Ok { Ink::Plain } else { Ink::Dim };
        Line::indented(2)
            .then(Ink::Strong, format!("{:<4}", operation.process.to_string()))
            .then(ink, shown(&in_brief(operation), asks))
            .up_to(2 + 4 + asks + 2)
            .then(Ink::Plain, bar)
            .flush_right(Ink::Dim, interval)
    }
}
