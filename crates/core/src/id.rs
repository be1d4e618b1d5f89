//! Names of things: nodes, processes, operations, requests.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A server of the cluster. The first is `NodeId(0)`, shown as `n1`.
///
/// ```
/// # use splitbrain_core::NodeId;
/// assert_eq!(NodeId(0).to_string(), "n1");
/// assert_eq!("n3".parse(), Ok(NodeId(2)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u16);

impl NodeId {
    /// The node's position in the cluster, from 0.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// All nodes of a cluster of `count`.
    pub fn all(count: u16) -> impl DoubleEndedIterator<Item = Self> + Clone {
        (0..count).map(Self)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", u32::from(self.0) + 1)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for NodeId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.strip_prefix('n')
            .filter(|digits| !digits.starts_with(['+', '0']))
            .and_then(|digits| digits.parse::<u32>().ok())
            .and_then(|number| u16::try_from(number - 1).ok())
            .map(Self)
            .ok_or_else(|| format!("a node is called n1, n2, ..., not {text:?}"))
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl de::Visitor<'_> for Name {
            type Value = NodeId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a node's name such as \"n1\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<NodeId, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Name)
    }
}

/// A logical client thread: one operation at a time. After an operation with an unknown outcome the
/// process is dead, and its client goes on under a new process id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProcessId(pub u32);

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", u64::from(self.0) + 1)
    }
}

/// The position of an operation in its [`History`](crate::History).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationId(pub u32);

impl OperationId {
    /// The position as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Names one client request at the node that received it. A plain value: keep it in state or in a
/// log, and answer it later from any handler.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct RequestId {
    /// The client that asked.
    pub client: u32,
    /// The client's number for this request, unique to that client.
    pub sequence: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_names_round_trip_and_reject_others() {
        for id in [0, 1, 8, 9, 41, u16::MAX] {
            assert_eq!(NodeId(id).to_string().parse(), Ok(NodeId(id)));
        }
        for bad in ["", "n", "n0", "n01", "n-1", "n+1", "x1", "n65537", "n1 "] {
            assert!(bad.parse::<NodeId>().is_err(), "{bad:?} must be refused");
        }
    }
}
