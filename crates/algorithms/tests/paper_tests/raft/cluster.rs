//! A cluster of bare servers in virtual time, for scenarios: a bad network, crashes, and Figure 3
//! compared after every step.

use std::collections::{BTreeMap, BTreeSet};

use splitbrain_algorithms::raft::invariants::{Board, Fact, Said};
use splitbrain_algorithms::raft::{
    Configuration, Entry, Index, LogId, Message, Options, Output, Patience, Payload, Raft,
    Recovered, Snapshot, Term,
};
use splitbrain_core::{NodeId, Ratio, Rng, Time};

use super::Number;

/// Milliseconds.
const ELECTION_TIMEOUT: u64 = 250;
const HEARTBEAT: u64 = 60;

/// Servers, their disks and the network between them.
pub(super) struct Cluster {
    seats: Vec<Seat>,
    options: Options,
    now: u64,
    events: BTreeMap<(u64, u64), Event>,
    sequence: u64,
    rng: Rng,
    /// Servers that are cut off from all others.
    cut: BTreeSet<u16>,
    pub(super) loss: Ratio,
    /// The longest that a message takes, in milliseconds.
    pub(super) delay: u64,
    /// A server takes a snapshot when it has applied so many entries since the last one.
    pub(super) compact_after: Option<u64>,
    board: Board,
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

struct Seat {
    raft: Option<Raft<Number>>,
    boot: u64,
    said: Said,
    disk: Disk,
    /// The state machine: every number that was applied, with its index.
    applied: Vec<(Index, u64)>,
    reads: Vec<u64>,
    election: u64,
    heartbeat: u64,
}

#[derive(Clone)]
struct Disk {
    current_term: Term,
    voted_for: Option<NodeId>,
    snapshot: Snapshot,
    log: Vec<(Index, Entry<Number>)>,
}

enum Event {
    Deliver { from: u16, to: u16, message: Message<Number> },
    Election { server: u16, boot: u64, armed: u64 },
    Heartbeat { server: u16, boot: u64, armed: u64 },
}

impl Cluster {
    pub(super) fn new(servers: u16, options: Options, seed: u64) -> Self {
        Self::with(servers, servers, options, seed)
    }

    /// So many servers, of which the first `members` take part at the start.
    pub(super) fn with(servers: u16, members: u16, options: Options, seed: u64) -> Self {
        let snapshot = Snapshot::initial(Configuration::of((0..members).map(NodeId)));
        let disk = Disk { current_term: Term(0), voted_for: None, snapshot, log: Vec::new() };
        let seat = |_| Seat {
            raft: None,
            boot: 0,
            said: Said::default(),
            disk: disk.clone(),
            applied: Vec::new(),
            reads: Vec::new(),
            election: 0,
            heartbeat: 0,
        };
        let mut cluster = Self {
            seats: (0..servers).map(seat).collect(),
            options,
            now: 0,
            events: BTreeMap::new(),
            sequence: 0,
            rng: Rng::new(seed),
            cut: BTreeSet::new(),
            loss: Ratio::NEVER,
            delay: 10,
            compact_after: None,
            board: Board::default(),
            messages: 0,
            bytes: 0,
        };
        (0..servers).for_each(|server| cluster.start(server));
        cluster
    }

    pub(super) fn servers(&self) -> u16 {
        u16::try_from(self.seats.len()).expect("was a u16")
    }

    pub(super) fn start(&mut self, server: u16) {
        let seat = &mut self.seats[usize::from(server)];
        let Disk { current_term, voted_for, snapshot, log } = seat.disk.clone();
        seat.applied = numbers(&snapshot.data);
        seat.said = Said::default();
        seat.boot += 1;
        let mut out = Output::default();
        let found = Recovered { current_term, voted_for, snapshot, log };
        seat.raft = Some(Raft::start(NodeId(server), self.options.clone(), found, &mut out));
        self.perform(server, out);
    }

    /// The server loses its memory and keeps its disk.
    pub(super) fn crash(&mut self, server: u16) {
        self.seats[usize::from(server)].raft = None;
    }

    pub(super) fn disconnect(&mut self, server: u16) {
        self.cut.insert(server);
    }

    pub(super) fn connect(&mut self, server: u16) {
        self.cut.remove(&server);
    }

    pub(super) fn is_cut(&self, server: u16) -> bool {
        self.cut.contains(&server)
    }

    pub(super) fn is_up(&self, server: u16) -> bool {
        self.seats[usize::from(server)].raft.is_some()
    }

    pub(super) fn raft(&self, server: u16) -> &Raft<Number> {
        self.seats[usize::from(server)].raft.as_ref().expect("the server is up")
    }

    pub(super) fn term(&self, server: u16) -> u64 {
        self.raft(server).current_term().0
    }

    pub(super) fn highest_term(&self) -> u64 {
        let up = (0..self.servers()).filter(|server| self.is_up(*server));
        up.map(|server| self.term(server)).max().unwrap_or(0)
    }

    /// The leader of the latest term among those that can be reached.
    pub(super) fn leader(&self) -> Option<u16> {
        (0..self.servers())
            .filter(|server| self.is_up(*server) && !self.is_cut(*server))
            .filter(|server| self.raft(*server).is_leader())
            .max_by_key(|server| self.term(*server))
    }

    /// Waits for a leader.
    pub(super) fn wait_for_leader(&mut self) -> u16 {
        for _ in 0..100 {
            self.run(100);
            if let Some(leader) = self.leader() {
                return leader;
            }
        }
        panic!("no leader within ten seconds");
    }

    /// Some follower.
    pub(super) fn followers(&self, leader: u16) -> Vec<u16> {
        (0..self.servers()).filter(|server| *server != leader).collect()
    }

    /// Calls a server.
    pub(super) fn call<R>(
        &mut self,
        server: u16,
        call: impl FnOnce(&mut Raft<Number>, &mut Output<Number>) -> R,
    ) -> R {
        let raft = self.seats[usize::from(server)].raft.as_mut().expect("the server is up");
        let mut out = Output::default();
        let result = call(raft, &mut out);
        self.perform(server, out);
        result
    }

    /// Proposes a number, if the server leads.
    pub(super) fn propose(&mut self, server: u16, number: u64) -> Option<LogId> {
        self.call(server, |raft, out| raft.propose([Number(number)], out).ok())
    }

    pub(super) fn read(&mut self, server: u16, token: u64) -> bool {
        let now = Time::from_nanos(self.now * 1_000_000);
        self.call(server, |raft, _| raft.read(token, now).is_ok())
    }

    pub(super) fn reads(&self, server: u16) -> &[u64] {
        &self.seats[usize::from(server)].reads
    }

    pub(super) fn applied(&self, server: u16) -> Vec<u64> {
        self.seats[usize::from(server)].applied.iter().map(|(_, number)| *number).collect()
    }

    /// How many servers have applied the number.
    pub(super) fn holders(&self, number: u64) -> usize {
        let holds = |server: &u16| self.applied(*server).contains(&number);
        (0..self.servers()).filter(holds).count()
    }

    /// Has a number agreed on, whoever leads, by at least so many servers.
    pub(super) fn agree(&mut self, number: u64, servers: usize) {
        for _ in 0..50 {
            if let Some(leader) = self.leader() {
                self.propose(leader, number);
            }
            for _ in 0..10 {
                self.run(50);
                if self.holders(number) >= servers {
                    return;
                }
            }
        }
        panic!("{number} is not agreed on by {servers} servers");
    }

    /// Lets so many milliseconds pass.
    pub(super) fn run(&mut self, millis: u64) {
        let end = self.now + millis;
        while let Some(first) = self.events.first_entry() {
            if first.key().0 > end {
                break;
            }
            let ((at, _), event) = first.remove_entry();
            self.now = at;
            self.step(event);
        }
        self.now = end;
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Deliver { from, to, message } => {
                let cut = self.is_cut(from) || self.is_cut(to);
                if self.is_up(to) && !cut {
                    self.call(to, |raft, out| raft.on_message(NodeId(from), message, out));
                }
            }
            Event::Election { server, boot, armed } => {
                let seat = &self.seats[usize::from(server)];
                if seat.raft.is_some() && (seat.boot, seat.election) == (boot, armed) {
                    self.call(server, Raft::on_election_timeout);
                }
            }
            Event::Heartbeat { server, boot, armed } => {
                let seat = &self.seats[usize::from(server)];
                if seat.raft.is_some() && (seat.boot, seat.heartbeat) == (boot, armed) {
                    self.call(server, Raft::on_heartbeat_timeout);
                }
            }
        }
    }

    /// Does what a server wants done. Its disk takes no time.
    fn perform(&mut self, server: u16, mut out: Output<Number>) {
        let now = Time::from_nanos(self.now * 1_000_000);
        loop {
            let seat = &mut self.seats[usize::from(server)];
            let Some(raft) = &mut seat.raft else { return };
            raft.flush(now, &mut out);
            let changed = out.log_from;
            seat.disk.write(raft, &out);
            let mut next = Output::default();
            if out.needs_disk() {
                raft.persisted(raft.log().last_id(), &mut next);
            }
            if out.restore {
                seat.applied = numbers(&raft.snapshot().data);
            }
            let mut facts = Vec::new();
            seat.said.look(raft, changed, |fact| facts.push(fact));
            while let Some((index, entry)) = raft.next_to_apply() {
                if let Payload::Command(Number(number)) = entry.payload {
                    seat.applied.push((index, number));
                }
                let prefix = seat.applied.len() as u64;
                facts.push(Fact::Agree("applied so many", index.0, prefix));
            }
            let since = raft.last_applied().0 - raft.log().base().index.0;
            if self.compact_after.is_some_and(|after| since >= after) {
                raft.compact(bytes(&seat.applied), &mut next);
            }
            seat.reads.extend(raft.take_reads());
            for fact in facts {
                self.board.take(fact).unwrap_or_else(|why| panic!("{why} at {} ms", self.now));
            }
            self.board.leader_completeness(raft).unwrap_or_else(|why| panic!("{why}"));
            self.carry_out(server, out);
            if next == Output::default() {
                break;
            }
            out = next;
        }
    }

    /// Arms timers and sends messages.
    fn carry_out(&mut self, server: u16, out: Output<Number>) {
        self.sequence += 1;
        let (armed, boot) = (self.sequence, self.seats[usize::from(server)].boot);
        let t = ELECTION_TIMEOUT;
        let wait = match out.election {
            Some(Patience::Whole) => Some(t),
            Some(Patience::Rest) => Some(self.rng.between(0, t)),
            Some(Patience::Both) => Some(self.rng.between(t, 2 * t)),
            None => None,
        };
        if let Some(wait) = wait {
            self.seats[usize::from(server)].election = armed;
            self.events.insert((self.now + wait, armed), Event::Election { server, boot, armed });
        }
        if out.heartbeat {
            self.sequence += 1;
            let armed = self.sequence;
            self.seats[usize::from(server)].heartbeat = armed;
            let event = Event::Heartbeat { server, boot, armed };
            self.events.insert((self.now + HEARTBEAT, armed), event);
        }
        for (to, message) in out.send {
            self.messages += 1;
            self.bytes += size(&message);
            if self.rng.chance(self.loss) {
                continue;
            }
            self.sequence += 1;
            let at = self.now + self.rng.between(1, self.delay);
            let event = Event::Deliver { from: server, to: to.0, message };
            self.events.insert((at, self.sequence), event);
        }
    }
}

impl Disk {
    fn write(&mut self, raft: &Raft<Number>, out: &Output<Number>) {
        if out.hard_state {
            (self.current_term, self.voted_for) = (raft.current_term(), raft.voted_for());
        }
        if out.snapshot {
            self.snapshot = raft.snapshot().clone();
        }
        if out.snapshot || out.log_from.is_some() {
            let log = raft.log().tail(raft.log().base().index.next());
            self.log = log.map(|(index, entry)| (index, entry.clone())).collect();
        }
    }
}

/// The bytes of the numbers in a message; other bytes are overhead.
fn size(message: &Message<Number>) -> u64 {
    match message {
        Message::AppendEntries(append) => 8 * append.entries.len() as u64,
        _ => 0,
    }
}

fn bytes(applied: &[(Index, u64)]) -> Vec<u8> {
    let pairs = applied.iter().flat_map(|(index, number)| [index.0, *number]);
    pairs.flat_map(u64::to_le_bytes).collect()
}

fn numbers(bytes: &[u8]) -> Vec<(Index, u64)> {
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    bytes.chunks_exact(16).map(|pair| (Index(number(&pair[..8])), number(&pair[8..]))).collect()
}
