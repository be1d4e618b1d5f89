//! Primary and backups with heartbeats: the kind everyone writes first. BROKEN BY DESIGN.
//!
//! PROBLEM     One machine is a single point of failure. There should be a second one with a copy,
//!             which takes over when the first one dies.
//! IDEA        One node is the primary: it answers all clients, sends every write to the backups,
//!             and sends heartbeats. A backup that hears no heartbeat for a while concludes that
//!             the primary is dead, and becomes the primary. If two primaries ever meet, the one
//!             with the lower number stays, and the other becomes its backup and takes its copy of
//!             the data.
//! RULES       It is tempting to think that these are enough:
//!             1. A write is on the primary's disk and on its way to the backups before the client
//!                hears that it is done.
//!             2. Only the primary answers clients, so they all see one order of events.
//!             3. Backups take over one after another: the lower its number, the sooner.
//! MESSAGES    Heartbeat          primary to all: I am here
//!             Put { key, value } primary to all: do the same
//!             Join               backup to a primary that is new to it: what did I miss?
//!             Copy { table }     back: all there is
//! WRONG       *Silence is not death.* A primary that is cut off, or slow, looks to the backups
//!             exactly like a dead one. They elect a successor while it goes on answering
//!             clients: now both sides believe they are in charge, which is the split brain this
//!             laboratory is named for (Bailis and Kingsbury 2014). When they meet again, one of
//!             them throws away writes that it had acknowledged. Breaking rule 2 does that by
//!             itself; and rule 1 is too weak even without a partition: "on its way" is not
//!             "arrived", so a primary that dies at the wrong moment takes acknowledged writes
//!             with it.
//! THE CURE    Neither a longer timeout nor a better detector helps: no timeout tells slow from
//!             dead. Before it acknowledges a write, a primary must know that a majority has it,
//!             and it must lose the power to acknowledge before anyone else gains it: abd.rs has no
//!             primary at all, Raft and Viewstamped Replication have one per term.
//! READ NEXT   abd.rs

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::lin_kv::{LinKv, Request, Response};
use splitbrain_core::{Context, ErrorCode, Node, NodeId, RequestId, Wal, ms};

/// How often the primary says that it is there.
const HEARTBEAT: Duration = ms(50);
/// How long the first node bears silence. The second one bears it twice as long, and so on.
const SILENCE: Duration = ms(300);

/// A replica of the table, and perhaps the one in charge.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PrimaryBackup {
    /// Who is in charge, as far as this node knows; nobody at first.
    primary: Option<NodeId>,
    /// The data.
    table: BTreeMap<u64, u64>,
}

/// What nodes say to one another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// I am the primary, and alive.
    Heartbeat,
    /// Do as I did.
    Put {
        /// The key that was written.
        key: u64,
        /// Its new value.
        value: u64,
    },
    /// You are my primary now; what did I miss?
    Join,
    /// All there is.
    Copy {
        /// The primary's table.
        table: BTreeMap<u64, u64>,
    },
}

/// What a node waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The primary: say that you are there.
    Heartbeat,
    /// A backup: the primary has been silent for too long.
    Silence,
}

impl Node for PrimaryBackup {
    type Api = LinKv;
    type Message = Message;
    type Timer = Timer;
    /// The table.
    type Disk = Wal<BTreeMap<u64, u64>, ()>;

    fn start(cx: &mut Context<Self>) -> Self {
        let node = Self { primary: None, table: cx.disk.get().clone() };
        cx.role("backup");
        node.listen(cx);
        node
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        if self.primary != Some(cx.id()) {
            let text = match self.primary {
                Some(primary) => format!("ask {primary}, it is the primary"),
                None => "there is no primary yet".into(),
            };
            cx.reply_error(id, ErrorCode::TEMPORARILY_UNAVAILABLE, text);
            return;
        }
        let held = self.table.get(&request.key()).copied();
        match (request, held) {
            (Request::Write { key, value }, _) => {
                self.put(cx, key, value);
                cx.reply(id, Response::WriteOk);
            }
            (Request::Read { .. }, Some(value)) => {
                cx.reply(id, Response::ReadOk { value });
            }
            (Request::Cas { key, from, to }, Some(value)) if value == from => {
                self.put(cx, key, to);
                cx.reply(id, Response::CasOk);
            }
            (Request::Cas { .. }, Some(value)) => {
                cx.reply_error(id, ErrorCode::PRECONDITION_FAILED, format!("it is {value}"));
            }
            (_, None) => cx.reply_error(id, ErrorCode::KEY_DOES_NOT_EXIST, "never written"),
        }
    }

    fn on_message(&mut self, cx: &mut Context<Self>, from: NodeId, message: Message) {
        match message {
            Message::Heartbeat => self.on_heartbeat(cx, from),
            Message::Join => cx.send(from, Message::Copy { table: self.table.clone() }),
            Message::Put { .. } | Message::Copy { .. } if self.primary != Some(from) => {
                cx.note("ignored: it is no longer my primary");
            }
            Message::Put { key, value } => {
                self.table.insert(key, value);
                cx.disk.set(self.table.clone());
            }
            Message::Copy { table } => {
                self.table = table;
                cx.disk.set(self.table.clone());
            }
        }
    }

    fn on_timer(&mut self, cx: &mut Context<Self>, timer: Timer) {
        match timer {
            Timer::Heartbeat => {
                cx.broadcast(Message::Heartbeat);
                cx.set_timer(Timer::Heartbeat, HEARTBEAT);
            }
            Timer::Silence => self.take_over(cx),
        }
    }
}

impl PrimaryBackup {
    /// Writes to the own disk first, and then to the backups.
    fn put(&mut self, cx: &mut Context<Self>, key: u64, value: u64) {
        self.table.insert(key, value);
        cx.disk.set(self.table.clone());
        cx.sync();
        cx.broadcast(Message::Put { key, value });
    }

    fn take_over(&mut self, cx: &mut Context<Self>) {
        cx.role("primary");
        cx.note("no heartbeat: the primary must be dead, I take over");
        self.primary = Some(cx.id());
        cx.broadcast(Message::Heartbeat);
        cx.set_timer(Timer::Heartbeat, HEARTBEAT);
    }

    fn on_heartbeat(&mut self, cx: &mut Context<Self>, from: NodeId) {
        let in_charge = self.primary == Some(cx.id());
        if in_charge && cx.id() < from {
            return; // it will hear of me and step down
        }
        if in_charge {
            cx.role("backup");
            cx.note("another primary with a lower number: I step down and take its data");
            cx.cancel_timer(Timer::Heartbeat);
        }
        if self.primary != Some(from) {
            self.primary = Some(from);
            cx.send(from, Message::Join);
        }
        self.listen(cx);
    }

    /// Waits for the next heartbeat, the longer the higher this node's number.
    fn listen(&self, cx: &mut Context<Self>) {
        cx.set_timer(Timer::Silence, SILENCE * (u32::from(cx.id().0) + 1));
    }
}
