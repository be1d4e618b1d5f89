//! How each configuration came about: the operations that took effect, and when.

use super::Placed;

/// The node of a configuration in which nothing has taken effect yet, or of any if nothing is
/// recorded.
pub(super) const ROOT: u32 = u32::MAX;

/// A tree of what took effect after what.
#[derive(Clone, Debug)]
pub(super) struct Trail {
    nodes: Vec<Node>,
    recorded: Recorded,
}

/// Whether a search remembers how it came to each configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Recorded {
    /// It does: more memory, and an order in the end.
    Yes,
    /// It does not.
    No,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    before: u32,
    /// How many operations took effect up to here.
    length: u32,
    placed: Placed,
}

impl Trail {
    pub(super) const fn new(recorded: Recorded) -> Self {
        Self { nodes: Vec::new(), recorded }
    }

    /// The node of what comes of `before` when one more operation takes effect.
    pub(super) fn add(&mut self, before: u32, placed: Placed) -> u32 {
        if self.recorded == Recorded::No {
            return ROOT;
        }
        let Ok(node) = u32::try_from(self.nodes.len()) else { return ROOT };
        self.nodes.push(Node { before, length: self.length(before) + 1, placed });
        node
    }

    /// How many operations took effect on the way to `node`.
    pub(super) fn length(&self, node: u32) -> u32 {
        self.nodes.get(node as usize).map_or(0, |node| node.length)
    }

    /// What took effect on the way to `node`, first to last.
    pub(super) fn order(&self, mut node: u32) -> Vec<Placed> {
        let mut order = Vec::new();
        while let Some(at) = self.nodes.get(node as usize) {
            order.push(at.placed);
            node = at.before;
        }
        order.reverse();
        order
    }

    pub(super) const fn bytes(&self) -> u64 {
        (self.nodes.capacity() * size_of::<Node>()) as u64
    }
}
