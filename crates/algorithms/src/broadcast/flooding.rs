//! Flooding: tell your neighbours, and keep telling until they say they have heard.
//!
//! PROBLEM     A client tells one node something; soon every node must know it. The network loses,
//!             doubles and delays; it may be cut in two for a while; and any node may crash, the
//!             one that told the client "done" included.
//! IDEA        A node that learns something passes it on to its neighbours, except the one it came
//!             from. For each neighbour it remembers what it still owes: what was passed on and not
//!             yet acknowledged. What is owed is told again, for ever if need be.
//! RULES       1. Nothing is acknowledged, to a client or to a neighbour, before it is on disk: an
//!                acknowledgement makes the other side forget its duty.
//!             2. What is known already is not passed on again, or the flood would never end.
//!             3. A node that restarts has forgotten what it owes, so it owes everything to
//!                everyone.
//!             4. Hearing something from a neighbour proves that the neighbour knows it.
//! MESSAGES    Tell  { messages }   to a neighbour: know these
//!             Heard { messages }   back: they are on my disk, you need not tell me again
//! COST        One Tell per link and message, one Heard back; nothing while idle. In a tree of n
//!             nodes that is 2(n - 1) per broadcast, and in any other graph more, but fewer hops.
//! CAVEATS     What is known grows for ever; so does the log. Under load, batching would save
//!             messages (see the variant `broadcast/batched`).
//! READ NEXT   gossip.rs for the same workload with the opposite trade

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::broadcast::{Broadcast, Request, Response};
use splitbrain_core::{Context, Node, NodeId, RequestId, Wal, ms};

/// How long to wait for a neighbour's word before telling it again: a few round trips.
const RETRY: Duration = ms(300);

/// Knows, and owes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flooding {
    /// Everything this node knows. All of it is on disk.
    known: BTreeSet<u64>,
    /// The neighbours, and what each of them may not know yet.
    owed: BTreeMap<NodeId, BTreeSet<u64>>,
}

/// What nodes say to one another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// Know these.
    Tell {
        /// What the sender knows and the receiver may not.
        messages: BTreeSet<u64>,
    },
    /// These are on my disk.
    Heard {
        /// What was told.
        messages: BTreeSet<u64>,
    },
}

/// What a node waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Tell again what is still owed.
    Retry,
}

impl Node for Flooding {
    type Api = Broadcast;
    type Message = Message;
    type Timer = Timer;
    /// What is known, in the order in which it was learned.
    type Disk = Wal<(), u64>;

    fn start(cx: &mut Context<Self>) -> Self {
        let known: BTreeSet<u64> = cx.disk.log().iter().copied().collect();
        // Rule 3. Until the topology is known, everyone is a neighbour.
        let owed = cx.peers().map(|peer| (peer, known.clone())).collect();
        cx.set_timer(Timer::Retry, RETRY);
        Self { known, owed }
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        match request {
            Request::Topology { mut topology } => {
                let neighbors = topology.remove(&cx.id()).unwrap_or_default();
                self.meet(neighbors);
                cx.reply(id, Response::TopologyOk);
            }
            Request::Broadcast { message } => {
                self.learn(cx, None, &BTreeSet::from([message]));
                cx.reply(id, Response::BroadcastOk);
            }
            Request::Read => {
                let messages = self.known.iter().copied().collect();
                cx.reply(id, Response::ReadOk { messages });
            }
        }
    }

    fn on_message(&mut self, cx: &mut Context<Self>, from: NodeId, message: Message) {
        match message {
            Message::Tell { messages } => self.on_tell(cx, from, messages),
            Message::Heard { messages } => self.on_heard(from, &messages),
        }
    }

    fn on_timer(&mut self, cx: &mut Context<Self>, Timer::Retry: Timer) {
        for (neighbor, owed) in &self.owed {
            if !owed.is_empty() {
                cx.sometimes("something had to be told again");
                cx.send(*neighbor, Message::Tell { messages: owed.clone() });
            }
        }
        cx.set_timer(Timer::Retry, RETRY);
    }
}

impl Flooding {
    fn on_tell(&mut self, cx: &mut Context<Self>, from: NodeId, messages: BTreeSet<u64>) {
        self.on_heard(from, &messages); // rule 4
        self.learn(cx, Some(from), &messages);
        cx.send(from, Message::Heard { messages });
    }

    fn on_heard(&mut self, from: NodeId, messages: &BTreeSet<u64>) {
        if let Some(owed) = self.owed.get_mut(&from) {
            owed.retain(|message| !messages.contains(message));
        }
    }

    /// From now on these are the neighbours. A new one is owed everything.
    fn meet(&mut self, neighbors: Vec<NodeId>) {
        let mut before = std::mem::take(&mut self.owed);
        for neighbor in neighbors {
            let owed = before.remove(&neighbor).unwrap_or_else(|| self.known.clone());
            self.owed.insert(neighbor, owed);
        }
    }

    /// Keeps what is new and passes it on to all neighbours but the one it came from. When this
    /// returns, `messages` may be acknowledged.
    fn learn(&mut self, cx: &mut Context<Self>, from: Option<NodeId>, messages: &BTreeSet<u64>) {
        let new: BTreeSet<u64> = messages.difference(&self.known).copied().collect();
        if new.is_empty() {
            return; // rule 2
        }
        for message in &new {
            cx.disk.append(*message);
        }
        cx.sync(); // rule 1
        self.known.extend(&new);
        for (neighbor, owed) in &mut self.owed {
            if Some(*neighbor) != from {
                owed.extend(&new);
                cx.send(*neighbor, Message::Tell { messages: new.clone() });
            }
        }
    }
}
