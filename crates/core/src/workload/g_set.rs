//! `g-set`: a set that only grows.

use serde::{Deserialize, Serialize};

use super::{Draw, Workload, list};
use crate::Api;

/// Clients add elements and read the set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct GSet;

/// What is asked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// Add this.
    Add {
        /// No two adds of a run add the same.
        element: u64,
    },
    /// What is in the set?
    Read,
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Response {
    /// It is in.
    AddOk,
    /// The whole set.
    ReadOk {
        /// In any order.
        value: Vec<u64>,
    },
}

impl Api for GSet {
    type Request = Request;
    type Response = Response;
}

impl Workload for GSet {
    const NAME: &'static str = "g-set";

    /// Every other operation is a read, at random; elements are the operation's number.
    fn generate(draw: Draw) -> Request {
        if draw.rng().below(2) == 0 {
            Request::Add { element: u64::from(draw.index) }
        } else {
            Request::Read
        }
    }

    fn last(_: Draw) -> Option<Request> {
        Some(Request::Read)
    }

    fn is_query(request: &Request) -> bool {
        matches!(request, Request::Read)
    }

    fn describe_request(request: &Request) -> String {
        match request {
            Request::Add { element } => format!("add {element}"),
            Request::Read => "read".into(),
        }
    }

    fn describe_response(response: &Response) -> String {
        match response {
            Response::AddOk => String::new(),
            Response::ReadOk { value } => list(value),
        }
    }
}
