//! Paxos: one value is chosen, once, by nodes that crash and a network that loses messages.
//!
//! PROBLEM     Several nodes propose values. One of them is to be chosen, and never another one
//!             afterwards, although no node knows who else is alive or what has been lost.
//! IDEA        A proposal has a number, and no two have the same. Before a proposer asks for its
//!             value to be accepted it asks a majority to promise that they will accept nothing
//!             with a smaller number, and to tell what they have accepted so far. If a value may
//!             already have been chosen, one of that majority has accepted it: the proposer then
//!             proposes that value and not its own [lamport2001 §2.2].
//! RULES       1. An acceptor that has promised a number accepts no proposal with a smaller one
//!                (P1a).
//!             2. A proposer proposes the value of the proposal with the highest number among
//!                those that a majority has told of; its own only if they told of none (P2c).
//!             3. A value is chosen when a majority has accepted the same proposal.
//!             4. What was promised or accepted is on disk before anyone is told
//!                [lamport2001 §2.5]. So is the number of a proposal: its proposer must never use
//!                it twice.
//! MESSAGES    Prepare  { number }            to all: promise me
//!             Promise  { number, accepted }  back: what I have accepted so far
//!             Accept   { number, proposal }  to all: accept this
//!             Accepted { number }            back
//!             Chosen   { number, proposal }  to all: this is the value
//! CAVEATS     One value: a write to a cell that can be written once. A second write waits for ever
//!             and a read waits until its node has learned the value, so the node is for the
//!             explorer rather than for the simulator, which demands answers. Two proposers may
//!             outbid each other without end; a leader is needed to be sure of progress
//!             [lamport2001 §2.4].
//! READ NEXT   abd.rs for what majorities can do without agreement

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::lin_kv::{LinKv, Request, Response};
use splitbrain_core::{Context, Node, NodeId, RequestId, Wal, ms};

/// How long a proposer waits for a majority before it tries a larger number.
const RETRY: Duration = ms(200);

/// Proposer, acceptor and learner in one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Paxos {
    /// The highest number that was promised: the acceptor's, and so also the proposer's own.
    number: Number,
    /// What was accepted last.
    accepted: Option<Accepted>,
    /// The proposer's value.
    proposal: Option<Proposal>,
    /// Who has promised the proposer's number, and what each had accepted.
    promises: BTreeMap<NodeId, Option<Accepted>>,
    /// Who has accepted the proposer's proposal.
    acceptors: BTreeSet<NodeId>,
    /// Whether what was accepted is known to be chosen.
    chosen: bool,
}

/// A proposal's number: larger than every other its proposer knew of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Number {
    /// Counts.
    pub round: u32,
    /// Whose it is: no two proposers ever use the same number.
    pub proposer: NodeId,
}

/// A value, and whom to tell when it is chosen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Proposal {
    /// The client's request.
    pub request: RequestId,
    /// What it wants to write.
    pub value: u64,
}

/// A proposal under the number under which it was accepted.
pub type Accepted = (Number, Proposal);

/// What an acceptor must remember: its promise, and what it has accepted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Ledger {
    number: Number,
    accepted: Option<Accepted>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { number: Number { round: 0, proposer: NodeId(0) }, accepted: None }
    }
}

/// What nodes say to one another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// Promise to accept nothing with a smaller number.
    Prepare {
        /// The number.
        number: Number,
    },
    /// It is promised.
    Promise {
        /// The number that was promised.
        number: Number,
        /// What was accepted so far.
        accepted: Option<Accepted>,
    },
    /// Accept this.
    Accept {
        /// Under this number.
        number: Number,
        /// The value.
        proposal: Proposal,
    },
    /// It is accepted.
    Accepted {
        /// The number of the proposal.
        number: Number,
    },
    /// This value is chosen.
    Chosen {
        /// The number under which it was.
        number: Number,
        /// The value.
        proposal: Proposal,
    },
}

/// What a node waits for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Timer {
    /// A majority that may never come.
    Retry,
}

impl Node for Paxos {
    type Api = LinKv;
    type Message = Message;
    type Timer = Timer;
    type Disk = Wal<Ledger, ()>;

    fn start(cx: &mut Context<Self>) -> Self {
        let Ledger { number, accepted } = *cx.disk.get();
        Self {
            number,
            accepted,
            proposal: None,
            promises: BTreeMap::new(),
            acceptors: BTreeSet::new(),
            chosen: false,
        }
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        match (request, self.accepted) {
            (Request::Read { .. }, Some((_, proposal))) if self.chosen => {
                cx.reply(id, Response::ReadOk { value: proposal.value });
            }
            (Request::Write { value, .. }, _) if !self.chosen && self.proposal.is_none() => {
                self.proposal = Some(Proposal { request: id, value });
                self.prepare(cx);
            }
            _ => {}
        }
    }

    fn on_message(&mut self, cx: &mut Context<Self>, from: NodeId, message: Message) {
        if self.chosen {
            return;
        }
        match message {
            // Rule 1.
            Message::Prepare { number } if self.number < number => {
                self.promise(cx, number);
                cx.send(from, Message::Promise { number, accepted: self.accepted });
            }
            Message::Promise { number, accepted } if number == self.number => {
                self.on_promise(cx, from, accepted);
            }
            // Rule 1.
            Message::Accept { number, proposal } if self.number <= number => {
                self.accept(cx, number, proposal);
                cx.send(from, Message::Accepted { number });
            }
            Message::Accepted { number } if number == self.number => self.on_accepted(cx, from),
            Message::Chosen { number, proposal } => {
                self.accept(cx, number, proposal);
                self.choose(cx, proposal);
            }
            Message::Prepare { .. }
            | Message::Promise { .. }
            | Message::Accept { .. }
            | Message::Accepted { .. } => {}
        }
    }

    fn on_timer(&mut self, cx: &mut Context<Self>, Timer::Retry: Timer) {
        if !self.chosen && self.proposal.is_some() {
            self.prepare(cx);
        }
    }
}

/// The acceptor.
impl Paxos {
    /// Will accept nothing with a smaller number.
    fn promise(&mut self, cx: &mut Context<Self>, number: Number) {
        self.number = number;
        self.write(cx);
    }

    fn accept(&mut self, cx: &mut Context<Self>, number: Number, proposal: Proposal) {
        self.number = number;
        self.accepted = Some((number, proposal));
        self.write(cx);
    }

    /// Rule 4: when this returns, others may be told.
    fn write(&self, cx: &mut Context<Self>) {
        cx.disk.set(Ledger { number: self.number, accepted: self.accepted });
        cx.sync();
    }
}

/// The learner.
impl Paxos {
    fn choose(&mut self, cx: &mut Context<Self>, proposal: Proposal) {
        cx.agree("one value is chosen", 0, proposal.value);
        self.chosen = true;
    }
}

/// The proposer.
impl Paxos {
    /// Phase 1: asks for promises, its own included.
    fn prepare(&mut self, cx: &mut Context<Self>) {
        let number = Number { round: self.number.round + 1, proposer: cx.id() };
        self.promise(cx, number);
        self.promises = BTreeMap::from([(cx.id(), self.accepted)]);
        self.acceptors.clear();
        cx.broadcast(Message::Prepare { number });
        cx.set_timer(Timer::Retry, RETRY..RETRY * 2);
    }

    /// Phase 2, once a majority has promised.
    fn on_promise(&mut self, cx: &mut Context<Self>, from: NodeId, accepted: Option<Accepted>) {
        self.promises.insert(from, accepted);
        let Some(own) = self.proposal else { return };
        if self.promises.len() != cx.majority() {
            return;
        }
        // Rule 2.
        let newest = self.promises.values().flatten().max_by_key(|(number, _)| number);
        let proposal = newest.map_or(own, |(_, proposal)| *proposal);
        self.proposal = Some(proposal);
        self.accept(cx, self.number, proposal);
        self.acceptors.insert(cx.id());
        cx.broadcast(Message::Accept { number: self.number, proposal });
    }

    fn on_accepted(&mut self, cx: &mut Context<Self>, from: NodeId) {
        self.acceptors.insert(from);
        let Some(proposal) = self.proposal else { return };
        // Rule 3.
        if self.acceptors.len() == cx.majority() {
            self.choose(cx, proposal);
            cx.broadcast(Message::Chosen { number: self.number, proposal });
            cx.reply(proposal.request, Response::WriteOk);
        }
    }
}
