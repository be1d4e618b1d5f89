//! PN-Counter: a counter that goes up and down, made of two that only go up.
//!
//! PROBLEM     The trick of the G-Counter is that the larger number is the newer one. With
//!             decrements it is not: after +5 and -3, is 5 or 2 the newer slot?
//! IDEA        Count ups and downs apart. Each of the two only grows, so each merges by maximum;
//!             the value is the difference of the sums.
//! RULES       As for the G-Counter, twice [shapiro2011 §3.1.3]:
//!             1. A node adds to its own tally only.
//!             2. The tally is on its owner's disk before anyone may see it.
//!             3. Merge is the maximum of ups and the maximum of downs, node by node.
//! MESSAGES    Merge { tallies }   to the peer whose turn it is: all I know of
//! CAVEATS     The value cannot be kept above zero: two nodes may each spend the last one.
//!             A value beyond an `i64` is shown as the nearest one there is.
//! READ NEXT   abd.rs, where the last write must win and "last" must mean something

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::pn_counter::{self, Request, Response};
use splitbrain_core::{Context, Node, NodeId, RequestId, Wal, ms};

/// How long between two merges. A range, so that nodes do not march in step.
const PERIOD: RangeInclusive<Duration> = ms(80)..=ms(120);

/// A replica of the counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PnCounter {
    /// What each node has counted, as far as this node knows.
    tallies: BTreeMap<NodeId, Tally>,
    /// Who was sent them last.
    last: NodeId,
}

/// What one node has counted. Both only grow.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Tally {
    /// The sum of all increments.
    pub ups: u64,
    /// The sum of all decrements.
    pub downs: u64,
}

/// What nodes say to one another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// Take the larger of yours and these.
    Merge {
        /// All tallies the sender knows of.
        tallies: BTreeMap<NodeId, Tally>,
    },
}

/// What a node waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Send the tallies to the next peer.
    Round,
}

impl Node for PnCounter {
    type Api = pn_counter::PnCounter;
    type Message = Message;
    type Timer = Timer;
    /// This node's own tally.
    type Disk = Wal<Tally, ()>;

    fn start(cx: &mut Context<Self>) -> Self {
        cx.set_timer(Timer::Round, PERIOD);
        Self { tallies: BTreeMap::from([(cx.id(), *cx.disk.get())]), last: cx.id() }
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        match request {
            Request::Add { delta } => {
                let own = self.tallies.entry(cx.id()).or_default(); // rule 1
                own.count(delta);
                cx.disk.set(*own);
                cx.sync(); // rule 2
                cx.reply(id, Response::AddOk);
            }
            Request::Read => cx.reply(id, Response::ReadOk { value: self.value() }),
        }
    }

    fn on_message(&mut self, _: &mut Context<Self>, _: NodeId, message: Message) {
        let Message::Merge { tallies } = message;
        for (node, theirs) in tallies {
            self.tallies.entry(node).or_default().merge(theirs);
        }
    }

    fn on_timer(&mut self, cx: &mut Context<Self>, Timer::Round: Timer) {
        let next = cx.peers().find(|peer| *peer > self.last).or_else(|| cx.peers().next());
        if let Some(peer) = next {
            self.last = peer;
            cx.send(peer, Message::Merge { tallies: self.tallies.clone() });
        }
        cx.set_timer(Timer::Round, PERIOD);
    }
}

impl PnCounter {
    fn value(&self) -> i64 {
        let sum = |part: fn(&Tally) -> u64| -> i128 {
            self.tallies.values().map(part).map(i128::from).sum()
        };
        let value = sum(|tally| tally.ups) - sum(|tally| tally.downs);
        i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
    }
}

impl Tally {
    const fn count(&mut self, delta: i64) {
        let side = if delta < 0 { &mut self.downs } else { &mut self.ups };
        *side = side.saturating_add(delta.unsigned_abs());
    }

    fn merge(&mut self, theirs: Self) {
        self.ups = self.ups.max(theirs.ups); // rule 3
        self.downs = self.downs.max(theirs.downs);
    }
}
