//! A partitioned log: every log has one owner, and every client may ask any node.
//!
//! PROBLEM     Many write to many logs through many nodes. In each log every message must have an
//!             offset of its own, be there once, and stay there, while messages between nodes are
//!             lost and doubled and nodes crash.
//! IDEA        Let each log belong to one node: its owner alone decides what comes after what, and
//!             needs nobody's consent [kreps2011 §3.1]. The node that a client asks is only a
//!             gateway: it passes the request on to the owners, as often as it takes. Who asks
//!             again must be recognised: the owner keeps with each message who asked for it, and
//!             gives the same answer twice (KIP-98).
//! RULES       1. A log has one owner, and all nodes agree on which: it follows from the log's
//!                name.
//!             2. An offset is told when its message is on disk, and not before.
//!             3. A request to append is carried out once. Who asked for it is in the same record
//!                on disk as the message: both survive a crash, or neither.
//!             4. No two requests have the same name, not after a restart of the gateway either.
//!             5. A poll is answered when all owners have answered: a log that is left out would
//!                seem to have come to its end.
//!             6. A committed offset never goes back, and is on disk before it is told.
//! MESSAGES    Ask    { call, log, what }     gateway to owner: do this, or show me
//!             Answer { call, log, reply }    back
//! COST        Two messages for each log of a request that is not the gateway's own; one sync per
//!             message and per commit.
//! CAVEATS     A log is as available as its owner: while that is down nobody can write to it or
//!             read it. Replicas that take over need consensus on who is the owner now: Kafka asks
//!             its controller, Redpanda runs Raft for each log. The names of requests are kept for
//!             ever; Kafka keeps one number per producer, which must then send in order.
//! READ NEXT   sequencer.rs: the same for transactions, which need one owner for all keys

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::kafka::{Kafka, LogName, Record, Request, Response};
use splitbrain_core::{Context, Node, NodeId, RequestId, Wal, ms};

/// How long to wait for owners before asking those again who did not answer.
const RETRY: Duration = ms(200);
/// A poll shows so many messages of a log at most. The client will ask on.
const PAGE: usize = 16;

/// The owner of some logs, and a gateway to all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PartitionedLog {
    /// The logs that this node owns. All of this is on disk. Offsets are places in the list.
    logs: BTreeMap<LogName, Vec<u64>>,
    /// How far clients have read each of them.
    committed: BTreeMap<LogName, u64>,
    /// The appends that were carried out, with the offset that each was given.
    done: BTreeMap<(NodeId, Call), u64>,
    /// The requests of clients that wait for owners.
    open: BTreeMap<Call, Open>,
    /// The call that was made last.
    call: Call,
}

/// Names one request that a gateway has passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Call {
    /// The gateway's boot: it forgets its calls in a crash, and must not use their names again.
    pub boot: u64,
    /// The number of the call in that boot.
    pub number: u64,
}

/// What is asked of the owner of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Add this message.
    Append(u64),
    /// Show what is there from this offset on.
    Show(u64),
    /// Clients have read up to this offset.
    Commit(u64),
    /// How far have clients read?
    Committed,
}

/// What the owner answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It is at this offset.
    Appended(u64),
    /// This is there.
    Shown(Vec<Record>),
    /// So far, if at all.
    Committed(Option<u64>),
}

/// What nodes say to one another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// Do this to your log.
    Ask {
        /// To be returned with the answer.
        call: Call,
        /// The log.
        log: LogName,
        /// What to do.
        what: What,
    },
    /// It is done.
    Answer {
        /// The call that is answered.
        call: Call,
        /// The log.
        log: LogName,
        /// What came of it.
        reply: Reply,
    },
}

/// What a node waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Ask the owners again who did not answer.
    Retry(Call),
}

/// What is on disk, in the order in which it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Entry {
    /// A message was added to a log, because this gateway's call said so.
    Append {
        /// The log.
        log: LogName,
        /// The message.
        message: u64,
        /// Who passed it on.
        gateway: NodeId,
        /// In which call.
        call: Call,
    },
    /// Clients have read a log up to this offset.
    Commit {
        /// The log.
        log: LogName,
        /// The offset.
        offset: u64,
    },
}

/// A client's request on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Open {
    request: RequestId,
    /// What the owners of these logs have still to do.
    asked: BTreeMap<LogName, What>,
    answered: BTreeMap<LogName, Reply>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Send,
    Poll,
    Commit,
    List,
}

impl Node for PartitionedLog {
    type Api = Kafka;
    type Message = Message;
    type Timer = Timer;
    /// The number of boots, and what happened to the logs.
    type Disk = Wal<u64, Entry>;

    fn start(cx: &mut Context<Self>) -> Self {
        let boot = cx.disk.get() + 1;
        cx.disk.set(boot); // rule 4
        cx.sync();
        let mut node = Self {
            logs: BTreeMap::new(),
            committed: BTreeMap::new(),
            done: BTreeMap::new(),
            open: BTreeMap::new(),
            call: Call { boot, number: 0 },
        };
        for entry in cx.disk.log() {
            node.apply(*entry);
        }
        node
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        let (kind, asked) = match request {
            Request::Send { key, msg } => (Kind::Send, BTreeMap::from([(key, What::Append(msg))])),
            Request::Poll { offsets } => (Kind::Poll, each(offsets, What::Show)),
            Request::CommitOffsets { offsets } => (Kind::Commit, each(offsets, What::Commit)),
            Request::ListCommittedOffsets { keys } => {
                (Kind::List, keys.into_iter().map(|log| (log, What::Committed)).collect())
            }
        };
        self.call.number += 1;
        let open = Open { request: id, asked, answered: BTreeMap::new(), kind };
        self.open.insert(self.call, open);
        self.ask(cx, self.call);
    }

    fn on_message(&mut self, cx: &mut Context<Self>, from: NodeId, message: Message) {
        match message {
            Message::Ask { call, log, what } => {
                let reply = self.carry_out(cx, from, call, log, what);
                cx.send(from, Message::Answer { call, log, reply });
            }
            Message::Answer { call, log, reply } => self.on_answer(cx, call, log, reply),
        }
    }

    fn on_timer(&mut self, cx: &mut Context<Self>, Timer::Retry(call): Timer) {
        self.ask(cx, call);
    }
}

/// The gateway.
impl PartitionedLog {
    /// Asks the owners who did not answer. This node answers itself at once.
    fn ask(&mut self, cx: &mut Context<Self>, call: Call) {
        let Some(open) = self.open.get(&call) else { return };
        cx.set_timer(Timer::Retry(call), RETRY);
        for (log, what) in open.asked.clone() {
            let owner = owner(cx, log);
            if owner == cx.id() {
                let reply = self.carry_out(cx, owner, call, log, what);
                self.on_answer(cx, call, log, reply);
            } else {
                cx.send(owner, Message::Ask { call, log, what });
            }
        }
        self.answer_if_done(cx, call);
    }

    fn on_answer(&mut self, cx: &mut Context<Self>, call: Call, log: LogName, reply: Reply) {
        let Some(open) = self.open.get_mut(&call) else {
            return; // it is over: this answer came twice
        };
        if open.asked.remove(&log).is_some() {
            open.answered.insert(log, reply);
        }
        self.answer_if_done(cx, call);
    }

    fn answer_if_done(&mut self, cx: &mut Context<Self>, call: Call) {
        if self.open.get(&call).is_some_and(|open| open.asked.is_empty()) // rule 5
            && let Some(open) = self.open.remove(&call)
        {
            cx.cancel_timer(Timer::Retry(call));
            cx.reply(open.request, open.response());
        }
    }
}

/// The owner.
impl PartitionedLog {
    /// Does what is asked. When this returns, the reply may be told.
    fn carry_out(
        &mut self,
        cx: &mut Context<Self>,
        gateway: NodeId,
        call: Call,
        log: LogName,
        what: What,
    ) -> Reply {
        match what {
            What::Append(message) => {
                if let Some(offset) = self.done.get(&(gateway, call)) {
                    return Reply::Appended(*offset); // rule 3
                }
                self.write(cx, Entry::Append { log, message, gateway, call });
                Reply::Appended(self.done[&(gateway, call)])
            }
            What::Show(from) => Reply::Shown(self.show(log, from)),
            What::Commit(offset) => {
                if self.committed.get(&log).is_none_or(|committed| *committed < offset) {
                    self.write(cx, Entry::Commit { log, offset }); // rule 6
                }
                Reply::Committed(Some(offset))
            }
            What::Committed => Reply::Committed(self.committed.get(&log).copied()),
        }
    }

    fn show(&self, log: LogName, from: u64) -> Vec<Record> {
        let messages = self.logs.get(&log).map_or(&[][..], Vec::as_slice);
        let records = (0..).zip(messages).map(|(offset, message)| Record(offset, *message));
        records.skip_while(|record| record.offset() < from).take(PAGE).collect()
    }

    fn write(&mut self, cx: &mut Context<Self>, entry: Entry) {
        cx.disk.append(entry);
        cx.sync(); // rules 2 and 6
        self.apply(entry);
    }

    /// What an entry means, now and when it is read from disk.
    fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Append { log, message, gateway, call } => {
                let messages = self.logs.entry(log).or_default();
                self.done.insert((gateway, call), messages.len() as u64); // rule 3
                messages.push(message);
            }
            Entry::Commit { log, offset } => {
                self.committed.insert(log, offset);
            }
        }
    }
}

impl Open {
    /// The answer to the client, when all owners have answered.
    fn response(self) -> Response {
        let mut appended = 0;
        let mut msgs = BTreeMap::new();
        let mut offsets = BTreeMap::new();
        for (log, reply) in self.answered {
            match reply {
                Reply::Appended(offset) => appended = offset,
                Reply::Shown(records) if records.is_empty() => {}
                Reply::Shown(records) => _ = msgs.insert(log, records),
                Reply::Committed(None) => {}
                Reply::Committed(Some(offset)) => _ = offsets.insert(log, offset),
            }
        }
        match self.kind {
            Kind::Send => Response::SendOk { offset: appended },
            Kind::Poll => Response::PollOk { msgs },
            Kind::Commit => Response::CommitOffsetsOk,
            Kind::List => Response::ListCommittedOffsetsOk { offsets },
        }
    }
}

/// Rule 1.
fn owner(cx: &Context<PartitionedLog>, log: LogName) -> NodeId {
    let node = log.0 % cx.node_count() as u64;
    NodeId(u16::try_from(node).expect("there are fewer nodes than that"))
}

/// The same for each log.
fn each(offsets: BTreeMap<LogName, u64>, what: fn(u64) -> What) -> BTreeMap<LogName, What> {
    offsets.into_iter().map(|(log, offset)| (log, what(offset))).collect()
}
