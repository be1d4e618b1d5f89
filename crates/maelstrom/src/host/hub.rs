//! The router: one loop that reads, delays, delivers and writes everything.
//!
//! PROBLEM     Twenty-five programs talk at once, some of them nonsense, some without end; and what
//!             happened must afterwards be one story.
//! IDEA        One thread, one `poll`, one order of events. A line between two nodes is parsed for its
//!             destination only, and copied once, from the pipe's buffer to the receiver's.
//! RULES       Nothing here waits for a node: pipes never block. A node whose messages pile up unread
//!             is not listened to for a while (back-pressure). Two nodes that flood each other would
//!             wait for ever, so after a second without progress it is listened to again, up to a limit
//!             at which the test ends with `PROTO-FLOOD`.

use std::collections::{BTreeMap, BinaryHeap};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use splitbrain_core::workload::Workload;
use splitbrain_core::{
    DropReason, Fault, Finding, Injection, Key, NodeId, OperationId, ProcessId, Rng, Target, Time,
};
use splitbrain_sim::{Latency, Links, Network, Transit};

use super::clients::{Answered, Ask, Clients};
use super::journal::{Journal, Peer, What};
use super::metrics::Traffic;
use super::process::{Process, Program, Watchdog};
use super::seat::{Awaiting, Seat};
use super::{HostError, Report, TestOptions};
use crate::Interrupt;
use crate::protocol::{Envelope, Init, Malformed, shown, with_field, write_line};
use crate::service::{Service, Services};

/// No message is longer.
const LINE_MAX: usize = 16 << 20;
/// So many bytes of a node's messages may be on their way before we stop listening to it.
const IN_FLIGHT_SOFT: usize = 16 << 20;
/// So many, and the test is over.
const IN_FLIGHT_HARD: usize = 64 << 20;
/// How long we do not listen before we fear that two nodes wait for each other.
const HELD_BACK_MAX: Duration = Duration::from_secs(1);
/// How long after its stdout ended a program may take to end itself.
const EXIT_GRACE: Duration = Duration::from_millis(300);
/// How often we look whether programs have ended, and whether we are to stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Everything of a run.
pub(crate) struct Hub<'a, W: Workload> {
    pub(crate) options: &'a TestOptions,
    pub(crate) clients: Clients<W>,
    pub(crate) journal: Journal,
    pub(crate) findings: Findings,
    pub(crate) traffic: Traffic,
    /// Why the run is over before its time, if it is.
    pub(crate) stopped: Option<HostError>,
    /// A node ended although nobody had killed it: the run is over, too.
    pub(crate) died: bool,
    pub(crate) seats: Vec<Seat>,
    pub(crate) watch: &'a mut dyn FnMut(Report<'_>),
    interrupt: &'a Interrupt,
    program: Program,
    watchdog: Watchdog,
    network: Network,
    latency: Latency,
    services: Services,
    flights: BinaryHeap<Flight>,
    flights_begun: u64,
    held: Vec<Flight>,
    /// What came for nodes that have not answered `init` yet.
    early: Vec<Flight>,
    faults: Vec<Injection>,
    /// The next fault to begin, and those that have: by the time of their end.
    next_fault: usize,
    active: BTreeMap<(Time, usize), ()>,
    /// When the next request is due; `None` while none are made.
    next_request: Option<Time>,
    ready: bool,
    started: Instant,
    now: Time,
    next_look: Time,
    next_msg_id: u64,
    rng: Rng,
    chunk: Vec<u8>,
}

/// A message on its way.
struct Flight {
    at: Time,
    number: u64,
    from: Peer,
    to: Peer,
    line: Vec<u8>,
    message: u64,
    owner: Option<NodeId>,
}

impl Ord for Flight {
    /// The heap's greatest is the next to arrive.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Flight {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Flight {}

/// What was found wrong with the way nodes speak. Of the same from the same node, the first few are
/// told and the others counted.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Finding>,
    seen: BTreeMap<(&'static str, NodeId), u64>,
}

impl Findings {
    const TOLD: u64 = 3;

    pub(crate) fn add(
        &mut self,
        id: &'static str,
        node: NodeId,
        sentence: impl FnOnce() -> String,
        operation: Option<OperationId>,
    ) {
        let seen = self.seen.entry((id, node)).or_default();
        *seen += 1;
        if *seen <= Self::TOLD {
            let finding = Finding::new(id, format!("{node}: {}", sentence()));
            self.list.push(finding.operations(operation));
        }
    }

    /// Those found, and a sentence on each kind of which there were more.
    pub(crate) fn finish(self) -> (Vec<Finding>, Vec<(String, String)>) {
        let more = |((id, node), seen): (&(&str, NodeId), &u64)| {
            let more = seen.saturating_sub(Self::TOLD);
            (more > 0).then(|| (format!("more {id} of {node}"), more.to_string()))
        };
        let remarks = self.seen.iter().filter_map(more).collect();
        (self.list, remarks)
    }
}

/// What is left of a run.
pub(crate) struct Parts<'a, W: Workload> {
    pub(crate) clients: Clients<W>,
    pub(crate) journal: Journal,
    pub(crate) findings: Findings,
    pub(crate) stopped: Option<HostError>,
    pub(crate) faults: Vec<Injection>,
    pub(crate) options: &'a TestOptions,
}

/// Which pipe of a node has something for us.
#[derive(Clone, Copy)]
enum Pipe {
    Stdin,
    Stdout,
    Stderr,
}

impl<'a, W: Workload> Hub<'a, W> {
    pub(crate) fn new(
        options: &'a TestOptions,
        faults: Vec<Injection>,
        interrupt: &'a Interrupt,
        watch: &'a mut dyn FnMut(Report<'_>),
    ) -> Result<Self, HostError> {
        let program = Program::find(&options.program, &options.args)?;
        let key = Key::new(options.seed);
        let count = options.concurrency.clients(options.node_count);
        let timeout = options.timeout::<W>();
        let seats = NodeId::all(options.node_count)
            .map(|node| Ok(Seat::new(open_log(options, node)?)))
            .collect::<Result<_, HostError>>()?;
        Ok(Self {
            options,
            clients: Clients::new(count, options.node_count, timeout, key.derive(0)),
            journal: Journal::new(),
            findings: Findings::default(),
            traffic: Traffic::default(),
            stopped: None,
            died: false,
            seats,
            watch,
            interrupt,
            program,
            watchdog: Watchdog::start()?,
            network: Network::new(
                options.node_count,
                Links { fifo: false, ..Links::perfect(options.latency()) },
                key.derive(1),
            ),
            latency: options.latency(),
            services: Services::new(key.derive(2).rng()),
            flights: BinaryHeap::new(),
            flights_begun: 0,
            held: Vec::new(),
            early: Vec::new(),
            faults,
            next_fault: usize::MAX,
            active: BTreeMap::new(),
            next_request: None,
            ready: false,
            started: Instant::now(),
            now: Time::ZERO,
            next_look: Time::ZERO,
            next_msg_id: 0,
            rng: key.derive(3).rng(),
            chunk: vec![0; 64 << 10],
        })
    }

    /// The time since the run began, as of the last turn of the loop.
    pub(crate) const fn now(&self) -> Time {
        self.now
    }

    /// Whether the run must end now, whatever its options say.
    pub(crate) fn is_over(&self) -> bool {
        self.stopped.is_some() || self.died || self.interrupt.is_set()
    }

    fn nodes(&self) -> impl Iterator<Item = NodeId> + use<W> {
        NodeId::all(self.options.node_count)
    }

    /// Starts every node and introduces it; ends when all have answered.
    ///
    /// # Errors
    /// When a node cannot be started, or does not answer as it must.
    pub(crate) fn handshake(&mut self) -> Result<(), HostError> {
        for node in self.nodes() {
            self.start(node, None)?;
        }
        self.until_answered()?;
        for node in self.nodes() {
            self.set_up(node);
        }
        self.until_answered()?;
        self.ready = true;
        Ok(())
    }

    fn until_answered(&mut self) -> Result<(), HostError> {
        while self.seats.iter().any(|seat| seat.awaiting.is_some()) && !self.interrupt.is_set() {
            self.turn(self.now + LOOK_EVERY);
            if let Some(error) = self.stopped.take() {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Begins to make requests and faults, and ends both at `end`.
    pub(crate) fn ask_until(&mut self, end: Time) {
        self.next_request = self.options.request_interval.map(|_| self.now);
        self.next_fault = 0;
        for fault in &mut self.faults {
            fault.at += self.now.since(Time::ZERO);
        }
        while self.now < end && !self.is_over() {
            self.turn(end);
        }
        self.next_request = None;
    }

    /// Undoes all faults.
    pub(crate) fn heal(&mut self) {
        self.next_fault = usize::MAX;
        while let Some(((_, fault), ())) = self.active.pop_first() {
            self.end_fault(fault);
        }
    }

    /// Lets time pass until `end`, or until `done` says so.
    pub(crate) fn wait(&mut self, end: Time, done: impl Fn(&Self) -> bool) {
        while self.now < end && !self.is_over() && !done(self) {
            self.turn(end);
        }
    }

    /// Has every client ask its last question.
    pub(crate) fn ask_last(&mut self) {
        for client in 0..self.clients.count() {
            if let Some(ask) = self.clients.ask_last(client, self.now) {
                self.send_ask(&ask);
            }
        }
    }

    fn send_ask(&mut self, ask: &Ask) {
        let from = Peer::Client(ask.process);
        self.journal.note(self.now, from, What::Invoke(ask.operation));
        self.send_body(from, Peer::Node(ask.node), &ask.body, None);
    }

    /// One turn of the loop: what is due, then what comes, waiting no longer than until `limit`.
    fn turn(&mut self, limit: Time) {
        self.now = self.clock();
        while let Some(flight) = self.flights.peek()
            && flight.at <= self.now
            && let Some(flight) = self.flights.pop()
        {
            self.land(&flight);
        }
        self.turn_faults();
        self.turn_requests();
        for (process, operation) in self.clients.expire(self.now) {
            self.journal.note(self.now, Peer::Client(process), What::Complete(operation));
        }
        if self.now >= self.next_look {
            self.next_look = self.now + LOOK_EVERY;
            self.look();
        }
        for node in self.nodes() {
            self.write(node);
        }
        let next = self.next_due().min(limit);
        self.poll(next - self.clock());
    }

    fn clock(&self) -> Time {
        Time::ZERO + self.started.elapsed()
    }

    fn next_due(&self) -> Time {
        let request = self.next_request.filter(|_| self.clients.has_free());
        let flight = self.flights.peek().map(|flight| flight.at);
        let fault = self.faults.get(self.next_fault).map(|fault| fault.at);
        let heal = self.active.first_key_value().map(|((at, _), ())| *at);
        [request, flight, fault, heal, self.clients.next_deadline(), Some(self.next_look)]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(self.next_look)
    }

    fn turn_requests(&mut self) {
        while let (Some(due), Some(interval)) = (self.next_request, self.options.request_interval)
            && due <= self.now
        {
            let Some(ask) = self.clients.ask_next(self.now) else { break };
            self.send_ask(&ask);
            let mean = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX / 2);
            let pause = self.rng.between(0, mean.saturating_mul(2));
            // What could not be asked because all clients waited is not made up for without end.
            let floor = self.now.since(Time::ZERO + Duration::from_secs(1));
            self.next_request = Some((due + Duration::from_nanos(pause)).max(Time::ZERO + floor));
        }
    }

    // ---- the network ----

    /// Sends a message of ours.
    fn send_body(&mut self, from: Peer, to: Peer, body: &str, owner: Option<NodeId>) {
        let mut line = Vec::with_capacity(body.len() + 48);
        write_line(&mut line, &from.to_string(), &to.to_string(), body);
        line.pop();
        self.send(from, to, &line, owner);
    }

    /// Puts a message into the network. `owner` is the node that answers for its bytes.
    fn send(&mut self, from: Peer, to: Peer, line: &[u8], owner: Option<NodeId>) {
        let message = self.journal.send(self.now, from, to, line);
        self.traffic.count(from, to, line.len());
        if self.options.log.net_send {
            (self.watch)(Report::Sent { at: self.now, line: &shown(line) });
        }
        self.transmit(from, to, line, message, owner);
    }

    fn transmit(&mut self, from: Peer, to: Peer, line: &[u8], message: u64, owner: Option<NodeId>) {
        let now = self.now.as_nanos();
        let transit = match (from, to) {
            (Peer::Node(from), Peer::Node(to)) => {
                self.network.send(now, from, to, line.len() as u64)
            }
            (Peer::Node(_), Peer::Service(_)) | (Peer::Service(_), Peer::Node(_)) => {
                let at = now + self.latency.sample(self.rng.next_u64());
                Transit::Arrives { at, copy_at: None }
            }
            _ => Transit::Arrives { at: now, copy_at: None },
        };
        match transit {
            Transit::Lost(reason) => {
                self.journal.note(self.now, from, What::Drop { to, message, reason });
            }
            Transit::Held => {
                let flight = self.flight(Time::MAX, from, to, line, message, owner);
                self.held.push(flight);
            }
            Transit::Arrives { at, copy_at } => {
                for at in [Some(at), copy_at].into_iter().flatten() {
                    if at <= now {
                        self.deliver(from, to, line, message, owner);
                    } else {
                        let at = Time::from_nanos(at);
                        let flight = self.flight(at, from, to, line, message, owner);
                        self.flights.push(flight);
                    }
                }
            }
        }
    }

    fn flight(
        &mut self,
        at: Time,
        from: Peer,
        to: Peer,
        line: &[u8],
        message: u64,
        owner: Option<NodeId>,
    ) -> Flight {
        self.flights_begun += 1;
        self.account(owner, line.len());
        Flight { at, number: self.flights_begun, from, to, line: line.into(), message, owner }
    }

    fn land(&mut self, flight: &Flight) {
        self.release(flight.owner, flight.line.len());
        self.deliver(flight.from, flight.to, &flight.line, flight.message, flight.owner);
    }

    /// A message arrives.
    fn deliver(&mut self, from: Peer, to: Peer, line: &[u8], message: u64, owner: Option<NodeId>) {
        if let Peer::Node(node) = to {
            let seat = &mut self.seats[node.index()];
            if seat.process.is_none() {
                let reason = DropReason::Down;
                self.journal.note(self.now, from, What::Drop { to, message, reason });
                return;
            }
            if seat.is_new() && from != Peer::Host {
                // It does not know its own name yet: many programs could not even answer.
                let flight = self.flight(self.now, from, to, line, message, owner);
                self.early.push(flight);
                return;
            }
            seat.outbox.push(line, owner);
            self.account(owner, line.len());
        }
        self.journal.note(self.now, to, What::Deliver { from, message });
        if self.options.log.net_recv {
            (self.watch)(Report::Received { at: self.now, line: &shown(line) });
        }
        let Peer::Node(sender) = from else { return };
        // It was parsed when it was sent, so it parses now.
        let Ok(envelope) = Envelope::parse(line) else { return };
        match to {
            Peer::Node(_) => {}
            Peer::Service(service) => self.serve(service, sender, &envelope),
            Peer::Client(process) => self.answer_client(process, sender, &envelope),
            Peer::Host => self.answer_us(sender, &envelope),
        }
    }

    fn serve(&mut self, service: Service, client: NodeId, envelope: &Envelope<'_>) {
        let answer = self.services.handle(service, &envelope.src, envelope.body.get());
        self.send_body(Peer::Service(service), Peer::Node(client), &answer, Some(client));
    }

    fn account(&mut self, owner: Option<NodeId>, bytes: usize) {
        let Some(node) = owner else { return };
        let seat = &mut self.seats[node.index()];
        seat.in_flight += bytes;
        if seat.in_flight > IN_FLIGHT_HARD && self.stopped.is_none() {
            let error = HostError::Flood { node, bytes: seat.in_flight };
            self.findings.add("PROTO-FLOOD", node, || error.to_string(), None);
            self.stopped = Some(error);
        }
    }

    fn release(&mut self, owner: Option<NodeId>, bytes: usize) {
        if let Some(node) = owner {
            let seat = &mut self.seats[node.index()];
            seat.in_flight = seat.in_flight.saturating_sub(bytes);
        }
    }

    // ---- what nodes say ----

    /// A node has printed a line.
    fn hear(&mut self, node: NodeId, line: &[u8]) {
        let heard = Envelope::parse(line).and_then(|envelope| {
            // A node may pass on what a client asked under the client's name: the answer then goes
            // straight to the client. The network still knows whose cable it came through.
            if self.peer(&envelope.src).is_some() {
                Ok(envelope)
            } else {
                let why = format!("its `src` is nobody's name; expected {node}");
                Err(Malformed { line: shown(line), why })
            }
        });
        let envelope = match heard {
            Ok(envelope) => envelope,
            Err(malformed) if !self.ready => {
                self.stopped.get_or_insert(HostError::Rubbish { node, malformed });
                return;
            }
            Err(malformed) => {
                self.findings.add("PROTO-MALFORMED", node, || malformed.to_string(), None);
                return;
            }
        };
        let Some(to) = self.peer(&envelope.dest) else {
            let sentence = || {
                format!(
                    "it sent `{}` to {:?}, and there is no such node, client or service",
                    shown(line),
                    envelope.dest
                )
            };
            self.findings.add("PROTO-UNKNOWN-DEST", node, sentence, None);
            return;
        };
        self.send(Peer::Node(node), to, line, Some(node));
    }

    fn peer(&self, name: &str) -> Option<Peer> {
        if name == "c0" {
            return Some(Peer::Host);
        }
        if let Ok(node) = name.parse::<NodeId>() {
            return (node.0 < self.options.node_count).then_some(Peer::Node(node));
        }
        if let Some(number) = name.strip_prefix('c').and_then(|digits| digits.parse::<u32>().ok()) {
            let process = ProcessId(number.checked_sub(1)?);
            return self.clients.knows(process).then_some(Peer::Client(process));
        }
        Service::named(name).map(Peer::Service)
    }

    fn answer_client(&mut self, process: ProcessId, node: NodeId, envelope: &Envelope<'_>) {
        let head = match envelope.head() {
            Ok(head) => head,
            Err(malformed) => {
                self.findings.add("PROTO-MALFORMED", node, || malformed.to_string(), None);
                return;
            }
        };
        let done = match self.clients.answer(process, &head, envelope.body.get(), self.now) {
            Answered::Completed(operation) => operation,
            Answered::Wrong(operation, sentence) => {
                self.findings.add("NODE-REPLY-WRONG", node, || sentence, Some(operation));
                operation
            }
            Answered::Late => return,
            Answered::Stray(sentence) => {
                self.findings.add("PROTO-REPLY", node, || sentence, None);
                return;
            }
        };
        self.journal.note(self.now, Peer::Client(process), What::Complete(done));
    }

    /// A node has answered `init`, or the workload's first message.
    fn answer_us(&mut self, node: NodeId, envelope: &Envelope<'_>) {
        let Ok(head) = envelope.head() else { return };
        let seat = &mut self.seats[node.index()];
        let Some(awaiting) = seat.awaiting.take_if(|it| head.in_reply_to == Some(it.msg_id)) else {
            return;
        };
        if head.kind != format!("{}_ok", awaiting.to) {
            let answer = shown(envelope.body.get().as_bytes());
            let error = HostError::WrongAnswer { node, to: awaiting.to, answer };
            self.unready(node, "NODE-REPLY-WRONG", error);
            return;
        }
        if awaiting.to == "init" {
            let early = std::mem::take(&mut self.early);
            let (ours, others) = early.into_iter().partition(|it| it.to == Peer::Node(node));
            self.early = others;
            let ours: Vec<Flight> = ours;
            ours.iter().for_each(|flight| self.land(flight));
            if self.ready {
                self.set_up(node);
            }
        }
    }

    /// A node did not come up as it must: before the test has begun there is none, afterwards the
    /// test goes on.
    fn unready(&mut self, node: NodeId, id: &'static str, error: HostError) {
        if self.ready {
            self.findings.add(id, node, || error.to_string(), None);
        } else {
            self.stopped.get_or_insert(error);
        }
    }

    // ---- processes ----

    /// Starts a node's program and sends it `init`.
    fn start(&mut self, node: NodeId, fault: Option<u32>) -> Result<(), HostError> {
        let process = Process::spawn(&self.program, &mut self.watchdog)?;
        let seat = &mut self.seats[node.index()];
        seat.process = Some(process);
        seat.input.clear();
        seat.silent_since = None;
        self.journal.note(self.now, Peer::Node(node), What::Start { fault });
        self.next_msg_id += 1;
        let msg_id = self.next_msg_id;
        let node_ids = self.nodes().map(|node| node.to_string()).collect();
        let init =
            Init { msg_id, node_id: node.to_string(), node_ids, lockstep: false, seed: None };
        let body = serde_json::to_string(&init).unwrap_or_default();
        self.send_await(node, "init".into(), msg_id, &body);
        Ok(())
    }

    /// Sends the workload's first message, if it has one.
    fn set_up(&mut self, node: NodeId) {
        let Some(request) = W::setup(node, self.options.node_count, self.options.topology) else {
            return;
        };
        self.next_msg_id += 1;
        let msg_id = self.next_msg_id;
        let body = serde_json::to_string(&request).unwrap_or_default();
        let body = with_field(body, "msg_id", msg_id);
        let kind = crate::protocol::Head::parse(&body)
            .map_or_else(|_| String::new(), |head| head.kind.into_owned());
        self.send_await(node, kind, msg_id, &body);
    }

    fn send_await(&mut self, node: NodeId, to: String, msg_id: u64, body: &str) {
        let deadline = self.now + self.options.init_limit;
        self.seats[node.index()].awaiting = Some(Awaiting { msg_id, to, deadline });
        self.send_body(Peer::Host, Peer::Node(node), body, None);
    }

    /// Looks for programs that have ended, fallen silent, or not answered.
    fn look(&mut self) {
        for node in self.nodes() {
            let seat = &mut self.seats[node.index()];
            let Some(process) = &mut seat.process else { continue };
            if let Some(how) = process.ended() {
                self.bury(node, &how);
                continue;
            }
            if seat.silent_since.is_some_and(|since| self.now - since > EXIT_GRACE) {
                seat.silent_since = None;
                let error = HostError::ClosedOutput { node };
                self.findings.add("PROTO-EXIT", node, || error.to_string(), None);
                self.stopped.get_or_insert(error);
                continue;
            }
            if seat.paused == 0
                && let Some(awaiting) = seat.awaiting.take_if(|it| self.now > it.deadline)
            {
                let error = HostError::NoAnswer {
                    node,
                    to: awaiting.to,
                    waited: self.options.init_limit,
                    last_words: seat.words.last(),
                };
                self.unready(node, "PROTO-NO-INIT", error);
            }
        }
    }

    /// A program has ended by itself.
    fn bury(&mut self, node: NodeId, how: &str) {
        // What it said before is still in the pipes.
        self.read(node);
        self.read_stderr(node);
        let last_words = self.seats[node.index()].words.last();
        self.vacate(node);
        let crash = What::Crash { why: format!("ended with {how}"), fault: None };
        self.journal.note(self.now, Peer::Node(node), crash);
        if self.ready {
            self.died = true;
            let sentence = || {
                let words = match &*last_words {
                    [] => "it wrote nothing to stderr".into(),
                    lines => format!("its last words on stderr: {}", lines.join(" / ")),
                };
                format!("it ended with {how} although nobody had killed it; {words}")
            };
            self.findings.add("PROTO-EXIT", node, sentence, None);
        } else {
            let how = how.into();
            self.stopped.get_or_insert(HostError::ExitedAtOnce { node, how, last_words });
        }
    }

    /// Removes a node's process, with what was still to be written to it.
    fn vacate(&mut self, node: NodeId) {
        let seat = &mut self.seats[node.index()];
        if let Some(mut process) = seat.process.take() {
            process.kill();
            self.watchdog.release(process.group());
        }
        seat.awaiting = None;
        seat.input.clear();
        let early = std::mem::take(&mut self.early);
        let (dropped, kept) = early.into_iter().partition(|it| it.to == Peer::Node(node));
        self.early = kept;
        let dropped: Vec<Flight> = dropped;
        // With the process gone, landing them is losing them.
        dropped.iter().for_each(|flight| self.land(flight));
        let seat = &mut self.seats[node.index()];
        for (owner, bytes) in seat.outbox.clear() {
            self.release(owner, bytes);
        }
    }

    // ---- faults ----

    fn turn_faults(&mut self) {
        while let Some(((at, fault), ())) = self.active.first_key_value().map(|(k, v)| (*k, *v))
            && at <= self.now
        {
            self.active.remove(&(at, fault));
            self.end_fault(fault);
        }
        while let Some(injection) = self.faults.get(self.next_fault)
            && injection.at <= self.now
        {
            let ends = injection.ends();
            self.begin_fault(self.next_fault);
            self.active.insert((ends, self.next_fault), ());
            self.next_fault += 1;
        }
    }

    fn begin_fault(&mut self, at: usize) {
        let fault = self.faults[at].fault.clone();
        let id = u32::try_from(at).unwrap_or(u32::MAX);
        let text = fault.to_string();
        let lane = Peer::Node(target(&fault).unwrap_or(NodeId(0)));
        self.journal.note(self.now, lane, What::FaultBegin { injection: id, text });
        self.network.begin(id, &fault, |target| match target {
            Target::Node(node) => Some(*node),
            Target::Role(_) => None,
        });
        let Some(node) = target(&fault) else { return };
        let seat = &mut self.seats[node.index()];
        match fault {
            Fault::Crash { .. } => {
                seat.down += 1;
                if let Some(process) = &mut seat.process {
                    process.kill();
                    self.read(node);
                    self.vacate(node);
                    let crash = What::Crash { why: "killed".into(), fault: Some(id) };
                    self.journal.note(self.now, Peer::Node(node), crash);
                }
            }
            Fault::Pause { .. } => {
                seat.paused += 1;
                if let Some(process) = &seat.process {
                    process.signal(Signal::SIGSTOP);
                    self.journal.note(self.now, Peer::Node(node), What::Pause { fault: id });
                }
            }
            _ => {}
        }
    }

    fn end_fault(&mut self, at: usize) {
        let fault = self.faults[at].fault.clone();
        let id = u32::try_from(at).unwrap_or(u32::MAX);
        self.network.end(id);
        for Flight { from, to, line, message, owner, .. } in std::mem::take(&mut self.held) {
            self.release(owner, line.len());
            self.transmit(from, to, &line, message, owner);
        }
        let lane = Peer::Node(target(&fault).unwrap_or(NodeId(0)));
        self.journal.note(self.now, lane, What::FaultEnd { injection: id });
        let Some(node) = target(&fault) else { return };
        let seat = &mut self.seats[node.index()];
        match fault {
            Fault::Crash { .. } => {
                seat.down -= 1;
                if seat.down == 0
                    && seat.process.is_none()
                    && !self.died
                    && let Err(error) = self.start(node, Some(id))
                {
                    self.stopped.get_or_insert(error);
                }
            }
            Fault::Pause { .. } => {
                seat.paused -= 1;
                if seat.paused == 0
                    && let Some(process) = &seat.process
                {
                    process.signal(Signal::SIGCONT);
                    self.journal.note(self.now, Peer::Node(node), What::Resume { fault: id });
                    if let Some(awaiting) = &mut seat.awaiting {
                        awaiting.deadline = self.now + self.options.init_limit;
                    }
                }
            }
            _ => {}
        }
    }

    // ---- pipes ----

    fn poll(&mut self, timeout: Duration) {
        let mut fds = Vec::with_capacity(self.seats.len() * 3);
        let mut pipes = Vec::with_capacity(self.seats.len() * 3);
        let now = self.now;
        for (node, seat) in self.nodes().zip(&mut self.seats) {
            let listening = seat.listening(now);
            let Some(process) = &seat.process else { continue };
            let mut add = |fd, flags, pipe| {
                fds.push(PollFd::new(fd, flags));
                pipes.push((node, pipe));
            };
            if let Some(pipe) = process.stdout.as_ref().filter(|_| listening) {
                add(pipe.as_fd(), PollFlags::POLLIN, Pipe::Stdout);
            }
            if let Some(pipe) = &process.stderr {
                add(pipe.as_fd(), PollFlags::POLLIN, Pipe::Stderr);
            }
            if let Some(pipe) = process.stdin.as_ref().filter(|_| !seat.outbox.is_empty()) {
                add(pipe.as_fd(), PollFlags::POLLOUT, Pipe::Stdin);
            }
        }
        // Rounded up: a timer that is due in half a millisecond must not make the loop spin.
        let millis = timeout.min(LOOK_EVERY).as_micros().div_ceil(1_000);
        let timeout = PollTimeout::from(u16::try_from(millis).unwrap_or(u16::MAX));
        // An error is a signal that came: the loop looks at the flag that it has set.
        poll(&mut fds, timeout).ok();
        let ready: Vec<(NodeId, Pipe)> = fds
            .iter()
            .zip(&pipes)
            .filter(|(fd, _)| fd.any().unwrap_or(false))
            .map(|(_, pipe)| *pipe)
            .collect();
        self.now = self.clock();
        for (node, pipe) in ready {
            match pipe {
                Pipe::Stdin => self.write(node),
                Pipe::Stdout => self.read(node),
                Pipe::Stderr => self.read_stderr(node),
            }
        }
    }

    /// Writes what waits for a node.
    fn write(&mut self, node: NodeId) {
        let seat = &mut self.seats[node.index()];
        let Some(process) = seat.process.as_mut().filter(|_| !seat.outbox.is_empty()) else {
            return;
        };
        let gone = match &mut process.stdin {
            Some(pipe) => seat.outbox.write(pipe).is_err(),
            None => true,
        };
        if gone {
            // It does not read any more: either it ends now, which is noticed, or it only talks.
            process.stdin = None;
            for (owner, bytes) in seat.outbox.clear() {
                self.release(owner, bytes);
            }
            return;
        }
        while let Some((owner, bytes)) = self.seats[node.index()].outbox.pop_written() {
            self.release(owner, bytes);
        }
    }

    /// Reads what a node has printed, a few chunks of it.
    fn read(&mut self, node: NodeId) {
        let mut chunk = std::mem::take(&mut self.chunk);
        for _ in 0..4 {
            let seat = &mut self.seats[node.index()];
            let Some(process) = &mut seat.process else { break };
            let Some(pipe) = &mut process.stdout else { break };
            match pipe.read(&mut chunk) {
                Ok(0) => {
                    process.stdout = None;
                    seat.silent_since = Some(self.now);
                    break;
                }
                Ok(length) => {
                    self.hear_chunk(node, &chunk[..length]);
                    if length < chunk.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.chunk = chunk;
    }

    /// Splits what was read into lines. Only a line that is cut by the chunk's end is copied.
    fn hear_chunk(&mut self, node: NodeId, chunk: &[u8]) {
        let mut rest = chunk;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            let mut begun = std::mem::take(&mut self.seats[node.index()].input);
            if begun.is_empty() {
                self.hear(node, line);
            } else {
                begun.extend_from_slice(line);
                self.hear(node, &begun);
                begun.clear();
            }
            if let Some(seat) = self.seats.get_mut(node.index()) {
                seat.input = begun;
            }
            rest = after;
        }
        let seat = &mut self.seats[node.index()];
        seat.input.extend_from_slice(rest);
        if seat.input.len() > LINE_MAX {
            seat.input = Vec::new();
            if let Some(process) = &mut seat.process {
                process.stdout = None;
            }
            let error = HostError::HugeLine { node, limit: LINE_MAX };
            self.findings.add("PROTO-MALFORMED", node, || error.to_string(), None);
            self.stopped.get_or_insert(error);
        }
    }

    fn read_stderr(&mut self, node: NodeId) {
        let (seat, watch) = (&mut self.seats[node.index()], &mut *self.watch);
        let log = self.options.log.stderr;
        seat.read_stderr(|line| {
            if log {
                watch(Report::Stderr { node, line });
            }
        });
    }

    /// Whether somebody wished the run to end early.
    pub(crate) fn was_interrupted(&self) -> bool {
        self.interrupt.is_set()
    }

    /// What is left when all programs have ended.
    pub(crate) fn into_parts(self) -> Parts<'a, W> {
        Parts {
            clients: self.clients,
            journal: self.journal,
            findings: self.findings,
            stopped: self.stopped,
            faults: self.faults,
            options: self.options,
        }
    }

    /// Ends all programs. Returns those that had to be killed.
    pub(crate) fn stop(&mut self) -> Vec<NodeId> {
        let mut processes: Vec<(usize, Process)> = Vec::new();
        for (at, seat) in self.seats.iter_mut().enumerate() {
            processes.extend(seat.process.take().map(|process| (at, process)));
        }
        let stubborn = super::process::stop_all(&mut processes, Duration::from_millis(500));
        for (at, process) in processes {
            let group = process.group();
            self.seats[at].process = Some(process);
            let node = NodeId(u16::try_from(at).unwrap_or(u16::MAX));
            self.read_stderr(node);
            self.seats[at].process = None;
            self.watchdog.release(group);
        }
        stubborn.into_iter().map(|at| NodeId(u16::try_from(at).unwrap_or(u16::MAX))).collect()
    }
}

impl Seat {
    /// Whether its program has not yet answered `init`.
    fn is_new(&self) -> bool {
        self.awaiting.as_ref().is_some_and(|awaiting| awaiting.to == "init")
    }

    /// Whether we listen to the node now.
    fn listening(&mut self, now: Time) -> bool {
        if self.in_flight <= IN_FLIGHT_SOFT {
            self.held_back = None;
            return true;
        }
        now - *self.held_back.get_or_insert(now) > HELD_BACK_MAX
    }
}

/// The node that a fault strikes, if it strikes one.
fn target(fault: &Fault) -> Option<NodeId> {
    match fault {
        Fault::Crash { target: Target::Node(node), .. }
        | Fault::Pause { target: Target::Node(node) } => Some(*node),
        _ => None,
    }
}

fn open_log(options: &TestOptions, node: NodeId) -> Result<Option<File>, HostError> {
    let Some(folder) = &options.log_dir else { return Ok(None) };
    let failed = |error| HostError::Io { what: "make the folder for the nodes' logs", error };
    std::fs::create_dir_all(folder).map_err(failed)?;
    File::create(folder.join(format!("{node}.log"))).map(Some).map_err(failed)
}
