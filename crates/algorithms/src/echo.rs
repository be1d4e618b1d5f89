//! Echo: the smallest node.
//!
//! PROBLEM     A client sends a text and wants it back. Nothing else: this is for seeing how a node
//!             is called, how it answers, and what a test looks like.
//! IDEA        The answer is a function of the question, so there is nothing to remember.
//! RULES       Answer every request once, with its own text, to the one who asked.
//! MESSAGES    none between nodes
//! CAVEATS     A node without state survives every fault there is; enjoy it while it lasts.
//! READ NEXT   unique_ids.rs, where a node must remember one number

use splitbrain_core::workload::echo::{self, Request, Response};
use splitbrain_core::{Context, Node, NodeId, RequestId};

/// Says back what it is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Echo;

impl Node for Echo {
    type Api = echo::Echo;
    type Message = ();
    type Timer = ();
    type Disk = ();

    fn start(_: &mut Context<Self>) -> Self {
        Self
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        let Request::Echo { echo } = request;
        cx.reply(id, Response::EchoOk { echo });
    }

    fn on_message(&mut self, _: &mut Context<Self>, _: NodeId, (): ()) {}
}
