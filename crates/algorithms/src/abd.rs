//! ABD: a register that survives the loss of any minority, with many readers and many writers.
//!
//! PROBLEM     Some machines are dead, or only slow, or cut off; from here they all look the same.
//!             Still all clients, whichever node they ask, must see one register per key: a read
//!             returns what the last write wrote, and once a read has returned a value, no later
//!             read returns an older one.
//! IDEA        Any two majorities share a node. So ask a majority, tell a majority, and wait for
//!             nobody in particular. Every value carries a stamp; the larger stamp is the newer
//!             value (Attiya et al. 1995). With many writers a stamp needs the writer's name to
//!             break ties, and a writer must first ask which stamp is the largest so far (Lynch and
//!             Shvartsman 1997).
//! RULES       1. A write asks a majority for the newest stamp and then tells a majority a larger
//!                one ("read-impose write-consult-majority" [cachin2011 §4.4]).
//!             2. A read asks a majority for the newest value and then tells it to a majority
//!                before it returns it: otherwise a second read could meet a majority that has not
//!                heard yet.
//!             3. A replica replaces its copy by a newer one only.
//!             4. No two writes have the same stamp. The coordinator is its own first replica: it
//!                keeps a version before it sends it, and picks a stamp above its own copy, so that
//!                neither two clients of one node nor two lives of it can pick the same.
//!             5. A replica has a version on disk before it says so [cachin2011 §4.5]. What a
//!                majority said must still be true after they all have crashed.
//!             6. An answer counts once per replica, and only for the phase it answers. Phases are
//!                never numbered the same again, not after a restart either.
//! MESSAGES    Query  { phase, key }            to all: what is your version?
//!             Update { phase, key, version }   to all: keep this, if it is newer
//!             Answer { phase, held }           back: this is what I now hold
//! COST        Two round trips and 4(n - 1) messages for a write and for a read; a sync per replica
//!             that learned something new.
//! CAVEATS     There is no compare-and-set, and cannot be: registers have consensus number 1, and
//!             compare-and-set solves consensus among any number of processes (Herlihy 1991). It is
//!             answered with "not supported"; see Raft and Paxos for what it takes.
//!             Without a majority a request waits, and is sent again, for as long as that lasts;
//!             its client will have given up. Waiting requests and the log grow without bound. A
//!             replica whose synced disk was damaged breaks rule 5. It would have to learn all keys
//!             from a majority of the others before it may answer.
//! READ NEXT   primary_backup.rs for what happens to those who do not ask a majority

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::lin_kv::{LinKv, Request, Response};
use splitbrain_core::{Context, ErrorCode, Node, NodeId, RequestId, Wal, ms};

/// How long to wait for a majority before asking those again who did not answer.
const RETRY: Duration = ms(200);

/// A replica of all keys, and the coordinator of its clients' requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Abd {
    /// This replica's copy of every key. All of it is on disk.
    copies: BTreeMap<u64, Version>,
    /// The requests under way, by the phase they are in.
    open: BTreeMap<Phase, Operation>,
    /// The phase that was begun last.
    phase: Phase,
}

/// What was written, and when, on a clock that ticks with every write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Decides which of two versions is newer.
    pub stamp: Stamp,
    /// The value of the register.
    pub value: u64,
}

/// Ordered by the counter, and by the writer where counters are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// One more than the largest its writer had seen.
    pub counter: u64,
    /// The node that coordinated the write.
    pub writer: NodeId,
}

/// Names one round trip of one coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Phase {
    /// The coordinator's boot: what was asked before a restart is not waited for after it.
    pub boot: u64,
    /// The number of the phase in that boot.
    pub number: u64,
}

/// What nodes say to one another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// What is your version?
    Query {
        /// To be returned with the answer.
        phase: Phase,
        /// Of this key.
        key: u64,
    },
    /// Keep this version if it is newer than yours.
    Update {
        /// To be returned with the answer.
        phase: Phase,
        /// The key.
        key: u64,
        /// What to keep.
        version: Version,
    },
    /// This is what I now hold.
    Answer {
        /// The phase that is answered.
        phase: Phase,
        /// The version, unless the key was never written.
        held: Option<Version>,
    },
}

/// What a node waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Ask those again who did not answer in this phase.
    Retry(Phase),
}

/// A client's request on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Operation {
    request: RequestId,
    key: u64,
    goal: Goal,
    step: Step,
    /// The replicas that have answered in this phase.
    answered: BTreeSet<NodeId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Goal {
    Read,
    Write(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// Looking for the newest version; so far it is this one.
    Query(Option<Version>),
    /// Seeing to it that a majority holds this version.
    Update(Version),
}

impl Node for Abd {
    type Api = LinKv;
    type Message = Message;
    type Timer = Timer;
    /// The number of boots, and every version that was ever kept.
    type Disk = Wal<u64, (u64, Version)>;

    fn start(cx: &mut Context<Self>) -> Self {
        let boot = cx.disk.get() + 1;
        cx.disk.set(boot); // rule 6
        cx.sync();
        let copies = cx.disk.log().iter().copied().collect(); // of each key the last is the newest
        Self { copies, open: BTreeMap::new(), phase: Phase { boot, number: 0 } }
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        match request {
            Request::Read { key } => self.query(cx, id, key, Goal::Read),
            Request::Write { key, value } => self.query(cx, id, key, Goal::Write(value)),
            Request::Cas { .. } => {
                cx.reply_error(id, ErrorCode::NOT_SUPPORTED, "registers cannot compare and set");
            }
        }
    }

    fn on_message(&mut self, cx: &mut Context<Self>, from: NodeId, message: Message) {
        match message {
            Message::Query { phase, key } => {
                cx.send(from, Message::Answer { phase, held: self.copies.get(&key).copied() });
            }
            Message::Update { phase, key, version } => {
                self.keep(cx, key, version);
                cx.send(from, Message::Answer { phase, held: self.copies.get(&key).copied() });
            }
            Message::Answer { phase, held } => self.on_answer(cx, from, phase, held),
        }
    }

    fn on_timer(&mut self, cx: &mut Context<Self>, Timer::Retry(phase): Timer) {
        if let Some(operation) = self.open.get(&phase) {
            for silent in cx.peers().filter(|peer| !operation.answered.contains(peer)) {
                cx.send(silent, operation.message(phase));
            }
            cx.set_timer(Timer::Retry(phase), RETRY);
        }
    }
}

/// The replica.
impl Abd {
    /// Replaces the copy by a newer one. When this returns, it may be said that the copy is at
    /// least as new as `version`.
    fn keep(&mut self, cx: &mut Context<Self>, key: u64, version: Version) {
        if self.copies.get(&key).is_none_or(|held| held.stamp < version.stamp) {
            self.copies.insert(key, version); // rule 3
            cx.disk.append((key, version));
            cx.sync(); // rule 5
        }
    }
}

/// The coordinator.
impl Abd {
    /// Both reads and writes begin by asking what is there.
    fn query(&mut self, cx: &mut Context<Self>, request: RequestId, key: u64, goal: Goal) {
        let step = Step::Query(self.copies.get(&key).copied());
        self.begin(cx, Operation { request, key, goal, step, answered: BTreeSet::new() });
    }

    /// Both reads and writes end by telling a majority.
    fn update(&mut self, cx: &mut Context<Self>, mut operation: Operation, version: Version) {
        self.keep(cx, operation.key, version); // rule 4
        operation.step = Step::Update(version);
        operation.answered.clear(); // rule 6
        self.begin(cx, operation);
    }

    /// Asks all for the next step of the operation. This node has answered itself.
    fn begin(&mut self, cx: &mut Context<Self>, operation: Operation) {
        self.phase.number += 1;
        let phase = self.phase;
        cx.broadcast(operation.message(phase));
        cx.set_timer(Timer::Retry(phase), RETRY);
        self.open.insert(phase, operation);
        self.on_answer(cx, cx.id(), phase, None);
    }

    fn on_answer(
        &mut self,
        cx: &mut Context<Self>,
        from: NodeId,
        phase: Phase,
        held: Option<Version>,
    ) {
        let Some(operation) = self.open.get_mut(&phase) else {
            return; // rule 6: the phase is over
        };
        operation.answered.insert(from);
        if let Step::Query(newest) = &mut operation.step {
            *newest = held.max(*newest);
        }
        if operation.answered.len() >= cx.majority() {
            cx.cancel_timer(Timer::Retry(phase));
            if let Some(operation) = self.open.remove(&phase) {
                self.next_step(cx, operation);
            }
        }
    }

    /// A majority has answered.
    fn next_step(&mut self, cx: &mut Context<Self>, operation: Operation) {
        let request = operation.request;
        match (operation.step, operation.goal) {
            (Step::Query(None), Goal::Read) => {
                cx.reply_error(request, ErrorCode::KEY_DOES_NOT_EXIST, "never written");
            }
            (Step::Query(Some(newest)), Goal::Read) => {
                self.update(cx, operation, newest); // rule 2
            }
            (Step::Query(newest), Goal::Write(value)) => {
                let seen = newest.max(self.copies.get(&operation.key).copied()); // rule 4
                let counter = seen.map_or(0, |version| version.stamp.counter) + 1;
                let stamp = Stamp { counter, writer: cx.id() };
                self.update(cx, operation, Version { stamp, value }); // rule 1
            }
            (Step::Update(version), Goal::Read) => {
                cx.reply(request, Response::ReadOk { value: version.value });
            }
            (Step::Update(_), Goal::Write(_)) => cx.reply(request, Response::WriteOk),
        }
    }
}

impl Operation {
    const fn message(&self, phase: Phase) -> Message {
        let key = self.key;
        match self.step {
            Step::Query(_) => Message::Query { phase, key },
            Step::Update(version) => Message::Update { phase, key, version },
        }
    }
}
