//! Anti-entropy: compare notes with one peer after another.
//!
//! PROBLEM     As for flooding. But there the traffic grows with the number of broadcasts times the
//!             number of links, and every node must remember what it owes to whom.
//! IDEA        Forget about single messages. Each node, at its own pace, compares its whole
//!             knowledge with one peer's, and the two exchange what differs [demers1987 §1.3]. To
//!             compare is cheap: a checksum says whether there is a difference at all. What one
//!             round misses, the next one mends, so nothing is ever retransmitted and nothing is
//!             owed.
//! RULES       1. What a client was told is done is on the disk of the node that said so. It will
//!                be offered in every round, so all others may keep it in memory only.
//!             2. Every peer has its turn: no luck is needed for all to meet.
//! MESSAGES    Compare { checksum }   to the peer whose turn it is
//!             Mine { messages }      back, if the checksums differ: all I know
//!             Yours { messages }     back again: what you lacked
//! COST        Per node and period one Compare, and two more where something differs, however many
//!             broadcasts there were. A message takes some periods to reach everyone: this is the
//!             price. `Mine` is as long as all that is known; Merkle trees would shorten it.
//! CAVEATS     The topology is ignored: every peer can be reached.
//! READ NEXT   g_set.rs, which is this with the checksum left out and a name for why it works

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::broadcast::{Broadcast, Request, Response};
use splitbrain_core::{Context, Fingerprint, Node, NodeId, RequestId, Wal, ms};

/// How long between two comparisons. A range, so that nodes do not march in step.
const PERIOD: RangeInclusive<Duration> = ms(80)..=ms(120);

/// Knows, and compares.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Gossip {
    /// Everything this node knows. What clients told it is on disk.
    known: BTreeSet<u64>,
    /// Whom it compared with last.
    last: NodeId,
}

/// What nodes say to one another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// Do you know what I know?
    Compare {
        /// Of everything the sender knows.
        checksum: u64,
    },
    /// No: this is what I know.
    Mine {
        /// All of it.
        messages: BTreeSet<u64>,
    },
    /// And this is what you lack.
    Yours {
        /// Known to the sender and not to the receiver.
        messages: BTreeSet<u64>,
    },
}

/// What a node waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Compare with the next peer.
    Round,
}

impl Node for Gossip {
    type Api = Broadcast;
    type Message = Message;
    type Timer = Timer;
    /// What clients told this node.
    type Disk = Wal<(), u64>;

    fn start(cx: &mut Context<Self>) -> Self {
        cx.set_timer(Timer::Round, PERIOD);
        Self { known: cx.disk.log().iter().copied().collect(), last: cx.id() }
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        match request {
            Request::Topology { .. } => cx.reply(id, Response::TopologyOk),
            Request::Broadcast { message } => {
                cx.disk.append(message);
                cx.sync(); // rule 1
                self.known.insert(message);
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
            Message::Compare { checksum } => self.on_compare(cx, from, checksum),
            Message::Mine { messages } => self.on_mine(cx, from, &messages),
            Message::Yours { messages } => self.known.extend(messages),
        }
    }

    fn on_timer(&mut self, cx: &mut Context<Self>, Timer::Round: Timer) {
        let next = cx.peers().find(|peer| *peer > self.last).or_else(|| cx.peers().next());
        if let Some(peer) = next {
            self.last = peer; // rule 2
            cx.send(peer, Message::Compare { checksum: self.checksum() });
        }
        cx.set_timer(Timer::Round, PERIOD);
    }
}

impl Gossip {
    fn on_compare(&self, cx: &mut Context<Self>, from: NodeId, checksum: u64) {
        if checksum != self.checksum() {
            cx.send(from, Message::Mine { messages: self.known.clone() });
        }
    }

    fn on_mine(&mut self, cx: &mut Context<Self>, from: NodeId, messages: &BTreeSet<u64>) {
        let lacked: BTreeSet<u64> = self.known.difference(messages).copied().collect();
        if !lacked.is_empty() {
            cx.send(from, Message::Yours { messages: lacked });
        }
        self.known.extend(messages);
    }

    fn checksum(&self) -> u64 {
        Fingerprint::of(&self.known).0
    }
}
