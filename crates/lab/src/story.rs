//! The few events that decide a run, in words.
//!
//! PROBLEM     Even a shrunk run has a hundred events, and most are heartbeats. Who must read them
//!             all to find the one lost message learns to hate the tool.
//! IDEA        The finding names the operations that cannot be. Walk from their answers back along
//!             the causes; then ask what the nodes that answered had missed: messages that were
//!             lost or late, or never led to them at all; writes that a crash took; a change of
//!             role. Weigh, and keep the heaviest.
//! RULES       One sentence for each line, the time first, the line of code that sent it last.
//!             Nothing after the last answer counts: it cannot have caused it.
//! CAVEATS     Weights are a judgement, not a proof. The listing and the diagram show the whole
//!             run.
//! READ NEXT   evidence.rs → story.rs → story/listing.rs

mod listing;

use std::collections::{BTreeMap, BTreeSet};

use splitbrain_core::{Described, DropReason, End, EventId, EventKind, OperationId, Time};

use crate::evidence::{Evidence, Fate, Flight, Threads};
use splitbrain_check::show::visible::{clock, listed, plural, shown};

pub use listing::listing;
pub(crate) use listing::{Beat, BeatKind, beats, keep, lost};

/// Why a run could go wrong: what a person needs to read of it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Story {
    /// The operations that show what is wrong, in the order of their invocations.
    pub operations: Vec<OperationId>,
    /// The decisive events, in order.
    pub lines: Vec<StoryLine>,
}

/// One decisive event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoryLine {
    /// When.
    pub at: Time,
    /// What happened, in one sentence. Safe to print.
    pub sentence: String,
    /// The line of code that did it, `file:line`.
    pub source: Option<String>,
    /// The event; of several alike the first.
    pub event: EventId,
}

impl Story {
    /// Tells the story in at most `lines` lines. Without a finding there is none to tell.
    pub fn tell(evidence: &Evidence<'_>, lines: usize) -> Self {
        let Some(first) = evidence.findings.first() else { return Self::default() };
        let threads = Threads::new(evidence);
        let mut operations: Vec<OperationId> = first
            .operations
            .iter()
            .copied()
            .filter(|id| id.index() < evidence.operations.len())
            .collect();
        operations.sort_unstable();
        operations.dedup();
        let mut teller = Teller::new(evidence, &threads, operations);
        teller.collect(&first.events);
        let lines = teller.heaviest(lines);
        Self { operations: teller.operations, lines }
    }
}

/// How much a line weighs. A line lighter than `NOISE` is never told.
mod weight {
    pub(super) const VIOLATED: u32 = 100;
    pub(super) const EVIDENCE: u32 = 95;
    pub(super) const CRASH_WITH_LOSS: u32 = 90;
    pub(super) const IGNORANT: u32 = 82;
    pub(super) const ROLE_OF_ANSWERER: u32 = 75;
    pub(super) const ANSWER: u32 = 70;
    pub(super) const LATE: u32 = 65;
    pub(super) const TWICE: u32 = 62;
    pub(super) const LOST: u32 = 60;
    pub(super) const ROLE: u32 = 45;
    pub(super) const CRASH: u32 = 45;
    pub(super) const SENT: u32 = 40;
    pub(super) const PAUSE: u32 = 40;
    pub(super) const FAULT: u32 = 38;
    pub(super) const NOTE: u32 = 30;
    pub(super) const RESTART: u32 = 28;
    pub(super) const LOST_BESIDE: u32 = 20;
    pub(super) const NOISE: u32 = 15;
}

struct Teller<'a> {
    evidence: &'a Evidence<'a>,
    threads: &'a Threads<'a>,
    operations: Vec<OperationId>,
    /// The answers to the operations: when, and by which lane.
    answers: Vec<(EventId, u16)>,
    /// Nothing after this counts.
    end: EventId,
    lines: Vec<(u32, StoryLine)>,
}

impl<'a> Teller<'a> {
    fn new(
        evidence: &'a Evidence<'a>,
        threads: &'a Threads<'a>,
        operations: Vec<OperationId>,
    ) -> Self {
        let last = EventId(u32::try_from(threads.trace.events.len()).unwrap_or(u32::MAX));
        let end = operations.iter().filter_map(|id| threads.completed(*id)).max().unwrap_or(last);
        let mut answers = Vec::new();
        for operation in &operations {
            let Some(completed) = threads.completed(*operation) else { continue };
            // The nearest event in the past that is not the client's own: the node's answer.
            let own = threads.lane(completed);
            if let Some(answer) = threads.past(completed).find(|id| threads.lane(*id) != own) {
                answers.push((answer, threads.lane(answer)));
            }
        }
        Self { evidence, threads, operations, answers, end, lines: Vec::new() }
    }

    fn add(&mut self, weight: u32, event: EventId, sentence: &str, source: Option<u32>) {
        let trace = self.threads.trace;
        self.lines.push((
            weight,
            StoryLine {
                at: self.threads.at(event),
                sentence: shown(sentence, 200),
                source: source.map(|text| shown(trace.text(text), 200)),
                event,
            },
        ));
    }

    /// The heaviest lines, in order of time.
    fn heaviest(&mut self, count: usize) -> Vec<StoryLine> {
        let mut lines = std::mem::take(&mut self.lines);
        lines.sort_by_key(|(weight, line)| (std::cmp::Reverse(*weight), line.event));
        let mut told = BTreeSet::new();
        lines.retain(|(weight, line)| *weight >= weight::NOISE && told.insert(line.event));
        lines.truncate(count);
        lines.sort_by_key(|(_, line)| line.event);
        lines.into_iter().map(|(_, line)| line).collect()
    }

    fn collect(&mut self, named: &[EventId]) {
        self.add_answers();
        self.add_messages();
        self.add_losses();
        self.add_ignorance();
        for at in 0..self.threads.trace.events.len() {
            let id = EventId(u32::try_from(at).unwrap_or(u32::MAX));
            if id < self.end {
                self.add_event(id);
            }
        }
        for id in named.iter().copied().filter(|id| id.index() < self.threads.trace.events.len()) {
            let source = self.threads.flight(id).and_then(|flight| flight.source);
            if let Some(sentence) = self.sentence(id) {
                self.add(weight::EVIDENCE, id, &sentence, source);
            }
        }
    }

    /// What the clients were told.
    fn add_answers(&mut self) {
        let last = self.answers.iter().map(|(event, _)| *event).max();
        for at in 0..self.operations.len() {
            let id = self.operations[at];
            let Some(event) = self.threads.completed(id) else { continue };
            let answer = self
                .threads
                .past(event)
                .find(|id| self.threads.lane(*id) != self.threads.lane(event))
                .unwrap_or(event);
            let described = &self.evidence.operations[id.index()];
            let source = self.threads.flight(answer).and_then(|flight| flight.source);
            let bonus = if Some(answer) == last { 20 } else { u32::from(at == 0) * 10 };
            self.add(weight::ANSWER + bonus, answer, &answered(described), source);
        }
    }

    /// Messages between nodes that led to an answer, arrived too late for one, or arrived twice.
    fn add_messages(&mut self) {
        let past: BTreeMap<EventId, u32> = self
            .operations
            .iter()
            .filter_map(|id| self.threads.completed(*id))
            .flat_map(|completed| self.threads.past(completed).zip(0..))
            .collect();
        for flight in &self.threads.flights {
            let (from, to) = (self.threads.name(flight.from), self.threads.name(flight.to));
            let label = self.threads.brief(flight);
            if self.between_clients(flight) || flight.send > self.end {
                continue;
            }
            if let Some(distance) = past.get(&flight.send) {
                let weight = weight::SENT.saturating_sub(*distance * 2);
                let sentence = format!("{from} sends {label} to {to}");
                self.add(weight, flight.send, &sentence, flight.source);
            }
            if !self.concerns(flight.send) {
                continue;
            }
            let missed = |arrival: EventId| {
                let mut answers = self.answers.iter();
                answers.any(|(answer, lane)| {
                    *lane == flight.to
                        && (flight.send..arrival).contains(answer)
                        && self.threads.root(*answer) != self.threads.root(flight.send)
                })
            };
            match (flight.fate, flight.copies.first()) {
                (Fate::Arrived(arrival), _) if missed(arrival) => {
                    let when = clock(self.threads.at(arrival));
                    let sentence = format!("{label} of {from} reaches {to} too late, at {when}");
                    self.add(weight::LATE, flight.send, &sentence, flight.source);
                }
                (_, Some(copy)) if *copy < self.end => {
                    let sentence = format!("{label} of {from} reaches {to} a second time");
                    self.add(weight::TWICE, *copy, &sentence, flight.source);
                }
                _ => (),
            }
        }
    }

    /// Messages that were lost: what the operations sent, and what the nodes that answered missed.
    /// What is said to several, and what is said again and again, is told once.
    fn add_losses(&mut self) {
        type Alike = (u16, String, DropReason, Option<OperationId>);
        let mut groups: BTreeMap<Alike, Vec<&Flight>> = BTreeMap::new();
        for flight in &self.threads.flights {
            let Fate::Lost(event, reason) = flight.fate else { continue };
            if event > self.end {
                continue;
            }
            let operation = self.threads.root(flight.send).filter(|_| self.concerns(flight.send));
            let label = self.threads.brief(flight);
            groups.entry((flight.from, label, reason, operation)).or_default().push(flight);
        }
        for ((from, label, reason, _), flights) in groups {
            let first = flights[0];
            let receivers: BTreeSet<u16> = flights.iter().map(|flight| flight.to).collect();
            let missed = self
                .answers
                .iter()
                .any(|(answer, lane)| receivers.contains(lane) && first.send < *answer);
            let weight = match (self.concerns(first.send), missed) {
                (true, true) => weight::LOST + 25,
                (true, false) => weight::LOST,
                (false, true) => weight::LOST_BESIDE + 15,
                (false, false) => weight::LOST_BESIDE,
            };
            // An answer on its way back has been acted upon: its loss weighs less.
            let weight = weight - u32::from(self.threads.is_response(first)) * 10;
            let names: Vec<String> =
                receivers.iter().map(|lane| self.threads.name(*lane)).collect();
            let times = flights.len() / receivers.len().max(1);
            let again = if times > 1 { format!(" ({times} times)") } else { String::new() };
            let why = self.why_lost(first, reason);
            let from = self.threads.name(from);
            let sentence =
                format!("{label} of {from} never reaches {}{again}: {why}", listed(&names));
            self.add(weight, first.send, &sentence, first.source);
        }
    }

    /// Nodes that answered without any chance of knowing an operation that had ended before.
    fn add_ignorance(&mut self) {
        let mut told = BTreeSet::new();
        for at in 0..self.operations.len() {
            let id = self.operations[at];
            let (Some(asked), Some(ended)) = (self.arrival(id), self.threads.completed(id)) else {
                continue;
            };
            let reached = self.reached_from(asked);
            let later: Vec<(EventId, u16)> =
                self.answers.iter().copied().filter(|(answer, _)| ended < *answer).collect();
            for (answer, lane) in later {
                let knows = reached.get(&lane).is_some_and(|since| *since <= answer);
                let Some(cause) = self.threads.cause(answer).filter(|_| !knows) else { continue };
                if told.insert((id, lane)) {
                    let request = shown(&self.evidence.operations[id.index()].request, 24);
                    let name = self.threads.name(lane);
                    let sentence = format!("no message can have told {name} of {request} by now");
                    self.add(weight::IGNORANT, cause, &sentence, None);
                }
            }
        }
    }

    /// Where the operation's request arrived at its node.
    fn arrival(&self, operation: OperationId) -> Option<EventId> {
        let is_request = |flight: &&Flight| {
            self.threads.is_client(flight.from) && self.threads.root(flight.send) == Some(operation)
        };
        match self.threads.flights.iter().find(is_request)?.fate {
            Fate::Arrived(arrival) => Some(arrival),
            Fate::Lost(..) | Fate::Flying => None,
        }
    }

    /// Which nodes a chain of messages from this event reached, and when first [lamport1978 §1].
    fn reached_from(&self, start: EventId) -> BTreeMap<u16, EventId> {
        let threads = self.threads;
        let mut reached = BTreeMap::from([(threads.lane(start), start)]);
        for id in (start.0..).map(EventId).take_while(|id| *id < self.end) {
            let EventKind::Deliver { from, .. } = threads.kind(id) else { continue };
            let Some(flight) = threads.flight(id).filter(|flight| !self.between_clients(flight))
            else {
                continue;
            };
            if reached.get(&from).is_some_and(|since| *since <= flight.send) {
                reached.entry(threads.lane(id)).or_insert(id);
            }
        }
        reached
    }

    fn why_lost(&self, flight: &Flight, reason: DropReason) -> String {
        let to = self.threads.name(flight.to);
        match reason {
            DropReason::Loss => "lost".into(),
            DropReason::Partition => "cut off".into(),
            DropReason::Down => format!("{to} is down"),
            DropReason::NoSuchNode => format!("there is no {to}"),
        }
    }

    /// Whatever else may matter: crashes, roles, remarks, broken assertions, faults.
    fn add_event(&mut self, id: EventId) {
        let threads = self.threads;
        let lane = threads.lane(id);
        let answers = self.answers.iter().any(|(answer, by)| *by == lane && id < *answer);
        let bonus = if answers { 10 } else { 0 };
        let weight = match threads.kind(id) {
            EventKind::Violated { .. } => weight::VIOLATED,
            EventKind::Crash { lost: 1.., .. } => weight::CRASH_WITH_LOSS,
            EventKind::Crash { .. } => weight::CRASH + bonus,
            EventKind::Role { .. } if threads.at(id) == Time::ZERO => 0,
            EventKind::Role { .. } if self.is_last_role_before_answer(id) => {
                weight::ROLE_OF_ANSWERER
            }
            EventKind::Role { .. } => weight::ROLE,
            EventKind::Note { .. } if self.concerns(id) => weight::NOTE + 15,
            EventKind::Note { .. } => weight::NOTE,
            EventKind::Start if threads.at(id) > Time::ZERO => weight::RESTART,
            EventKind::Pause => weight::PAUSE + bonus,
            EventKind::FaultBegin { injection, .. } if self.is_silent(injection) => weight::FAULT,
            _ => return,
        };
        if let Some(sentence) = self.sentence(id) {
            self.add(weight, id, &sentence, None);
        }
    }

    /// Whether the fault shows in no event of its own, as a crash and a pause do, and in no lost
    /// message, as a partition does.
    fn is_silent(&self, injection: u32) -> bool {
        use splitbrain_core::Fault::{Crash, Link, Partition, Pause};
        let fault = self.evidence.faults.get(injection as usize).map(|injection| &injection.fault);
        !matches!(fault, Some(Crash { .. } | Link { .. } | Partition { .. } | Pause { .. }))
    }

    fn is_last_role_before_answer(&self, id: EventId) -> bool {
        let lane = self.threads.lane(id);
        let changes = |from: EventId, to: EventId| {
            self.threads.trace.events[from.index() + 1..to.index()]
                .iter()
                .any(|event| event.lane == lane && matches!(event.kind, EventKind::Role { .. }))
        };
        self.answers.iter().any(|(answer, by)| *by == lane && id < *answer && !changes(id, *answer))
    }

    /// Whether the event follows from one of the operations.
    fn concerns(&self, id: EventId) -> bool {
        self.threads.root(id).is_some_and(|root| self.operations.contains(&root))
    }

    fn between_clients(&self, flight: &Flight) -> bool {
        self.threads.is_client(flight.from) || self.threads.is_client(flight.to)
    }

    fn sentence(&self, id: EventId) -> Option<String> {
        sentence(self.threads, id)
    }
}

/// What a node told its client.
fn answered(operation: &Described) -> String {
    let Described { process, node, request, answer, .. } = operation;
    let request = shown(request, 24);
    match operation.end {
        End::Ok if answer.is_empty() => format!("{node} tells {process} that {request} is done"),
        End::Ok => format!("{node} answers {process}: {request} → {}", shown(answer, 30)),
        End::Failed => format!("{node} refuses {request} of {process}: {}", shown(answer, 30)),
        End::Unknown => format!("{process} gives up waiting for {request} at {node}"),
    }
}

/// An event in words; `None` for what is of no interest alone.
pub(crate) fn sentence(threads: &Threads<'_>, id: EventId) -> Option<String> {
    let trace = threads.trace;
    let name = threads.name(threads.lane(id));
    let text = |index: u32| shown(trace.text(index), 60);
    Some(match threads.kind(id) {
        EventKind::Crash { why, lost } => crashed(&name, trace.text(why), lost),
        EventKind::Role { text: role } => match reason(threads, id) {
            Some(why) => format!("{name} becomes {}: {why}", shown(trace.text(role), 24)),
            None => format!("{name} becomes {}", shown(trace.text(role), 24)),
        },
        EventKind::Violated { text: rule } => format!("{name} breaks its rule: {}", text(rule)),
        EventKind::Reached { text: what } => format!("{name} reaches: {}", text(what)),
        EventKind::Note { text: note } => format!("{name} notes: {}", text(note)),
        EventKind::Start if threads.at(id) > Time::ZERO => format!("{name} starts again"),
        EventKind::Start => format!("{name} starts"),
        EventKind::Pause => format!("{name} stands still"),
        EventKind::Resume => format!("{name} goes on"),
        EventKind::FaultBegin { text: fault, .. } => format!("fault: {}", text(fault)),
        EventKind::TimerFire { timer } => format!("timer {} of {name} expires", text(timer)),
        EventKind::Send { .. } => {
            let flight = threads.flight(id)?;
            format!("{name} sends {} to {}", threads.label(flight), threads.name(flight.to))
        }
        EventKind::Deliver { .. } => {
            let flight = threads.flight(id)?;
            let from = threads.name(flight.from);
            format!("{} of {from} reaches {name}", threads.label(flight))
        }
        EventKind::Drop { .. } => {
            let flight = threads.flight(id)?;
            format!("{} of {name} to {} is lost", threads.label(flight), threads.name(flight.to))
        }
        _ => return None,
    })
}

pub(crate) fn crashed(name: &str, why: &str, lost: u32) -> String {
    let why = if why.is_empty() || why == "killed" || why.starts_with("crash") {
        String::new()
    } else {
        format!(" ({})", shown(why, 40))
    };
    match lost {
        0 => format!("{name} crashes{why}"),
        _ => format!("{name} crashes{why} and loses {}", plural(lost.into(), "unsynced write")),
    }
}

/// What made the node do it: the message or the timer that its handler was run for.
pub(crate) fn reason(threads: &Threads<'_>, id: EventId) -> Option<String> {
    let cause = threads.cause(id)?;
    Some(match threads.kind(cause) {
        EventKind::TimerFire { timer } => {
            format!("its timer {} expired", shown(threads.trace.text(timer), 24))
        }
        EventKind::Deliver { .. } => {
            let flight = threads.flight(cause)?;
            format!("{} from {}", threads.label(flight), threads.name(flight.from))
        }
        _ => return None,
    })
}
