//! A way through the states as a trace: the same events that a simulator's run has.
//!
//! IDEA        The search keeps no values. So the few steps of one way are gone through again:
//!             each handler runs once more, and what it asked for is written down with its line.
//! RULES       A step takes a millisecond of the trace's time, for people; it means nothing else.
//!             Operations are numbered in the order in which they begin on this way, and the judge
//!             judges this way's history, so that its finding names them rightly.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use splitbrain_core::{
    Cut, CutMode, Described, DiskLoss, DropReason, Effect, Event, EventId, EventKind, Fault,
    Finding, Fingerprint, History, Injection, Lane, LaneKind, MessageId, MessageText, Moment, Node,
    NodeId, Operation, OperationId, Outcome, ProcessId, RequestId, Stamp, Target, Time, Trace,
    file_of,
};

use crate::bounds::{Asking, link};
use crate::expand::{Step, What};
use crate::known::input;
use crate::model::Model;
use crate::record::{Answer, Claim, Record};
use crate::search::Wrong;
use crate::values::{Content, Crash, Reacted, Values};

/// A shortest way to what is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counterexample {
    /// What is wrong.
    pub finding: Finding,
    /// Each step in words, as [`replay`](crate::replay) takes them.
    pub steps: Vec<String>,
    /// What happened, event by event.
    pub trace: Trace,
    /// The crashes and partitions on the way.
    pub faults: Vec<Injection>,
    /// What the clients saw, as a file, if the model says how it is written.
    pub history: Option<String>,
    /// The step at which a cycle begins that goes on for ever, where that is what is wrong.
    pub cycle: Option<usize>,
}

impl Counterexample {
    /// A regression test in Rust that takes these steps again. It needs a function `model` that
    /// makes the model.
    pub fn as_test(&self, name: &str) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        let function: String = name.chars().map(plain).collect();
        let steps: String = self.steps.iter().map(|step| format!("        {step:?},\n")).collect();
        format!(
            "/// {}: {}\n#[test]\nfn explored_{function}() {{\n    let steps = [\n{steps}    ];\n    \
             let replayed = splitbrain_explore::replay(model(), &steps);\n    \
             let replayed = replayed.expect(\"the model is sound\");\n    \
             assert!(!matches!(replayed, splitbrain_explore::Replay::Fails(_)), \
             \"{{replayed:#?}}\");\n}}\n",
            self.finding.id, self.finding.sentence
        )
    }
}

/// How long a step takes in a trace.
const STEP: Duration = Duration::from_millis(1);

/// Writes the trace of one way.
struct Teller<'a, N: Node> {
    model: &'a Model<N>,
    trace: Trace,
    now: Time,
    texts: BTreeMap<String, u32>,
    lanes: BTreeMap<ProcessId, u16>,
    /// The sends of what is under way, by its number.
    sent: BTreeMap<u32, VecDeque<(EventId, MessageId)>>,
    history: History<N::Api>,
    /// Each client's process, and its operations.
    clients: Vec<(ProcessId, Vec<OperationId>)>,
    order: u32,
    faults: Vec<Injection>,
    /// The crash or partition that still lasts, by node; the last place is the network's.
    lasting: Vec<Option<(u32, EventId)>>,
    cut: u64,
    /// What was claimed; the operations are in the history.
    record: Record<N::Api>,
}

impl<N: Node> Values<N> {
    /// Goes through the steps again and tells what happens.
    pub(crate) fn tell(
        &mut self,
        first: &[u32],
        steps: &[(Vec<u32>, Step)],
        wrong: Wrong,
    ) -> Counterexample {
        let model = std::sync::Arc::clone(&self.model);
        let mut teller = Teller::new(&model);
        self.begin(&mut teller, first);
        let mut words = Vec::new();
        for (before, step) in steps {
            teller.now += STEP;
            words.push(self.words(before, *step));
            self.step(&mut teller, before, *step);
        }
        let finding = self.finding(&teller, wrong);
        let mut told = teller.finish(finding, words);
        if let Wrong::Cycle(_, length) = wrong {
            told.cycle = Some(told.steps.len() - (length as usize).min(told.steps.len()));
        }
        told
    }

    /// Every node starts, and the first requests are under way.
    fn begin(&mut self, teller: &mut Teller<'_, N>, first: &[u32]) {
        let nodes = usize::from(teller.model.nodes);
        for (node, target) in NodeId::all(teller.model.nodes).zip(first) {
            let started = teller.event(node.0, None, EventKind::Start);
            let disk = N::Disk::default();
            let down =
                crate::values::Seat { id: node, up: None, disk, timers: Vec::new(), clock: 0 };
            let down = self.seat(down);
            let reacted = self.reacted(down, input::START).unwrap_or_default();
            let chosen = reacted.into_iter().find(|reacted| {
                let seat = reacted.seat.clone();
                reacted.crash.is_none() && self.seat(seat) == *target
            });
            if let Some(reacted) = chosen {
                self.effects(teller, node, &reacted, Some(started));
            }
        }
        for number in first.iter().skip(nodes + 2).copied() {
            if let Content::Request(id, _) = &self.envelopes.get(number).content {
                let id = *id;
                self.invoke(teller, number, id);
            }
        }
    }

    fn step(&mut self, teller: &mut Teller<'_, N>, before: &[u32], step: Step) {
        match step.what {
            What::Deliver | What::Duplicate => self.deliver(teller, before, step),
            What::Answer => {
                let cause = teller.take(step.input).map(|(event, _)| event);
                self.answer(teller, step.input, cause);
                self.ask_on(teller, step.who);
            }
            What::Lose => {
                let to = self.envelopes.get(step.input).to;
                if let Some((sent, message)) = teller.take(step.input) {
                    let kind = EventKind::Drop { to, message, reason: DropReason::Loss };
                    teller.event(step.who, Some(sent), kind);
                }
            }
            What::Ask => self.heard(teller, before, step),
            What::GiveUp => {
                teller.complete(step.who, None, None);
                self.ask_on(teller, step.who);
            }
            What::Expire => {
                let text = teller.text(&format!("{:?}", self.timers.get(step.input)));
                let fired = teller.event(step.who, None, EventKind::TimerFire { timer: text });
                self.react(teller, before, step, step.who, input::TIMER | step.input, Some(fired));
            }
            What::Tick => {
                let clock = self.seats.get(before[usize::from(step.who)]).clock + 1;
                let text = teller.text(&format!("the clock ticks: {clock}"));
                teller.event(step.who, None, EventKind::Note { text });
            }
            What::Crash => {
                self.react(teller, before, step, step.who, input::CRASH, None);
            }
            What::Start => {
                let ended = teller.end_fault(usize::from(step.who));
                let started = teller.event(step.who, ended, EventKind::Start);
                self.react(teller, before, step, step.who, input::START, Some(started));
            }
            What::Partition => teller.partition(step.input),
            What::Heal => {
                teller.cut = 0;
                teller.end_fault(usize::from(teller.model.nodes));
            }
        }
    }

    fn deliver(&mut self, teller: &mut Teller<'_, N>, before: &[u32], step: Step) {
        let from = self.envelopes.get(step.input).from;
        let from = teller.lane_of(from);
        let Some((sent, message)) = teller.take(step.input) else { return };
        let mut cause = sent;
        if step.what == What::Duplicate {
            let kind = EventKind::Duplicate { to: step.who, message };
            cause = teller.event(from, Some(sent), kind);
            teller.sent.entry(step.input).or_default().push_back((cause, message));
        }
        let delivered = teller.event(step.who, Some(cause), EventKind::Deliver { from, message });
        self.react(teller, before, step, step.who, step.input, Some(delivered));
    }

    /// A client asks, and is heard at once.
    fn heard(&mut self, teller: &mut Teller<'_, N>, before: &[u32], step: Step) {
        let Content::Request(id, _) = &self.envelopes.get(step.input).content else { return };
        let id = *id;
        self.invoke(teller, step.input, id);
        let to = self.envelopes.get(step.input).to;
        let Some((sent, message)) = teller.take(step.input) else { return };
        let from = teller.client_lane(usize::from(step.who));
        let delivered = teller.event(to, Some(sent), EventKind::Deliver { from, message });
        self.react(teller, before, step, to, step.input, Some(delivered));
    }

    /// A client that has been answered asks again at once, where requests travel.
    fn ask_on(&mut self, teller: &mut Teller<'_, N>, client: u16) {
        let client = usize::from(client);
        let at = teller.clients[client].1.len();
        let more = teller.model.clients[client].get(at).is_some();
        if teller.model.bounds.asking == Asking::ByMessage && more {
            let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
            let id = RequestId { client: number(client), sequence: number(at) };
            if let Some(request) = self.request(client, at) {
                self.invoke(teller, request, id);
            }
        }
    }

    fn invoke(&mut self, teller: &mut Teller<'_, N>, number: u32, id: RequestId) {
        let client = id.client as usize;
        let (node, request) = teller.model.clients[client][id.sequence as usize].clone();
        let lane = teller.client_lane(client);
        let operation = teller.open(client, node, request.clone());
        let invoked = teller.event(lane, None, EventKind::Invoke { operation });
        let body = format!("{request:?}");
        let message = teller.say(label(&body), body);
        let kind = EventKind::Send { to: node.0, message, source: None };
        let sent = teller.event(lane, Some(invoked), kind);
        teller.sent.entry(number).or_default().push_back((sent, message));
    }

    /// An answer arrives at its client.
    fn answer(&mut self, teller: &mut Teller<'_, N>, number: u32, cause: Option<EventId>) {
        let envelope = self.envelopes.get(number);
        let Content::Answer(id, answer) = &envelope.content else { return };
        let client = id.client as usize;
        if client >= teller.clients.len() {
            return;
        }
        let lane = teller.client_lane(client);
        let message = cause.map_or(MessageId(0), |cause| teller.message_of(cause));
        let kind = EventKind::Deliver { from: envelope.from, message };
        let delivered = teller.event(lane, cause, kind);
        if teller.is_open(client, id.sequence) {
            let answer = answer.clone();
            teller.complete(u16::try_from(client).unwrap_or(0), Some(answer), Some(delivered));
        }
    }

    fn react(
        &mut self,
        teller: &mut Teller<'_, N>,
        before: &[u32],
        step: Step,
        node: u16,
        input: u32,
        cause: Option<EventId>,
    ) {
        let reacted = self.reacted(before[usize::from(node)], input).unwrap_or_default();
        if let Some(reacted) = reacted.into_iter().nth(step.outcome as usize) {
            self.effects(teller, NodeId(node), &reacted, cause);
            if let Some(crash) = reacted.crash {
                teller.crash(NodeId(node), crash, cause.is_some());
            }
        }
    }

    /// Writes down what a handler asked for.
    fn effects(
        &mut self,
        teller: &mut Teller<'_, N>,
        node: NodeId,
        reacted: &Reacted<N>,
        cause: Option<EventId>,
    ) {
        let lane = node.0;
        for effect in &reacted.effects {
            let under_way = self.under_way(node, effect);
            match effect {
                Effect::Send { to, message, at } => {
                    let body = format!("{message:?}");
                    let message = teller.say(label(&body), body);
                    let source = Some(teller.text(&format!("{}:{}", file_of(at), at.line())));
                    let kind = EventKind::Send { to: to.0, message, source };
                    let sent = teller.event(lane, cause, kind);
                    teller.travel(node, *to, under_way, sent, message);
                }
                Effect::Reply { request, answer, at } => {
                    let Some(number) = under_way else { continue };
                    let (label, body) = match answer {
                        Ok(response) => (label(&format!("{response:?}")), format!("{response:?}")),
                        Err((code, text)) => ("error".into(), format!("{code}: {text}")),
                    };
                    let message = teller.say(label, body);
                    let source = Some(teller.text(&format!("{}:{}", file_of(at), at.line())));
                    let to = teller.client_lane(request.client as usize);
                    let kind = EventKind::Send { to, message, source };
                    let sent = teller.event(lane, cause, kind);
                    if teller.model.bounds.asking == Asking::AtOnce {
                        self.answer(teller, number, Some(sent));
                    } else {
                        teller.sent.entry(number).or_default().push_back((sent, message));
                    }
                }
                other => teller.remark(lane, other, cause),
            }
        }
    }

    /// What is wrong, in words.
    fn finding(&self, teller: &Teller<'_, N>, wrong: Wrong) -> Finding {
        let events = teller.trace.events.len().checked_sub(1);
        let events = events.and_then(|at| u32::try_from(at).ok()).map(EventId);
        let name = |property: u16| self.model.properties[usize::from(property)].name;
        let breaks = |who: String, property| {
            Finding::new("INVARIANT-BROKEN", format!("{who}: not {:?}", name(property)))
                .events(events)
        };
        match wrong {
            Wrong::Node(property, node) => breaks(NodeId(node).to_string(), property),
            Wrong::Pair(property, one, other) => {
                breaks(format!("{} and {}", NodeId(one), NodeId(other)), property)
            }
            Wrong::World(property) => breaks("the cluster".into(), property),
            Wrong::Step(number) => {
                let (id, sentence) = &self.wrongs[number as usize - 1];
                Finding::new(id, sentence.clone()).events(events)
            }
            Wrong::Cycle(property, length) => {
                let name = self.live_property(usize::from(property)).map_or("", |live| live.name);
                let how = match length {
                    0 => "nothing more need ever happen".into(),
                    1 => "the last step may be taken again and again".into(),
                    more => format!("the last {more} steps may be taken again and again"),
                };
                Finding::new("LIVE-LASSO", format!("{how}, and {name:?} never comes to hold"))
                    .events(events)
            }
            Wrong::Record => {
                if let Some((one, other)) = teller.record.contradiction() {
                    return contradicted(one, other).events(events);
                }
                let verdict = self.model.judge.map(|judge| judge(&teller.history));
                let finding = verdict.and_then(|verdict| verdict.findings.into_iter().next());
                finding.unwrap_or_else(|| {
                    Finding::new("NODE-NONDET", "the judge judged the same history twice, unlike")
                })
            }
        }
    }
}

impl<'a, N: Node> Teller<'a, N> {
    fn new(model: &'a Model<N>) -> Self {
        let lane = |node: NodeId| Lane { name: node.to_string(), kind: LaneKind::Node };
        let process = |client| ProcessId(u32::try_from(client).unwrap_or(u32::MAX));
        Self {
            model,
            trace: Trace {
                lanes: NodeId::all(model.nodes).map(lane).collect(),
                ..Trace::default()
            },
            now: Time::ZERO,
            texts: BTreeMap::new(),
            lanes: BTreeMap::new(),
            sent: BTreeMap::new(),
            history: History::default(),
            clients: (0..model.clients.len()).map(|at| (process(at), Vec::new())).collect(),
            order: 0,
            faults: Vec::new(),
            lasting: vec![None; usize::from(model.nodes) + 1],
            cut: 0,
            record: Record::new(0),
        }
    }

    fn event(&mut self, lane: u16, cause: Option<EventId>, kind: EventKind) -> EventId {
        let id = EventId(u32::try_from(self.trace.events.len()).unwrap_or(u32::MAX));
        self.trace.events.push(Event { at: self.now, lane, cause, kind });
        id
    }

    fn text(&mut self, text: &str) -> u32 {
        let next = u32::try_from(self.trace.texts.len()).unwrap_or(u32::MAX);
        *self.texts.entry(text.into()).or_insert_with(|| {
            self.trace.texts.push(text.into());
            next
        })
    }

    fn say(&mut self, label: String, body: String) -> MessageId {
        self.trace.messages.push(MessageText { label, body });
        MessageId(u32::try_from(self.trace.messages.len() - 1).unwrap_or(u32::MAX))
    }

    /// The send of something that is under way; it is under way no longer.
    fn take(&mut self, number: u32) -> Option<(EventId, MessageId)> {
        self.sent.get_mut(&number)?.pop_front()
    }

    fn message_of(&self, send: EventId) -> MessageId {
        match self.trace.events[send.index()].kind {
            EventKind::Send { message, .. } => message,
            _ => MessageId(0),
        }
    }

    /// A message leaves, and is lost at once if its link is cut.
    fn travel(
        &mut self,
        from: NodeId,
        to: NodeId,
        under_way: Option<u32>,
        sent: EventId,
        message: MessageId,
    ) {
        let lost = match under_way {
            None => Some(DropReason::NoSuchNode),
            Some(_) if self.cut & link(from.0, to.0, self.model.nodes) != 0 => {
                Some(DropReason::Partition)
            }
            Some(number) => {
                self.sent.entry(number).or_default().push_back((sent, message));
                None
            }
        };
        if let Some(reason) = lost {
            self.event(from.0, Some(sent), EventKind::Drop { to: to.0, message, reason });
        }
    }

    fn remark(&mut self, lane: u16, effect: &Effect<N>, cause: Option<EventId>) {
        let kind = match effect {
            Effect::Sync { writes } => {
                self.event(lane, cause, EventKind::Sync { writes: *writes });
                EventKind::Synced { writes: *writes }
            }
            Effect::Note(text) => EventKind::Note { text: self.text(text) },
            Effect::Role(role) => EventKind::Role { text: self.text(role) },
            Effect::Violated(name) => EventKind::Violated { text: self.text(name) },
            Effect::Reached(name) => EventKind::Reached { text: self.text(name) },
            Effect::Send { .. }
            | Effect::Reply { .. }
            | Effect::Write { .. }
            | Effect::SetTimer { .. }
            | Effect::CancelTimer(_) => return,
            Effect::Agree { name, subject, value } => {
                let claim = Claim { name, subject: *subject, value: *value };
                if self.record.claim(claim) && self.record.contradiction().is_some() {
                    let text = self.text(name);
                    self.event(lane, cause, EventKind::Violated { text });
                }
                return;
            }
        };
        self.event(lane, cause, kind);
    }

    // Clients.

    fn client_lane(&mut self, client: usize) -> u16 {
        let process = self.clients.get(client).map_or(ProcessId(u32::MAX), |(process, _)| *process);
        *self.lanes.entry(process).or_insert_with(|| {
            self.trace.lanes.push(Lane { name: process.to_string(), kind: LaneKind::Client });
            u16::try_from(self.trace.lanes.len() - 1).unwrap_or(u16::MAX)
        })
    }

    /// The lane of a node or, counted after the nodes, of a client.
    fn lane_of(&mut self, who: u16) -> u16 {
        match who.checked_sub(self.model.nodes) {
            None => who,
            Some(client) => self.client_lane(usize::from(client)),
        }
    }

    fn stamp(&mut self) -> Stamp {
        self.order += 1;
        Stamp { order: self.order - 1, at: self.now }
    }

    fn open(
        &mut self,
        client: usize,
        node: NodeId,
        request: splitbrain_core::Request<N>,
    ) -> OperationId {
        let id = OperationId(u32::try_from(self.history.operations.len()).unwrap_or(u32::MAX));
        let invoked = self.stamp();
        let (process, operations) = &mut self.clients[client];
        operations.push(id);
        self.history.operations.push(Operation {
            process: *process,
            node,
            request,
            invoked,
            completed: None,
            outcome: Outcome::Unknown,
            last: false,
        });
        id
    }

    fn is_open(&self, client: usize, sequence: u32) -> bool {
        let operations = &self.clients[client].1;
        let last = operations.last().filter(|_| operations.len() == sequence as usize + 1);
        last.is_some_and(|id| self.history.operations[id.index()].completed.is_none())
    }

    /// The client's open operation ends: answered, or given up.
    fn complete(&mut self, client: u16, answer: Option<Answer<N::Api>>, cause: Option<EventId>) {
        let client = usize::from(client);
        let Some(id) = self.clients[client].1.last().copied() else { return };
        let stamp = self.stamp();
        let operation = &mut self.history.operations[id.index()];
        operation.completed = Some(stamp);
        operation.outcome = match answer {
            Some(Ok(response)) => Outcome::Ok(response),
            Some(Err((code, text))) if code.is_definite() => Outcome::Failed { code, text },
            Some(Err(_)) | None => Outcome::Unknown,
        };
        let is_lost = operation.outcome == Outcome::Unknown;
        let lane = self.client_lane(client);
        self.event(lane, cause, EventKind::Complete { operation: id });
        if is_lost {
            let clients = u32::try_from(self.clients.len()).unwrap_or(1);
            self.clients[client].0.0 += clients;
        }
    }

    // Faults.

    fn begin_fault(&mut self, place: usize, lane: u16, fault: Fault) -> EventId {
        let injection = u32::try_from(self.faults.len()).unwrap_or(u32::MAX);
        let text = self.text(&fault.to_string());
        self.faults.push(Injection { at: self.now, lasts: Duration::ZERO, fault });
        let event = self.event(lane, None, EventKind::FaultBegin { injection, text });
        self.lasting[place] = Some((injection, event));
        event
    }

    fn end_fault(&mut self, place: usize) -> Option<EventId> {
        let (injection, begun) = self.lasting[place].take()?;
        let fault = &mut self.faults[injection as usize];
        fault.lasts = self.now.since(fault.at);
        let lane = self.trace.events[begun.index()].lane;
        Some(self.event(lane, Some(begun), EventKind::FaultEnd { injection }))
    }

    fn crash(&mut self, node: NodeId, crash: Crash, in_handler: bool) {
        let disk = match (crash.torn, crash.kept) {
            (true, kept) => DiskLoss::Torn(kept),
            (false, kept) if kept == crash.unsynced => DiskLoss::KeepAll,
            (false, 0) => DiskLoss::LoseAll,
            (false, kept) => DiskLoss::KeepPrefix(kept),
        };
        let effects = u32::try_from(crash.after_effects).unwrap_or(u32::MAX);
        let moment = if in_handler { Moment::AfterEffects(effects) } else { Moment::Now };
        let fault = Fault::Crash { target: Target::Node(node), moment, disk };
        let begun = self.begin_fault(node.index(), node.0, fault);
        let why = self.text("killed");
        let lost = crash.unsynced - crash.kept;
        self.event(node.0, Some(begun), EventKind::Crash { why, lost });
    }

    fn partition(&mut self, which: u32) {
        let nodes = self.model.nodes;
        let cuts = self.model.bounds.partitions_of(nodes);
        self.cut = cuts[which as usize];
        let is_cut = |from: NodeId, to: NodeId| self.cut & link(from.0, to.0, nodes) != 0;
        // Who cannot send to somebody is on the first side; the links of a cut are all of one kind.
        let first: Vec<NodeId> = NodeId::all(nodes)
            .filter(|from| NodeId::all(nodes).any(|to| is_cut(*from, to)))
            .collect();
        let cut = if first.len() == usize::from(nodes) {
            let side = |node: &NodeId| *node == NodeId(0) || !is_cut(NodeId(0), *node);
            let (one, other) = NodeId::all(nodes).partition(side);
            Cut::Groups(vec![one, other])
        } else {
            let to = NodeId::all(nodes).filter(|node| !first.contains(node)).collect();
            Cut::OneWay { from: first, to }
        };
        let fault = Fault::Partition { cut, mode: CutMode::Drop };
        self.begin_fault(usize::from(nodes), 0, fault);
    }

    fn finish(mut self, finding: Finding, steps: Vec<String>) -> Counterexample {
        for injection in &mut self.faults {
            if injection.lasts.is_zero() {
                injection.lasts = self.now.since(injection.at) + STEP;
            }
        }
        self.trace.operations = match self.model.describe {
            Some(describe) => describe(&self.history),
            None => self.history.operations.iter().map(described).collect(),
        };
        let mut digest = Fingerprint::default();
        for step in &steps {
            digest.word(Fingerprint::of(step.as_str()).0);
        }
        self.trace.digest = std::hash::Hasher::finish(&digest);
        Counterexample {
            finding,
            steps,
            trace: self.trace,
            faults: self.faults,
            history: self.model.write.map(|write| write(&self.history)),
            cycle: None,
        }
    }
}

/// An operation in words, where nobody has better ones.
fn described<A: splitbrain_core::Api>(operation: &Operation<A>) -> Described {
    use splitbrain_core::End;
    let (end, answer) = match &operation.outcome {
        Outcome::Ok(response) => (End::Ok, format!("{response:?}")),
        Outcome::Failed { code, .. } => (End::Failed, code.to_string()),
        Outcome::Unknown => (End::Unknown, String::new()),
    };
    Described {
        process: operation.process,
        node: operation.node,
        request: format!("{:?}", operation.request),
        answer,
        invoked: operation.invoked.at,
        completed: operation.completed.map(|stamp| stamp.at),
        end,
    }
}

fn contradicted(one: Claim, other: Claim) -> Finding {
    let Claim { name, subject, value } = one;
    let sentence =
        format!("{name:?} does not hold of {subject}: it is {value}, and it is {}", other.value);
    Finding::new("ALWAYS-VIOLATED", sentence)
}

/// The first word of a message.
fn label(body: &str) -> String {
    let end = body.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(body.len());
    if end == 0 { "message".into() } else { body[..end].into() }
}

impl<N: Node> Values<N> {
    /// A step in words: no two steps out of one state have the same.
    pub(crate) fn words(&mut self, before: &[u32], step: Step) -> String {
        let nodes = self.model.nodes;
        let name = |who: u16| match who.checked_sub(nodes) {
            None => NodeId(who).to_string(),
            Some(client) => ProcessId(u32::from(client)).to_string(),
        };
        let mut text = match step.what {
            What::Deliver | What::Duplicate | What::Lose | What::Answer | What::Ask => {
                let envelope = self.envelopes.get(step.input);
                let verb = match step.what {
                    What::Duplicate => "double",
                    What::Lose => "lose",
                    What::Answer => "answer",
                    What::Ask => "ask",
                    _ => "deliver",
                };
                let content = match &envelope.content {
                    Content::Message(message) => format!("{message:?}"),
                    Content::Request(id, request) => format!("{request:?} ({})", id.sequence + 1),
                    Content::Claim(claim) => format!("{claim:?}"),
                    Content::Answer(id, answer) => format!("{answer:?} ({})", id.sequence + 1),
                };
                format!("{verb} {} to {}: {content}", name(envelope.from), name(envelope.to))
            }
            What::GiveUp => format!("give up {}", name(nodes + step.who)),
            What::Expire => format!("expire {}: {:?}", name(step.who), self.timers.get(step.input)),
            What::Tick => format!("tick {}", name(step.who)),
            What::Crash => format!("crash {}", name(step.who)),
            What::Start => format!("start {}", name(step.who)),
            What::Partition => {
                let cut = self.model.bounds.partitions_of(nodes)[step.input as usize];
                format!("partition {cut:#x}")
            }
            What::Heal => "heal".into(),
        };
        let reacts = match step.what {
            What::Deliver | What::Duplicate => Some((step.who, step.input)),
            What::Ask => Some((self.envelopes.get(step.input).to, step.input)),
            What::Expire => Some((step.who, input::TIMER | step.input)),
            What::Crash => Some((step.who, input::CRASH)),
            What::Start => Some((step.who, input::START)),
            _ => None,
        };
        if let Some((node, input)) = reacts {
            let all = self.reacted(before[usize::from(node)], input).unwrap_or_default();
            if let (Some(reacted), 2..) = (all.get(step.outcome as usize), all.len()) {
                text += &variant(reacted, step.outcome);
            }
        }
        text
    }
}

/// Which of several outcomes.
fn variant<N: Node>(reacted: &Reacted<N>, nth: u32) -> String {
    match reacted.crash {
        None if nth == 0 => String::new(),
        None => format!(" [way {}]", nth + 1),
        Some(Crash { after_effects, kept, unsynced, torn }) => format!(
            " [crash after effect {after_effects}, {kept} of {unsynced} writes kept{}, way {}]",
            if torn { ", one torn" } else { "" },
            nth + 1
        ),
    }
}
