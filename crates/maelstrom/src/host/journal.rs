//! The record of a run: who said what to whom, as a [`Trace`] that the viewer can draw.
//!
//! PROBLEM     A run may carry millions of messages; a picture needs the beginning and the end.
//! IDEA        The first so many and the last so many are kept. Bodies are copied as they came, and
//!             looked into only at the very end.
//! CAVEATS     A program does not say why it sends. An answer is drawn as caused by its request;
//!             any other message has no cause.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use splitbrain_core::workload::Workload;
use splitbrain_core::{
    Described, DropReason, Event, EventId, EventKind, Fingerprint, History, Lane, LaneKind,
    MessageId, MessageText, NodeId, OperationId, ProcessId, Time, Trace,
};

use crate::protocol::{Envelope, Head, shown};
use crate::service::Service;

/// Who can send and receive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Peer {
    Node(NodeId),
    Client(ProcessId),
    Service(Service),
    /// Ourselves: the sender of `init`.
    Host,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => node.fmt(f),
            Self::Client(process) => process.fmt(f),
            Self::Service(service) => f.write_str(service.name()),
            Self::Host => f.write_str("c0"),
        }
    }
}

/// What happened to someone.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Send { to: Peer, message: u64 },
    Deliver { from: Peer, message: u64 },
    Drop { to: Peer, message: u64, reason: DropReason },
    Invoke(OperationId),
    Complete(OperationId),
    Start { fault: Option<u32> },
    Crash { why: String, fault: Option<u32> },
    Pause { fault: u32 },
    Resume { fault: u32 },
    FaultBegin { injection: u32, text: String },
    FaultEnd { injection: u32 },
}

#[derive(Clone, Debug)]
struct Entry {
    at: Time,
    who: Peer,
    what: What,
}

/// The first and the last of many things.
#[derive(Debug)]
struct Ends<T> {
    first: Vec<T>,
    last: VecDeque<T>,
    pushed: u64,
    limit: usize,
}

impl<T> Ends<T> {
    const fn new(limit: usize) -> Self {
        Self { first: Vec::new(), last: VecDeque::new(), pushed: 0, limit }
    }

    /// Adds one; returns one of the middle, if that had to go.
    fn push(&mut self, item: T) -> Option<T> {
        self.pushed += 1;
        if self.first.len() < self.limit {
            self.first.push(item);
            return None;
        }
        self.last.push_back(item);
        if self.last.len() > self.limit { self.last.pop_front() } else { None }
    }

    /// Where the item that was pushed as `number` stands among those kept.
    fn place(&self, number: u64) -> Option<usize> {
        let first = self.first.len() as u64;
        let gone = self.pushed - first - self.last.len() as u64;
        let place = match number {
            _ if number < first => Some(number),
            _ if number < first + gone => None,
            _ => Some(number - gone),
        };
        place.and_then(|place| usize::try_from(place).ok())
    }
}

/// How many messages are kept of each end, and how many events.
const MESSAGES: usize = 20_000;
const EVENTS: usize = 60_000;
/// How much of a body is kept, in bytes.
const BODY: usize = 2_000;

/// The record while the run goes on.
#[derive(Debug)]
pub(crate) struct Journal {
    messages: Ends<Vec<u8>>,
    entries: Ends<Entry>,
    spare: Vec<u8>,
}

impl Journal {
    pub(crate) const fn new() -> Self {
        Self { messages: Ends::new(MESSAGES), entries: Ends::new(EVENTS), spare: Vec::new() }
    }

    /// How many messages were sent, and of how many the text is kept.
    pub(crate) fn kept(&self) -> (u64, u64) {
        let kept = self.messages.first.len() + self.messages.last.len();
        (self.messages.pushed, kept as u64)
    }

    pub(crate) fn note(&mut self, at: Time, who: Peer, what: What) {
        self.entries.push(Entry { at, who, what });
    }

    /// A message leaves. Returns its number.
    pub(crate) fn send(&mut self, at: Time, from: Peer, to: Peer, line: &[u8]) -> u64 {
        let mut text = std::mem::take(&mut self.spare);
        text.clear();
        text.extend_from_slice(&line[..line.len().min(BODY)]);
        let message = self.messages.pushed;
        if let Some(spare) = self.messages.push(text) {
            self.spare = spare;
        }
        self.note(at, from, What::Send { to, message });
        message
    }

    /// The record as a trace.
    pub(crate) fn finish<W: Workload>(self, history: &History<W>, node_count: u16) -> Trace {
        let mut trace = Trace {
            lanes: NodeId::all(node_count)
                .map(|node| Lane { name: node.to_string(), kind: LaneKind::Node })
                .collect(),
            operations: Described::all(history),
            ..Trace::default()
        };
        let mut drawing =
            Drawing::new(node_count, self.messages.first.len() + self.messages.last.len());
        let Self { messages, entries, .. } = self;
        for entry in entries.first.iter().chain(&entries.last) {
            drawing.draw(&mut trace, entry, &messages);
        }
        let texts = messages.first.iter().chain(&messages.last);
        trace.messages = texts.map(|text| message_text(text)).collect();
        trace.digest = Fingerprint::of(&trace.events).0;
        trace
    }
}

fn message_text(line: &[u8]) -> MessageText {
    let Ok(envelope) = Envelope::parse(line) else {
        return MessageText { label: "…".into(), body: shown(line) };
    };
    let label = envelope.head().map_or_else(|_| "message".into(), |head| head.kind.into_owned());
    MessageText { label, body: envelope.body.get().into() }
}

/// What must be remembered from one event to the next, to find the causes.
struct Drawing {
    lanes: BTreeMap<Peer, u16>,
    /// The send of each message that is kept.
    sends: Vec<Option<EventId>>,
    /// Deliveries that wait for an answer: who was asked, by whom, under which number.
    asked: BTreeMap<(Peer, Peer, u64), EventId>,
    /// The last event of each client and service: it did nothing without a cause.
    latest: BTreeMap<Peer, EventId>,
    faults: BTreeMap<u32, EventId>,
}

impl Drawing {
    fn new(node_count: u16, messages: usize) -> Self {
        Self {
            lanes: NodeId::all(node_count).map(|node| (Peer::Node(node), node.0)).collect(),
            sends: vec![None; messages],
            asked: BTreeMap::new(),
            latest: BTreeMap::new(),
            faults: BTreeMap::new(),
        }
    }

    fn lane(&mut self, trace: &mut Trace, peer: Peer) -> u16 {
        *self.lanes.entry(peer).or_insert_with(|| {
            let kind = match peer {
                Peer::Node(_) => LaneKind::Node,
                Peer::Client(_) | Peer::Host => LaneKind::Client,
                Peer::Service(_) => LaneKind::Service,
            };
            // More lanes than a picture could ever show share the last one.
            let lane = u16::try_from(trace.lanes.len()).unwrap_or(u16::MAX);
            if lane < u16::MAX {
                trace.lanes.push(Lane { name: peer.to_string(), kind });
            }
            lane.min(u16::MAX - 1)
        })
    }

    fn draw(&mut self, trace: &mut Trace, entry: &Entry, messages: &Ends<Vec<u8>>) {
        let id = EventId(u32::try_from(trace.events.len()).unwrap_or(u32::MAX));
        let lane = self.lane(trace, entry.who);
        let mut text = |text: &str| {
            trace.texts.push(text.into());
            u32::try_from(trace.texts.len() - 1).unwrap_or(u32::MAX)
        };
        let place = |message: u64| messages.place(message);
        let name = |place: usize| MessageId(u32::try_from(place).unwrap_or(u32::MAX));
        let fault = |fault: &Option<u32>| fault.and_then(|fault| self.faults.get(&fault).copied());
        let (cause, kind) = match &entry.what {
            What::Send { to, message } => {
                let Some(place) = place(*message) else { return };
                self.sends[place] = Some(id);
                let cause = self.cause_of_send(entry.who, *to, messages, place);
                let to = self.lane(trace, *to);
                (cause, EventKind::Send { to, message: name(place), source: None })
            }
            What::Deliver { from, message } => {
                let Some(place) = place(*message) else { return };
                self.remember_question(entry.who, *from, messages, place, id);
                let cause = self.sends[place];
                let from = self.lane(trace, *from);
                (cause, EventKind::Deliver { from, message: name(place) })
            }
            What::Drop { to, message, reason } => {
                let Some(place) = place(*message) else { return };
                let cause = self.sends[place];
                let to = self.lane(trace, *to);
                (cause, EventKind::Drop { to, message: name(place), reason: *reason })
            }
            What::Invoke(operation) => (None, EventKind::Invoke { operation: *operation }),
            What::Complete(operation) => (
                self.latest.get(&entry.who).copied(),
                EventKind::Complete { operation: *operation },
            ),
            What::Start { fault: why } => (fault(why), EventKind::Start),
            What::Crash { why, fault: by } => {
                (fault(by), EventKind::Crash { why: text(why), lost: 0 })
            }
            What::Pause { fault: by } => (fault(&Some(*by)), EventKind::Pause),
            What::Resume { fault: by } => (fault(&Some(*by)), EventKind::Resume),
            What::FaultBegin { injection, text: what } => {
                self.faults.insert(*injection, id);
                (None, EventKind::FaultBegin { injection: *injection, text: text(what) })
            }
            What::FaultEnd { injection } => {
                (fault(&Some(*injection)), EventKind::FaultEnd { injection: *injection })
            }
        };
        self.latest.insert(entry.who, id);
        trace.events.push(Event { at: entry.at, lane, cause, kind });
    }

    fn cause_of_send(
        &self,
        from: Peer,
        to: Peer,
        messages: &Ends<Vec<u8>>,
        place: usize,
    ) -> Option<EventId> {
        if let Peer::Node(_) = from {
            let answered = head_of(messages, place, |head| head.in_reply_to)?;
            return self.asked.get(&(from, to, answered)).copied();
        }
        self.latest.get(&from).copied()
    }

    fn remember_question(
        &mut self,
        at: Peer,
        from: Peer,
        messages: &Ends<Vec<u8>>,
        place: usize,
        id: EventId,
    ) {
        if let Some(asked) = head_of(messages, place, |head| head.msg_id) {
            self.asked.insert((at, from, asked), id);
        }
    }
}

fn head_of(
    messages: &Ends<Vec<u8>>,
    place: usize,
    field: impl Fn(&Head<'_>) -> Option<u64>,
) -> Option<u64> {
    let first = messages.first.len();
    let line = messages.first.get(place).or_else(|| messages.last.get(place - first))?;
    field(&Envelope::parse(line).ok()?.head().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use splitbrain_core::workload::echo::Echo;

    const N1: Peer = Peer::Node(NodeId(0));
    const C1: Peer = Peer::Client(ProcessId(0));

    #[test]
    fn an_answer_is_caused_by_its_request() {
        let mut journal = Journal::new();
        let at = Time::from_nanos;
        let ask = br#"{"src":"c1","dest":"n1","body":{"type":"echo","msg_id":4}}"#;
        let answer = br#"{"src":"n1","dest":"c1","body":{"type":"echo_ok","in_reply_to":4}}"#;
        let first = journal.send(at(1), C1, N1, ask);
        journal.note(at(2), N1, What::Deliver { from: C1, message: first });
        let second = journal.send(at(3), N1, C1, answer);
        journal.note(at(4), C1, What::Deliver { from: N1, message: second });
        let trace = journal.finish::<Echo>(&History::default(), 1);
        let causes: Vec<_> = trace.events.iter().map(|event| event.cause.map(|id| id.0)).collect();
        assert_eq!(causes, [None, Some(0), Some(1), Some(2)]);
        assert_eq!(trace.lane(1), "c1");
        let labels: Vec<_> = trace.messages.iter().map(|text| text.label.as_str()).collect();
        assert_eq!(labels, ["echo", "echo_ok"]);
    }

    #[test]
    fn the_middle_of_a_long_run_is_left_out() {
        let mut journal = Journal::new();
        for number in 0..200_000_u64 {
            let line = format!(r#"{{"src":"n1","dest":"n1","body":{{"type":"m{number}"}}}}"#);
            let message = journal.send(Time::ZERO, N1, N1, line.as_bytes());
            journal.note(Time::ZERO, N1, What::Deliver { from: N1, message });
        }
        assert_eq!(journal.kept(), (200_000, 40_000));
        let trace = journal.finish::<Echo>(&History::default(), 1);
        assert_eq!(trace.messages[MESSAGES - 1].label, "m19999");
        assert_eq!(trace.messages[2 * MESSAGES - 1].label, "m199999");
        assert_eq!(trace.events.len(), 4 * MESSAGES);
        for event in &trace.events {
            if let EventKind::Deliver { message, .. } = event.kind {
                let send = trace.events[event.cause.unwrap().index()];
                assert!(matches!(send.kind, EventKind::Send { message: of, .. } if of == message));
            }
        }
    }
}
