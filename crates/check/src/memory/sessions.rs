//! Who read what from whom, session by session: all that a weak model looks at.
//!
//! PROBLEM     Weak models say nothing of time. What remains of a history is what each session did,
//!             in order, and whose write each read had found.
//! IDEA        Number what happened session by session, so that what a session did is a range, and
//!             its writes of a key are a range of the key's writes. Then "the last write of x that
//!             this session had done by then" is a search in a few sorted numbers.
//! RULES       A node is one operation, or one transaction. Nodes of a session stand one after the
//!             other, in its order.
//! READ NEXT   causality.rs

use super::rows::{Rows, number};

/// In place of a writer: nobody, the initial state.
pub(crate) const INITIAL: u32 = u32::MAX;

/// A read, and the node that wrote what it found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ReadFrom {
    pub(crate) key: u32,
    /// A node, or [`INITIAL`].
    pub(crate) writer: u32,
}

/// The writes of one session to one key: a range of the key's versions.
#[derive(Clone, Copy, Debug)]
struct Block {
    session: u32,
    from: u32,
    to: u32,
}

/// What all sessions did.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    /// By node: its place in the history.
    operation: Vec<u32>,
    /// By node.
    session: Vec<u32>,
    /// By session: its first node. One more stands for the end.
    first: Vec<u32>,
    reads: Rows<ReadFrom>,
    writes: Rows<u32>,
    /// By node: whom it reads from, without repetition, in the order of its reads.
    writers: Rows<u32>,
    /// By node: who reads from it, without repetition.
    readers: Rows<u32>,
    /// By key: the nodes that write it, in order.
    versions: Vec<u32>,
    blocks: Rows<Block>,
}

impl Sessions {
    pub(crate) const fn len(&self) -> usize {
        self.operation.len()
    }

    pub(crate) const fn count(&self) -> usize {
        self.first.len() - 1
    }

    pub(crate) fn nodes(&self) -> impl DoubleEndedIterator<Item = u32> + use<> {
        0..number(self.len())
    }

    /// The nodes of a session, in its order.
    pub(crate) fn of(&self, session: u32) -> std::ops::Range<u32> {
        self.first[session as usize]..self.first[session as usize + 1]
    }

    pub(crate) fn operation(&self, node: u32) -> usize {
        self.operation[node as usize] as usize
    }

    pub(crate) fn session(&self, node: u32) -> u32 {
        self.session[node as usize]
    }

    /// How many nodes of its session came before it.
    pub(crate) fn place(&self, node: u32) -> u32 {
        node - self.first[self.session(node) as usize]
    }

    /// The next node of its session.
    pub(crate) fn next(&self, node: u32) -> Option<u32> {
        (node + 1 < self.of(self.session(node)).end).then_some(node + 1)
    }

    /// The node before it in its session.
    pub(crate) fn previous(&self, node: u32) -> Option<u32> {
        (self.place(node) > 0).then(|| node - 1)
    }

    /// The reads of others' writes, in order.
    pub(crate) fn reads(&self, node: u32) -> &[ReadFrom] {
        self.reads.row(node)
    }

    /// The keys it writes.
    pub(crate) fn writes(&self, node: u32) -> &[u32] {
        self.writes.row(node)
    }

    /// Whom it reads from, without repetition, in the order of its reads.
    pub(crate) fn writers(&self, node: u32) -> &[u32] {
        self.writers.row(node)
    }

    /// Who reads from it, without repetition.
    pub(crate) fn readers(&self, node: u32) -> &[u32] {
        self.readers.row(node)
    }

    /// Of each session that writes the key, the last node that does so among its first `known`.
    pub(crate) fn latest<'a>(
        &'a self,
        key: u32,
        known: impl Fn(u32) -> u32 + 'a,
    ) -> impl Iterator<Item = u32> + 'a {
        self.blocks.row(key).iter().filter_map(move |block| {
            let end = self.first[block.session as usize] + known(block.session);
            let versions = &self.versions[block.from as usize..block.to as usize];
            let count = versions.partition_point(|node| *node < end);
            (count > 0).then(|| versions[count - 1])
        })
    }

    /// The last node before this one, in its session, that writes the key.
    pub(crate) fn own_latest(&self, key: u32, node: u32) -> Option<u32> {
        let blocks = self.blocks.row(key);
        let session = self.session(node);
        let at = blocks.binary_search_by_key(&session, |block| block.session).ok()?;
        let versions = &self.versions[blocks[at].from as usize..blocks[at].to as usize];
        let count = versions.partition_point(|other| *other < node);
        (count > 0).then(|| versions[count - 1])
    }

    /// Of each session that writes the key, the first node that does so.
    pub(crate) fn first_writes(&self, key: u32) -> impl Iterator<Item = u32> + '_ {
        self.blocks.row(key).iter().map(|block| self.versions[block.from as usize])
    }
}

/// Puts sessions together, node by node.
#[derive(Default)]
pub(crate) struct Builder {
    operation: Vec<u32>,
    session: Vec<u32>,
    first: Vec<u32>,
    reads: Rows<ReadFrom>,
    writes: Rows<u32>,
}

impl Builder {
    /// Begins the next session.
    pub(crate) fn session(&mut self) {
        self.first.push(number(self.operation.len()));
    }

    /// Adds a node to the session: its place in the history, what it read from which operation
    /// ([`INITIAL`] for none), and the keys it wrote, each once.
    pub(crate) fn node(
        &mut self,
        operation: u32,
        reads: impl IntoIterator<Item = ReadFrom>,
        writes: impl IntoIterator<Item = u32>,
    ) {
        self.operation.push(operation);
        self.session.push(number(self.first.len() - 1));
        reads.into_iter().for_each(|read| self.reads.push(read));
        self.reads.end_row();
        writes.into_iter().for_each(|key| self.writes.push(key));
        self.writes.end_row();
    }

    /// All of it, with the writers as nodes. `operations` is the length of the history.
    pub(crate) fn build(mut self, operations: usize, keys: usize) -> Sessions {
        self.session();
        let mut node_of = vec![INITIAL; operations];
        for (node, operation) in (0..).zip(&self.operation) {
            node_of[*operation as usize] = node;
        }
        for read in self.reads.items_mut() {
            if read.writer != INITIAL {
                read.writer = node_of[read.writer as usize];
            }
        }
        let nodes = 0..number(self.operation.len());
        let mut writers = Rows::default();
        let mut last_reader = vec![INITIAL; self.operation.len()];
        for node in nodes.clone() {
            for read in self.reads.row(node).iter().filter(|read| read.writer != INITIAL) {
                if std::mem::replace(&mut last_reader[read.writer as usize], node) != node {
                    writers.push(read.writer);
                }
            }
            writers.end_row();
        }
        drop(last_reader);
        let read_by =
            nodes.clone().flat_map(|node| writers.row(node).iter().map(move |w| (*w, node)));
        let readers = Rows::sorted(self.operation.len(), read_by);
        let writes = &self.writes;
        let written = nodes.flat_map(|node| writes.row(node).iter().map(move |key| (*key, node)));
        let by_key = Rows::sorted(keys, written);
        let (mut versions, mut blocks) = (Vec::new(), Rows::default());
        for key in 0..number(keys) {
            for run in by_key.row(key).chunk_by(|a, b| self.session_of(*a) == self.session_of(*b)) {
                let from = number(versions.len());
                versions.extend_from_slice(run);
                let session = self.session_of(run[0]);
                blocks.push(Block { session, from, to: number(versions.len()) });
            }
            blocks.end_row();
        }
        let Self { operation, session, first, reads, writes } = self;
        Sessions { operation, session, first, reads, writes, writers, readers, versions, blocks }
    }

    fn session_of(&self, node: u32) -> u32 {
        self.session[node as usize]
    }
}
