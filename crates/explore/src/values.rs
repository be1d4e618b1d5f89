//! Nodes, messages, timers and records as values: the one part of the explorer that knows types.

use std::sync::Arc;

use splitbrain_core::{
    Choices, Context, Disk, Effect, Node, NodeId, Request, RequestId, Response, Time, Validity,
    caught,
};

use crate::ExploreError;
use crate::bounds::{Asking, Budget, Timers};
use crate::expand::Step;
use crate::known::{Cost, EnvelopeFact, Facts, Reaction, RecordFact, Typed, event, input};
use crate::model::{Fairness, Model, Says, View};
use crate::record::{Answer, Claim, Entry, Fate, Record};
use crate::search::Wrong;
use crate::story::Counterexample;
use crate::table::Numbers;

/// The requests that set a node up are nobody's operation.
const SETUP: RequestId = RequestId { client: u32::MAX, sequence: u32::MAX };
/// A handler that may choose among more ways than this cannot be explored.
const BRANCHES_MAX: usize = 10_000;
/// One handler in so many is run twice, on equal inputs, to see whether it does the same.
const GUARD_EVERY: u64 = 7;

/// A node, with all that belongs to it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Seat<N: Node> {
    pub(crate) id: NodeId,
    /// Its state, unless it is down.
    pub(crate) up: Option<N>,
    pub(crate) disk: N::Disk,
    /// In the order in which they were armed, if that matters; else sorted.
    pub(crate) timers: Vec<Armed<N::Timer>>,
    /// How often its clock has ticked.
    pub(crate) clock: u16,
}

/// A timer that is armed. What does not matter is zero, so that equal seats are equal values.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Armed<T> {
    pub(crate) timer: T,
    low: u64,
    high: u64,
    /// Not before the node's clock has ticked so often.
    due: u16,
}

/// Something under way.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Envelope<N: Node> {
    pub(crate) from: u16,
    pub(crate) to: u16,
    pub(crate) content: Content<N>,
}

/// What is under way.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Content<N: Node> {
    Message(N::Message),
    Request(RequestId, Request<N>),
    Answer(RequestId, Answer<N::Api>),
    /// Nothing that travels: what a node claims, to be written into the record.
    Claim(Claim),
}

/// A handler and its input.
#[derive(Clone)]
pub(crate) enum Call<N: Node> {
    Start,
    Request(RequestId, Request<N>),
    Message(NodeId, N::Message),
    Timer(N::Timer),
}

/// One way in which a seat may react, as values.
#[derive(Clone, PartialEq)]
pub(crate) struct Reacted<N: Node> {
    pub(crate) seat: Seat<N>,
    /// What was asked for and took place.
    pub(crate) effects: Vec<Effect<N>>,
    pub(crate) cost: Cost,
    /// The crash in the middle of it, if there was one.
    pub(crate) crash: Option<Crash>,
    /// The finding's id and a sentence, if something is wrong.
    pub(crate) wrong: Option<(&'static str, String)>,
}

/// A crash in the middle of a handler, or between two.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Crash {
    /// How many effects had happened.
    pub(crate) after_effects: usize,
    /// How many of the unsynced writes reached the disk.
    pub(crate) kept: u32,
    /// Of how many.
    pub(crate) unsynced: u32,
    /// Whether the next one is torn.
    pub(crate) torn: bool,
}

/// What one run of a handler did.
struct Ran<N: Node> {
    up: Option<N>,
    disk: N::Disk,
    effects: Vec<Effect<N>>,
    wrong: Option<(&'static str, String)>,
    tape: Vec<(u32, u32)>,
}

/// The values behind the numbers.
pub(crate) struct Values<N: Node> {
    pub(crate) model: Arc<Model<N>>,
    pub(crate) seats: Numbers<Seat<N>>,
    pub(crate) envelopes: Numbers<Envelope<N>>,
    pub(crate) timers: Numbers<N::Timer>,
    pub(crate) records: Numbers<Record<N::Api>>,
    facts: Facts,
    /// What may be wrong with an outcome; an outcome's number is one more than the place here.
    pub(crate) wrongs: Vec<(&'static str, String)>,
    /// What nodes said that it should happen sometimes, and did.
    pub(crate) reached: std::collections::BTreeSet<&'static str>,
    until_guard: u64,
    /// How many histories were judged.
    pub(crate) judged: u64,
}

impl<N: Node> Values<N> {
    pub(crate) fn new(model: Arc<Model<N>>) -> Self {
        Self {
            model,
            seats: Numbers::default(),
            envelopes: Numbers::default(),
            timers: Numbers::default(),
            records: Numbers::default(),
            facts: Facts::default(),
            wrongs: Vec::new(),
            reached: std::collections::BTreeSet::new(),
            until_guard: 1,
            judged: 0,
        }
    }

    // Numbers.

    pub(crate) fn seat(&mut self, seat: Seat<N>) -> u32 {
        let (number, is_new) = self.seats.number(seat);
        if is_new {
            let seat = self.seats.get(number);
            let wrong = seat.up.as_ref().and_then(|node| {
                let breaks = |property: &crate::Property<N>| match &property.says {
                    Says::Node(holds) => !holds(seat.id, node, &seat.disk),
                    _ => false,
                };
                self.model.properties.iter().position(breaks)
            });
            let wrong = wrong.map_or(0, |at| u16::try_from(at + 1).unwrap_or(u16::MAX));
            let due = (0..seat.timers.len()).filter(|at| self.may_expire(seat, *at));
            let due: Vec<_> = due.map(|at| seat.timers[at].timer.clone()).collect();
            let due: Vec<u32> = due.into_iter().map(|timer| self.timers.number(timer).0).collect();
            self.facts.add_seat(seat.up.is_some(), seat.clock, wrong, &due);
        }
        number
    }

    fn may_expire(&self, seat: &Seat<N>, at: usize) -> bool {
        let bounds = &self.model.bounds;
        let armed = &seat.timers[at];
        let earlier = &seat.timers[..at];
        let must_wait = bounds.timers == Timers::Ordered
            && earlier.iter().any(|earlier| earlier.high <= armed.low);
        !must_wait && armed.due <= seat.clock
    }

    pub(crate) fn envelope(&mut self, envelope: Envelope<N>) -> u32 {
        let fact = EnvelopeFact { from: envelope.from, to: envelope.to };
        let (number, is_new) = self.envelopes.number(envelope);
        if is_new {
            self.facts.envelopes.push(fact);
        }
        number
    }

    /// The number of a record; with `ended`, an operation of it has just ended.
    pub(crate) fn record(&mut self, record: Record<N::Api>, ended: bool) -> u32 {
        let (number, is_new) = self.records.number(record);
        if is_new {
            let record = self.records.get(number);
            let scripts = &self.model.clients;
            let mut fact = RecordFact { may_ask: 0, wait: 0, is_wrong: false };
            for (client, script) in scripts.iter().enumerate() {
                if record.waits(client) {
                    fact.wait |= 1 << client;
                } else if record.clients[client].len() < script.len() {
                    fact.may_ask |= 1 << client;
                }
            }
            if let (true, Some(judge)) = (ended, self.model.judge) {
                self.judged += 1;
                let verdict = judge(&record.history(scripts));
                fact.is_wrong = verdict.validity() == Validity::Invalid;
            }
            fact.is_wrong |= record.contradiction().is_some();
            self.facts.records.push(fact);
        }
        number
    }

    // Handlers.

    /// All ways in which the seat may react to an input.
    pub(crate) fn reacted(
        &mut self,
        seat: u32,
        input: u32,
    ) -> Result<Vec<Reacted<N>>, ExploreError> {
        let mut seat = self.seats.get(seat).clone();
        let call = match input {
            input::TICK => {
                seat.clock += 1;
                return Ok(vec![Reacted::at_rest(seat, Cost::Nothing)]);
            }
            input::CRASH => return Ok(self.crashes(&seat, &[], &seat.disk, 0..1)),
            input::START => Call::Start,
            _ if seat.up.is_none() => return Ok(vec![Reacted::at_rest(seat, Cost::Nothing)]),
            timer if timer & input::TIMER != 0 => {
                let timer = self.timers.get(timer & !input::TIMER).clone();
                seat.timers.retain(|armed| armed.timer != timer);
                Call::Timer(timer)
            }
            envelope => {
                let envelope = self.envelopes.get(envelope);
                match &envelope.content {
                    Content::Message(message) => {
                        Call::Message(NodeId(envelope.from), message.clone())
                    }
                    Content::Request(id, request) => Call::Request(*id, request.clone()),
                    Content::Answer(..) | Content::Claim(_) => return Ok(Vec::new()),
                }
            }
        };
        let mut all = Vec::new();
        for ran in self.branches(&seat, &call)? {
            let whole = self.perform(&seat, &ran);
            let lies = self.lies(&whole);
            let broken = whole.wrong.is_some();
            all.push(whole);
            all.extend(lies);
            if self.model.bounds.crashes.is_left() && !broken {
                let steps = 0..ran.effects.len();
                all.extend(self.crashes(&seat, &ran.effects, &ran.disk, steps));
            }
        }
        Ok(all)
    }

    /// Runs the handler for every combination of what it may choose.
    fn branches(&mut self, seat: &Seat<N>, call: &Call<N>) -> Result<Vec<Ran<N>>, ExploreError> {
        let mut all = Vec::new();
        let mut tape = Vec::new();
        loop {
            let ran = self.run(seat, call, tape)?;
            tape = ran.tape.clone();
            all.push(ran);
            if all.len() > BRANCHES_MAX {
                return Err(ExploreError::Choices { node: seat.id, call: call.name() });
            }
            while let Some((choice, of)) = tape.pop() {
                if choice + 1 < of {
                    tape.push((choice + 1, of));
                    break;
                }
            }
            if tape.is_empty() {
                return Ok(all);
            }
        }
    }

    fn run(
        &mut self,
        seat: &Seat<N>,
        call: &Call<N>,
        tape: Vec<(u32, u32)>,
    ) -> Result<Ran<N>, ExploreError> {
        let (ran, reads_clock) = self.run_once(seat, call, tape.clone());
        if reads_clock && self.model.bounds.clocks.is_none() {
            return Err(ExploreError::Clock { node: seat.id, call: call.name() });
        }
        self.until_guard -= 1;
        if self.until_guard > 0 {
            return Ok(ran);
        }
        self.until_guard = GUARD_EVERY;
        let (again, _) = self.run_once(seat, call, tape);
        let same = ran.up == again.up && ran.disk == again.disk && ran.effects == again.effects;
        if same {
            return Ok(ran);
        }
        let sentence = format!(
            "{} of {} run twice on the same input did two different things",
            call.name(),
            seat.id
        );
        Ok(Ran { wrong: Some(("NODE-NONDET", sentence)), ..ran })
    }

    /// One run, and whether it read a clock.
    fn run_once(&self, seat: &Seat<N>, call: &Call<N>, tape: Vec<(u32, u32)>) -> (Ran<N>, bool) {
        let choices = Choices::Tape(tape, 0);
        let mut cx = Context::boot(seat.id, self.model.nodes, seat.disk.clone(), choices);
        let tick = self.model.bounds.clocks.map_or(std::time::Duration::ZERO, |clock| clock.tick);
        let now = Time::ZERO + tick * u32::from(seat.clock);
        cx.wind(now, now);
        let mut up = seat.up.clone();
        let setup = self.model.setup.and_then(|setup| setup(seat.id, self.model.nodes));
        let outcome = caught(|| call.clone().run(&mut up, &mut cx, setup));
        let wrong = outcome
            .err()
            .map(|why| ("NODE-PANIC", format!("{} panicked in {}: {why}", seat.id, call.name())));
        let effects = std::mem::take(cx.effects());
        let tape = match std::mem::replace(cx.choices(), Choices::Tape(Vec::new(), 0)) {
            Choices::Tape(tape, _) => tape,
            Choices::Random(..) => Vec::new(),
        };
        let reads_clock = cx.clock_read();
        (Ran { up, disk: cx.disk, effects, wrong, tape }, reads_clock)
    }

    /// The handler came to its end, and all its effects take place.
    fn perform(&mut self, seat: &Seat<N>, ran: &Ran<N>) -> Reacted<N> {
        let mut after = Seat {
            id: seat.id,
            up: ran.up.clone(),
            disk: ran.disk.clone(),
            timers: seat.timers.clone(),
            clock: seat.clock,
        };
        let mut wrong = ran.wrong.clone();
        for effect in &ran.effects {
            match effect {
                Effect::Sync { writes } => after.disk.sync(*writes),
                Effect::SetTimer { timer, low, high } => {
                    self.arm(&mut after, timer.clone(), *low, *high);
                }
                Effect::CancelTimer(timer) => after.timers.retain(|armed| armed.timer != *timer),
                Effect::Violated(name) => {
                    let sentence = format!("{} asserts that {name}, and it does not", seat.id);
                    wrong.get_or_insert(("ALWAYS-VIOLATED", sentence));
                }
                Effect::Reached(name) => _ = self.reached.insert(name),
                Effect::Send { .. }
                | Effect::Reply { .. }
                | Effect::Agree { .. }
                | Effect::Write { .. }
                | Effect::Note(_)
                | Effect::Role(_) => {}
            }
        }
        Reacted {
            seat: after,
            effects: ran.effects.clone(),
            cost: Cost::Nothing,
            crash: None,
            wrong,
        }
    }

    /// Arms a timer, or arms it anew. Where no timer ever expires, none is kept.
    fn arm(&self, seat: &mut Seat<N>, timer: N::Timer, low: u64, high: u64) {
        let bounds = &self.model.bounds;
        seat.timers.retain(|armed| armed.timer != timer);
        if bounds.expiries == Budget::NONE {
            return;
        }
        let tick = bounds.clocks.map_or(0, |clock| clock.tick.as_nanos());
        let wait = u128::from(low).checked_div(tick).unwrap_or(0);
        let wait = u16::try_from(wait).unwrap_or(u16::MAX);
        let due = seat.clock.saturating_add(wait);
        if bounds.timers == Timers::Ordered {
            seat.timers.push(Armed { timer, low, high, due });
        } else {
            let armed = Armed { timer, low: 0, high: 0, due };
            let at = seat.timers.partition_point(|other| *other < armed);
            seat.timers.insert(at, armed);
        }
    }

    /// The ways in which a liar may change one of the messages it sends.
    fn lies(&self, whole: &Reacted<N>) -> Vec<Reacted<N>> {
        let bounds = &self.model.bounds;
        if !bounds.lies.is_left() || !bounds.liars.contains(&whole.seat.id) {
            return Vec::new();
        }
        let mut lies = Vec::new();
        for (at, effect) in whole.effects.iter().enumerate() {
            let Effect::Send { to, message, at: line } = effect else { continue };
            let mut withheld = whole.clone();
            withheld.cost = Cost::Lie;
            withheld.effects.remove(at);
            lies.push(withheld);
            for message in self.model.forge.map_or_else(Vec::new, |forge| forge(message)) {
                let mut forged = whole.clone();
                forged.cost = Cost::Lie;
                forged.effects[at] = Effect::Send { to: *to, message, at: line };
                lies.push(forged);
            }
        }
        lies
    }

    /// The crashes after each of these numbers of effects, with each loss of what was not synced.
    /// A write behind a sync cannot be on the disk before that sync is done.
    fn crashes(
        &self,
        before: &Seat<N>,
        effects: &[Effect<N>],
        disk: &N::Disk,
        after: std::ops::Range<usize>,
    ) -> Vec<Reacted<N>> {
        let mut all: Vec<Reacted<N>> = Vec::new();
        let before_crash = disk.unsynced();
        let syncs = |effects: &[Effect<N>]| -> u32 {
            let writes = |effect: &Effect<N>| match effect {
                Effect::Sync { writes } => *writes,
                _ => 0,
            };
            effects.iter().map(writes).sum()
        };
        for happened in after {
            let (done, ahead) = effects.split_at(happened.min(effects.len()));
            let durable = syncs(done);
            let next = ahead.iter().find(|effect| matches!(effect, Effect::Sync { .. }));
            let written = match next {
                Some(Effect::Sync { writes }) => durable + writes,
                _ => disk.unsynced(),
            };
            for kept in durable..=written {
                for torn in [false, true] {
                    if torn && !(self.model.bounds.torn && kept < written) {
                        continue;
                    }
                    let mut disk = disk.clone();
                    disk.crash(kept, torn);
                    let seat = Seat {
                        id: before.id,
                        up: None,
                        disk,
                        timers: Vec::new(),
                        clock: before.clock,
                    };
                    let effects = done.to_vec();
                    let crash = Crash {
                        after_effects: happened,
                        kept: kept - durable,
                        unsynced: before_crash - durable,
                        torn,
                    };
                    let crash = Some(crash);
                    let crash = Reacted { seat, effects, cost: Cost::Crash, crash, wrong: None };
                    let same = |other: &Reacted<N>| {
                        other.seat == crash.seat && heard(&other.effects).eq(heard(&crash.effects))
                    };
                    if !all.iter().any(same) {
                        all.push(crash);
                    }
                }
            }
        }
        all
    }
}

/// The effects that others can notice.
fn heard<N: Node>(effects: &[Effect<N>]) -> impl Iterator<Item = &Effect<N>> {
    effects.iter().filter(|effect| {
        matches!(effect, Effect::Send { .. } | Effect::Reply { .. } | Effect::Agree { .. })
    })
}

impl<N: Node> Reacted<N> {
    const fn at_rest(seat: Seat<N>, cost: Cost) -> Self {
        Self { seat, effects: Vec::new(), cost, crash: None, wrong: None }
    }
}

impl<N: Node> Call<N> {
    /// Runs the handler on `state`.
    fn run(self, state: &mut Option<N>, cx: &mut Context<N>, setup: Option<Request<N>>) {
        match (self, state) {
            (Self::Start, state) => {
                let mut node = N::start(cx);
                if let Some(request) = setup {
                    node.on_request(cx, SETUP, request);
                }
                *state = Some(node);
            }
            (_, None) => {}
            (Self::Request(id, request), Some(node)) => node.on_request(cx, id, request),
            (Self::Message(from, message), Some(node)) => node.on_message(cx, from, message),
            (Self::Timer(timer), Some(node)) => node.on_timer(cx, timer),
        }
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Start => "start".into(),
            Self::Request(_, request) => format!("on_request({request:?})"),
            Self::Message(from, message) => format!("on_message({message:?} from {from})"),
            Self::Timer(timer) => format!("on_timer({timer:?})"),
        }
    }
}

impl<N: Node> Values<N> {
    /// The number of what an effect puts on its way: to a node, or to a client.
    pub(crate) fn under_way(&mut self, from: NodeId, effect: &Effect<N>) -> Option<u32> {
        match effect {
            Effect::Send { to, message, .. } if to.0 < self.model.nodes => {
                let content = Content::Message(message.clone());
                Some(self.envelope(Envelope { from: from.0, to: to.0, content }))
            }
            Effect::Reply { request, answer, .. } if *request != SETUP => {
                let client = u16::try_from(request.client).unwrap_or(u16::MAX);
                let to = self.model.nodes.saturating_add(client);
                let answer: Result<Response<N>, _> = answer.clone();
                let content = Content::Answer(*request, answer);
                Some(self.envelope(Envelope { from: from.0, to, content }))
            }
            Effect::Agree { name, subject, value } => {
                let content = Content::Claim(Claim { name, subject: *subject, value: *value });
                let to = self.model.nodes;
                Some(self.envelope(Envelope { from: from.0, to, content }))
            }
            _ => None,
        }
    }

    /// The client asks the next thing on its list, if there is one.
    fn ask(&mut self, record: &mut Record<N::Api>, client: usize) -> Option<u32> {
        let at = record.clients[client].len();
        self.model.clients[client].get(at)?;
        record.ask(client);
        self.request(client, at)
    }

    /// The request of a client's operation.
    pub(crate) fn request(&mut self, client: usize, at: usize) -> Option<u32> {
        let (node, request) = self.model.clients[client].get(at)?.clone();
        let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let id = RequestId { client: number(client), sequence: number(at) };
        let from = self.model.nodes + u16::try_from(client).unwrap_or(0);
        let content = Content::Request(id, request);
        Some(self.envelope(Envelope { from, to: node.0, content }))
    }

    /// One of the properties that must come to hold.
    pub(crate) fn live_property(&self, nth: usize) -> Option<&crate::Property<N>> {
        let is_live = |property: &&crate::Property<N>| property.is_live();
        self.model.properties.iter().filter(is_live).nth(nth)
    }

    /// A state as properties see it.
    pub(crate) fn view(&self, state: &[u32]) -> View<'_, N> {
        let nodes = usize::from(self.model.nodes);
        let seats: Vec<&Seat<N>> =
            state[..nodes].iter().map(|seat| self.seats.get(*seat)).collect();
        let record = self.records.get(state[nodes]);
        let answered = |entry: &&Entry<N::Api>| matches!(entry.fate, Fate::Answered(_));
        let messages = state[nodes + 2..].iter().filter_map(|number| {
            let Envelope { from, to, content } = self.envelopes.get(*number);
            match content {
                Content::Message(message) => Some((NodeId(*from), NodeId(*to), message)),
                Content::Request(..) | Content::Answer(..) | Content::Claim(_) => None,
            }
        });
        View {
            nodes: seats.iter().map(|seat| seat.up.as_ref()).collect(),
            disks: seats.iter().map(|seat| &seat.disk).collect(),
            messages: messages.collect(),
            answered: record.clients.iter().map(|c| c.iter().filter(answered).count()).collect(),
        }
    }

    /// The record before anything happened, and the requests that are under way.
    pub(crate) fn first_record(&mut self) -> (u32, Vec<u32>) {
        let mut record = Record::new(self.model.clients.len());
        let mut requests = Vec::new();
        if self.model.bounds.asking == Asking::ByMessage {
            for client in 0..self.model.clients.len() {
                requests.extend(self.ask(&mut record, client));
            }
        }
        (self.record(record, false), requests)
    }
}

impl<N> Typed for Values<N>
where
    N: Node<Message: Send, Timer: Send, Disk: Send, Api: Send> + Send,
    Request<N>: Send + Sync,
    Response<N>: Send,
{
    fn react(&mut self, seat: u32, input: u32) -> Result<Vec<Reaction>, ExploreError> {
        let travel = self.model.bounds.asking == Asking::ByMessage;
        let mut reactions = Vec::new();
        for reacted in self.reacted(seat, input)? {
            let id = reacted.seat.id;
            let (mut sent, mut answers) = (Vec::new(), Vec::new());
            for effect in &reacted.effects {
                let Some(envelope) = self.under_way(id, effect) else { continue };
                let at_once = match effect {
                    Effect::Agree { .. } => true,
                    Effect::Reply { .. } => !travel,
                    _ => false,
                };
                if at_once { &mut answers } else { &mut sent }.push(envelope);
            }
            let wrong = reacted.wrong.map_or(0, |wrong| {
                self.wrongs.push(wrong);
                u32::try_from(self.wrongs.len()).unwrap_or(u32::MAX)
            });
            let seat = self.seat(reacted.seat);
            reactions.push(Reaction { seat, sent, answers, cost: reacted.cost, wrong });
        }
        Ok(reactions)
    }

    fn note(&mut self, record: u32, event: u32) -> Option<(u32, Option<u32>)> {
        let mut record = self.records.get(record).clone();
        let (client, ends) = if event & event::GIVE_UP == event::GIVE_UP {
            let client = (event & !event::GIVE_UP) as usize;
            record.end(client, Fate::GivenUp);
            (client, true)
        } else if event & event::ASK != 0 {
            ((event & !event::ASK) as usize, false)
        } else {
            let (id, answer) = match &self.envelopes.get(event).content {
                Content::Answer(id, answer) => (id, answer),
                Content::Claim(claim) => {
                    return record.claim(*claim).then(|| (self.record(record, false), None));
                }
                Content::Message(_) | Content::Request(..) => return None,
            };
            let client = id.client as usize;
            let open = record.clients.get(client)?.len().checked_sub(1)?;
            if id.sequence as usize != open || !record.waits(client) {
                return None;
            }
            record.end(client, Fate::Answered(answer.clone()));
            (client, true)
        };
        let asks = !ends || self.model.bounds.asking == Asking::ByMessage;
        let request = if asks { self.ask(&mut record, client) } else { None };
        Some((self.record(record, ends), request))
    }

    fn pair(&self, seats: [u32; 2]) -> Option<u16> {
        let [one, other] = seats.map(|seat| self.seats.get(seat));
        let (Some(one), Some(other)) = (&one.up, &other.up) else { return None };
        let breaks = |property: &crate::Property<N>| match &property.says {
            Says::Pair(holds) => !holds(one, other) || !holds(other, one),
            _ => false,
        };
        let at = self.model.properties.iter().position(breaks)?;
        u16::try_from(at).ok()
    }

    fn world(&self, state: &[u32]) -> Option<u16> {
        let view = self.view(state);
        let breaks = |property: &crate::Property<N>| match &property.says {
            Says::World(holds) => !holds(&view),
            _ => false,
        };
        let at = self.model.properties.iter().position(breaks)?;
        u16::try_from(at).ok()
    }

    fn goals(&self, state: &[u32]) -> u64 {
        let view = self.view(state);
        let goals = self.model.properties.iter().filter_map(|property| match &property.says {
            Says::Reachable(holds) => Some(holds(&view)),
            _ => None,
        });
        goals.zip(0..64).fold(0, |mask, (reached, goal)| mask | u64::from(reached) << goal)
    }

    fn live(&self, state: &[u32], property: usize) -> (bool, bool) {
        let view = self.view(state);
        match self.live_property(property).map(|property| &property.says) {
            Some(Says::Eventually(then)) => (true, then(&view)),
            Some(Says::LeadsTo(when, then)) => (when(&view), then(&view)),
            _ => (false, true),
        }
    }

    fn live_from_start(&self, property: usize) -> bool {
        let property = self.live_property(property);
        property.is_some_and(|property| matches!(property.says, Says::Eventually(_)))
    }

    fn fairness(&self) -> Fairness {
        self.model.fairness
    }

    fn tell(&mut self, first: &[u32], steps: &[(Vec<u32>, Step)], wrong: Wrong) -> Counterexample {
        Self::tell(self, first, steps, wrong)
    }

    fn words(&mut self, before: &[u32], step: Step) -> String {
        Self::words(self, before, step)
    }

    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn bytes(&self) -> u64 {
        self.seats.bytes() + self.envelopes.bytes() + self.records.bytes()
    }
}
