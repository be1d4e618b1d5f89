//! What there is to tell a story from: a trace, the operations in words, the findings, the faults.

use splitbrain_core::{
    Described, DropReason, End, Event, EventId, EventKind, Finding, Injection, LaneKind,
    OperationId, Time, Trace,
};

use splitbrain_check::show::visible::shown;

/// A run and what is wrong with it: what stories, diagrams and screens are made from.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What happened, event by event. May be empty, when nothing was traced.
    pub trace: &'a Trace,
    /// The run's operations, in the order of its history.
    pub operations: &'a [Described],
    /// What is wrong, worst first.
    pub findings: &'a [Finding],
    /// The faults of the run, in the order of its recipe.
    pub faults: &'a [Injection],
}

impl Evidence<'_> {
    /// The trace up to the last answer that the worst finding names and the last event that any
    /// names: what comes later cannot have caused what is wrong, and would hide it in a picture.
    pub(crate) fn decisive(&self) -> Trace {
        let mut trace = self.trace.clone();
        let wrong = self.findings.first().map_or(&[][..], |finding| &finding.operations);
        let is_answer = |event: &Event| match event.kind {
            EventKind::Complete { operation } => wrong.contains(&operation),
            _ => false,
        };
        let answer = trace.events.iter().rposition(is_answer);
        let events = self.findings.iter().flat_map(|finding| &finding.events);
        if let Some(last) = events.map(|event| event.index()).chain(answer).max() {
            trace.events.truncate(last + 1);
        }
        trace
    }
}

/// Request and answer in one: `read x → 7`. Safe to print, and not long.
pub(crate) fn in_brief(operation: &Described) -> String {
    let (request, answer) = (shown(&operation.request, 48), shown(&operation.answer, 48));
    match operation.end {
        End::Ok if answer.is_empty() => format!("{request} ✓"),
        End::Ok => format!("{request} → {answer}"),
        End::Failed if answer.is_empty() => format!("{request} ✗"),
        End::Failed => format!("{request} ✗ {answer}"),
        End::Unknown => format!("{request} → ?"),
    }
}

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// It arrived, by this event.
    Arrived(EventId),
    /// It was lost, by this event.
    Lost(EventId, DropReason),
    /// The run ended first.
    Flying,
}

/// One message from its sending to its end.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    pub(crate) send: EventId,
    pub(crate) from: u16,
    pub(crate) to: u16,
    pub(crate) sent: Time,
    pub(crate) message: splitbrain_core::MessageId,
    pub(crate) fate: Fate,
    /// Arrivals after the first.
    pub(crate) copies: Vec<EventId>,
    /// The line that sent it, a text.
    pub(crate) source: Option<u32>,
}

/// The trace with its threads found: which events are one message, which follow from which
/// operation.
///
/// A trace may come from a file, and so nothing in it is trusted: a cause must lie before its
/// effect, an index that leads nowhere is as good as none.
pub(crate) struct Threads<'a> {
    pub(crate) trace: &'a Trace,
    pub(crate) flights: Vec<Flight>,
    /// For each event the flight it belongs to.
    flight: Vec<Option<u32>>,
    /// For each event the operation it follows from.
    root: Vec<Option<OperationId>>,
    invoked: Vec<Option<EventId>>,
    completed: Vec<Option<EventId>>,
}

impl<'a> Threads<'a> {
    pub(crate) fn new(evidence: &Evidence<'a>) -> Self {
        let trace = evidence.trace;
        let count = trace.events.len();
        let mut threads = Self {
            trace,
            flights: Vec::new(),
            flight: vec![None; count],
            root: vec![None; count],
            invoked: vec![None; evidence.operations.len()],
            completed: vec![None; evidence.operations.len()],
        };
        let mut by_message = vec![None; trace.messages.len()];
        for (id, event) in (0..).map(EventId).zip(&trace.events) {
            threads.root[id.index()] = threads.cause(id).and_then(|cause| threads.root(cause));
            match event.kind {
                EventKind::Send { message, .. }
                | EventKind::Deliver { message, .. }
                | EventKind::Drop { message, .. }
                | EventKind::Duplicate { message, .. } => {
                    if let Some(slot) = by_message.get_mut(message.index()) {
                        threads.weave(id, slot);
                    }
                }
                EventKind::Invoke { operation } => {
                    threads.root[id.index()] = Some(operation);
                    if let Some(slot) = threads.invoked.get_mut(operation.index()) {
                        *slot = Some(id);
                    }
                }
                EventKind::Complete { operation } => {
                    if let Some(slot) = threads.completed.get_mut(operation.index()) {
                        *slot = Some(id);
                    }
                }
                _ => (),
            }
        }
        threads
    }

    /// Joins an event of a message to the message's flight.
    fn weave(&mut self, id: EventId, slot: &mut Option<u32>) {
        let event = &self.trace.events[id.index()];
        if let (EventKind::Send { to, message, source }, None) = (event.kind, *slot) {
            *slot = u32::try_from(self.flights.len()).ok();
            self.flights.push(Flight {
                send: id,
                from: event.lane,
                to,
                sent: event.at,
                message,
                fate: Fate::Flying,
                copies: Vec::new(),
                source,
            });
        }
        let Some(flight) = slot.and_then(|at| self.flights.get_mut(at as usize)) else { return };
        self.flight[id.index()] = *slot;
        if self.root[id.index()].is_none() {
            self.root[id.index()] = self.root[flight.send.index()];
        }
        match (event.kind, flight.fate) {
            (EventKind::Deliver { .. }, Fate::Arrived(_)) => flight.copies.push(id),
            (EventKind::Deliver { .. }, _) => flight.fate = Fate::Arrived(id),
            (EventKind::Drop { reason, .. }, Fate::Flying) => flight.fate = Fate::Lost(id, reason),
            _ => (),
        }
    }

    pub(crate) fn kind(&self, id: EventId) -> EventKind {
        self.trace.events[id.index()].kind
    }

    pub(crate) fn at(&self, id: EventId) -> Time {
        self.trace.events[id.index()].at
    }

    pub(crate) fn lane(&self, id: EventId) -> u16 {
        self.trace.events[id.index()].lane
    }

    /// The event's cause, if there is one before it.
    pub(crate) fn cause(&self, id: EventId) -> Option<EventId> {
        self.trace.events.get(id.index())?.cause.filter(|cause| *cause < id)
    }

    /// The flight that the event is the send, the arrival or the loss of.
    pub(crate) fn flight(&self, id: EventId) -> Option<&Flight> {
        self.flights.get((*self.flight.get(id.index())?)? as usize)
    }

    /// The operation that the event follows from, cause by cause.
    pub(crate) fn root(&self, id: EventId) -> Option<OperationId> {
        self.root.get(id.index()).copied().flatten()
    }

    pub(crate) fn invoked(&self, operation: OperationId) -> Option<EventId> {
        self.invoked.get(operation.index()).copied().flatten()
    }

    pub(crate) fn completed(&self, operation: OperationId) -> Option<EventId> {
        self.completed.get(operation.index()).copied().flatten()
    }

    /// What led to the event, nearest first: its causes, and for an arrival its sending.
    pub(crate) fn past(&self, id: EventId) -> impl Iterator<Item = EventId> {
        std::iter::successors(Some(id), |id| {
            let sent = match self.kind(*id) {
                EventKind::Deliver { .. } | EventKind::Drop { .. } => {
                    self.flight(*id).map(|flight| flight.send).filter(|send| send < id)
                }
                _ => None,
            };
            sent.or_else(|| self.cause(*id))
        })
        .skip(1)
    }

    pub(crate) fn is_client(&self, lane: u16) -> bool {
        self.trace.lanes.get(usize::from(lane)).is_some_and(|lane| lane.kind == LaneKind::Client)
    }

    /// A lane's name, cut to what a diagram has room for.
    pub(crate) fn name(&self, lane: u16) -> String {
        shown(self.trace.lane(lane), 12)
    }

    /// Whether the message answers another: its handler was run for a message from its receiver.
    pub(crate) fn is_response(&self, flight: &Flight) -> bool {
        self.cause(flight.send).is_some_and(|cause| {
            matches!(self.kind(cause), EventKind::Deliver { from, .. } if from == flight.to)
        })
    }

    /// All that the message says if that is short, else its type.
    pub(crate) fn brief(&self, flight: &Flight) -> String {
        let (label, body) = self.trace.message(flight.message);
        let is_short = body.starts_with(label) && body.len() <= 12;
        shown(if is_short { body } else { label }, 24)
    }

    /// The message's type.
    pub(crate) fn label(&self, flight: &Flight) -> String {
        shown(self.trace.message(flight.message).0, 24)
    }
}
