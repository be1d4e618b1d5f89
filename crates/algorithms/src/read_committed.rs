//! Read committed, always: transactions that wait for nobody.
//!
//! PROBLEM     Every node must answer every transaction at once, also while it is cut off from all
//!             others. Then nobody can keep two transactions from writing the same key at the same
//!             time. What can still be promised?
//! IDEA        Run each transaction here, on this node's copy, and tell the others afterwards. They
//!             only ever hear of what is finished, and of each key only the last value: nobody sees
//!             a transaction halfway (no G1a, no G1b). Every transaction that writes gets a stamp
//!             that is larger than all that its node has seen, and of two values the one with the
//!             larger stamp stays, on every key and on every node: so writes are in one order, and
//!             whoever reads comes later in it (no G0, no G1c) [bailis2013 §5.1], (Lamport 1978).
//! RULES       1. A transaction keeps its writes to itself until it is done; then its last value of
//!                each key is there, all of them at once.
//!             2. A stamp is larger than every stamp that the node has seen, and has the node's
//!                name in it: no two transactions have the same.
//!             3. A larger stamp replaces a smaller one, and never the other way round.
//!             4. What was written, and the stamp, are on disk before anyone hears of them: a node
//!                that forgets a stamp would use it again.
//!             5. Every peer has its turn to be sent all there is, for ever.
//! MESSAGES    Merge { values }    to the peer whose turn it is: all I have
//! COST        Nothing before the answer but a sync; afterwards the whole table in every message.
//!             broadcast/gossip.rs shows how to send less.
//! CAVEATS     This is *not* serializable, and not even close: two transactions that read a counter
//!             and write it back lose one of the two (lost update), and a client that asks another
//!             node may not see what it wrote itself. That is the price of never waiting
//!             [bailis2013 §3]. sequencer.rs pays the other one.
//! READ NEXT   sequencer.rs

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::txn_rw_register::{Op, Request, Response, TxnRwRegister};
use splitbrain_core::{Context, Node, NodeId, RequestId, Wal, ms};

/// How long between two merges. A range, so that nodes do not march in step.
const PERIOD: RangeInclusive<Duration> = ms(80)..=ms(120);

/// A replica of all registers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReadCommitted {
    values: BTreeMap<u64, Version>,
    /// The largest counter of a stamp that this node has seen.
    clock: u64,
    /// Who was sent the table last.
    last: NodeId,
}

/// What a finished transaction wrote to a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// The transaction's.
    pub stamp: Stamp,
    /// The value.
    pub value: u64,
}

/// When a transaction took place. Ordered by the counter, and by the node where counters are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// One more than the largest that its node had seen.
    pub counter: u64,
    /// The node that ran it.
    pub node: NodeId,
}

/// What nodes say to one another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// Take over what is newer than yours.
    Merge {
        /// All that the sender has.
        values: BTreeMap<u64, Version>,
    },
}

/// What a node waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Send the table to the next peer.
    Round,
}

impl Node for ReadCommitted {
    type Api = TxnRwRegister;
    type Message = Message;
    type Timer = Timer;
    /// What each transaction wrote here, and what was new in each message.
    type Disk = Wal<(), BTreeMap<u64, Version>>;

    fn start(cx: &mut Context<Self>) -> Self {
        cx.set_timer(Timer::Round, PERIOD);
        let mut node = Self { values: BTreeMap::new(), clock: 0, last: cx.id() };
        for values in cx.disk.log() {
            node.take_over(values);
        }
        node
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        let Request::Txn { mut txn } = request;
        let mut written: BTreeMap<u64, u64> = BTreeMap::new();
        for op in &mut txn {
            match op {
                Op::Write { key, value } => _ = written.insert(*key, *value), // rule 1
                Op::Read { key, value } => {
                    let own = written.get(key).copied();
                    *value = own.or_else(|| self.values.get(key).map(|version| version.value));
                }
            }
        }
        let stamp = Stamp { counter: self.clock + 1, node: cx.id() }; // rule 2
        let version = |(key, value)| (key, Version { stamp, value });
        self.keep(cx, written.into_iter().map(version).collect());
        cx.reply(id, Response::TxnOk { txn });
    }

    fn on_message(&mut self, cx: &mut Context<Self>, _: NodeId, message: Message) {
        let Message::Merge { values } = message;
        self.keep(cx, values); // its next stamp is larger than these
    }

    fn on_timer(&mut self, cx: &mut Context<Self>, Timer::Round: Timer) {
        let next = cx.peers().find(|peer| *peer > self.last).or_else(|| cx.peers().next());
        if let Some(peer) = next {
            self.last = peer; // rule 5
            cx.send(peer, Message::Merge { values: self.values.clone() });
        }
        cx.set_timer(Timer::Round, PERIOD);
    }
}

impl ReadCommitted {
    /// Takes over what is newer, on disk and in memory. When this returns, it may be told.
    fn keep(&mut self, cx: &mut Context<Self>, values: BTreeMap<u64, Version>) {
        let mut newer = values;
        newer.retain(|key, version| self.is_newer(*key, *version));
        if !newer.is_empty() {
            self.take_over(&newer);
            cx.disk.append(newer);
            cx.sync(); // rule 4
        }
    }

    fn take_over(&mut self, newer: &BTreeMap<u64, Version>) {
        for (key, version) in newer {
            self.clock = self.clock.max(version.stamp.counter); // rule 2
            self.values.insert(*key, *version);
        }
    }

    fn is_newer(&self, key: u64, version: Version) -> bool {
        self.values.get(&key).is_none_or(|held| held.stamp < version.stamp) // rule 3
    }
}
