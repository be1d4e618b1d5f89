//! Broadcast: what one node is told, all come to know. Two designs for one workload.
//!
//! READ NEXT   flooding.rs (fast, and pays per message) → gossip.rs (slow, and pays per second)

pub mod flooding;
pub mod gossip;
