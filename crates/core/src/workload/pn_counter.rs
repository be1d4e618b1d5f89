//! `pn-counter`: a counter that goes up and down.

use serde::{Deserialize, Serialize};

use super::{Draw, Workload};
use crate::Api;

/// Clients add to a counter and read it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PnCounter;

/// What is asked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// Add this.
    Add {
        /// Of either sign.
        delta: i64,
    },
    /// What is the sum?
    Read,
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Response {
    /// It is counted.
    AddOk,
    /// The sum so far, as far as this node knows.
    ReadOk {
        /// The sum.
        value: i64,
    },
}

impl Api for PnCounter {
    type Request = Request;
    type Response = Response;
}

impl Workload for PnCounter {
    const NAME: &'static str = "pn-counter";

    /// Every other operation is a read, at random.
    fn generate(draw: Draw) -> Request {
        let mut rng = draw.rng();
        if rng.below(2) == 0 {
            Request::Add { delta: i64::try_from(rng.below(10)).unwrap_or(0) - 5 }
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
            Request::Add { delta } => format!("add {delta}"),
            Request::Read => "read".into(),
        }
    }

    fn describe_response(response: &Response) -> String {
        match response {
            Response::AddOk => String::new(),
            Response::ReadOk { value } => value.to_string(),
        }
    }
}
