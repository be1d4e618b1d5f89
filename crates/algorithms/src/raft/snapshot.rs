//! Snapshots [raft §7] [thesis §5]: what replaces the beginning of the log.
//!
//! PROBLEM     The log grows for ever; and a follower that was away too long needs entries that
//!             nobody has any more.
//! IDEA        A server writes down the state of its machine and forgets the entries that led to
//!             it. To a follower that needs them the leader sends that state, in pieces.
//! RULES       1. A snapshot covers only what was applied, and carries the configuration.
//!             2. A snapshot that is not ahead of what is committed here is ignored.
//!             3. Entries after it are kept if they go on from it, and dropped if they do not.
//!             4. Term and vote are the server's own: a snapshot says nothing about them.
//! MESSAGES    InstallSnapshot; InstallSnapshotReply says from where to go on, so that a transfer
//!             survives lost messages. The last piece is answered as if entries had been appended.
//! CAVEATS     A leader that takes a new snapshot in the middle of sending one starts again with
//!             the new one.

use serde::{Deserialize, Serialize};
use splitbrain_core::NodeId;

use super::{
    AppendEntriesReply, Appended, Command, Configuration, Index, InstallSnapshot,
    InstallSnapshotReply, LogId, Message, Mode, Output, Raft, Role,
};

/// The state of the machine after some entry, in place of all entries up to it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// The last entry it replaces.
    pub last_included: LogId,
    /// The configuration as of that entry.
    pub configuration: Configuration,
    /// The state of the machine.
    pub data: Vec<u8>,
}

impl Snapshot {
    /// What every server of a new cluster begins with: nothing but who takes part.
    pub fn initial(configuration: Configuration) -> Self {
        Self { configuration, ..Self::default() }
    }
}

impl<C: Command> Raft<C> {
    /// Replaces all applied entries by the state of the machine as it is now.
    pub fn compact(&mut self, data: Vec<u8>, out: &mut Output<C>) {
        let index = self.last_applied; // rule 1
        let term = self.log.term_at(index).expect("what was applied last is known");
        let before = |(at, _): &&(Index, Configuration)| *at <= index;
        let (_, configuration) =
            self.configurations.iter().rfind(before).expect("the snapshot's is always there");
        let configuration = configuration.clone();
        self.replace_beginning(
            Snapshot { last_included: LogId { term, index }, configuration, data },
            out,
        );
    }

    fn replace_beginning(&mut self, snapshot: Snapshot, out: &mut Output<C>) {
        let base = snapshot.last_included;
        self.log.compact(base); // rule 3
        let last = self.log.last_index();
        self.durable = self.durable.clamp(base.index, last);
        self.configurations.retain(|(index, _)| (base.index.next()..=last).contains(index));
        self.configurations.insert(0, (base.index, snapshot.configuration.clone()));
        self.snapshot = snapshot;
        out.snapshot = true;
    }
}

/// The leader.
impl<C: Command> Raft<C> {
    /// Sends the next piece of the snapshot.
    pub(super) fn send_chunk(&mut self, peer: NodeId, out: &mut Output<C>) {
        let last_included = self.snapshot.last_included;
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(progress) = leader.peers.get_mut(&peer) else { return };
        let Mode::Snapshot { last_included: sending, offset } = &mut progress.mode else { return };
        if *sending != last_included {
            (*sending, *offset) = (last_included, 0); // ours is newer now
        }
        let data = &self.snapshot.data;
        let end = data.len().min(*offset + self.options.chunk_bytes);
        let message = InstallSnapshot {
            term: self.current_term,
            leader_id: self.id,
            last_included,
            configuration: self.snapshot.configuration.clone(),
            offset: *offset,
            data: data[*offset..end].to_vec(),
            done: end == data.len(),
        };
        out.send.push((peer, Message::InstallSnapshot(message)));
    }

    pub(super) fn on_install_snapshot_reply(
        &mut self,
        from: NodeId,
        reply: InstallSnapshotReply,
        out: &mut Output<C>,
    ) {
        if reply.term != self.current_term {
            return;
        }
        let length = self.snapshot.data.len();
        let Some(progress) = self.progress(from) else { return };
        progress.recently_active = true;
        if let Mode::Snapshot { last_included, offset } = &mut progress.mode
            && *last_included == reply.last_included
            && *offset != reply.offset
        {
            *offset = reply.offset.min(length);
            self.send_chunk(from, out);
        }
    }
}

/// The follower [raft fig. 13].
impl<C: Command> Raft<C> {
    pub(super) fn on_install_snapshot(
        &mut self,
        from: NodeId,
        request: InstallSnapshot,
        out: &mut Output<C>,
    ) {
        // [raft §7] 1. Reply immediately if term < currentTerm.
        if request.term >= self.current_term {
            self.hear_leader(request.leader_id, out);
        }
        let (term, last_included) = (self.current_term, request.last_included);
        let reply = if request.term < term {
            Message::InstallSnapshotReply(InstallSnapshotReply { term, last_included, offset: 0 })
        } else {
            match self.take_chunk(request, out) {
                Some(offset) => {
                    let reply = InstallSnapshotReply { term, last_included, offset };
                    Message::InstallSnapshotReply(reply)
                }
                None => Message::AppendEntriesReply(AppendEntriesReply {
                    term,
                    result: Appended::Match(last_included.index),
                    round: 0,
                }),
            }
        };
        out.send.push((from, reply));
    }

    /// Adds a piece to what has arrived. Returns how much has; nothing if all has, or if all that
    /// the snapshot covers was there before.
    fn take_chunk(&mut self, request: InstallSnapshot, out: &mut Output<C>) -> Option<usize> {
        let last_included = request.last_included;
        if last_included.index <= self.commit_index {
            return None; // rule 2
        }
        // [raft §7] 2. Create a new snapshot file with the first piece. 5. Discard any other.
        let arrived = match self.incoming.take() {
            Some((id, arrived)) if id == last_included => arrived,
            _ => Vec::new(),
        };
        let (_, arrived) = self.incoming.insert((last_included, arrived));
        if request.offset != arrived.len() {
            return Some(arrived.len()); // lost or doubled: go on from here
        }
        arrived.extend_from_slice(&request.data); // [raft §7] 3. Write data at the given offset.
        if !request.done {
            return Some(arrived.len()); // [raft §7] 4. Reply and wait for more.
        }
        let (_, data) = self.incoming.take()?;
        let configuration = request.configuration;
        // [raft §7] 6. If there is an entry with the index and term of the snapshot's last one,
        // keep what follows it. 7. Else discard the entire log.
        self.replace_beginning(Snapshot { last_included, configuration, data }, out);
        // [raft §7] 8. Reset the state machine using the snapshot's contents.
        self.commit_index = last_included.index;
        self.last_applied = last_included.index;
        out.restore = true;
        None
    }
}
