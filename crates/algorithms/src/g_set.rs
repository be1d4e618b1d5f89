//! G-Set: a set that only grows, and needs no agreement.
//!
//! PROBLEM     Any node must accept an add at any time, also while it is cut off, and in the end
//!             all must have the same set. Messages come late, twice, out of order, or not at all.
//! IDEA        Let the state itself be the message, and let merging two states be their union.
//!             Union does not care about order (commutative), grouping (associative) or repetition
//!             (idempotent), so neither does the set. A value with such a merge is a state-based
//!             CRDT [shapiro2011 §2].
//! RULES       1. An add is on the disk of the node that acknowledges it
//!                [shapiro2011 §3.3.1, plus a disk]. Others may keep it in memory: whoever forgets
//!                it will be sent it again.
//!             2. The state only grows: a merge never takes anything away.
//!             3. Every peer has its turn to be sent the state, for ever.
//! MESSAGES    Merge { elements }   to the peer whose turn it is: all I have
//! COST        The whole state in every message, busy or idle. Sending only what is new (delta
//!             states) or comparing checksums first (broadcast/gossip.rs) are the ways out.
//! CAVEATS     Nothing can be removed. That takes tombstones: the 2P-Set and the OR-Set.
//! READ NEXT   g_counter.rs: the same idea where adding twice is not the same as adding once

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::g_set::{self, Request, Response};
use splitbrain_core::{Context, Node, NodeId, RequestId, Wal, ms};

/// How long between two merges. A range, so that nodes do not march in step.
const PERIOD: RangeInclusive<Duration> = ms(80)..=ms(120);

/// A replica of the set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GSet {
    /// The set, as far as this node knows.
    elements: BTreeSet<u64>,
    /// Who was sent it last.
    last: NodeId,
}

/// What nodes say to one another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// Add these to yours.
    Merge {
        /// The sender's whole set.
        elements: BTreeSet<u64>,
    },
}

/// What a node waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Send the state to the next peer.
    Round,
}

impl Node for GSet {
    type Api = g_set::GSet;
    type Message = Message;
    type Timer = Timer;
    /// What clients added here.
    type Disk = Wal<(), u64>;

    fn start(cx: &mut Context<Self>) -> Self {
        cx.set_timer(Timer::Round, PERIOD);
        Self { elements: cx.disk.log().iter().copied().collect(), last: cx.id() }
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        match request {
            Request::Add { element } => {
                cx.disk.append(element);
                cx.sync(); // rule 1
                self.elements.insert(element);
                cx.reply(id, Response::AddOk);
            }
            Request::Read => {
                let value = self.elements.iter().copied().collect();
                cx.reply(id, Response::ReadOk { value });
            }
        }
    }

    fn on_message(&mut self, _: &mut Context<Self>, _: NodeId, message: Message) {
        let Message::Merge { elements } = message;
        self.elements.extend(elements); // rule 2
    }

    fn on_timer(&mut self, cx: &mut Context<Self>, Timer::Round: Timer) {
        let next = cx.peers().find(|peer| *peer > self.last).or_else(|| cx.peers().next());
        if let Some(peer) = next {
            self.last = peer; // rule 3
            cx.send(peer, Message::Merge { elements: self.elements.clone() });
        }
        cx.set_timer(Timer::Round, PERIOD);
    }
}
