//! Why a model cannot be explored.

use std::fmt;

use splitbrain_core::NodeId;

/// A model that cannot be explored. Nothing is said about the node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExploreError {
    /// A handler reads a clock, and the bounds have none.
    Clock {
        /// The node.
        node: NodeId,
        /// The handler and its input.
        call: String,
    },
    /// A handler may choose in too many ways.
    Choices {
        /// The node.
        node: NodeId,
        /// The handler and its input.
        call: String,
    },
    /// The model is too large, or contradicts itself.
    Model(String),
}

impl fmt::Display for ExploreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock { node, call } => write!(
                f,
                "{call} of {node} reads a clock: say how clocks tick (Bounds::clocks, or --ticks \
                 on the command line), for without that every time it may show is another state"
            ),
            Self::Choices { node, call } => {
                write!(f, "{call} of {node} chooses in more than 10,000 ways: choose among fewer")
            }
            Self::Model(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ExploreError {}
