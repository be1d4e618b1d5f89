//! The alternating bit: a reliable channel made from one that loses and doubles messages.
//!
//! PROBLEM     A link loses some messages and doubles others, but keeps their order. The receiver
//!             must be handed each value once, in the order in which the sender was given them.
//! IDEA        Number the values, and repeat each until it is acknowledged. As there is never more
//!             than one on its way, a single bit is number enough (Bartlett et al. 1969).
//! RULES       1. The sender repeats a value until an acknowledgement has its bit, and then flips
//!                its bit.
//!             2. The receiver hands over a value only if its bit is the one it expects, and then
//!                expects the other.
//!             3. The receiver acknowledges whatever comes, with the bit that came.
//! MESSAGES    Data { bit, value }  from n1 to n2
//!             Ack  { bit }         back
//! CAVEATS     The links must keep the order of messages. Where an old message may overtake a new
//!             one, its bit looks fresh again: that is what larger sequence numbers are for.
//!             Nothing is kept on disk.
//! READ NEXT   broadcast/flooding.rs for what to do where nothing keeps any order

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::lin_kv::{LinKv, Request, Response};
use splitbrain_core::{Context, ErrorCode, Node, NodeId, RequestId, ms};

/// How long to wait for an acknowledgement.
const RETRY: Duration = ms(100);

const SENDER: NodeId = NodeId(0);
const RECEIVER: NodeId = NodeId(1);

/// The sender, on n1, or the receiver, on n2.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AlternatingBit {
    /// The bit of the value on its way, or of the one that is expected.
    bit: bool,
    /// The sender's values, the first of them on its way, and who wants to know.
    queue: VecDeque<(RequestId, u64)>,
    /// How many values were sent for the first time, or handed over.
    count: u64,
}

/// What nodes say to one another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// A value.
    Data {
        /// Its number, as far as it matters.
        bit: bool,
        /// The value.
        value: u64,
    },
    /// A value has come.
    Ack {
        /// Its bit.
        bit: bool,
    },
}

/// What the sender waits for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Timer {
    /// An acknowledgement.
    Repeat,
}

impl Node for AlternatingBit {
    type Api = LinKv;
    type Message = Message;
    type Timer = Timer;
    type Disk = ();

    fn start(_: &mut Context<Self>) -> Self {
        Self { bit: false, queue: VecDeque::new(), count: 0 }
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        match request {
            Request::Write { value, .. } if cx.id() == SENDER => {
                self.queue.push_back((id, value));
                if self.queue.len() == 1 {
                    self.send_first(cx);
                }
            }
            _ => cx.reply_error(id, ErrorCode::NOT_SUPPORTED, "n1 takes what is to be sent"),
        }
    }

    fn on_message(&mut self, cx: &mut Context<Self>, from: NodeId, message: Message) {
        match message {
            Message::Data { bit, value } => {
                if bit == self.bit {
                    cx.agree("each value once and in order", self.count, value);
                    self.count += 1;
                    self.bit = !bit; // rule 2
                }
                cx.send(from, Message::Ack { bit }); // rule 3
            }
            Message::Ack { bit } => {
                if bit == self.bit {
                    self.next(cx);
                }
            }
        }
    }

    fn on_timer(&mut self, cx: &mut Context<Self>, Timer::Repeat: Timer) {
        self.repeat(cx);
    }
}

/// The sender.
impl AlternatingBit {
    fn send_first(&mut self, cx: &mut Context<Self>) {
        if let Some((_, value)) = self.queue.front() {
            cx.agree("each value once and in order", self.count, *value);
            self.count += 1;
        }
        self.repeat(cx);
    }

    fn repeat(&self, cx: &mut Context<Self>) {
        if let Some((_, value)) = self.queue.front() {
            cx.send(RECEIVER, Message::Data { bit: self.bit, value: *value });
            cx.set_timer(Timer::Repeat, RETRY); // rule 1
        }
    }

    /// The first value has come: on to the next.
    fn next(&mut self, cx: &mut Context<Self>) {
        let Some((id, _)) = self.queue.pop_front() else { return };
        cx.cancel_timer(Timer::Repeat);
        cx.reply(id, Response::WriteOk);
        self.bit = !self.bit; // rule 1
        self.send_first(cx);
    }
}
