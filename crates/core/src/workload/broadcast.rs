//! `broadcast`: what one node is told, all must come to know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Draw, Topology, Workload, list};
use crate::{Api, NodeId};

/// Clients hand messages to nodes and read what nodes know.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Broadcast;

/// What is asked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// A hint whom to talk to, sent at every start. Nodes may ignore it.
    Topology {
        /// Everyone's neighbours.
        topology: BTreeMap<NodeId, Vec<NodeId>>,
    },
    /// Tell everyone.
    Broadcast {
        /// What to tell; no two broadcasts of a run tell the same.
        message: u64,
    },
    /// What do you know?
    Read,
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Response {
    /// Understood.
    TopologyOk,
    /// It will be known to all.
    BroadcastOk,
    /// Everything this node knows.
    ReadOk {
        /// In any order.
        messages: Vec<u64>,
    },
}

impl Api for Broadcast {
    type Request = Request;
    type Response = Response;
}

impl Workload for Broadcast {
    const NAME: &'static str = "broadcast";

    fn setup(_: NodeId, node_count: u16, topology: Topology) -> Option<Request> {
        Some(Request::Topology { topology: topology.map(node_count) })
    }

    /// Every other operation is a read, at random; messages are the operation's number.
    fn generate(draw: Draw) -> Request {
        if draw.rng().below(2) == 0 {
            Request::Broadcast { message: u64::from(draw.index) }
        } else {
            Request::Read
        }
    }

    fn last(_: Draw) -> Option<Request> {
        Some(Request::Read)
    }

    fn is_query(request: &Request) -> bool {
        !matches!(request, Request::Broadcast { .. })
    }

    fn describe_request(request: &Request) -> String {
        match request {
            Request::Topology { .. } => "topology".into(),
            Request::Broadcast { message } => format!("broadcast {message}"),
            Request::Read => "read".into(),
        }
    }

    fn describe_response(response: &Response) -> String {
        match response {
            Response::TopologyOk | Response::BroadcastOk => String::new(),
            Response::ReadOk { messages } => list(messages),
        }
    }
}
