//! noraft: a Raft whose log holds no commands. Each server keeps them beside it, one shared
//! allocation per command, as its documentation tells its users to.

#[path = "../../raft_commit.rs"]
mod raft_commit;

use std::collections::VecDeque;
use std::sync::Arc;

use noraft::{Action, Message, Node, NodeId};
use raft_commit::{Cluster, PAYLOAD, SERVERS};

struct Server {
    node: Node,
    inbox: VecDeque<Message>,
    /// The commands by their index.
    commands: Vec<Arc<[u8]>>,
    applied: u64,
}

struct Servers {
    all: Vec<Server>,
    /// The commands of the batch that is under way, with the index of the first.
    proposed: (usize, Vec<Arc<[u8]>>),
}

impl Servers {
    fn settle(&mut self) -> u64 {
        let (mut messages, mut out) = (0, Vec::new());
        let count = self.all.len();
        loop {
            let mut busy = false;
            for (this, server) in self.all.iter_mut().enumerate() {
                while let Some(message) = server.inbox.pop_front() {
                    let _ = server.node.handle_message(&message); // a stale one is an error
                    busy = true;
                }
                while let Some(action) = server.node.actions_mut().next() {
                    busy = true;
                    match action {
                        Action::AppendLogEntries(entries) => {
                            let from = entries.prev_position().index.get() as usize;
                            server.commands.truncate(from);
                            for index in from..from + entries.len() {
                                let (first, commands) = &self.proposed;
                                let command =
                                    index.checked_sub(*first).and_then(|at| commands.get(at));
                                let command = command.cloned().unwrap_or_else(|| [].into());
                                server.commands.push(command);
                            }
                        }
                        Action::BroadcastMessage(message) => {
                            for to in (0..count).filter(|to| *to != this) {
                                out.push((to, message.clone()));
                            }
                        }
                        Action::SendMessage(to, message) => out.push((to.get() as usize, message)),
                        _ => {}
                    }
                }
                while server.applied < server.node.commit_index().get() {
                    server.applied += 1;
                    std::hint::black_box(&server.commands[server.applied as usize - 1]);
                }
            }
            for (to, message) in out.drain(..) {
                messages += 1;
                self.all[to].inbox.push_back(message);
            }
            if !busy {
                return messages;
            }
        }
    }
}

impl Cluster for Servers {
    fn elected() -> Self {
        let ids: Vec<NodeId> = (0..u64::from(SERVERS)).map(NodeId::new).collect();
        let server = |id: &NodeId| Server {
            node: Node::start(*id),
            inbox: VecDeque::new(),
            commands: Vec::new(),
            applied: 0,
        };
        let mut servers = Self { all: ids.iter().map(server).collect(), proposed: (0, Vec::new()) };
        servers.all[0].node.create_cluster(&ids);
        servers.settle();
        assert!(servers.all[0].node.role().is_leader());
        servers
    }

    fn commit(&mut self, batch: u64) -> u64 {
        let before = self.all[0].applied;
        let commands = (0..batch).map(|_| Arc::from([7; PAYLOAD])).collect();
        self.proposed = (self.all[0].commands.len(), commands);
        for _ in 0..batch {
            self.all[0].node.propose_command();
        }
        let messages = self.settle();
        assert_eq!(self.all[0].applied, before + batch);
        messages
    }
}

fn main() {
    raft_commit::measure::<Servers>("noraft");
}
