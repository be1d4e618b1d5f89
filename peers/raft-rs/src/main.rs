//! raft-rs: a port of etcd's Raft. Each server is a `RawNode` over its own `MemStorage`; a batch is
//! one proposal with many entries, which suits it best.

#[path = "../../raft_commit.rs"]
mod raft_commit;

use std::collections::VecDeque;

use raft::prelude::{Entry, Message, MessageType};
use raft::storage::MemStorage;
use raft::{Config, RawNode, StateRole};
use raft_commit::{Cluster, PAYLOAD, SERVERS};

/// The log is cut after so many entries, but for the last ten thousand.
const COMPACT_AFTER: u64 = 50_000;

struct Server {
    node: RawNode<MemStorage>,
    inbox: VecDeque<Message>,
    applied: u64,
    last: u64,
    compacted: u64,
}

struct Servers(Vec<Server>);

impl Server {
    fn ready(&mut self, out: &mut Vec<Message>) {
        let store = self.node.raft.raft_log.store.clone();
        let mut ready = self.node.ready();
        out.extend(ready.take_messages());
        self.apply(ready.take_committed_entries());
        if !ready.entries().is_empty() {
            store.wl().append(ready.entries()).expect("the storage is in memory");
        }
        if let Some(hard_state) = ready.hs() {
            store.wl().set_hardstate(hard_state.clone());
        }
        out.extend(ready.take_persisted_messages());
        let mut light = self.node.advance(ready);
        if let Some(commit) = light.commit_index() {
            store.wl().mut_hard_state().commit = commit;
        }
        out.extend(light.take_messages());
        self.apply(light.take_committed_entries());
        self.node.advance_apply();
        if self.last > self.compacted + COMPACT_AFTER {
            self.compacted = self.last - 10_000;
            store.wl().compact(self.compacted).expect("it is applied");
        }
    }

    fn apply(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            self.last = entry.index;
            self.applied += u64::from(!entry.data.is_empty());
            std::hint::black_box(&entry);
        }
    }
}

impl Servers {
    fn settle(&mut self) -> u64 {
        let (mut messages, mut out) = (0, Vec::new());
        loop {
            let mut busy = false;
            for server in &mut self.0 {
                while let Some(message) = server.inbox.pop_front() {
                    server.node.step(message).expect("it is for this server");
                    busy = true;
                }
                if server.node.has_ready() {
                    server.ready(&mut out);
                    busy = true;
                }
            }
            for message in out.drain(..) {
                messages += 1;
                self.0[message.to as usize - 1].inbox.push_back(message);
            }
            if !busy {
                return messages;
            }
        }
    }
}

impl Cluster for Servers {
    fn elected() -> Self {
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let ids: Vec<u64> = (1..=u64::from(SERVERS)).collect();
        let server = |id: &u64| {
            let config = Config {
                id: *id,
                election_tick: 10,
                heartbeat_tick: 3,
                max_size_per_msg: 1 << 20,
                max_inflight_msgs: 256,
                ..Config::default()
            };
            let store = MemStorage::new_with_conf_state((ids.clone(), vec![]));
            let node = RawNode::new(&config, store, &logger).expect("the configuration is sound");
            Server { node, inbox: VecDeque::new(), applied: 0, last: 0, compacted: 0 }
        };
        let mut servers = Self(ids.iter().map(server).collect());
        servers.0[0].node.campaign().expect("it may");
        servers.settle();
        assert_eq!(servers.0[0].node.raft.state, StateRole::Leader);
        servers
    }

    fn commit(&mut self, batch: u64) -> u64 {
        let before = self.0[0].applied;
        let mut message = Message::default();
        message.set_msg_type(MessageType::MsgPropose);
        message.from = 1;
        let entry = |_| Entry { data: vec![7; PAYLOAD].into(), ..Entry::default() };
        message.set_entries((0..batch).map(entry).collect::<Vec<_>>().into());
        self.0[0].node.step(message).expect("it leads");
        let messages = self.settle();
        assert!(self.0.iter().all(|server| server.applied == before + batch));
        messages
    }
}

fn main() {
    raft_commit::measure::<Servers>("raft_rs");
}
