//! `echo`: say it back.

use serde::{Deserialize, Serialize};

use super::{Draw, Workload};
use crate::Api;

/// Clients send a text and expect it back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Echo;

/// What is asked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// Say this back.
    Echo {
        /// The text.
        echo: String,
    },
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Response {
    /// The text that was asked for.
    EchoOk {
        /// The text.
        echo: String,
    },
}

impl Api for Echo {
    type Request = Request;
    type Response = Response;
}

impl Workload for Echo {
    const NAME: &'static str = "echo";

    fn generate(draw: Draw) -> Request {
        Request::Echo { echo: format!("Please echo {}", draw.rng().below(128)) }
    }

    fn last(_: Draw) -> Option<Request> {
        Some(Request::Echo { echo: "Please echo goodbye".into() })
    }

    fn is_query(_: &Request) -> bool {
        true
    }

    fn describe_request(Request::Echo { echo }: &Request) -> String {
        format!("echo {echo:?}")
    }

    fn describe_response(Response::EchoOk { echo }: &Response) -> String {
        format!("{echo:?}")
    }
}
