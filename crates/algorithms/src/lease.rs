//! A lock that expires: leases, and the fencing tokens without which they do not lock.
//!
//! PROBLEM     One node at a time may write to a store. Whoever holds the lock may die with it, so
//!             the lock must come back by itself after a while.
//! IDEA        The lock is lent for a time: a lease [gray1989 §2]. But its holder may be slow, or
//!             its clock may be, and it then writes although somebody else has the lock by now. So
//!             each lease has a number larger than all before, a *fencing token*, and the store
//!             refuses whoever comes with a smaller number than one it has seen (Kleppmann 2016).
//! RULES       1. The lock is lent again only when the lease before it has run out by the clock of
//!                the node that lends it, or was given back.
//!             2. Tokens only grow, over restarts too.
//!             3. The store refuses a token smaller than the largest it has seen.
//!             4. A holder whose lease has run out by its own clock does not write any more. This
//!                saves work; only rule 3 makes it safe.
//! MESSAGES    Acquire                to n1: may I?
//!             Granted { token, until }  back
//!             Store   { token, value }  to n1, who is the store too
//!             Stored  { token, ok }     back
//! CAVEATS     Nothing is queued: who is refused tells its client so. The lender and the store are
//!             one node here, and so the lease could as well be given up; in the world they are
//!             not. The value is kept in memory.
//! READ NEXT   paxos.rs for a lock service that survives its own machine

use std::time::Duration;

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::lin_kv::{LinKv, Request, Response};
use splitbrain_core::{Context, ErrorCode, Node, NodeId, RequestId, Time, Wal, ms};

/// How long the lock is lent for.
pub const LEASE: Duration = ms(20);

/// The lender of the lock, which is also the store.
const LENDER: NodeId = NodeId(0);

/// The lender, on n1, or one who wants to write, elsewhere.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Lease {
    /// The lender's: when the last lease runs out, by its clock.
    lent_until: Time,
    /// The store's: the largest token seen, and the value.
    stored: (u64, Option<u64>),
    /// A writer's: what it wants to write, and for whom.
    wants: Option<(RequestId, u64)>,
}

/// What nodes say to one another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// May I have the lock?
    Acquire,
    /// Yes.
    Granted {
        /// The number of the lease.
        token: u64,
        /// How long it is lent for by the lender's clock, in nanoseconds.
        until_ns: u64,
    },
    /// Somebody else has it.
    Busy,
    /// Write this.
    Store {
        /// Under this lease.
        token: u64,
        /// The value.
        value: u64,
    },
    /// Whether it is written.
    Stored {
        /// Yes or no.
        ok: bool,
    },
}

impl Node for Lease {
    type Api = LinKv;
    type Message = Message;
    type Timer = ();
    /// The last token.
    type Disk = Wal<u64, ()>;

    fn start(cx: &mut Context<Self>) -> Self {
        // Rule 1: nobody remembers how long the last lease was for, so its whole length is waited.
        let lent_until = if *cx.disk.get() > 0 { cx.now() + LEASE } else { Time::ZERO };
        Self { lent_until, stored: (*cx.disk.get(), None), wants: None } // rule 3
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        match request {
            Request::Write { value, .. } if cx.id() != LENDER && self.wants.is_none() => {
                self.wants = Some((id, value));
                cx.send(LENDER, Message::Acquire);
            }
            Request::Read { .. } if cx.id() == LENDER => match self.stored.1 {
                Some(value) => cx.reply(id, Response::ReadOk { value }),
                None => cx.reply_error(id, ErrorCode::KEY_DOES_NOT_EXIST, "never written"),
            },
            _ => cx.reply_error(id, ErrorCode::TEMPORARILY_UNAVAILABLE, "not here, not now"),
        }
    }

    fn on_message(&mut self, cx: &mut Context<Self>, from: NodeId, message: Message) {
        match message {
            Message::Acquire => self.lend(cx, from),
            Message::Store { token, value } => self.store(cx, from, token, value),
            Message::Granted { token, until_ns } => self.write(cx, token, until_ns),
            Message::Stored { ok: true } => {
                if let Some((id, _)) = self.wants.take() {
                    cx.reply(id, Response::WriteOk);
                }
            }
            Message::Busy | Message::Stored { ok: false } => self.give_up(cx),
        }
    }
}

/// The lender, and the store.
impl Lease {
    fn lend(&mut self, cx: &mut Context<Self>, to: NodeId) {
        let now = cx.now();
        if now < self.lent_until {
            cx.send(to, Message::Busy); // rule 1
            return;
        }
        self.lent_until = now + LEASE;
        let token = cx.disk.get() + 1;
        cx.disk.set(token);
        cx.sync(); // rule 2
        cx.send(to, Message::Granted { token, until_ns: self.lent_until.as_nanos() });
    }

    fn store(&mut self, cx: &mut Context<Self>, from: NodeId, token: u64, value: u64) {
        let (largest, _) = self.stored;
        if token < largest {
            cx.send(from, Message::Stored { ok: false }); // rule 3
            return;
        }
        cx.always(token >= largest, "no write of an earlier lease after one of a later");
        self.stored = (token, Some(value));
        cx.send(from, Message::Stored { ok: true });
    }
}

/// A writer.
impl Lease {
    fn write(&mut self, cx: &mut Context<Self>, token: u64, until_ns: u64) {
        let Some((_, value)) = self.wants else { return };
        if cx.now() < Time::from_nanos(until_ns) {
            cx.send(LENDER, Message::Store { token, value });
        } else {
            self.give_up(cx); // rule 4
        }
    }

    fn give_up(&mut self, cx: &mut Context<Self>) {
        if let Some((id, _)) = self.wants.take() {
            cx.reply_error(id, ErrorCode::TEMPORARILY_UNAVAILABLE, "somebody else has the lock");
        }
    }
}
