//! The router: one loop that reads, delays, delivers and writes everything.
//!
//! PROBLEM     Twenty-five programs talk at once, some of them nonsense, some without end; and what
//!             happened must afterwards be one story.
//! IDEA        One thread, one `poll`, one order of events. A line between two nodes is parsed for
//!             its destination only, and copied once, from the pipe's buffer to the receiver's.
//! RULES       Nothing here waits for a node: pipes never block. A node whose messages pile up
//!             unread is not listened to for a while (back-pressure). Two nodes that flood each
//!             other would wait for ever, so after a second without progress it is listened to
//!             again, up to a limit at which the test ends with `PROTO-FLOOD`.

mod nodes;
mod pipes;
mod wire;

use std::collections::{BTreeMap, BinaryHeap};
use std::fs::File;
use std::time::{Duration, Instant};

use splitbrain_core::workload::Workload;
use splitbrain_core::{Finding, Injection, Key, NodeId, OperationId, Rng, Time};
use splitbrain_sim::{Latency, Links, Network};

use super::clients::{Ask, Clients};
use super::journal::{Journal, Peer, What};
use super::metrics::Traffic;
use super::process::{Program, Watchdog};
use super::seat::Seat;
use super::{HostError, Report, TestOptions};
use crate::Interrupt;
use crate::service::Services;

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

    /// Has every client ask on whose answer says that there is more, of the operations from `first`
    /// on. Returns whether there was one.
    pub(crate) fn ask_on(&mut self, first: usize) -> bool {
        let mut asked = false;
        for operation in first..self.clients.history().operations.len() {
            let operation = OperationId(u32::try_from(operation).unwrap_or(u32::MAX));
            if let Some(ask) = self.clients.ask_on(operation, self.now) {
                self.send_ask(&ask);
                asked = true;
            }
        }
        asked
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
            let operations = self.clients.history().operations.len();
            let messages = self.traffic.all();
            (self.watch)(Report::Progress { at: self.now, operations, messages });
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
}

fn open_log(options: &TestOptions, node: NodeId) -> Result<Option<File>, HostError> {
    let Some(folder) = &options.log_dir else { return Ok(None) };
    let failed = |error| HostError::Io { what: "make the folder for the nodes' logs", error };
    std::fs::create_dir_all(folder).map_err(failed)?;
    File::create(folder.join(format!("{node}.log"))).map(Some).map_err(failed)
}
