//! Who is whose neighbour: the hint that the broadcast workload gives to nodes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::NodeId;

/// A shape of neighbourhood, as Maelstrom's `--topology` names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topology {
    /// Everyone has the one before and the one after.
    Line,
    /// A square, row by row; neighbours left, right, above and below.
    #[default]
    Grid,
    /// A tree with two children to each parent.
    Tree2,
    /// A tree with three children to each parent.
    Tree3,
    /// A tree with four children to each parent.
    Tree4,
    /// Everyone has everyone.
    Total,
}

/// A name that is no topology's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopologyError(String);

impl fmt::Display for TopologyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no topology {:?}: one of line, grid, tree, tree2, tree3, tree4, total", self.0)
    }
}

impl std::error::Error for TopologyError {}

impl FromStr for Topology {
    type Err = TopologyError;

    /// `tree` is `tree4`, as in Maelstrom.
    fn from_str(name: &str) -> Result<Self, TopologyError> {
        Ok(match name {
            "line" => Self::Line,
            "grid" => Self::Grid,
            "tree2" => Self::Tree2,
            "tree3" => Self::Tree3,
            "tree" | "tree4" => Self::Tree4,
            "total" => Self::Total,
            other => return Err(TopologyError(other.into())),
        })
    }
}

impl Topology {
    /// The neighbours of `node` in a cluster of `count`, in ascending order.
    pub fn neighbors(self, node: NodeId, count: u16) -> Vec<NodeId> {
        let (me, count) = (u32::from(node.0), u32::from(count));
        let near: Vec<Option<u32>> = match self {
            Self::Line => vec![me.checked_sub(1), Some(me + 1)],
            Self::Grid => {
                let side = (1..).find(|side| side * side >= count).unwrap_or(1);
                let left = (me % side > 0).then(|| me - 1);
                let right = (me % side < side - 1).then_some(me + 1);
                vec![me.checked_sub(side), left, right, Some(me + side)]
            }
            Self::Tree2 => Self::tree(me, 2),
            Self::Tree3 => Self::tree(me, 3),
            Self::Tree4 => Self::tree(me, 4),
            Self::Total => (0..count).filter(|other| *other != me).map(Some).collect(),
        };
        near.into_iter()
            .flatten()
            .filter(|other| *other < count)
            .filter_map(|other| u16::try_from(other).ok().map(NodeId))
            .collect()
    }

    /// A heap's numbering: the children of node `i` are `i * b + 1` to `i * b + b`.
    fn tree(me: u32, branches: u32) -> Vec<Option<u32>> {
        let parent = me.checked_sub(1).map(|above| above / branches);
        let children = (1..=branches).map(|child| Some(me * branches + child));
        std::iter::once(parent).chain(children).collect()
    }

    /// Everyone's neighbours.
    pub fn map(self, count: u16) -> BTreeMap<NodeId, Vec<NodeId>> {
        NodeId::all(count).map(|node| (node, self.neighbors(node, count))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let near = |shape: Topology, node, count| {
            let near = shape.neighbors(NodeId(node), count);
            near.iter().map(|id| id.0).collect::<Vec<_>>()
        };
        assert_eq!(near(Topology::Line, 0, 3), [1]);
        assert_eq!(near(Topology::Line, 1, 3), [0, 2]);
        assert_eq!(near(Topology::Grid, 4, 9), [1, 3, 5, 7]);
        assert_eq!(near(Topology::Grid, 2, 5), [1]);
        assert_eq!(near(Topology::Tree2, 1, 6), [0, 3, 4]);
        assert_eq!(near(Topology::Tree4, 0, 25), [1, 2, 3, 4]);
        assert_eq!(near(Topology::Total, 1, 3), [0, 2]);
        assert_eq!(near(Topology::Total, 0, 1), [] as [u16; 0]);
    }

    #[test]
    fn neighbourhood_is_mutual_and_connects_everyone() {
        use Topology::{Grid, Line, Total, Tree2, Tree3, Tree4};
        for shape in [Line, Grid, Tree2, Tree3, Tree4, Total] {
            for count in 1..30 {
                let map = shape.map(count);
                for (node, near) in &map {
                    for other in near {
                        assert!(map[other].contains(node), "{shape:?} {count}: {node} {other}");
                    }
                }
                let mut reached = vec![NodeId(0)];
                let mut at = 0;
                while at < reached.len() {
                    for other in &map[&reached[at]] {
                        if !reached.contains(other) {
                            reached.push(*other);
                        }
                    }
                    at += 1;
                }
                assert_eq!(reached.len(), usize::from(count), "{shape:?} of {count} is connected");
            }
        }
    }
}
