//! G-Counter: a counter that only grows, and needs no agreement.
//!
//! PROBLEM     Any node must accept an increment at any time, and in the end all must show the sum.
//!             Merging two sums by adding counts things twice; by maximum, it loses some.
//! IDEA        One slot per node, and nobody writes another's slot. Within a slot the larger count
//!             is the newer one, so slots merge by maximum; the value is the sum of the slots.
//! RULES       1. A node adds to its own slot only [shapiro2011 §3.1.2].
//!             2. The slot is on its owner's disk before anyone may see it: a slot that fell back
//!                after a crash would swallow later increments, which the others take for old news.
//!             3. Merge is the maximum, slot by slot; whoever forgot the others' slots is sent them
//!                again.
//! MESSAGES    Merge { slots }   to the peer whose turn it is: all slots I know of
//! COST        One sync per increment; one message of n slots per node and period.
//! CAVEATS     A counter full at 2^64 - 1 stays there.
//! READ NEXT   pn_counter.rs, which also counts down

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::g_counter::{self, Request, Response};
use splitbrain_core::{Context, Node, NodeId, RequestId, Wal, ms};

/// How long between two merges. A range, so that nodes do not march in step.
const PERIOD: RangeInclusive<Duration> = ms(80)..=ms(120);

/// A replica of the counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GCounter {
    /// How much each node has counted, as far as this node knows.
    slots: BTreeMap<NodeId, u64>,
    /// Who was sent them last.
    last: NodeId,
}

/// What nodes say to one another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// Take the larger of yours and these.
    Merge {
        /// All slots the sender knows of.
        slots: BTreeMap<NodeId, u64>,
    },
}

/// What a node waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Send the slots to the next peer.
    Round,
}

impl Node for GCounter {
    type Api = g_counter::GCounter;
    type Message = Message;
    type Timer = Timer;
    /// This node's own slot.
    type Disk = Wal<u64, ()>;

    fn start(cx: &mut Context<Self>) -> Self {
        cx.set_timer(Timer::Round, PERIOD);
        Self { slots: BTreeMap::from([(cx.id(), *cx.disk.get())]), last: cx.id() }
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        match request {
            Request::Add { delta } => {
                let own = self.slots.entry(cx.id()).or_default(); // rule 1
                *own = own.saturating_add(delta);
                cx.disk.set(*own);
                cx.sync(); // rule 2
                cx.reply(id, Response::AddOk);
            }
            Request::Read => {
                let value = self.slots.values().copied().fold(0, u64::saturating_add);
                cx.reply(id, Response::ReadOk { value });
            }
        }
    }

    fn on_message(&mut self, _: &mut Context<Self>, _: NodeId, message: Message) {
        let Message::Merge { slots } = message;
        for (node, theirs) in slots {
            let mine = self.slots.entry(node).or_default();
            *mine = theirs.max(*mine); // rule 3
        }
    }

    fn on_timer(&mut self, cx: &mut Context<Self>, Timer::Round: Timer) {
        let next = cx.peers().find(|peer| *peer > self.last).or_else(|| cx.peers().next());
        if let Some(peer) = next {
            self.last = peer;
            cx.send(peer, Message::Merge { slots: self.slots.clone() });
        }
        cx.set_timer(Timer::Round, PERIOD);
    }
}
