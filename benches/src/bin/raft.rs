//! The processor time that the core of Raft takes for a committed command. The same is asked of the
//! Rafts in `peers/`.

#![expect(clippy::print_stdout, reason = "its output is its result")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the real clock")]

#[path = "../../../peers/raft_commit.rs"]
mod raft_commit;

use std::collections::VecDeque;
use std::sync::Arc;

use raft_commit::{Cluster, PAYLOAD, SERVERS};
use splitbrain_algorithms::raft::{
    Command, Configuration, Message, Options, Output, Payload, Raft, Recovered, Snapshot, Term,
};
use splitbrain_core::{NodeId, Time};

/// A snapshot replaces the log after so many entries.
const COMPACT_AFTER: usize = 50_000;

/// A command of any length, in one allocation that all servers of the process share.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct Bytes(Arc<[u8]>);

impl Command for Bytes {
    fn bytes(&self) -> u64 {
        self.0.len() as u64
    }
}

struct Server {
    raft: Raft<Bytes>,
    out: Output<Bytes>,
    applied: u64,
}

struct Servers {
    all: Vec<Server>,
    inbox: VecDeque<(NodeId, NodeId, Message<Bytes>)>,
}

impl Server {
    /// Does what the server wants done. Its disk is its log.
    fn perform(&mut self, id: NodeId, inbox: &mut VecDeque<(NodeId, NodeId, Message<Bytes>)>) {
        self.raft.flush(Time::ZERO, &mut self.out);
        inbox.extend(self.out.send.drain(..).map(|(to, message)| (id, to, message)));
        let appended = self.out.log_from.is_some();
        let send = std::mem::take(&mut self.out.send);
        self.out = Output { send, ..Output::default() };
        if appended {
            self.raft.persisted(self.raft.log().last_id(), &mut self.out);
        }
        while let Some((_, entry)) = self.raft.next_to_apply() {
            if let Payload::Command(command) = &entry.payload {
                self.applied += 1;
                std::hint::black_box(command);
            }
        }
        if self.raft.log().len() > COMPACT_AFTER {
            self.raft.compact(Vec::new(), &mut self.out);
        }
    }
}

impl Servers {
    fn settle(&mut self) -> u64 {
        let mut messages = 0;
        while let Some((from, to, message)) = self.inbox.pop_front() {
            messages += 1;
            let server = &mut self.all[to.index()];
            server.raft.on_message(from, message, &mut server.out);
            server.perform(to, &mut self.inbox);
        }
        messages
    }
}

impl Cluster for Servers {
    fn elected() -> Self {
        let options = Options {
            pre_vote: true,
            check_quorum: true,
            message_bytes: 1 << 20,
            window_entries: 1 << 16,
            window_bytes: 1 << 24,
            chunk_bytes: 1 << 20,
            lease: None,
        };
        let server = |id: NodeId| {
            let snapshot = Snapshot::initial(Configuration::of(NodeId::all(SERVERS)));
            let found =
                Recovered { current_term: Term(0), voted_for: None, snapshot, log: Vec::new() };
            let mut out = Output::default();
            let raft = Raft::start(id, options.clone(), found, &mut out);
            Server { raft, out: Output::default(), applied: 0 }
        };
        let mut servers =
            Self { all: NodeId::all(SERVERS).map(server).collect(), inbox: VecDeque::new() };
        for server in &mut servers.all {
            server.raft.on_election_timeout(&mut server.out); // forgets leaders of an earlier life
        }
        let first = &mut servers.all[0];
        first.raft.on_election_timeout(&mut first.out);
        first.perform(NodeId(0), &mut servers.inbox);
        servers.settle();
        assert!(servers.all[0].raft.is_leader());
        servers
    }

    fn commit(&mut self, batch: u64) -> u64 {
        let leader = &mut self.all[0];
        let before = leader.applied;
        let commands = (0..batch).map(|_| Bytes(Arc::from([7; PAYLOAD])));
        leader.raft.propose(commands, &mut leader.out).expect("it leads");
        leader.perform(NodeId(0), &mut self.inbox);
        let messages = self.settle();
        assert_eq!(self.all[0].applied, before + batch);
        messages
    }
}

fn main() {
    raft_commit::measure::<Servers>("raft");
}
