//! `unique-ids`: an id that nobody else was ever given.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Draw, Workload};
use crate::Api;

/// Clients ask for ids; no two may be equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UniqueIds;

/// What is asked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// Give me an id.
    Generate,
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Response {
    /// Here it is.
    GenerateOk {
        /// The id.
        id: Id,
    },
}

/// An id: any JSON value, kept as its text. Two ids are equal if their texts are.
///
/// ```
/// # use splitbrain_core::workload::unique_ids::Id;
/// assert_eq!(Id::from(17).to_string(), "17");
/// assert_ne!(Id::from(17), Id::from("17"));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(String);

impl From<u64> for Id {
    fn from(number: u64) -> Self {
        Self(number.to_string())
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        Self(serde_json::Value::from(text).to_string())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: serde_json::Value =
            serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::Null => Err(de::Error::custom("an id must not be null")),
            value => Ok(Self(value.to_string())),
        }
    }
}

impl Api for UniqueIds {
    type Request = Request;
    type Response = Response;
}

impl Workload for UniqueIds {
    const NAME: &'static str = "unique-ids";

    fn generate(_: Draw) -> Request {
        Request::Generate
    }

    fn last(_: Draw) -> Option<Request> {
        Some(Request::Generate)
    }

    /// An id that was made and never arrived is as good as one that was not made.
    fn is_query(_: &Request) -> bool {
        true
    }

    fn describe_request(_: &Request) -> String {
        "generate".into()
    }

    fn describe_response(Response::GenerateOk { id }: &Response) -> String {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_as_any_json() {
        for text in ["17", "\"a\"", "[1,2]", "{\"a\":1}", "1.5", "false"] {
            let id: Id = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&id).unwrap(), text);
        }
        assert!(serde_json::from_str::<Id>("null").is_err());
    }
}
