//! The world: one run, from the first start to the last answer.
//!
//! PROBLEM     A thousand runs of a cluster, each with its own bad luck, in a second; and each of
//!             them again whenever someone asks.
//! IDEA        Time is a heap of events, and jumps from one to the next. Nothing waits; an idle
//!             hour costs nothing.
//! RULES       Effects happen in the order in which the handler asked for them. After a sync
//!             nothing happens until the writes are durable, and the node handles nothing else
//!             meanwhile. A crash falls between any two effects. Whatever is drawn comes from a
//!             keyed stream.
//! MESSAGES    deliver, timer, invoke, time-out, fault begins, fault ends, resume, restart.
//! CAVEATS     A client shares its node's machine: requests and answers take no time, and are lost
//!             only if the node is down.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use splitbrain_core::{
    ClockFault, DiskFault, DiskLoss, DropReason, EventKind, Fault, Finding, Key, Moment, NodeId,
    OperationId, ProcessId, Rng, Stamp, Target, Time, Trace, Verdict,
};

use crate::cluster::{Act, AnswerKind, Ask, Clocks, Cluster, Failure, Input, Slot};
use crate::recipe::stream;
use crate::recorder::{Cause, NOTHING, Recorder};
use crate::{Metrics, Network, Recipe, RecipeError, Transit};

/// A program that can be tested: makes clusters of itself.
pub trait Subject: Send + Sync {
    /// Its name.
    fn name(&self) -> &str;
    /// The name of its workload.
    fn workload(&self) -> &'static str;
    /// A cluster for one run of `recipe`, nothing started yet.
    ///
    /// # Errors
    /// When the recipe cannot be run by this program.
    fn cluster(&self, recipe: &Recipe) -> Result<Box<dyn Cluster>, RecipeError>;
}

/// How much of a run to keep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Detail {
    /// Verdict, metrics and digest.
    Verdict,
    /// Also every event, but not what messages say: quick, and enough for most pictures.
    Events,
    /// Also what every message says, and the history as a file.
    Full,
}

/// What came of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// What the judge of the workload and the world itself found.
    pub verdict: Verdict,
    /// What it cost.
    pub metrics: Metrics,
    /// Equal for equal runs.
    pub digest: u64,
    /// Every event, if asked for.
    pub trace: Option<Trace>,
    /// The history as a file, if asked for.
    pub history: Option<String>,
}

/// Runs `recipe`.
///
/// # Errors
/// When the recipe cannot be run.
pub fn run(subject: &dyn Subject, recipe: &Recipe, detail: Detail) -> Result<Run, RecipeError> {
    recipe.check()?;
    let cluster = subject.cluster(recipe)?;
    Ok(World::new(recipe, cluster, detail).run())
}

/// The wall clocks' idea of when the run begins: late enough for any clock to be behind.
const EPOCH: u64 = 1_000_000_000_000_000;
/// How long a node that crashed by itself takes to come back.
const RESTART_AFTER: u64 = 500_000_000;
/// How long a client waits before it asks one of the last operations again.
const ASK_AGAIN_AFTER: u64 = 100_000_000;
/// How long a client thinks about an answer that says that there is more. Not nothing: who is told
/// so for ever must come to the end of the run.
const ASK_ON_AFTER: u64 = 1_000_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Due {
    Deliver { from: u16, to: u16, message: Slot },
    Timer { node: u16, timer: Slot, token: u32 },
    Ask { client: u16 },
    TimeOut { operation: OperationId },
    FaultBegin { fault: u32 },
    FaultEnd { fault: u32 },
    Resume { node: u16, boot: u32 },
    Restart { node: u16, boot: u32 },
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry {
    at: u64,
    sequence: u32,
    cause: Cause,
    due: Due,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// A machine: what outlives the node that runs on it.
struct Host {
    up: bool,
    /// Counts starts, so that what was meant for an earlier one can be told.
    boot: u32,
    /// In the middle of a handler's effects: syncing, or slow.
    busy: bool,
    /// Effects that wait for the sync, and what brought them about.
    pending: VecDeque<Act>,
    pending_cause: Cause,
    /// The sync that is under way.
    syncing: u32,
    /// Crash when the pending effects are done: the fault that says so.
    then_crash: Option<u32>,
    /// Crash at a moment within a handler that is still to come: the fault and the moment.
    trap: Option<(u32, Moment)>,
    /// How many writes its handler made after the moment at which it is to crash.
    undone: u32,
    /// How many faults pause it, and whether a resume came meanwhile.
    paused: u32,
    resume_missed: bool,
    /// What came while it was busy or paused.
    backlog: VecDeque<(Input, Cause)>,
    /// The faults that keep it down.
    down_by: BTreeSet<u32>,
    /// The faults that make each handler slow, with how long it takes.
    slow_by: Vec<(u32, u64)>,
    disk: DiskState,
    clock: Clock,
    role: Option<&'static str>,
    timers: Vec<Armed>,
    timer_draws: u64,
    sync_draws: u64,
}

#[derive(Default)]
struct DiskState {
    full_by: BTreeSet<u32>,
    error_by: Option<u32>,
    slow_by: Vec<(u32, u32)>,
    rot: Vec<u64>,
}

/// A node's clocks: a straight line from the last time its rate changed.
#[derive(Clone, Copy)]
struct Clock {
    since: u64,
    at_since: u64,
    rate_ppm: i64,
    wall_offset: i64,
}

impl Clock {
    #[inline]
    fn now(&self, now: u64) -> u64 {
        let elapsed = now - self.since;
        // In two parts, so that thirty days at half the rate do not overflow.
        let millions = i64::try_from(elapsed / 1_000_000).unwrap_or(i64::MAX >> 20);
        let rest = i64::try_from(elapsed % 1_000_000).unwrap_or(0);
        let drift = millions.saturating_mul(self.rate_ppm) + rest * self.rate_ppm / 1_000_000;
        self.at_since.saturating_add(elapsed).saturating_add_signed(drift)
    }

    #[inline]
    fn read(&self, now: u64) -> Clocks {
        let mono = self.now(now);
        let wall = (EPOCH + mono).saturating_add_signed(self.wall_offset);
        Clocks { now: Time::from_nanos(mono), wall: Time::from_nanos(wall) }
    }

    fn set_rate(&mut self, now: u64, rate_ppm: i64) {
        (self.at_since, self.since, self.rate_ppm) = (self.now(now), now, rate_ppm);
    }

    /// How long a span of this clock really takes.
    fn to_true(self, span: u64) -> u64 {
        if self.rate_ppm == 0 {
            return span;
        }
        let span = i128::from(span) * 1_000_000 / i128::from(1_000_000 + self.rate_ppm);
        u64::try_from(span).unwrap_or(u64::MAX)
    }
}

/// An armed timer. Arming it anew for later leaves its entry in the heap where it is; when that
/// comes up it is put back for the rest of the time.
#[derive(Clone, Copy)]
struct Armed {
    deadline: u64,
    queued_at: u64,
    token: u32,
    cause: Cause,
}

const DISARMED: u64 = u64::MAX;

struct Client {
    process: ProcessId,
    /// Plans not yet begun, by their place in the recipe.
    plans: VecDeque<u32>,
    open: Option<OperationId>,
    /// How many nodes have sent it away from its last operation: it goes on to the next one.
    sent_away: u16,
    /// The answer that its last operation goes on from, if there was one.
    goes_on: Option<OperationId>,
    /// How often its last operation timed out: it waits twice as long each time.
    timed_out: u32,
}

/// What the world knows of an operation.
struct Asked {
    client: u16,
    plan: u32,
    begun: u64,
    open: bool,
    /// The node and boot that answered, to tell an answer given twice.
    answered: Option<(NodeId, u32)>,
    event: Cause,
}

#[derive(Clone, Copy)]
struct Held {
    from: NodeId,
    to: NodeId,
    message: Slot,
    bytes: u64,
    cause: Cause,
}

pub(crate) struct World<'a> {
    recipe: &'a Recipe,
    cluster: Box<dyn Cluster>,
    now: u64,
    heap: BinaryHeap<Reverse<Entry>>,
    sequence: u32,
    network: Network,
    hosts: Vec<Host>,
    clients: Vec<Client>,
    operations: Vec<Asked>,
    held: Vec<Held>,
    /// The node that each fault struck.
    struck: Vec<Option<NodeId>>,
    fault_events: Vec<Cause>,
    recorder: Recorder,
    metrics: Metrics,
    findings: Vec<Finding>,
    /// What nodes said that all must say alike, by name and subject.
    agreed: BTreeMap<(&'static str, u64), u64>,
    order: u32,
    acts: Vec<Act>,
    timer_key: Key,
    sync_key: Key,
    duration: u64,
    idle_from: u64,
    last_at: u64,
    stopped: bool,
}

impl<'a> World<'a> {
    pub(crate) fn new(recipe: &'a Recipe, cluster: Box<dyn Cluster>, detail: Detail) -> Self {
        let config = &recipe.config;
        let key = recipe.key();
        let nanos = |span: std::time::Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let (duration, settle) = (nanos(config.duration), nanos(config.settle));
        let clients = recipe.operations.iter().map(|plan| plan.client + 1).max().unwrap_or(0);
        let client = |number: u16| Client {
            process: ProcessId(u32::from(number)),
            plans: VecDeque::new(),
            open: None,
            sent_away: 0,
            goes_on: None,
            timed_out: 0,
        };
        Self {
            recipe,
            cluster,
            now: 0,
            heap: BinaryHeap::new(),
            sequence: 0,
            network: Network::new(config.nodes, config.links.clone(), key.derive(stream::NETWORK)),
            hosts: NodeId::all(config.nodes).map(|node| host(recipe, node)).collect(),
            clients: (0..clients).map(client).collect(),
            operations: Vec::new(),
            held: Vec::new(),
            struck: vec![None; recipe.faults.len()],
            fault_events: vec![NOTHING; recipe.faults.len()],
            recorder: Recorder::new(config.nodes, detail),
            metrics: Metrics { worlds: 1, ..Metrics::default() },
            findings: Vec::new(),
            agreed: BTreeMap::new(),
            order: 0,
            acts: Vec::new(),
            timer_key: key.derive(stream::TIMERS),
            sync_key: key.derive(stream::SYNCS),
            duration,
            idle_from: duration + settle / 2,
            last_at: duration + settle,
            stopped: false,
        }
    }

    pub(crate) fn run(mut self) -> Run {
        self.set_the_stage();
        let give_up = u64::try_from(self.recipe.config.grace.as_nanos()).unwrap_or(u64::MAX);
        let end = self.last_at.saturating_add(give_up);
        while let Some(Reverse(entry)) = self.heap.pop() {
            if entry.at > end || self.stopped || (entry.at > self.last_at && self.is_done()) {
                break;
            }
            self.now = entry.at;
            self.metrics.events += 1;
            if self.metrics.events > self.recipe.config.events_max {
                self.find(Finding::new(
                    "LIVE-RUNAWAY",
                    format!(
                        "{} events and no end by {}: the nodes keep each other busy",
                        self.metrics.events,
                        self.time()
                    ),
                ));
                break;
            }
            self.step(entry);
        }
        self.finish()
    }

    fn set_the_stage(&mut self) {
        for (plan, planned) in (0..).zip(&self.recipe.operations) {
            self.clients[usize::from(planned.client)].plans.push_back(plan);
        }
        for node in NodeId::all(self.recipe.config.nodes) {
            self.start(node, NOTHING);
        }
        for (at, fault) in (0..).zip(&self.recipe.faults) {
            if fault.at.as_nanos() < self.duration {
                self.push(fault.at.as_nanos(), NOTHING, Due::FaultBegin { fault: at });
                let ends = fault.ends().as_nanos().min(self.duration);
                self.push(ends, NOTHING, Due::FaultEnd { fault: at });
            }
        }
        for client in 0..u16::try_from(self.clients.len()).unwrap_or(u16::MAX) {
            self.ask_next(client);
        }
    }

    fn step(&mut self, Entry { cause, due, .. }: Entry) {
        match due {
            Due::Deliver { from, to, message } => {
                let input = Input::Message {
                    from: NodeId(from),
                    message,
                    keep: self.recorder.keeps_messages(),
                };
                self.input(NodeId(to), input, cause);
            }
            Due::Timer { node, timer, token } => self.on_timer(NodeId(node), timer, token),
            Due::Ask { client } => self.on_ask(client),
            Due::TimeOut { operation } => {
                if self.operations[operation.index()].open {
                    self.complete(operation, None, NOTHING);
                }
            }
            Due::FaultBegin { fault } => self.on_fault_begin(fault),
            Due::FaultEnd { fault } => self.on_fault_end(fault),
            Due::Resume { node, boot } => {
                let host = &mut self.hosts[usize::from(node)];
                if host.up && host.boot == boot {
                    if host.paused > 0 {
                        host.resume_missed = true;
                    } else {
                        self.go_on(NodeId(node));
                    }
                }
            }
            Due::Restart { node, boot } => {
                let host = &self.hosts[usize::from(node)];
                if !host.up && host.boot == boot && host.down_by.is_empty() {
                    self.start(NodeId(node), cause);
                }
            }
        }
    }

    fn push(&mut self, at: u64, cause: Cause, due: Due) {
        self.heap.push(Reverse(Entry { at, sequence: self.sequence, cause, due }));
        self.sequence += 1;
    }

    fn time(&self) -> Time {
        Time::from_nanos(self.now)
    }

    fn find(&mut self, finding: Finding) {
        const MAX: usize = 20;
        if self.findings.len() < MAX {
            self.findings.push(finding);
        }
    }

    /// Whether nobody has anything left to ask.
    fn is_done(&self) -> bool {
        self.clients.iter().all(|client| client.open.is_none() && client.plans.is_empty())
    }

    // Nodes.

    fn start(&mut self, node: NodeId, cause: Cause) {
        let host = &mut self.hosts[node.index()];
        host.up = true;
        host.boot += 1;
        let rot = std::mem::take(&mut host.disk.rot);
        for pick in rot {
            self.cluster.rot(node, pick);
        }
        self.input(node, Input::Start, cause);
        if self.cluster.has_setup() {
            self.input(node, Input::Setup, cause);
        }
    }

    /// Hands an input to a node, or keeps it until the node has time, or loses it.
    #[inline]
    fn input(&mut self, node: NodeId, input: Input, cause: Cause) {
        let host = &mut self.hosts[node.index()];
        if !host.up {
            self.lose_input(node, input, cause);
        } else if host.busy || host.paused > 0 {
            host.backlog.push_back((input, cause));
        } else {
            self.handle(node, input, cause);
        }
    }

    fn lose_input(&mut self, node: NodeId, input: Input, cause: Cause) {
        match input {
            Input::Message { from, message, keep } => {
                self.metrics.lost += u64::from(self.now <= self.duration);
                let id = self.recorder.message(message);
                let reason = DropReason::Down;
                let kind = EventKind::Drop { to: node.0, message: id, reason };
                self.recorder.event(self.now, from.0, cause, kind);
                if !keep {
                    self.cluster.forget(message);
                }
            }
            Input::Request(operation) => {
                let message = self.recorder.request(operation);
                let lane = self.client_lane(operation);
                let kind = EventKind::Drop { to: node.0, message, reason: DropReason::Down };
                self.recorder.event(self.now, lane, cause, kind);
            }
            Input::Start | Input::Setup | Input::Timer(_) => {}
        }
    }

    fn client_lane(&mut self, operation: OperationId) -> u16 {
        let client = usize::from(self.operations[operation.index()].client);
        self.recorder.lane(self.clients[client].process)
    }

    /// Runs a handler and performs what it asks for.
    fn handle(&mut self, node: NodeId, input: Input, cause: Cause) {
        let event = self.record_input(node, input, cause);
        let clocks = self.hosts[node.index()].clock.read(self.now);
        let mut acts = std::mem::take(&mut self.acts);
        let outcome = self.cluster.handle(node, input, clocks, &mut acts);
        if let Err(failure) = outcome {
            self.discard(acts.drain(..));
            self.acts = acts;
            self.fail(node, &failure, event);
            return;
        }
        let host = &mut self.hosts[node.index()];
        if let Some((fault, moment)) = host.trap
            && let Some(cut) = cut(moment, &acts)
        {
            (host.trap, host.then_crash) = (None, Some(fault));
            host.undone = writes(&acts[cut..]);
            self.discard(acts.drain(cut..));
        }
        let host = &mut self.hosts[node.index()];
        let slow = host.slow_by.iter().map(|(_, takes)| *takes).max().unwrap_or(0);
        if slow > 0 {
            host.busy = true;
            host.pending.extend(acts.drain(..));
            host.pending_cause = event;
            let due = Due::Resume { node: node.0, boot: host.boot };
            self.push(self.now + slow, NOTHING, due);
            self.acts = acts;
            return;
        }
        let mut rest = acts.drain(..);
        while let Some(act) = rest.next() {
            if !self.perform(node, act, event) {
                let host = &mut self.hosts[node.index()];
                if host.up {
                    host.pending.extend(rest);
                    host.pending_cause = event;
                } else {
                    self.discard(rest);
                }
                self.acts = acts;
                return;
            }
        }
        drop(rest);
        self.acts = acts;
        self.effects_done(node, event);
    }

    fn record_input(&mut self, node: NodeId, input: Input, cause: Cause) -> Cause {
        let (what, detail) = match input {
            Input::Start => (1, 0),
            Input::Setup => (2, 0),
            Input::Request(operation) => (3, u64::from(operation.0)),
            Input::Message { from, .. } => (4, u64::from(from.0)),
            Input::Timer(_) => (5, 0),
        };
        self.recorder.mark(self.now, what << 16 | u64::from(node.0), detail);
        if !self.recorder.is_tracing() {
            return NOTHING;
        }
        let kind = match input {
            Input::Start => EventKind::Start,
            Input::Setup => return cause,
            Input::Request(operation) => EventKind::Deliver {
                from: self.client_lane(operation),
                message: self.recorder.request(operation),
            },
            Input::Message { from, message, .. } => {
                EventKind::Deliver { from: from.0, message: self.recorder.message(message) }
            }
            Input::Timer(timer) => {
                let name = self.cluster.timer(node, timer);
                EventKind::TimerFire { timer: self.recorder.text(&name) }
            }
        };
        self.recorder.event(self.now, node.0, cause, kind)
    }

    /// What a crashed node asked for and nobody will do.
    fn discard(&mut self, acts: impl Iterator<Item = Act>) {
        for act in acts {
            if let Act::Send { message, .. } = act
                && !self.recorder.keeps_messages()
            {
                self.cluster.forget(message);
            }
        }
    }

    /// All effects of a handler are done: crash if a trap says so.
    fn effects_done(&mut self, node: NodeId, cause: Cause) {
        let host = &mut self.hosts[node.index()];
        host.busy = false;
        if let Some(fault) = host.then_crash.take() {
            let event = self.fault_events[fault as usize];
            self.crash_by(node, fault, if event == NOTHING { cause } else { event });
        }
    }

    /// Handles what came while the node was busy, until it is busy again.
    fn work_off(&mut self, node: NodeId) {
        loop {
            let host = &mut self.hosts[node.index()];
            if !host.up || host.busy || host.paused > 0 {
                return;
            }
            let Some((input, cause)) = host.backlog.pop_front() else { return };
            if let Input::Timer(timer) = input {
                // It expired while the node was busy: the node may have armed it anew since.
                let now = self.now;
                let armed = self.armed(node, timer);
                if armed.deadline > now {
                    continue;
                }
                armed.deadline = DISARMED;
            }
            self.handle(node, input, cause);
        }
    }

    /// The sync, or the slow handler, has come to its end.
    fn go_on(&mut self, node: NodeId) {
        let host = &mut self.hosts[node.index()];
        let cause = host.pending_cause;
        let writes = std::mem::take(&mut host.syncing);
        if writes > 0 {
            self.finish_sync(node, writes, cause);
        }
        while let Some(act) = self.hosts[node.index()].pending.pop_front() {
            if !self.perform(node, act, cause) {
                return;
            }
        }
        self.effects_done(node, cause);
        self.work_off(node);
    }

    fn finish_sync(&mut self, node: NodeId, writes: u32, cause: Cause) {
        self.cluster.synced(node, writes);
        self.metrics.syncs += u64::from(self.now <= self.duration);
        self.recorder.mark(self.now, 6 << 16 | u64::from(node.0), u64::from(writes));
        self.recorder.event(self.now, node.0, cause, EventKind::Synced { writes });
    }

    /// Performs one effect. Returns whether the next one may follow at once.
    #[inline]
    fn perform(&mut self, node: NodeId, act: Act, cause: Cause) -> bool {
        match act {
            Act::Send { to, message, hash, bytes, source } => {
                self.recorder.mark(self.now, 7 << 16 | u64::from(node.0), hash);
                let source = self.recorder.source(source);
                let id = self.recorder.sent(message);
                let kind = EventKind::Send { to: to.0, message: id, source };
                let event = self.recorder.event(self.now, node.0, cause, kind);
                if to != node {
                    let working = self.now <= self.duration;
                    self.metrics.messages += u64::from(working);
                    self.metrics.bytes += if working { bytes } else { 0 };
                    let idle = self.now >= self.idle_from && self.now < self.last_at;
                    self.metrics.idle_messages += u64::from(idle);
                }
                self.transmit(Held { from: node, to, message, bytes, cause: event });
            }
            Act::Reply { request, answer, kind, hash, source } => {
                self.recorder.mark(self.now, 8 << 16 | u64::from(node.0), hash);
                let operation = OperationId(request.sequence);
                self.reply(node, operation, answer, kind, source, cause);
            }
            Act::SetTimer { timer, low, high } => self.set_timer(node, timer, low, high, cause),
            Act::CancelTimer(timer) => self.armed(node, timer).deadline = DISARMED,
            Act::Write { .. } => {}
            Act::Sync { writes } => return self.sync(node, writes, cause),
            Act::Note(text) => {
                let text = self.recorder.text(&text);
                self.recorder.event(self.now, node.0, cause, EventKind::Note { text });
            }
            Act::Role(name) => {
                if self.hosts[node.index()].role.replace(name) != Some(name) {
                    let text = self.recorder.text(name);
                    self.recorder.event(self.now, node.0, cause, EventKind::Role { text });
                }
            }
            Act::Violated(name) => self.violated(node, cause, name, "does not hold"),
            Act::Agree { name, subject, value } => {
                let said = *self.agreed.entry((name, subject)).or_insert(value);
                if said != value {
                    let how = format!("does not hold of {subject}: it was {said}, and is {value}");
                    self.violated(node, cause, name, &how);
                }
            }
            Act::Reached(name) => {
                *self.metrics.reached.entry(name.into()).or_default() += 1;
                let text = self.recorder.text(name);
                self.recorder.event(self.now, node.0, cause, EventKind::Reached { text });
            }
        }
        true
    }

    /// An assertion of a node fails.
    fn violated(&mut self, node: NodeId, cause: Cause, name: &'static str, how: &str) {
        let text = self.recorder.text(name);
        let event = self.recorder.event(self.now, node.0, cause, EventKind::Violated { text });
        let sentence = format!("{node} says at {} that {name:?} {how}", self.time());
        let id = (event != NOTHING).then_some(splitbrain_core::EventId(event));
        self.find(Finding::new("ALWAYS-VIOLATED", sentence).events(id));
    }

    /// Puts a message on its way.
    #[inline]
    fn transmit(&mut self, held: Held) {
        let Held { from, to, message, bytes, cause } = held;
        let lost = match self.network.send(self.now, from, to, bytes) {
            Transit::Arrives { at, copy_at } => {
                self.push(at, cause, Due::Deliver { from: from.0, to: to.0, message });
                if let Some(at) = copy_at {
                    self.metrics.duplicated += u64::from(self.now <= self.duration);
                    let id = self.recorder.message(message);
                    let kind = EventKind::Duplicate { to: to.0, message: id };
                    let event = self.recorder.event(self.now, from.0, cause, kind);
                    let copy = if self.recorder.keeps_messages() {
                        message
                    } else {
                        self.cluster.copy(message)
                    };
                    self.recorder.copied(message, copy);
                    self.push(at, event, Due::Deliver { from: from.0, to: to.0, message: copy });
                }
                return;
            }
            Transit::Held => {
                self.held.push(Held { from, to, message, bytes, cause });
                return;
            }
            Transit::Lost(reason) => reason,
        };
        self.metrics.lost += u64::from(self.now <= self.duration);
        let id = self.recorder.message(message);
        let kind = EventKind::Drop { to: to.0, message: id, reason: lost };
        self.recorder.event(self.now, from.0, cause, kind);
        if !self.recorder.keeps_messages() {
            self.cluster.forget(message);
        }
    }

    /// Makes writes durable. Returns whether that took no time.
    fn sync(&mut self, node: NodeId, writes: u32, cause: Cause) -> bool {
        self.recorder.event(self.now, node.0, cause, EventKind::Sync { writes });
        let host = &mut self.hosts[node.index()];
        let full = host.disk.full_by.first().copied();
        if let Some(fault) = host.disk.error_by.take().or(full) {
            let event = self.fault_events[fault as usize];
            self.hosts[node.index()].down_by.insert(fault);
            let why = if full == Some(fault) { "no room on the disk" } else { "the sync failed" };
            self.crash(node, why, DiskLoss::LoseAll, if event == NOTHING { cause } else { event });
            return false;
        }
        let draw = self.sync_key.derive(u64::from(node.0)).at(host.sync_draws);
        host.sync_draws += 1;
        let slower = host.disk.slow_by.iter().map(|(_, factor)| *factor).max().unwrap_or(1);
        let takes = self.recipe.config.sync.sample(draw).saturating_mul(u64::from(slower));
        if takes == 0 {
            self.finish_sync(node, writes, cause);
            return true;
        }
        let host = &mut self.hosts[node.index()];
        (host.busy, host.syncing, host.pending_cause) = (true, writes, cause);
        let due = Due::Resume { node: node.0, boot: host.boot };
        self.push(self.now.saturating_add(takes), NOTHING, due);
        false
    }

    fn armed(&mut self, node: NodeId, timer: Slot) -> &mut Armed {
        let timers = &mut self.hosts[node.index()].timers;
        let at = timer as usize;
        if timers.len() <= at {
            let never = Armed { deadline: DISARMED, queued_at: DISARMED, token: 0, cause: NOTHING };
            timers.resize(at + 1, never);
        }
        &mut timers[at]
    }

    #[inline]
    fn set_timer(&mut self, node: NodeId, timer: Slot, low: u64, high: u64, cause: Cause) {
        let host = &mut self.hosts[node.index()];
        let span = if low == high {
            low
        } else {
            let draw = self.timer_key.derive(u64::from(node.0)).derive(host.timer_draws);
            host.timer_draws += 1;
            draw.rng().between(low, high)
        };
        let deadline = self.now.saturating_add(host.clock.to_true(span)).min(DISARMED - 1);
        let cause = if self.recorder.is_tracing() {
            let name = self.cluster.timer(node, timer);
            let name = self.recorder.text(&name);
            let kind = EventKind::TimerSet { timer: name, expires_ns: Time::from_nanos(deadline) };
            self.recorder.event(self.now, node.0, cause, kind)
        } else {
            NOTHING
        };
        let armed = self.armed(node, timer);
        armed.deadline = deadline;
        armed.cause = cause;
        if armed.queued_at > deadline {
            armed.queued_at = deadline;
            armed.token += 1;
            let token = armed.token;
            self.push(deadline, NOTHING, Due::Timer { node: node.0, timer, token });
        }
    }

    fn on_timer(&mut self, node: NodeId, timer: Slot, token: u32) {
        let now = self.now;
        let armed = self.armed(node, timer);
        if armed.token != token {
            return;
        }
        armed.queued_at = DISARMED;
        let (deadline, cause) = (armed.deadline, armed.cause);
        if deadline == DISARMED {
            return;
        }
        if deadline > now {
            armed.queued_at = deadline;
            self.push(deadline, NOTHING, Due::Timer { node: node.0, timer, token });
            return;
        }
        let host = &mut self.hosts[node.index()];
        if host.busy || host.paused > 0 {
            // What the node has still to do may yet cancel it: it is looked at again then.
            host.backlog.push_back((Input::Timer(timer), cause));
            return;
        }
        self.armed(node, timer).deadline = DISARMED;
        self.handle(node, Input::Timer(timer), cause);
    }

    // Crashes.

    fn fail(&mut self, node: NodeId, failure: &Failure, cause: Cause) {
        let at = self.time();
        let finding = match failure {
            Failure::Panic(why) => {
                Finding::new("NODE-PANIC", format!("{node} panicked at {at}: {why}"))
            }
            Failure::Nondeterministic(why) => {
                self.stopped = true;
                Finding::new("NODE-NONDET", format!("{node}: {why}"))
            }
            Failure::Protocol(id, why) => Finding::new(id, format!("{node} at {at}: {why}")),
        };
        let event = (cause != NOTHING).then_some(splitbrain_core::EventId(cause));
        self.find(finding.events(event));
        self.crash(node, &failure.to_string(), DiskLoss::LoseAll, cause);
        let boot = self.hosts[node.index()].boot;
        self.push(self.now + RESTART_AFTER, cause, Due::Restart { node: node.0, boot });
    }

    fn crash_by(&mut self, node: NodeId, fault: u32, cause: Cause) {
        let Fault::Crash { disk, .. } = self.recipe.faults[fault as usize].fault else { return };
        self.hosts[node.index()].down_by.insert(fault);
        if self.hosts[node.index()].up {
            self.crash(node, "killed", disk, cause);
        }
    }

    fn crash(&mut self, node: NodeId, why: &str, loss: DiskLoss, cause: Cause) {
        let host = &mut self.hosts[node.index()];
        let pending = std::mem::take(&mut host.pending);
        let undone = std::mem::take(&mut host.undone) + writes(&pending);
        let lost = self.cluster.crash(node, undone, loss);
        self.recorder.mark(self.now, 9 << 16 | u64::from(node.0), u64::from(lost));
        let text = self.recorder.text(why);
        let kind = EventKind::Crash { why: text, lost };
        let event = self.recorder.event(self.now, node.0, cause, kind);
        let host = &mut self.hosts[node.index()];
        host.up = false;
        host.busy = false;
        host.syncing = 0;
        host.then_crash = None;
        host.trap = None;
        host.resume_missed = false;
        host.role = None;
        // Entries of the old timers are still in the heap: their tokens no longer fit.
        for armed in &mut host.timers {
            (armed.deadline, armed.queued_at) = (DISARMED, DISARMED);
            armed.token += 1;
        }
        let backlog = std::mem::take(&mut host.backlog);
        self.discard(pending.into_iter());
        for (input, _) in backlog {
            self.lose_input(node, input, event);
        }
    }

    // Clients.

    /// Lets a client that has nothing open begin its next operation when it is time.
    fn ask_next(&mut self, client: u16) {
        let plans = &self.clients[usize::from(client)].plans;
        if let Some(plan) = plans.front() {
            let at = self.recipe.operations[*plan as usize].at.as_nanos().max(self.now);
            self.push(at, NOTHING, Due::Ask { client });
        }
    }

    fn on_ask(&mut self, client: u16) {
        let Client { process, plans, open, sent_away, timed_out, goes_on } =
            &mut self.clients[usize::from(client)];
        if open.is_some() {
            return;
        }
        let Some(plan) = plans.pop_front() else { return };
        let (process, sent_away, timed_out, goes_on) = (*process, *sent_away, *timed_out, *goes_on);
        let planned = &self.recipe.operations[plan as usize];
        if !planned.last && self.now > self.duration {
            // The client fell behind its plan; the last phase is not for making up.
            self.ask_next(client);
            return;
        }
        let node = NodeId((planned.node.0 + sent_away) % self.recipe.config.nodes);
        let stamp = Stamp { order: self.order, at: Time::from_nanos(self.now) };
        let ask = goes_on.map_or(Ask::Planned(planned), Ask::FollowUp);
        let Some(operation) = self.cluster.invoke(ask, node, process, stamp) else {
            self.ask_next(client);
            return;
        };
        self.order += 1;
        self.clients[usize::from(client)].open = Some(operation);
        if !planned.last {
            self.metrics.operations += 1;
            self.metrics.updates += u64::from(!self.cluster.is_query(operation));
        }
        let lane = self.recorder.lane(process);
        let event = self.recorder.event(self.now, lane, NOTHING, EventKind::Invoke { operation });
        let message = self.recorder.request(operation);
        let kind = EventKind::Send { to: node.0, message, source: None };
        let sent = self.recorder.event(self.now, lane, event, kind);
        self.operations.push(Asked {
            client,
            plan,
            begun: self.now,
            open: true,
            answered: None,
            event,
        });
        let timeout = u64::try_from(self.recipe.config.timeout.as_nanos()).unwrap_or(u64::MAX);
        let timeout = timeout.saturating_mul(1 << timed_out.min(8));
        self.push(self.now.saturating_add(timeout), NOTHING, Due::TimeOut { operation });
        self.input(node, Input::Request(operation), sent);
    }

    fn reply(
        &mut self,
        node: NodeId,
        operation: OperationId,
        answer: Slot,
        kind: AnswerKind,
        source: Option<&'static std::panic::Location<'static>>,
        cause: Cause,
    ) {
        let at = self.time();
        let boot = self.hosts[node.index()].boot;
        let Some(asked) = self.operations.get_mut(operation.index()) else {
            self.find(Finding::new(
                "NODE-REPLY-UNKNOWN",
                format!("{node} answered at {at} a request that nobody asked"),
            ));
            return;
        };
        let twice = asked.answered == Some((node, boot));
        asked.answered = Some((node, boot));
        let open = asked.open;
        let lane = self.client_lane(operation);
        let (message, source) = (self.recorder.answer(answer), self.recorder.source(source));
        let send = EventKind::Send { to: lane, message, source };
        let sent = self.recorder.event(self.now, node.0, cause, send);
        let deliver = EventKind::Deliver { from: node.0, message };
        let delivered = self.recorder.event(self.now, lane, sent, deliver);
        if twice {
            let request = self.cluster.operation(operation).request;
            self.find(
                Finding::new(
                    "NODE-REPLY-TWICE",
                    format!("{node} answered {request} twice, the second time at {at}"),
                )
                .operations([operation]),
            );
        }
        if open {
            self.complete(operation, Some((answer, kind)), delivered);
        }
    }

    /// An operation ends: answered, or given up.
    fn complete(
        &mut self,
        operation: OperationId,
        answer: Option<(Slot, AnswerKind)>,
        cause: Cause,
    ) {
        let stamp = Stamp { order: self.order, at: self.time() };
        self.order += 1;
        self.cluster.complete(operation, stamp, answer.map(|(slot, _)| slot));
        let asked = &mut self.operations[operation.index()];
        asked.open = false;
        let (client, plan, begun, invoked) = (asked.client, asked.plan, asked.begun, asked.event);
        let last = self.recipe.operations[plan as usize].last;
        let lane = self.recorder.lane(self.clients[usize::from(client)].process);
        let cause = if cause == NOTHING { invoked } else { cause };
        self.recorder.event(self.now, lane, cause, EventKind::Complete { operation });
        let kind = answer.map_or(AnswerKind::Indefinite, |(_, kind)| kind);
        if !last {
            match kind {
                AnswerKind::Ok => {
                    self.metrics.ok += 1;
                    self.metrics.latency.record(self.now - begun);
                }
                AnswerKind::Definite { .. } => self.metrics.failed += 1,
                AnswerKind::Indefinite => self.metrics.unknown += 1,
            }
        }
        let clients = u32::try_from(self.clients.len()).unwrap_or(u32::MAX);
        let state = &mut self.clients[usize::from(client)];
        state.open = None;
        if kind == AnswerKind::Indefinite {
            // The process is dead [jepsen]: its client goes on as another one.
            state.process.0 += clients;
        }
        let refused = kind == AnswerKind::Definite { retry: true };
        if last && (refused || kind == AnswerKind::Indefinite) {
            // Who is told "not now" asks another node, as one does that looks for the leader.
            state.sent_away = (state.sent_away + u16::from(refused)) % self.recipe.config.nodes;
            state.timed_out += u32::from(!refused);
            state.plans.push_front(plan);
            self.push(self.now + ASK_AGAIN_AFTER, NOTHING, Due::Ask { client });
        } else if last && self.cluster.has_follow_up(operation) {
            state.goes_on = Some(operation);
            state.plans.push_front(plan);
            self.push(self.now + ASK_ON_AFTER, NOTHING, Due::Ask { client });
        } else {
            state.goes_on = None;
            self.ask_next(client);
        }
    }

    // Faults.

    fn resolve(hosts: &[Host], target: &Target) -> Option<NodeId> {
        match target {
            Target::Node(node) => Some(*node),
            Target::Role(role) => NodeId::all(u16::try_from(hosts.len()).unwrap_or(u16::MAX))
                .find(|node| hosts[node.index()].role.is_some_and(|played| played == role)),
        }
    }

    fn on_fault_begin(&mut self, fault: u32) {
        let injection = &self.recipe.faults[fault as usize];
        let kind = injection.fault.kind().name();
        *self.metrics.faults.entry(kind.into()).or_default() += 1;
        self.recorder.mark(self.now, 10 << 16, u64::from(fault));
        let hosts = &self.hosts;
        self.network.begin(fault, &injection.fault, |target| Self::resolve(hosts, target));
        let target = match &injection.fault {
            Fault::Partition { .. } | Fault::Link { .. } => None,
            Fault::Crash { target, .. }
            | Fault::Pause { target }
            | Fault::Slow { target, .. }
            | Fault::Disk { target, .. }
            | Fault::Clock { target, .. } => Self::resolve(&self.hosts, target),
        };
        let text = self.recorder.text(&injection.fault.to_string());
        let kind = EventKind::FaultBegin { injection: fault, text };
        let lane = target.map_or(0, |node| node.0);
        let event = self.recorder.event(self.now, lane, NOTHING, kind);
        self.fault_events[fault as usize] = event;
        self.struck[fault as usize] = target;
        if let Some(node) = target {
            self.strike(node, fault, event);
        }
    }

    fn strike(&mut self, node: NodeId, fault: u32, event: Cause) {
        let now = self.now;
        let host = &mut self.hosts[node.index()];
        match &self.recipe.faults[fault as usize].fault {
            Fault::Crash { moment: Moment::Now, .. } => self.crash_by(node, fault, event),
            Fault::Crash { moment, .. } => host.trap = Some((fault, *moment)),
            Fault::Pause { .. } => {
                host.paused += 1;
                self.recorder.event(now, node.0, event, EventKind::Pause);
            }
            Fault::Slow { handler, .. } => {
                let takes = u64::try_from(handler.as_nanos()).unwrap_or(u64::MAX);
                host.slow_by.push((fault, takes));
            }
            Fault::Disk { fault: disk, .. } => match disk {
                DiskFault::Full => {
                    host.disk.full_by.insert(fault);
                }
                DiskFault::SyncError => host.disk.error_by = Some(fault),
                DiskFault::SlowSync(factor) => host.disk.slow_by.push((fault, *factor)),
                DiskFault::Rot(pick) => host.disk.rot.push(*pick),
            },
            Fault::Clock { fault: clock, .. } => match clock {
                ClockFault::Offset(by) | ClockFault::Jump(by) => {
                    host.clock.wall_offset = host.clock.wall_offset.saturating_add(*by);
                }
                ClockFault::Drift(ppm) => {
                    let rate = host.clock.rate_ppm + i64::from(*ppm);
                    host.clock.set_rate(now, rate.clamp(-900_000, 9_000_000));
                }
            },
            Fault::Partition { .. } | Fault::Link { .. } => {}
        }
    }

    fn on_fault_end(&mut self, fault: u32) {
        self.recorder.mark(self.now, 11 << 16, u64::from(fault));
        self.network.end(fault);
        let began = self.fault_events[fault as usize];
        let target = self.struck[fault as usize];
        let kind = EventKind::FaultEnd { injection: fault };
        let lane = target.map_or(0, |node| node.0);
        let event = self.recorder.event(self.now, lane, began, kind);
        if let Some(node) = target {
            self.relieve(node, fault, event);
        } else {
            for held in std::mem::take(&mut self.held) {
                self.transmit(held);
            }
        }
    }

    fn relieve(&mut self, node: NodeId, fault: u32, event: Cause) {
        let now = self.now;
        if self.hosts[node.index()].then_crash == Some(fault) {
            // The rest of its handler is cut off already: it must crash, if only for a moment.
            self.crash_by(node, fault, event);
        }
        let host = &mut self.hosts[node.index()];
        host.trap = host.trap.filter(|(by, _)| *by != fault);
        host.slow_by.retain(|(by, _)| *by != fault);
        host.disk.slow_by.retain(|(by, _)| *by != fault);
        host.disk.full_by.remove(&fault);
        host.disk.error_by = host.disk.error_by.filter(|by| *by != fault);
        if host.down_by.remove(&fault) && host.down_by.is_empty() && !host.up {
            self.start(node, event);
            return;
        }
        match &self.recipe.faults[fault as usize].fault {
            Fault::Pause { .. } => {
                host.paused -= 1;
                self.recorder.event(now, node.0, event, EventKind::Resume);
                let host = &mut self.hosts[node.index()];
                if host.paused == 0 {
                    if std::mem::take(&mut host.resume_missed) {
                        self.go_on(node);
                    } else {
                        self.work_off(node);
                    }
                }
            }
            Fault::Clock { fault: ClockFault::Offset(by), .. } => {
                host.clock.wall_offset = host.clock.wall_offset.saturating_sub(*by);
            }
            Fault::Clock { fault: ClockFault::Drift(ppm), .. } => {
                let rate = host.clock.rate_ppm - i64::from(*ppm);
                host.clock.set_rate(now, rate.clamp(-900_000, 9_000_000));
            }
            _ => {}
        }
    }

    // The end.

    fn finish(mut self) -> Run {
        self.demand_progress();
        self.metrics.idle_node_ns =
            (self.last_at - self.idle_from) * u64::from(self.recipe.config.nodes);
        let mut verdict = Verdict { findings: self.findings, ..Verdict::default() };
        verdict.merge(self.cluster.judge());
        let digest = self.recorder.digest();
        let operations = u32::try_from(self.operations.len()).unwrap_or(u32::MAX);
        let history = self.recorder.keeps_messages().then(|| self.cluster.history());
        let trace = self.recorder.finish(&*self.cluster, operations);
        Run { verdict, metrics: self.metrics, digest, trace, history }
    }

    /// All faults are healed: whoever asked must have been answered.
    fn demand_progress(&mut self) {
        if self.stopped || self.findings.iter().any(|finding| finding.id == "LIVE-RUNAWAY") {
            return;
        }
        let waited = Time::ZERO + self.recipe.config.grace;
        for client in 0..self.clients.len() {
            let Client { plans, open, .. } = &self.clients[client];
            let waiting =
                open.map(|id| self.operations[id.index()].plan).or(plans.front().copied());
            let Some(plan) = waiting else { continue };
            let planned = &self.recipe.operations[plan as usize];
            if !planned.last {
                continue;
            }
            let mine = |asked: &&Asked| asked.plan == plan;
            let tries = self.operations.iter().filter(mine).count();
            let last_try = self.operations.iter().rposition(|asked| asked.plan == plan);
            let id = last_try.and_then(|at| u32::try_from(at).ok()).map(OperationId);
            let request = id.map_or_else(String::new, |id| self.cluster.operation(id).request);
            let node = planned.node;
            self.find(
                Finding::new(
                    "LIVE-NO-PROGRESS",
                    format!(
                        "every fault is healed, yet {node} did not answer {request} \
                         in {waited}, asked {tries} times"
                    ),
                )
                .operations(id),
            );
        }
    }
}

/// Where a handler's effects are cut off by a crash at `moment`, if it comes within them.
fn cut(moment: Moment, acts: &[Act]) -> Option<usize> {
    match moment {
        Moment::Now => None,
        Moment::AfterEffects(effects) => {
            let effects = usize::try_from(effects).unwrap_or(usize::MAX);
            (acts.len() >= effects.max(1)).then_some(effects)
        }
        Moment::Unsynced => {
            let (mut says, mut writes) = (false, false);
            for (at, act) in acts.iter().enumerate() {
                match act {
                    Act::Send { .. } | Act::Reply { .. } => says = true,
                    Act::Write { .. } => writes = true,
                    Act::Sync { .. } if says && writes => return Some(at),
                    Act::Sync { .. } => (says, writes) = (false, false),
                    _ => {}
                }
            }
            (says && writes).then_some(acts.len())
        }
    }
}

/// How many writes are among effects.
fn writes<'a>(acts: impl IntoIterator<Item = &'a Act>) -> u32 {
    let of = |act: &Act| if let Act::Write { writes } = act { *writes } else { 0 };
    acts.into_iter().map(of).sum()
}

fn host(recipe: &Recipe, node: NodeId) -> Host {
    let mut rng: Rng = recipe.key().derive(stream::CLOCKS).derive(u64::from(node.0)).rng();
    let offset = u64::try_from(recipe.config.clock_offset.as_nanos()).unwrap_or(0);
    let drift = u64::from(recipe.config.clock_drift);
    let mut around = |most: u64| {
        let most = most.min(i64::MAX as u64 / 4);
        i64::try_from(rng.below(2 * most + 1)).unwrap_or(0) - i64::try_from(most).unwrap_or(0)
    };
    let clock =
        Clock { since: 0, at_since: 0, wall_offset: around(offset), rate_ppm: around(drift) };
    Host {
        up: false,
        boot: 0,
        busy: false,
        pending: VecDeque::new(),
        pending_cause: NOTHING,
        syncing: 0,
        then_crash: None,
        trap: None,
        undone: 0,
        paused: 0,
        resume_missed: false,
        backlog: VecDeque::new(),
        down_by: BTreeSet::new(),
        slow_by: Vec::new(),
        disk: DiskState::default(),
        clock,
        role: None,
        timers: Vec::new(),
        timer_draws: 0,
        sync_draws: 0,
    }
}
