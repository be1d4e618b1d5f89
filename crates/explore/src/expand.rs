//! From a state to all states that may follow it.
//!
//! IDEA        A state is a few numbers: a seat for each node, the clients' record, the trouble
//!             that is left, and the messages under way. A step takes a few of them away and puts
//!             a few others there.
//! RULES       Where messages arrive in any order they are sorted, so that equal states are equal
//!             words; there, an input that changes nothing may as well never arrive, and is left
//!             alone. Where each link keeps its order, the messages stand link by link, and only
//!             the first of a link can arrive, be lost, or be doubled.

use crate::bounds::{Asking, Bounds, Budget, Order, link};
use crate::known::{Change, Cost, Reader, event, input};

/// What is the same in all states.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) nodes: usize,
    pub(crate) clients: usize,
    pub(crate) bounds: Bounds,
    pub(crate) cuts: u16,
}

impl Shape {
    pub(crate) fn new(nodes: u16, clients: usize, bounds: Bounds) -> Self {
        let cuts = u16::try_from(bounds.partitions_of(nodes).len()).unwrap_or(u16::MAX);
        Self { nodes: usize::from(nodes), clients, bounds, cuts }
    }

    /// Where the record stands.
    pub(crate) const fn record(&self) -> usize {
        self.nodes
    }

    /// Where the trouble stands.
    pub(crate) const fn trouble(&self) -> usize {
        self.nodes + 1
    }

    /// Where the messages begin.
    pub(crate) const fn messages(&self) -> usize {
        self.nodes + 2
    }

    /// Loses what there are too many alike of.
    pub(crate) fn thin(&self, state: &mut Vec<u32>) {
        let Budget(most) = self.bounds.alike;
        if self.bounds.alike == Budget::UNLIMITED {
            return;
        }
        let (mut last, mut alike, mut at) = (None, 0, 0);
        state.retain(|word| {
            at += 1;
            if at <= self.messages() {
                return true;
            }
            alike = if last == Some(*word) { alike + 1 } else { 1 };
            last = Some(*word);
            alike <= most.max(1)
        });
    }
}

/// What happens in a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What {
    /// A message arrives at a node.
    Deliver,
    /// It arrives, and will arrive once more.
    Duplicate,
    /// An answer arrives at its client.
    Answer,
    /// A message is lost.
    Lose,
    /// A client asks and is heard.
    Ask,
    /// A client waits no longer.
    GiveUp,
    /// A timer expires.
    Expire,
    /// A clock ticks.
    Tick,
    /// A node crashes between handlers.
    Crash,
    /// A node starts.
    Start,
    /// The network is cut; the input says how.
    Partition,
    /// The network is whole again.
    Heal,
}

/// One step: what happens, to whom, by what, and which of the outcomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Step {
    pub(crate) what: What,
    /// The node, or the client, counted from 0.
    pub(crate) who: u16,
    /// The number of the message or of the timer.
    pub(crate) input: u32,
    /// Which of the seat's outcomes.
    pub(crate) outcome: u32,
    /// What is wrong with the step; 0 if nothing is.
    pub(crate) wrong: u32,
    /// Whether its outcome costs nothing: no crash, no lie.
    pub(crate) is_free: bool,
}

/// Makes successors. It borrows what it needs only while it works.
pub(crate) struct Expander<'a> {
    pub(crate) reader: Reader<'a>,
    shape: &'a Shape,
    out: Vec<u32>,
}

/// Who is told of each step and the state after it.
pub(crate) trait Sink {
    fn step(&mut self, step: Step, after: &[u32]);
}

impl<F: FnMut(Step, &[u32])> Sink for F {
    #[inline]
    fn step(&mut self, step: Step, after: &[u32]) {
        self(step, after);
    }
}

impl<'a> Expander<'a> {
    pub(crate) fn new(reader: Reader<'a>, shape: &'a Shape) -> Self {
        Self { reader, shape, out: Vec::new() }
    }

    /// Tells `sink` of everything that may happen next.
    pub(crate) fn expand(&mut self, state: &[u32], sink: &mut impl Sink) {
        self.messages(state, sink);
        let bounds = &self.shape.bounds;
        if bounds.expiries.is_left() {
            self.timers(state, sink);
        }
        if self.shape.clients > 0 {
            self.clients(state, sink);
        }
        if bounds.crashes.is_left() || bounds.clocks.is_some() {
            self.seats(state, sink);
        }
        if bounds.partitions.is_left() {
            self.partitions(state, sink);
        }
    }

    /// Whether timers are armed that cannot expire any more, or clocks cannot tick any more.
    pub(crate) fn is_starved(&self, state: &[u32]) -> bool {
        let facts = &self.reader.known.facts;
        let trouble = self.reader.known.troubles[state[self.shape.trouble()] as usize];
        let seats = state[..self.shape.nodes].iter().map(|seat| facts.seats[*seat as usize]);
        let timers =
            !trouble.expiries.is_left() && seats.clone().any(|seat| !facts.timers(seat).is_empty());
        let at_end = |clocks: crate::Clocks| seats.clone().any(|seat| seat.clock >= clocks.ticks);
        timers || self.shape.bounds.clocks.is_some_and(at_end)
    }

    fn messages(&mut self, state: &[u32], sink: &mut impl Sink) {
        let first = self.shape.messages();
        let any_order = self.shape.bounds.order == Order::Any;
        let (loses, doubles) =
            (self.shape.bounds.losses.is_left(), self.shape.bounds.duplicates.is_left());
        for at in first..state.len() {
            let envelope = state[at];
            let fact = self.reader.known.facts.envelopes[envelope as usize];
            if at > first {
                let before = state[at - 1];
                let hidden = if any_order {
                    before == envelope
                } else {
                    self.reader.known.facts.envelopes[before as usize] == fact
                };
                if hidden {
                    continue;
                }
            }
            let to = usize::from(fact.to);
            if to >= self.shape.nodes {
                self.answer(state, at, sink);
                continue;
            }
            let deliver = step(What::Deliver, fact.to, envelope);
            self.react(state, deliver, envelope, Taken { message: at, keep: false }, sink);
            if fact.from == fact.to || usize::from(fact.from) >= self.shape.nodes {
                continue;
            }
            if doubles {
                let double = step(What::Duplicate, fact.to, envelope);
                self.react(state, double, envelope, Taken { message: at, keep: true }, sink);
            }
            if loses {
                self.lose(state, at, fact.from, sink);
            }
        }
    }

    fn lose(&mut self, state: &[u32], at: usize, from: u16, sink: &mut impl Sink) {
        let trouble = state[self.shape.trouble()];
        if let Some(trouble) = self.reader.change(trouble, Change::Lose) {
            self.out.clear();
            self.out.extend_from_slice(&state[..at]);
            self.out.extend_from_slice(&state[at + 1..]);
            self.out[self.shape.trouble()] = trouble;
            sink.step(step(What::Lose, from, state[at]), &self.out);
        }
    }

    /// An answer arrives at its client, which may ask again.
    fn answer(&mut self, state: &[u32], at: usize, sink: &mut impl Sink) {
        let (envelope, record) = (state[at], state[self.shape.record()]);
        let noted = self.reader.note(record, envelope);
        if noted.is_none() && self.shape.bounds.order == Order::Any {
            return;
        }
        let (record, request) = noted.unwrap_or((record, None));
        self.out.clear();
        self.out.extend_from_slice(&state[..at]);
        self.out.extend_from_slice(&state[at + 1..]);
        self.out[self.shape.record()] = record;
        if let Some(request) = request {
            self.send(request);
        }
        let to = self.reader.known.facts.envelopes[envelope as usize].to;
        let who = to - u16::try_from(self.shape.nodes).unwrap_or(0);
        sink.step(step(What::Answer, who, envelope), &self.out);
    }

    fn timers(&mut self, state: &[u32], sink: &mut impl Sink) {
        for node in 0..self.shape.nodes {
            let seat = self.reader.known.facts.seats[state[node] as usize];
            for at in self.reader.known.facts.timers(seat) {
                let timer = self.reader.known.facts.timer(at);
                let expire = step(What::Expire, id(node), timer);
                self.react(state, expire, input::TIMER | timer, Taken::NOTHING, sink);
            }
        }
    }

    fn clients(&mut self, state: &[u32], sink: &mut impl Sink) {
        let fact = self.reader.known.facts.records[state[self.shape.record()] as usize];
        let bounds = &self.shape.bounds;
        let (asks, gives_up) = (bounds.asking == Asking::AtOnce, bounds.impatience.is_left());
        for client in 0..self.shape.clients {
            if asks && fact.may_ask >> client & 1 == 1 {
                self.ask(state, client, sink);
            }
            if gives_up && fact.wait >> client & 1 == 1 {
                self.give_up(state, client, sink);
            }
        }
    }

    fn ask(&mut self, state: &[u32], client: usize, sink: &mut impl Sink) {
        let record = state[self.shape.record()];
        let Some((record, Some(request))) =
            self.reader.note(record, event::ASK | u32::from(id(client)))
        else {
            return;
        };
        let to = usize::from(self.reader.known.facts.envelopes[request as usize].to);
        // Who asks a node that is down waits for ever: only the impatient need to see that.
        let is_up = self.reader.known.facts.seats[state[to] as usize].is_up;
        if !is_up && !self.shape.bounds.impatience.is_left() {
            return;
        }
        let mut asked = state.to_vec();
        asked[self.shape.record()] = record;
        let ask = Step { who: id(client), ..step(What::Ask, id(to), request) };
        self.react_of(&asked, ask, to, request, Taken::ASKED, sink);
    }

    fn give_up(&mut self, state: &[u32], client: usize, sink: &mut impl Sink) {
        let trouble = state[self.shape.trouble()];
        let Some(trouble) = self.reader.change(trouble, Change::GiveUp) else { return };
        let record = state[self.shape.record()];
        let noted = self.reader.note(record, event::GIVE_UP | u32::from(id(client)));
        let Some((record, request)) = noted else { return };
        self.out.clear();
        self.out.extend_from_slice(state);
        self.out[self.shape.record()] = record;
        self.out[self.shape.trouble()] = trouble;
        if let Some(request) = request {
            self.send(request);
        }
        sink.step(step(What::GiveUp, id(client), 0), &self.out);
    }

    /// What a node may do by itself, or may suffer, between two handlers.
    fn seats(&mut self, state: &[u32], sink: &mut impl Sink) {
        for node in 0..self.shape.nodes {
            let seat = self.reader.known.facts.seats[state[node] as usize];
            if seat.is_up {
                if self.shape.bounds.crashes.is_left() {
                    let crash = step(What::Crash, id(node), 0);
                    self.react(state, crash, input::CRASH, Taken::NOTHING, sink);
                }
            } else {
                let start = step(What::Start, id(node), 0);
                self.react(state, start, input::START, Taken::NOTHING, sink);
            }
            if let Some(clocks) = self.shape.bounds.clocks {
                let clock_of = |seat: &u32| self.reader.known.facts.seats[*seat as usize].clock;
                let slowest = state[..self.shape.nodes].iter().map(clock_of).min().unwrap_or(0);
                if seat.clock < clocks.ticks && seat.clock - slowest < clocks.skew.max(1) {
                    let tick = step(What::Tick, id(node), 0);
                    self.react(state, tick, input::TICK, Taken::NOTHING, sink);
                }
            }
        }
    }

    fn partitions(&mut self, state: &[u32], sink: &mut impl Sink) {
        let at = self.shape.trouble();
        let is_cut = self.reader.known.troubles[state[at] as usize].cut != 0;
        let changes = if is_cut { 0..0 } else { 0..self.shape.cuts };
        let heal = is_cut.then_some((What::Heal, Change::Heal, 0));
        let cut = changes.map(|which| (What::Partition, Change::Partition(which), which));
        for (what, change, which) in heal.into_iter().chain(cut) {
            if let Some(trouble) = self.reader.change(state[at], change) {
                self.out.clear();
                self.out.extend_from_slice(state);
                self.out[at] = trouble;
                sink.step(step(what, 0, u32::from(which)), &self.out);
            }
        }
    }

    fn react(&mut self, state: &[u32], step: Step, input: u32, taken: Taken, sink: &mut impl Sink) {
        self.react_of(state, step, usize::from(step.who), input, taken, sink);
    }

    /// All outcomes of an input that a node is given.
    #[inline]
    fn react_of(
        &mut self,
        state: &[u32],
        step: Step,
        node: usize,
        input: u32,
        taken: Taken,
        sink: &mut impl Sink,
    ) {
        let list = self.reader.react(state[node], input);
        let range = self.reader.known.list(list);
        for (nth, at) in (0..).zip(range) {
            let outcome = self.reader.known.outcome(at);
            let changes_nothing = outcome.is_quiet
                && (self.shape.bounds.order == Order::Any || !taken.is_message())
                && !taken.is_asked();
            if changes_nothing {
                continue;
            }
            let Some(trouble) = self.pay(state, step.what, outcome.cost) else { continue };
            let is_free = outcome.cost == Cost::Nothing;
            let step = Step { outcome: nth, wrong: outcome.wrong, is_free, ..step };
            self.out.clear();
            self.out.extend_from_slice(&state[..self.shape.messages()]);
            self.out[node] = outcome.seat;
            self.out[self.shape.trouble()] = trouble;
            self.put(state, at, taken);
            sink.step(step, &self.out);
        }
    }

    /// The trouble that is left after a step and its outcome.
    #[inline]
    fn pay(&mut self, state: &[u32], what: What, cost: Cost) -> Option<u32> {
        let mut trouble = state[self.shape.trouble()];
        match what {
            What::Duplicate => trouble = self.reader.change(trouble, Change::Duplicate)?,
            What::Expire => trouble = self.reader.change(trouble, Change::Expire)?,
            _ => {}
        }
        match cost {
            Cost::Nothing => Some(trouble),
            Cost::Crash => self.reader.change(trouble, Change::Crash),
            Cost::Lie => self.reader.change(trouble, Change::Lie),
        }
    }

    /// Appends the messages that are under way after an outcome, and gives clients their answers.
    #[inline]
    fn put(&mut self, state: &[u32], outcome: usize, taken: Taken) {
        let first = self.shape.messages();
        let outcome = self.reader.known.outcome(outcome);
        let cut = self.reader.known.troubles[self.out[self.shape.trouble()] as usize].cut;
        let (sent, answers) = self.reader.known.sent(outcome);
        let answers = answers.len();
        let gone = if taken.keep { usize::MAX } else { taken.message };
        let whole = self.shape.bounds.order == Order::Any && cut == 0;
        if whole {
            let mut next = sent.iter().copied().peekable();
            for (at, envelope) in state.iter().enumerate().skip(first) {
                if at == gone {
                    continue;
                }
                while let Some(earlier) = next.next_if(|sent| sent < envelope) {
                    self.out.push(earlier);
                }
                self.out.push(*envelope);
            }
            self.out.extend(next);
        } else {
            let sent = sent.to_vec();
            for (at, envelope) in state.iter().enumerate().skip(first) {
                if at != gone {
                    self.out.push(*envelope);
                }
            }
            for envelope in sent {
                if !self.is_cut(cut, envelope) {
                    self.send(envelope);
                }
            }
        }
        self.shape.thin(&mut self.out);
        for at in 0..answers {
            let answer = self.reader.known.sent(outcome).1[at];
            let record = self.out[self.shape.record()];
            if let Some((record, _)) = self.reader.note(record, answer) {
                self.out[self.shape.record()] = record;
            }
        }
    }

    fn is_cut(&self, cut: u64, envelope: u32) -> bool {
        let fact = self.reader.known.facts.envelopes[envelope as usize];
        let nodes = id(self.shape.nodes);
        fact.from < nodes && fact.to < nodes && cut & link(fact.from, fact.to, nodes) != 0
    }

    /// Puts one more message under way.
    fn send(&mut self, envelope: u32) {
        let first = self.shape.messages();
        let envelopes = &self.reader.known.facts.envelopes;
        let link = |envelope: u32| {
            let fact = envelopes[envelope as usize];
            (fact.to, fact.from)
        };
        let under_way = &self.out[first..];
        let at = match self.shape.bounds.order {
            Order::Any => under_way.partition_point(|other| *other < envelope),
            Order::Fifo => under_way.partition_point(|other| link(*other) <= link(envelope)),
        };
        self.out.insert(first + at, envelope);
    }
}

/// The message that a step takes off its way, if it takes one.
#[derive(Clone, Copy)]
struct Taken {
    message: usize,
    keep: bool,
}

impl Taken {
    const NOTHING: Self = Self { message: usize::MAX, keep: true };
    /// A client's request, which never was under way.
    const ASKED: Self = Self { message: usize::MAX, keep: false };

    const fn is_message(self) -> bool {
        self.message != usize::MAX
    }

    const fn is_asked(self) -> bool {
        !self.keep && !self.is_message()
    }
}

const fn step(what: What, who: u16, input: u32) -> Step {
    Step { what, who, input, outcome: 0, wrong: 0, is_free: true }
}

/// A node or a client as it stands in a step. There are at most 32 of each.
#[expect(clippy::cast_possible_truncation, reason = "there are at most 32")]
const fn id(index: usize) -> u16 {
    index as u16
}
