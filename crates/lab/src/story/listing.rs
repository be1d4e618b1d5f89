//! The whole run as text, one line for each event, as far as there is room.

use splitbrain_core::{Described, DropReason, End, EventId, EventKind, Fault, OperationId};

use crate::evidence::{Evidence, Fate, Flight, Threads, in_brief};
use crate::style::{Ink, Line, Style, write};
use splitbrain_check::show::visible::{clock, plural, shown};

/// How much a line is missed when there is no room for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Rank {
    /// Decides the run, or changes what a node is.
    Essential,
    /// A message that follows from an operation.
    Asked,
    /// Another message.
    Chatter,
    /// Timers and disks.
    Inner,
}

/// What one line of a picture in text shows.
#[derive(Clone, Debug)]
pub(crate) struct Beat {
    pub(crate) event: EventId,
    pub(crate) rank: Rank,
    pub(crate) kind: BeatKind,
}

#[derive(Clone, Debug)]
pub(crate) enum BeatKind {
    /// A message: the flight's place, and what it says.
    Flight { flight: usize, says: String },
    /// Something on one lane: a mark, what it is, and why.
    Mark { mark: char, ink: Ink, what: String, why: String },
}

/// The run as a list of lines, in order.
pub(crate) fn beats(evidence: &Evidence<'_>, threads: &Threads<'_>) -> Vec<Beat> {
    let mut beats: Vec<Beat> = Vec::new();
    for (at, flight) in threads.flights.iter().enumerate() {
        let (says, rank) = said(evidence, threads, flight);
        beats.push(Beat { event: flight.send, rank, kind: BeatKind::Flight { flight: at, says } });
    }
    for id in (0..).map(EventId).take(threads.trace.events.len()) {
        if let Some((rank, mark, ink, what, why)) = marked(evidence, threads, id) {
            beats.push(Beat { event: id, rank, kind: BeatKind::Mark { mark, ink, what, why } });
        }
    }
    beats.sort_by_key(|beat| beat.event);
    beats
}

/// Keeps the `count` beats that are missed most; of equal ones the latest, which are nearest to
/// what went wrong. Says how many were left out.
pub(crate) fn keep(beats: &mut Vec<Beat>, count: usize) -> usize {
    let left_out = beats.len().saturating_sub(count);
    if left_out > 0 {
        beats.sort_by_key(|beat| (beat.rank, std::cmp::Reverse(beat.event)));
        beats.truncate(count);
        beats.sort_by_key(|beat| beat.event);
    }
    left_out
}

/// The operation that a client's message asks or answers.
fn operation_of(threads: &Threads<'_>, flight: &Flight) -> Option<OperationId> {
    let talks_to_client = threads.is_client(flight.from) || threads.is_client(flight.to);
    threads.root(flight.send).filter(|_| talks_to_client)
}

/// What a message says, and how much it is missed.
fn said(evidence: &Evidence<'_>, threads: &Threads<'_>, flight: &Flight) -> (String, Rank) {
    let root = threads.root(flight.send);
    let operation =
        operation_of(threads, flight).and_then(|id| evidence.operations.get(id.index()));
    if let Some(operation) = operation {
        let text = match (threads.is_client(flight.from), operation.end) {
            (true, _) => &operation.request,
            (false, End::Ok) if operation.answer.is_empty() => "ok",
            (false, _) if operation.answer.is_empty() => threads.trace.message(flight.message).0,
            (false, _) => &operation.answer,
        };
        return (shown(text, 60), Rank::Essential);
    }
    let (label, body) = threads.trace.message(flight.message);
    let says = if body.starts_with(label) {
        shown(body, 60)
    } else {
        shown(&format!("{} {}", shown(label, 40), shown(body, 60)), 60)
    };
    let concerns = |id| evidence.findings.iter().any(|finding| finding.operations.contains(&id));
    let rank = match (root, flight.fate) {
        (Some(id), Fate::Lost(..)) if concerns(id) => Rank::Essential,
        (Some(_), _) => Rank::Asked,
        (None, _) => Rank::Chatter,
    };
    (says.trim_end().into(), rank)
}

type Marked = (Rank, char, Ink, String, String);

/// What happened on one lane.
fn marked(evidence: &Evidence<'_>, threads: &Threads<'_>, id: EventId) -> Option<Marked> {
    let text = |index: u32| shown(threads.trace.text(index), 60);
    let why = || super::reason(threads, id).unwrap_or_default();
    let plain = |rank, mark, what: String| Some((rank, mark, Ink::Plain, what, String::new()));
    match threads.kind(id) {
        EventKind::Role { text: role } => {
            let rank = if threads.at(id).as_nanos() == 0 { Rank::Chatter } else { Rank::Essential };
            Some((rank, '⇨', Ink::Strong, text(role), why()))
        }
        EventKind::Crash { why, lost } => {
            let what = super::crashed("", threads.trace.text(why), lost);
            Some((Rank::Essential, '✗', Ink::Bad, what.trim_start().into(), String::new()))
        }
        EventKind::Violated { text: rule } => {
            Some((Rank::Essential, '✗', Ink::Bad, format!("broken rule: {}", text(rule)), why()))
        }
        EventKind::Start if threads.at(id).as_nanos() > 0 => {
            plain(Rank::Essential, '↻', "starts again".into())
        }
        EventKind::Pause => plain(Rank::Essential, '‖', "stands still".into()),
        EventKind::Resume => plain(Rank::Essential, '▶', "goes on".into()),
        EventKind::FaultBegin { injection, .. } | EventKind::FaultEnd { injection }
            if shows_on_its_lane(evidence, injection) =>
        {
            None
        }
        EventKind::FaultBegin { text: fault, injection } => {
            plain(Rank::Essential, '┆', fault_text(evidence, injection, threads.trace.text(fault)))
        }
        EventKind::FaultEnd { injection } => {
            plain(Rank::Essential, '┆', fault_text(evidence, injection, "fault") + " is over")
        }
        EventKind::Note { text: note } => plain(Rank::Essential, '·', text(note)),
        EventKind::Reached { text: what } => plain(Rank::Inner, '✓', text(what)),
        EventKind::TimerFire { timer } => plain(Rank::Inner, '◷', format!("timer {}", text(timer))),
        EventKind::Synced { writes } => {
            let what = format!("{} durable", plural(writes.into(), "write"));
            plain(Rank::Inner, '⤓', what)
        }
        EventKind::Invoke { operation } if !tells(threads, id) => {
            let operation = evidence.operations.get(operation.index())?;
            let what = format!("asks {}: {}", operation.node, shown(&operation.request, 50));
            plain(Rank::Essential, '→', what)
        }
        EventKind::Complete { operation } => {
            completed(evidence.operations.get(operation.index())?, threads, id)
        }
        _ => None,
    }
}

/// The end of an operation, unless the message that ended it tells it already.
fn completed(operation: &Described, threads: &Threads<'_>, id: EventId) -> Option<Marked> {
    if threads.cause(id).is_some_and(|cause| threads.flight(cause).is_some()) {
        return None;
    }
    let (mark, what) = match operation.end {
        End::Unknown => ('✗', format!("gives up: {}", shown(&operation.request, 50))),
        End::Ok | End::Failed => ('←', shown(&in_brief(operation), 60)),
    };
    Some((Rank::Essential, mark, Ink::Plain, what, String::new()))
}

/// Whether a message tells of this invocation already.
fn tells(threads: &Threads<'_>, invoke: EventId) -> bool {
    threads.flights.iter().any(|flight| threads.cause(flight.send) == Some(invoke))
}

/// Whether the fault is told by what its node does: crash and start, stand still and go on.
fn shows_on_its_lane(evidence: &Evidence<'_>, injection: u32) -> bool {
    let fault = evidence.faults.get(injection as usize).map(|injection| &injection.fault);
    matches!(fault, Some(Fault::Crash { .. } | Fault::Pause { .. }))
}

fn fault_text(evidence: &Evidence<'_>, injection: u32, otherwise: &str) -> String {
    let known = evidence.faults.get(injection as usize);
    shown(&known.map_or_else(|| otherwise.to_owned(), |known| known.fault.to_string()), 60)
}

/// The run as text: one line for each message and each change, in order, `lines` at most. What is
/// missed least is left out first, and the last line says how much that was.
pub fn listing(evidence: &Evidence<'_>, lines: usize, style: Style) -> String {
    let threads = Threads::new(evidence);
    let mut beats = beats(evidence, &threads);
    let left_out = keep(&mut beats, lines);
    let mut out: Vec<Line> = beats.iter().map(|beat| line(&threads, beat)).collect();
    if left_out > 0 {
        let note = format!("{:>9}  {} left out", "…", plural(left_out as u64, "event"));
        out.push(Line::default().then(Ink::Dim, note));
    }
    write(out, style)
}

fn line(threads: &Threads<'_>, beat: &Beat) -> Line {
    let line = Line::default().then(Ink::Dim, format!("{:>9}  ", clock(threads.at(beat.event))));
    match &beat.kind {
        BeatKind::Flight { flight, says } => {
            let flight = &threads.flights[*flight];
            let (from, to) = (threads.name(flight.from), threads.name(flight.to));
            let (arrow, ink, end) = match flight.fate {
                Fate::Arrived(arrival) => ("→", Ink::Dim, clock(threads.at(arrival))),
                Fate::Lost(_, reason) => ("✗", Ink::Bad, lost(reason).into()),
                Fate::Flying => ("→", Ink::Dim, "on its way".into()),
            };
            let line = line
                .then(Ink::Plain, format!("{from} "))
                .then(if ink == Ink::Bad { Ink::Bad } else { Ink::Plain }, arrow)
                .then(Ink::Plain, format!(" {to}  {says}"));
            let twice = if flight.copies.is_empty() { "" } else { "twice, " };
            line.flush_right(ink, format!("{twice}{end}"))
        }
        BeatKind::Mark { mark, ink, what, why } => {
            let name = threads.name(threads.lane(beat.event));
            let line =
                line.then(Ink::Plain, format!("{name} ")).then(*ink, format!("{mark} {what}"));
            let why = if why.is_empty() { String::new() } else { format!("({why})") };
            line.flush_right(Ink::Dim, why)
        }
    }
}

/// Why a message was lost, in a word or two.
pub(crate) const fn lost(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Loss => "lost",
        DropReason::Partition => "cut off",
        DropReason::Down => "receiver down",
        DropReason::NoSuchNode => "no such node",
    }
}
