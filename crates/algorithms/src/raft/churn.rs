//! Raft under an operator who never rests: leadership is handed over, servers are removed and come
//! back as learners, all the time.
//!
//! PROBLEM     Membership changes and transfers are the rarest events of a cluster, and the ones
//!             that meet crashes and partitions the worst.
//! IDEA        The leader plays the operator: now and then, at a heartbeat, it tosses a die.
//! RULES       Clients must not notice, but for the time it takes. Never fewer than two voters
//!             remain, where there were two.
//! READ NEXT   membership.rs → transfer.rs

use std::collections::BTreeSet;

use splitbrain_core::workload::lin_kv::{LinKv, Request};
use splitbrain_core::{Context, Node, NodeId, RequestId};

use super::RaftKv;
use super::node::{Disk, Message, Timer};

/// One heartbeat in so many is the operator's.
const SELDOM: u32 = 12;

/// The same node as [`RaftKv`], and its operator.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RaftChurn(RaftKv);

impl Node for RaftChurn {
    type Api = LinKv;
    type Message = Message;
    type Timer = Timer;
    type Disk = Disk;

    fn start(cx: &mut Context<Self>) -> Self {
        Self(RaftKv::boot(cx))
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, request: Request) {
        self.0.handle_request(cx, id, request);
    }

    fn on_message(&mut self, cx: &mut Context<Self>, from: NodeId, message: Message) {
        self.0.handle_message(cx, from, message);
    }

    fn on_timer(&mut self, cx: &mut Context<Self>, timer: Timer) {
        if timer == Timer::Heartbeat && self.0.raft.is_leader() {
            self.operate(cx);
        }
        self.0.handle_timer(cx, timer);
    }
}

impl RaftChurn {
    /// Whatever the server refuses, because something else is under way, is not asked for again.
    fn operate(&mut self, cx: &mut Context<Self>) {
        if cx.choose(SELDOM) > 0 {
            return;
        }
        let count = u32::try_from(cx.node_count()).unwrap_or(1);
        let someone = NodeId(u16::try_from(cx.choose(count)).unwrap_or(0));
        let RaftKv { raft, out, .. } = &mut self.0;
        let (mut voters, mut learners): (BTreeSet<_>, BTreeSet<_>) = {
            let current = raft.configuration();
            (current.voters.clone(), current.learners.clone())
        };
        let done = if voters.contains(&someone) && cx.choose(2) == 0 {
            cx.note(format!("hands over to {someone}"));
            raft.transfer(someone, out).is_ok()
        } else {
            // Out of the voters; back as a learner; and from there among the voters again.
            match (voters.contains(&someone), learners.contains(&someone)) {
                (true, _) if voters.len() > 2 => _ = voters.remove(&someone),
                (true, _) => return,
                (false, true) => _ = voters.insert(someone),
                (false, false) => _ = learners.insert(someone),
            }
            raft.change(voters, &learners, out).is_ok_and(|begun| begun)
        };
        if done {
            cx.sometimes("the operator has done something");
        }
    }
}
