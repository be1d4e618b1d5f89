//! A register of which there is one copy: what all replication wants to look like.
//!
//! PROBLEM     Before asking how copies are kept alike: what is one copy?
//! IDEA        One node, n1, holds the value and answers; the others pass requests on to it and
//!             answers back.
//! RULES       1. Only n1 reads and writes the value.
//!             2. An answer is given when n1 has acted, not before.
//! CAVEATS     n1 is a single point of failure, and keeps the value in memory.
//! READ NEXT   abd.rs, which looks the same from outside and survives

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::lin_kv::{LinKv, Request, Response};
use splitbrain_core::{Context, ErrorCode, Node, NodeId, RequestId};

const HOLDER: NodeId = NodeId(0);

/// The holder of the copy, on n1, or a way to it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SingleCopy {
    value: Option<u64>,
}

/// What nodes say to one another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// A client's request, passed on.
    Pass {
        /// Whom to answer.
        id: RequestId,
        /// What it asks.
        request: Request,
    },
    /// The answer, passed back.
    Back {
        /// Whom to answer.
        id: RequestId,
        /// The value, if there was one to read.
        value: Option<u64>,
        /// Whether it was a write.
        wrote: bool,
    },
}

impl Node for SingleCopy {
    type Api = LinKv;
    type Message = Message;
    type Timer = ();
    type Disk = ();

    fn start(_: &mut Context<Self>) -> Self {
        Self { value: None }
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        if cx.id() == HOLDER {
            let wrote = self.act(&request);
            Self::answer(cx, id, self.value, wrote);
        } else {
            cx.send(HOLDER, Message::Pass { id, request }); // rule 1
        }
    }

    fn on_message(&mut self, cx: &mut Context<Self>, from: NodeId, message: Message) {
        match message {
            Message::Pass { id, request } => {
                let wrote = self.act(&request);
                cx.send(from, Message::Back { id, value: self.value, wrote });
            }
            Message::Back { id, value, wrote } => Self::answer(cx, id, value, wrote), // rule 2
        }
    }
}

impl SingleCopy {
    /// Does what is asked. Returns whether it was a write.
    fn act(&mut self, request: &Request) -> bool {
        match request {
            Request::Write { value, .. } => {
                self.value = Some(*value);
                true
            }
            Request::Read { .. } | Request::Cas { .. } => false,
        }
    }

    fn answer(cx: &mut Context<Self>, id: RequestId, value: Option<u64>, wrote: bool) {
        match value {
            _ if wrote => cx.reply(id, Response::WriteOk),
            Some(value) => cx.reply(id, Response::ReadOk { value }),
            None => cx.reply_error(id, ErrorCode::KEY_DOES_NOT_EXIST, "never written"),
        }
    }
}
