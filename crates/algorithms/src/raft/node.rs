//! Raft as a node: a linearizable store of keys and values.
//!
//! This is the caller that server.rs speaks of: it moves messages, arms timers, writes the disk,
//! applies what is committed and answers whoever waits.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::lin_kv::{LinKv, Request};
use splitbrain_core::{Context, ErrorCode, Node, NodeId, RequestId, Time, Wal, ms, us};

use super::invariants::{self, Fact, Said};
use super::{
    Applied, Ask, Clerk, Configuration, Entry, Index, KvCommand, Machine, NotLeader, Once, Options,
    Output, Owner, Patience, Payload, Raft, Recovered, Role, Snapshot, Term, Told,
};

/// The least time without a leader before an election [raft §5.2].
const ELECTION_TIMEOUT: Duration = ms(250);
/// Several heartbeats fit into an election timeout, so that a lost one does no harm [raft §5.6].
const HEARTBEAT: Duration = ms(60);
/// How long a clerk waits before it asks again.
const ASK_AGAIN: Duration = ms(150);
/// What is to be written gathers for so long, so that one sync serves many.
const GATHER: Duration = us(500);
/// A snapshot is taken after so many entries: few, so that runs of a few hundred have many.
const COMPACT_AFTER: u64 = 40;

const OPTIONS: Options = Options {
    pre_vote: true,
    check_quorum: true,
    message_bytes: 1_000,
    window_entries: 64,
    window_bytes: 8_000,
    chunk_bytes: 512,
    lease: None,
};

/// The register with what is durable, and the log.
pub type Disk = Wal<Durable, (Index, Entry<KvCommand>)>;

/// A node with these messages, timers and disk.
pub(super) trait Host:
    Node<Api = LinKv, Message = Message, Timer = Timer, Disk = Disk>
{
}
impl<N: Node<Api = LinKv, Message = Message, Timer = Timer, Disk = Disk>> Host for N {}

/// A server, its state machine, and the clerk of its clients.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RaftKv {
    pub(super) raft: Raft<KvCommand>,
    machine: Machine,
    clerk: Clerk,
    boot: u64,
    /// What the server wants done and is not yet.
    pub(super) out: Output<KvCommand>,
    /// Whether the timer is armed that ends the gathering.
    gathering: bool,
    /// The reads that wait, by their tokens: who asked, which of its requests, which key.
    reads: BTreeMap<u64, (Owner, u64, u64)>,
    read_token: u64,
    said: Said,
    role: &'static str,
}

/// What is in the register of the disk; the log is beside it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Durable {
    boot: u64,
    current_term: Term,
    voted_for: Option<NodeId>,
    /// None before the first one was taken.
    snapshot: Option<Snapshot>,
}

/// What nodes say to one another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Server to server.
    Raft(super::Message<KvCommand>),
    /// Clerk to leader.
    Ask {
        /// Which life of the clerk's node asks.
        boot: u64,
        /// What: all at once, so that a clerk with many clients is no flood.
        asks: Vec<Ask>,
    },
    /// Leader to clerk.
    Told {
        /// Which life of the clerk's node had asked.
        boot: u64,
        /// What.
        told: Told,
    },
}

/// What a node waits for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Timer {
    /// The election timer, or a leader's look at its majority.
    Election,
    /// The next heartbeat.
    Heartbeat,
    /// Writing what has gathered.
    Write,
    /// Asking the leader again.
    AskAgain,
}

impl Node for RaftKv {
    type Api = LinKv;
    type Message = Message;
    type Timer = Timer;
    type Disk = Disk;

    fn start(cx: &mut Context<Self>) -> Self {
        Self::boot(cx)
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        self.handle_request(cx, id, request);
    }

    fn on_message(&mut self, cx: &mut Context<Self>, from: NodeId, message: Message) {
        self.handle_message(cx, from, message);
    }

    fn on_timer(&mut self, cx: &mut Context<Self>, timer: Timer) {
        self.handle_timer(cx, timer);
    }
}

/// The handlers, for any node that has the same messages, timers and disk: churn.rs is the other.
impl RaftKv {
    pub(super) fn boot(cx: &mut Context<impl Host>) -> Self {
        let mut durable = cx.disk.get().clone();
        durable.boot += 1;
        cx.disk.set(durable.clone());
        cx.sync();
        let Durable { boot, current_term, voted_for, snapshot } = durable;
        let nodes = (0..cx.node_count()).filter_map(|node| u16::try_from(node).ok());
        let everyone = Configuration::of(nodes.map(NodeId));
        let snapshot = snapshot.unwrap_or_else(|| Snapshot::initial(everyone));
        let machine = Machine::from_bytes(&snapshot.data);
        let log: Vec<_> = cx.disk.log().to_vec();
        let found = Recovered { current_term, voted_for, snapshot, log };
        let mut out = Output::default();
        let raft = Raft::start(cx.id(), OPTIONS, found, &mut out);
        let mut node = Self {
            raft,
            machine,
            clerk: Clerk::new(Owner { node: cx.id(), boot }),
            boot,
            out,
            gathering: false,
            reads: BTreeMap::new(),
            read_token: 0,
            said: Said::default(),
            role: "",
        };
        node.settle(cx);
        node
    }

    pub(super) fn handle_request(
        &mut self,
        cx: &mut Context<impl Host>,
        id: RequestId,
        request: Request,
    ) {
        let asks = self.clerk.take(id, request);
        self.ask(cx, asks);
        cx.set_timer(Timer::AskAgain, ASK_AGAIN);
    }

    pub(super) fn handle_message(
        &mut self,
        cx: &mut Context<impl Host>,
        from: NodeId,
        message: Message,
    ) {
        match message {
            Message::Raft(message) => self.raft.on_message(from, message, &mut self.out),
            Message::Ask { boot, asks } => self.on_ask(cx, Owner { node: from, boot }, asks),
            Message::Told { boot, told } => self.on_told(cx, from, boot, told),
        }
        self.settle(cx);
    }

    pub(super) fn handle_timer(&mut self, cx: &mut Context<impl Host>, timer: Timer) {
        match timer {
            Timer::Election => self.raft.on_election_timeout(&mut self.out),
            Timer::Heartbeat => self.raft.on_heartbeat_timeout(&mut self.out),
            Timer::Write => {
                self.gathering = false;
                return self.perform(cx);
            }
            Timer::AskAgain => self.ask_again(cx),
        }
        self.settle(cx);
    }
}

/// The server and its surroundings.
impl RaftKv {
    /// The end of a handler. What needs the disk waits for what else may come; meanwhile nothing
    /// that depends on it is seen.
    pub(super) fn settle(&mut self, cx: &mut Context<impl Host>) {
        self.arm(cx);
        if !self.out.needs_disk() {
            self.perform(cx);
        } else if !self.gathering {
            self.gathering = true;
            cx.set_timer(Timer::Write, GATHER);
        }
    }

    /// Does what the server wants done, as server.rs demands it, until it wants nothing more.
    fn perform(&mut self, cx: &mut Context<impl Host>) {
        loop {
            self.raft.flush(clock(cx), &mut self.out);
            self.arm(cx);
            let Output { send, hard_state, snapshot, log_from, restore, .. } =
                std::mem::take(&mut self.out);
            let at_once = |message: &super::Message<_>| !hard_state && !message.is_promise();
            let (first, then): (Vec<_>, Vec<_>) =
                send.into_iter().partition(|(_, message)| at_once(message));
            send_all(cx, first); // [thesis §10.2.1] the disks work in parallel
            self.write(cx, hard_state, snapshot, log_from);
            cx.sync();
            send_all(cx, then); // [raft §5.2] what was promised is on disk
            if snapshot || log_from.is_some() {
                self.raft.persisted(self.raft.log().last_id(), &mut self.out);
            }
            if restore {
                self.machine = Machine::from_bytes(&self.raft.snapshot().data);
            }
            self.said.look(&self.raft, log_from, |fact| say(cx, fact));
            self.apply(cx);
            self.answer_reads(cx);
            if self.out == Output::default() {
                break;
            }
        }
        self.show_role(cx);
    }

    /// Writes what has changed: first the register, then the log. Whatever prefix of that a crash
    /// leaves, the log is never of a term that the register does not know.
    fn write(
        &self,
        cx: &mut Context<impl Host>,
        hard_state: bool,
        snapshot: bool,
        log_from: Option<Index>,
    ) {
        if hard_state || snapshot {
            let taken = self.raft.snapshot();
            cx.disk.set(Durable {
                boot: self.boot,
                current_term: self.raft.current_term(),
                voted_for: self.raft.voted_for(),
                snapshot: (taken.last_included.index > Index(0)).then(|| taken.clone()),
            });
        }
        let log = self.raft.log();
        let base = log.base().index;
        if snapshot {
            let covered = cx.disk.log().partition_point(|(index, _)| *index <= base);
            cx.disk.discard(covered);
            cx.disk.truncate(log.len());
        }
        if let Some(from) = log_from {
            let from = from.max(base.next());
            let keep = cx.disk.log().partition_point(|(index, _)| *index < from);
            cx.disk.truncate(keep);
            for (index, entry) in log.tail(from) {
                cx.disk.append((index, entry.clone()));
            }
        }
    }

    /// [raft §5.3] Applies what is committed. The leader answers those who wait for it.
    fn apply(&mut self, cx: &mut Context<impl Host>) {
        let leads = self.raft.is_leader();
        while let Some((index, entry)) = self.raft.next_to_apply() {
            if let Payload::Command(command) = &entry.payload {
                let applied = self.machine.apply(index, command.clone());
                if leads {
                    answer(cx, applied);
                }
            }
            say(cx, invariants::applied(index, &self.machine));
        }
        let covered = self.raft.log().base().index;
        if self.raft.last_applied().0 - covered.0 >= COMPACT_AFTER {
            self.raft.compact(self.machine.to_bytes(), &mut self.out);
            cx.sometimes("a snapshot is taken");
        }
    }

    fn answer_reads(&mut self, cx: &mut Context<impl Host>) {
        for token in self.raft.take_reads() {
            if let Some((owner, sequence, key)) = self.reads.remove(&token) {
                let once = Once::Answer(self.machine.read(key));
                tell(cx, owner, Told::Done(sequence, once));
            }
        }
        if !self.raft.is_leader() {
            self.reads.clear(); // their clerks will ask again
        }
    }

    fn show_role(&mut self, cx: &mut Context<impl Host>) {
        let role = match self.raft.role() {
            Role::Follower { .. } => "follower",
            Role::PreCandidate { .. } => "pre-candidate",
            Role::Candidate { .. } => "candidate",
            Role::Leader(_) => "leader",
        };
        if self.role != role {
            self.role = role;
            cx.role(role);
        }
    }
}

/// The leader and its clerks.
impl RaftKv {
    fn on_ask(&mut self, cx: &mut Context<impl Host>, owner: Owner, asks: Vec<Ask>) {
        for ask in asks {
            let taken = match ask {
                Ask::Read { sequence, key } => {
                    self.read_token += 1;
                    self.reads.insert(self.read_token, (owner, sequence, key));
                    self.raft.read(self.read_token, clock(cx))
                }
                Ask::Command(command) => match self.known(&command) {
                    Some(told) => {
                        tell(cx, owner, told);
                        continue;
                    }
                    None => self.raft.propose([command], &mut self.out).map(|_| ()),
                },
            };
            if let Err(NotLeader { leader }) = taken {
                return tell(cx, owner, Told::NotLeader(leader));
            }
        }
    }

    /// What can be told without the log: it was done before.
    fn known(&self, command: &KvCommand) -> Option<Told> {
        match command {
            KvCommand::Register(owner) => self.machine.session(*owner).map(Told::Registered),
            KvCommand::Execute(execute) => {
                let answer = self.machine.answered(execute)?;
                Some(Told::Done(execute.sequence, Once::Answer(answer)))
            }
        }
    }

    fn on_told(&mut self, cx: &mut Context<impl Host>, from: NodeId, boot: u64, told: Told) {
        let (answers, asks) = self.clerk.told(from, boot, told);
        for (id, once) in answers {
            match once {
                Once::Answer(Ok(response)) => cx.reply(id, response),
                Once::Answer(Err(code)) => cx.reply_error(id, code, code.to_string()),
                Once::Forgotten | Once::Expired => {
                    cx.reply_error(id, ErrorCode::TIMEOUT, "the session has ended");
                }
            }
        }
        self.ask(cx, asks);
    }

    fn ask_again(&mut self, cx: &mut Context<impl Host>) {
        let nodes = u16::try_from(cx.node_count()).unwrap_or(u16::MAX);
        let (asks, given_up) = self.clerk.ask_again(nodes);
        for id in given_up {
            cx.reply_error(id, ErrorCode::TIMEOUT, "no leader answers");
        }
        if !asks.is_empty() {
            cx.set_timer(Timer::AskAgain, ASK_AGAIN);
        }
        self.ask(cx, asks);
    }

    fn ask(&self, cx: &mut Context<impl Host>, asks: Vec<Ask>) {
        if !asks.is_empty() {
            cx.send(self.clerk.leader(), Message::Ask { boot: self.boot, asks });
        }
    }

    fn arm(&mut self, cx: &mut Context<impl Host>) {
        let t = ELECTION_TIMEOUT;
        match self.out.election.take() {
            Some(Patience::Whole) => cx.set_timer(Timer::Election, t),
            Some(Patience::Rest) => cx.set_timer(Timer::Election, ms(0)..=t),
            Some(Patience::Both) => cx.set_timer(Timer::Election, t..=t * 2),
            None => {}
        }
        if std::mem::take(&mut self.out.heartbeat) {
            cx.set_timer(Timer::Heartbeat, HEARTBEAT);
        }
    }
}

fn answer(cx: &mut Context<impl Host>, applied: Applied) {
    match applied {
        Applied::Registered(owner, session) => tell(cx, owner, Told::Registered(session)),
        Applied::Executed(Some(owner), sequence, once) => {
            tell(cx, owner, Told::Done(sequence, once));
        }
        Applied::Executed(None, ..) => {} // its session has ended: the clerk asks again
    }
}

fn tell(cx: &mut Context<impl Host>, Owner { node, boot }: Owner, told: Told) {
    cx.send(node, Message::Told { boot, told });
}

fn send_all(cx: &mut Context<impl Host>, messages: Vec<(NodeId, super::Message<KvCommand>)>) {
    for (to, message) in messages {
        cx.send(to, Message::Raft(message));
    }
}

/// The time, if a lease needs it.
fn clock(cx: &mut Context<impl Host>) -> Time {
    if OPTIONS.lease.is_some() { cx.now() } else { Time::ZERO }
}

fn say(cx: &mut Context<impl Host>, fact: Fact) {
    match fact {
        Fact::Always(holds, name) => cx.always(holds, name),
        Fact::Agree(name, subject, value) => cx.agree(name, subject, value),
    }
}
