//! Unique ids: a name that nobody else was ever given, without asking anyone.
//!
//! PROBLEM     Every request must be answered with an id that no node has given before, at once,
//!             also by a node that is cut off from all others, or that forgot everything a moment
//!             ago.
//! IDEA        Make collision impossible by construction: an id has three parts, and two ids differ
//!             in one of them. Different nodes: the node's name. One node in different lives: the
//!             number of its boots. One life: a counter.
//! RULES       1. The boot number is on disk, synced, before the first id of that boot is given.
//!             2. The counter moves with every id.
//! MESSAGES    none between nodes: an answer that needs nobody is available in any partition
//! COST        One sync per boot, none per id. A timestamp would save it, and be wrong: a wall
//!             clock may show the same time twice [rfc9562 §6.1]. Random bits would save it too,
//!             and be right with a probability that depends on their number [rfc9562 §6.7].
//! CAVEATS     If the disk loses a synced boot number, ids repeat. If that must be survived, draw
//!             the boot number at random from 64 bits instead.
//! READ NEXT   broadcast/flooding.rs, where nodes begin to talk

use splitbrain_core::workload::unique_ids::{self, Id, Request, Response};
use splitbrain_core::{Context, Node, NodeId, RequestId, Wal};

/// Names ids by node, boot and counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UniqueIds {
    /// How many times this node has started, this life included.
    boot: u64,
    /// How many ids it has given in this life.
    given: u64,
}

impl Node for UniqueIds {
    type Api = unique_ids::UniqueIds;
    type Message = ();
    type Timer = ();
    /// The number of boots.
    type Disk = Wal<u64, ()>;

    fn start(cx: &mut Context<Self>) -> Self {
        let boot = cx.disk.get() + 1;
        cx.disk.set(boot);
        cx.sync();
        Self { boot, given: 0 }
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, Request::Generate: Request) {
        self.given += 1;
        let name = format!("{}-{}-{}", cx.id(), self.boot, self.given);
        cx.reply(id, Response::GenerateOk { id: Id::from(name.as_str()) });
    }

    fn on_message(&mut self, _: &mut Context<Self>, _: NodeId, (): ()) {}
}
