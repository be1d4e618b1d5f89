//! Two-phase commit: all of them do it, or none of them does.
//!
//! PROBLEM     A write must take place on every node or on none, although any node may have a
//!             reason to refuse it, and any node may crash in the middle.
//! IDEA        Ask everyone whether they could; only when all have said yes, tell everyone to
//!             [gray1978 §5.8.3.3]. Who has said yes may no longer change its mind: it must wait
//!             for the decision, however long that takes.
//! RULES       1. A participant that says yes has the write on disk, prepared, before it says so.
//!             2. A participant that has said yes neither commits nor aborts on its own.
//!             3. The coordinator commits only if every participant has said yes, each counted
//!                once.
//!             4. The decision is on disk before anyone is told. A coordinator that finds no
//!                decision after a crash decides to abort, for it cannot have told anyone to
//!                commit.
//!             5. Who is in doubt asks, and asks again; the coordinator remembers.
//! MESSAGES    Prepare { value }       to all: could you?
//!             Vote    { yes }         back
//!             Decide  { commit }      to all: do it, or forget it
//!             Ask                     to the coordinator: what was decided?
//! CAVEATS     It blocks: if the coordinator is dead, those who have said yes wait for it, and
//!             hold what they have locked. That is not a mistake of this file but of the protocol
//!             (Skeen 1981). There is one transaction, which n1 coordinates; a write of another is
//!             refused.
//! READ NEXT   paxos.rs for an agreement that does not block

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::lin_kv::{LinKv, Request, Response};
use splitbrain_core::{Context, ErrorCode, Node, NodeId, RequestId, Wal, ms};

/// How long someone in doubt waits before asking again.
const RETRY: Duration = ms(200);

/// The node that decides.
const COORDINATOR: NodeId = NodeId(0);

/// A participant and, on n1, the coordinator too.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TwoPhaseCommit {
    /// What this participant knows; all but `Idle` is on disk.
    state: State,
    /// The coordinator's client, while it waits.
    request: Option<RequestId>,
    /// The value that the coordinator wants to have written.
    value: u64,
    /// The participants that have said yes to the coordinator.
    yes: BTreeSet<NodeId>,
}

/// How far a participant is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum State {
    /// It has said nothing yet.
    #[default]
    Idle,
    /// It has said yes to this value.
    Prepared(u64),
    /// The value is written.
    Committed(u64),
    /// It never will be.
    Aborted,
}

/// What nodes say to one another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// Could you write this?
    Prepare {
        /// The value.
        value: u64,
    },
    /// Whether it could.
    Vote {
        /// Yes or no.
        yes: bool,
    },
    /// Do it, or forget it.
    Decide {
        /// Do it.
        commit: bool,
        /// The value.
        value: u64,
    },
    /// What was decided?
    Ask,
}

/// What a node waits for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Timer {
    /// A decision.
    Doubt,
    /// Votes.
    Votes,
}

impl Node for TwoPhaseCommit {
    type Api = LinKv;
    type Message = Message;
    type Timer = Timer;
    /// The register is the participant's; the log has the coordinator's beginning and decision.
    type Disk = Wal<State, Entry>;

    fn start(cx: &mut Context<Self>) -> Self {
        let state = *cx.disk.get();
        let mut node = Self { state, request: None, value: 0, yes: BTreeSet::new() };
        if let State::Prepared(_) = state {
            node.doubt(cx);
        }
        if cx.disk.log() == [Entry::Begun] {
            node.decide(cx, false); // rule 4
        }
        node
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        match (request, self.state) {
            (Request::Read { .. }, State::Committed(value)) => {
                cx.reply(id, Response::ReadOk { value });
            }
            (Request::Read { .. }, State::Idle | State::Aborted) => {
                cx.reply_error(id, ErrorCode::KEY_DOES_NOT_EXIST, "not committed");
            }
            (Request::Write { value, .. }, State::Idle)
                if cx.id() == COORDINATOR && cx.disk.log().is_empty() =>
            {
                self.begin(cx, id, value);
            }
            _ => cx.reply_error(id, ErrorCode::TEMPORARILY_UNAVAILABLE, "not now"),
        }
    }

    fn on_message(&mut self, cx: &mut Context<Self>, from: NodeId, message: Message) {
        match message {
            Message::Prepare { value } => self.on_prepare(cx, from, value),
            Message::Vote { yes } => self.on_vote(cx, from, yes),
            Message::Decide { commit, value } => self.finish(cx, commit, value),
            Message::Ask => {
                if let Some(Entry::Decided { commit, value }) = cx.disk.log().last().copied() {
                    cx.send(from, Message::Decide { commit, value });
                }
            }
        }
    }

    fn on_timer(&mut self, cx: &mut Context<Self>, timer: Timer) {
        match timer {
            Timer::Doubt => {
                if let State::Prepared(_) = self.state {
                    self.doubt(cx); // rules 2 and 5
                }
            }
            Timer::Votes => {
                if self.request.is_some() {
                    self.decide(cx, false);
                }
            }
        }
    }
}

/// What the coordinator writes down.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Entry {
    /// The transaction has begun.
    Begun,
    /// It has been decided.
    Decided {
        /// All do it.
        commit: bool,
        /// The value.
        value: u64,
    },
}

/// The participant.
impl TwoPhaseCommit {
    fn on_prepare(&mut self, cx: &mut Context<Self>, from: NodeId, value: u64) {
        if self.state == State::Idle {
            // A participant may always have a reason to refuse.
            self.state = if cx.choose(2) == 0 { State::Prepared(value) } else { State::Aborted };
            self.keep(cx); // rule 1
        }
        match self.state {
            State::Prepared(_) => {
                cx.send(from, Message::Vote { yes: true });
                cx.set_timer(Timer::Doubt, RETRY);
            }
            State::Aborted => {
                cx.agree("one decision", 0, 0);
                cx.send(from, Message::Vote { yes: false });
            }
            State::Idle | State::Committed(_) => {}
        }
    }

    fn finish(&mut self, cx: &mut Context<Self>, commit: bool, value: u64) {
        if let State::Committed(_) | State::Aborted = self.state {
            return;
        }
        self.state = if commit { State::Committed(value) } else { State::Aborted };
        self.keep(cx);
        cx.cancel_timer(Timer::Doubt);
        cx.agree("one decision", 0, u64::from(commit));
    }

    /// Asks for the decision, and waits.
    fn doubt(&self, cx: &mut Context<Self>) {
        cx.send(COORDINATOR, Message::Ask);
        cx.set_timer(Timer::Doubt, RETRY);
    }

    fn keep(&self, cx: &mut Context<Self>) {
        cx.disk.set(self.state);
        cx.sync();
    }
}

/// The coordinator.
impl TwoPhaseCommit {
    fn begin(&mut self, cx: &mut Context<Self>, request: RequestId, value: u64) {
        self.request = Some(request);
        self.value = value;
        self.yes = BTreeSet::from([cx.id()]);
        self.state = State::Prepared(value);
        cx.disk.append(Entry::Begun);
        self.keep(cx);
        cx.broadcast(Message::Prepare { value });
        cx.set_timer(Timer::Votes, RETRY);
    }

    fn on_vote(&mut self, cx: &mut Context<Self>, from: NodeId, yes: bool) {
        if self.request.is_none() {
            return;
        }
        if !yes {
            self.decide(cx, false);
            return;
        }
        self.yes.insert(from);
        if self.yes.len() == cx.node_count() {
            self.decide(cx, true); // rule 3
        }
    }

    fn decide(&mut self, cx: &mut Context<Self>, commit: bool) {
        let value = self.value;
        cx.disk.append(Entry::Decided { commit, value });
        cx.sync(); // rule 4
        self.finish(cx, commit, value);
        cx.broadcast(Message::Decide { commit, value });
        cx.cancel_timer(Timer::Votes);
        match self.request.take() {
            Some(id) if commit => cx.reply(id, Response::WriteOk),
            Some(id) => cx.reply_error(id, ErrorCode::ABORT, "somebody could not"),
            None => {}
        }
    }
}
