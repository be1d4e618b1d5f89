//! One of our nodes as a program: unique ids, from the number of the node, the number of its life
//! (on disk), and a counter. Its argument is the folder of the disk: `guest FOLDER`.
//!
//! `host unique-ids 5 crash 3 target/debug/examples/guest /tmp` kills it again and again.

use std::io::{self, BufReader, BufWriter};
use std::path::PathBuf;

use splitbrain_core::workload::unique_ids::{Request, Response, UniqueIds};
use splitbrain_core::{Context, Node, NodeId, RequestId, Wal};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Counter {
    given: u64,
}

impl Node for Counter {
    type Api = UniqueIds;
    type Message = ();
    type Timer = ();
    type Disk = Wal<u64, ()>;

    fn start(cx: &mut Context<Self>) -> Self {
        let life = *cx.disk.get() + 1;
        cx.disk.set(life);
        cx.sync();
        Self { given: 0 }
    }

    fn on_request(&mut self, cx: &mut Context<Self>, id: RequestId, Request::Generate: Request) {
        self.given += 1;
        let text = format!("{}-{}-{}", cx.id(), cx.disk.get(), self.given);
        cx.reply(id, Response::GenerateOk { id: text.as_str().into() });
    }

    fn on_message(&mut self, _: &mut Context<Self>, _: NodeId, (): ()) {}
}

fn main() -> io::Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let output = BufWriter::new(io::stdout().lock());
    splitbrain_maelstrom::guest::run::<Counter>(
        BufReader::new(io::stdin()),
        output,
        folder.as_deref(),
    )
}
