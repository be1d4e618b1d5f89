//! `txn-rw-register`: transactions that read and write registers.
//!
//! Much like a table with a primary key. A read shows one value and nothing of what it replaced, so
//! that less can be told than from lists (see txn_list_append.rs).

use serde::{Deserialize, Serialize};

use super::transaction::{self, Access, Triple, Value, words};
use super::{Draw, Workload, key_name};
use crate::Api;

/// Clients send transactions of reads and writes of registers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TxnRwRegister;

/// A micro-operation: `["r", key, value]` or `["w", key, value]`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "Triple", into = "Triple")]
pub enum Op {
    /// What is the value?
    Read {
        /// The register's key.
        key: u64,
        /// The value. `None` in a request, and where nothing was ever written.
        value: Option<u64>,
    },
    /// Make it this.
    Write {
        /// The register's key.
        key: u64,
        /// The new value; no two writes of a run write the same.
        value: u64,
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
            Op::Read { key, value } => {
                Self("r".into(), key, value.map_or(Value::Nothing, Value::One))
            }
            Op::Write { key, value } => Self("w".into(), key, Value::One(value)),
        }
    }
}

impl TryFrom<Triple> for Op {
    type Error = &'static str;

    fn try_from(Triple(what, key, value): Triple) -> Result<Self, &'static str> {
        match (&*what, value) {
            ("r", Value::Nothing) => Ok(Self::Read { key, value: None }),
            ("r", Value::One(value)) => Ok(Self::Read { key, value: Some(value) }),
            ("w", Value::One(value)) => Ok(Self::Write { key, value }),
            _ => Err(r#"a micro-operation is ["r", key, value] or ["w", key, value]"#),
        }
    }
}

impl Op {
    fn describe(&self) -> String {
        match self {
            Self::Read { key, value: None } => format!("r {}", key_name(*key)),
            Self::Read { key, value: Some(value) } => format!("r {} {value}", key_name(*key)),
            Self::Write { key, value } => format!("w {} {value}", key_name(*key)),
        }
    }
}

impl Api for TxnRwRegister {
    type Request = Request;
    type Response = Response;
}

impl Workload for TxnRwRegister {
    const NAME: &'static str = "txn-rw-register";

    fn generate(draw: Draw) -> Request {
        let op = |access| match access {
            Access::Read { key } => Op::Read { key, value: None },
            Access::Write { key, value } => Op::Write { key, value },
        };
        Request::Txn { txn: transaction::draw(draw).into_iter().map(op).collect() }
    }

    /// Reads of the registers that were in use.
    fn last(draw: Draw) -> Option<Request> {
        let txn = transaction::last(draw).map(|key| Op::Read { key, value: None }).collect();
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
            Op::Read { key, value: None } => Some(format!("{} nothing", key_name(*key))),
            Op::Read { key, value: Some(value) } => Some(format!("{} {value}", key_name(*key))),
            Op::Write { .. } => None,
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
        let txn = vec![Op::Read { key: 1, value: None }, Op::Write { key: 1, value: 6 }];
        assert_eq!(
            serde_json::to_string(&Request::Txn { txn }).unwrap(),
            r#"{"type":"txn","txn":[["r",1,null],["w",1,6]]}"#
        );
        let read = |json: &str| serde_json::from_str::<Response>(json);
        let txn = vec![Op::Read { key: 1, value: Some(8) }, Op::Write { key: 1, value: 6 }];
        let done = r#"{"type":"txn_ok","txn":[["r",1,8],["w",1,6]],"in_reply_to":1}"#;
        assert_eq!(read(done).unwrap(), Response::TxnOk { txn });
        let error = read(r#"{"type":"txn_ok","txn":[["r",1,[8]]]}"#).unwrap_err().to_string();
        assert!(error.contains(r#"["w", key, value]"#), "{error}");
    }

    #[test]
    fn words_are_few() {
        let txn = vec![Op::Read { key: 0, value: Some(3) }, Op::Write { key: 4, value: 7 }];
        assert_eq!(
            TxnRwRegister::describe_request(&Request::Txn { txn: txn.clone() }),
            "r x 3, w k4 7"
        );
        assert_eq!(TxnRwRegister::describe_response(&Response::TxnOk { txn }), "x 3");
    }
}
