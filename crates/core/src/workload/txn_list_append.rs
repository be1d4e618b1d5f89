//! `txn-list-append`: transactions that read lists and append to them.
//!
//! A list shows who appended to it, and in which order. That makes this the workload of choice: a
//! few reads tell a judge most of what depended on what.

use serde::{Deserialize, Serialize};

use super::transaction::{self, Access, Triple, Value, words};
use super::{Draw, Workload, key_name};
use crate::Api;

/// Clients send transactions of reads of lists and appends to lists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TxnListAppend;

/// A micro-operation: `["r", key, list]` or `["append", key, element]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "Triple", into = "Triple")]
pub enum Op {
    /// What is in the list?
    Read {
        /// The list's key.
        key: u64,
        /// The list, oldest element first. `None` in a request, and where nothing was ever
        /// appended.
        list: Option<Vec<u64>>,
    },
    /// Add this at the end.
    Append {
        /// The list's key.
        key: u64,
        /// The element; no two appends of a run append the same.
        element: u64,
    },
}

/// What is asked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// Do all of this, in this order, as if nobody else were there; or none of it.
    Txn {
        /// The micro-operations.
        txn: Vec<Op>,
    },
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Response {
    /// It is done.
    TxnOk {
        /// The request's micro-operations, with what the reads were shown.
        txn: Vec<Op>,
    },
}

impl From<Op> for Triple {
    fn from(op: Op) -> Self {
        match op {
            Op::Read { key, list } => {
                Self("r".into(), key, list.map_or(Value::Nothing, Value::Many))
            }
            Op::Append { key, element } => Self("append".into(), key, Value::One(element)),
        }
    }
}

impl TryFrom<Triple> for Op {
    type Error = &'static str;

    fn try_from(Triple(what, key, value): Triple) -> Result<Self, &'static str> {
        match (&*what, value) {
            ("r", Value::Nothing) => Ok(Self::Read { key, list: None }),
            ("r", Value::Many(list)) => Ok(Self::Read { key, list: Some(list) }),
            ("append", Value::One(element)) => Ok(Self::Append { key, element }),
            _ => Err(r#"a micro-operation is ["r", key, list] or ["append", key, element]"#),
        }
    }
}

impl Op {
    fn describe(&self) -> String {
        match self {
            Self::Read { key, list: None } => format!("r {}", key_name(*key)),
            Self::Read { key, list: Some(list) } => {
                format!("r {} {}", key_name(*key), super::list(list))
            }
            Self::Append { key, element } => format!("append {} {element}", key_name(*key)),
        }
    }
}

impl Api for TxnListAppend {
    type Request = Request;
    type Response = Response;
}

impl Workload for TxnListAppend {
    const NAME: &'static str = "txn-list-append";

    fn generate(draw: Draw) -> Request {
        let op = |access| match access {
            Access::Read { key } => Op::Read { key, list: None },
            Access::Write { key, value } => Op::Append { key, element: value },
        };
        Request::Txn { txn: transaction::draw(draw).into_iter().map(op).collect() }
    }

    /// Reads of the lists that were in use.
    fn last(draw: Draw) -> Option<Request> {
        let txn = transaction::last(draw).map(|key| Op::Read { key, list: None }).collect();
        Some(Request::Txn { txn })
    }

    fn is_query(Request::Txn { txn }: &Request) -> bool {
        txn.iter().all(|op| matches!(op, Op::Read { .. }))
    }

    fn describe_request(Request::Txn { txn }: &Request) -> String {
        words(&txn.iter().map(Op::describe).collect::<Vec<_>>())
    }

    /// What the reads were shown.
    fn describe_response(Response::TxnOk { txn }: &Response) -> String {
        let reads = txn.iter().filter_map(|op| match op {
            Op::Read { key, list: None } => Some(format!("{} nothing", key_name(*key))),
            Op::Read { key, list: Some(list) } => {
                Some(format!("{} {}", key_name(*key), super::list(list)))
            }
            Op::Append { .. } => None,
        });
        let reads: Vec<_> = reads.collect();
        if reads.is_empty() { String::new() } else { words(&reads) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_maelstroms() {
        let txn = vec![
            Op::Read { key: 1, list: None },
            Op::Append { key: 1, element: 6 },
            Op::Append { key: 2, element: 9 },
        ];
        assert_eq!(
            serde_json::to_string(&Request::Txn { txn }).unwrap(),
            r#"{"type":"txn","txn":[["r",1,null],["append",1,6],["append",2,9]]}"#
        );
        let read = |json: &str| serde_json::from_str::<Response>(json);
        let done = r#"{"type":"txn_ok","txn":[["r",1,[8]],["append",1,6],["r",2,null]]}"#;
        let txn = vec![
            Op::Read { key: 1, list: Some(vec![8]) },
            Op::Append { key: 1, element: 6 },
            Op::Read { key: 2, list: None },
        ];
        assert_eq!(read(done).unwrap(), Response::TxnOk { txn });
        for wrong in [r#"["r",1,8]"#, r#"["w",1,8]"#, r#"["append",1,null]"#] {
            let json = format!(r#"{{"type":"txn_ok","txn":[{wrong}]}}"#);
            assert!(read(&json).unwrap_err().to_string().contains("a micro-operation is"));
        }
    }

    #[test]
    fn words_are_few() {
        let txn =
            vec![Op::Read { key: 0, list: Some(vec![3, 4]) }, Op::Append { key: 4, element: 7 }];
        assert_eq!(
            TxnListAppend::describe_request(&Request::Txn { txn: txn.clone() }),
            "r x {3 4}, append k4 7"
        );
        assert_eq!(TxnListAppend::describe_response(&Response::TxnOk { txn }), "x {3 4}");
    }
}
