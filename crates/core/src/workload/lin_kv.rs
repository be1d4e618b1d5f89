//! `lin-kv`: a linearizable key-value store with compare-and-set.

use serde::{Deserialize, Serialize};

use super::{Draw, Workload, key_name};
use crate::Api;

/// Clients read, write and compare-and-set single keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinKv;

/// What is asked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// What is the value? A key that was never written is answered with
    /// [`KEY_DOES_NOT_EXIST`](crate::ErrorCode::KEY_DOES_NOT_EXIST).
    Read {
        /// Of this key.
        key: u64,
    },
    /// Make it this.
    Write {
        /// The value of this key.
        key: u64,
        /// The new value.
        value: u64,
    },
    /// Make it this, if it is that. Another value is answered with
    /// [`PRECONDITION_FAILED`](crate::ErrorCode::PRECONDITION_FAILED), none with
    /// [`KEY_DOES_NOT_EXIST`](crate::ErrorCode::KEY_DOES_NOT_EXIST).
    Cas {
        /// The key.
        key: u64,
        /// What must be there.
        from: u64,
        /// What replaces it.
        to: u64,
    },
}

impl Request {
    /// The key it is about.
    pub const fn key(&self) -> u64 {
        match self {
            Self::Read { key } | Self::Write { key, .. } | Self::Cas { key, .. } => *key,
        }
    }
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Response {
    /// The value.
    ReadOk {
        /// The value.
        value: u64,
    },
    /// It is written.
    WriteOk,
    /// It was that, and now is this.
    CasOk,
}

impl Api for LinKv {
    type Request = Request;
    type Response = Response;
}

/// A key gets this many operations of a run, more or less, before the next one takes its turn: a
/// history of one key stays small enough to be searched.
const OPERATIONS_PER_KEY: u32 = 60;
/// How many keys are in use at any moment.
const KEYS_AT_ONCE: u64 = 2;

impl LinKv {
    /// The value that operation `index` writes: unlike any other of the run, so that a read tells
    /// which write it saw.
    fn value(draw: Draw) -> u64 {
        u64::from(draw.index) + 1
    }

    fn key(draw: Draw) -> u64 {
        let era = draw.index / (OPERATIONS_PER_KEY * 2);
        u64::from(era) * KEYS_AT_ONCE + draw.key.derive(u64::from(draw.index)).at(0) % KEYS_AT_ONCE
    }

    fn kind(draw: Draw) -> u64 {
        draw.key.derive(u64::from(draw.index)).at(1) % 5
    }
}

impl Workload for LinKv {
    const NAME: &'static str = "lin-kv";

    /// Two reads to two writes to one compare-and-set, which expects what one of the last few
    /// writes to its key wrote, so that it succeeds now and then.
    fn generate(draw: Draw) -> Request {
        let key = Self::key(draw);
        match Self::kind(draw) {
            0 | 1 => Request::Read { key },
            2 | 3 => Request::Write { key, value: Self::value(draw) },
            _ => {
                let mut writers = (1..24)
                    .filter_map(|back| draw.earlier(back))
                    .filter(|earlier| Self::kind(*earlier) >= 2 && Self::key(*earlier) == key);
                let skip = draw.key.derive(u64::from(draw.index)).at(2) % 3;
                let first = writers.next();
                let from = writers.nth(usize::try_from(skip).unwrap_or(0)).or(first);
                Request::Cas { key, from: from.map_or(0, Self::value), to: Self::value(draw) }
            }
        }
    }

    /// A read of a key that is still in use.
    fn last(draw: Draw) -> Option<Request> {
        Some(Request::Read { key: Self::key(draw) })
    }

    fn is_query(request: &Request) -> bool {
        matches!(request, Request::Read { .. })
    }

    fn describe_request(request: &Request) -> String {
        match request {
            Request::Read { key } => format!("read {}", key_name(*key)),
            Request::Write { key, value } => format!("write {}={value}", key_name(*key)),
            Request::Cas { key, from, to } => format!("cas {}: {from}→{to}", key_name(*key)),
        }
    }

    fn describe_response(response: &Response) -> String {
        match response {
            Response::ReadOk { value } => value.to_string(),
            Response::WriteOk | Response::CasOk => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    #[test]
    fn json_is_maelstroms() {
        let json = |request: &Request| serde_json::to_string(request).unwrap();
        assert_eq!(json(&Request::Read { key: 1 }), r#"{"type":"read","key":1}"#);
        assert_eq!(
            json(&Request::Cas { key: 1, from: 2, to: 3 }),
            r#"{"type":"cas","key":1,"from":2,"to":3}"#
        );
        let extra = r#"{"type":"read_ok","value":4,"msg_id":56,"in_reply_to":123}"#;
        assert_eq!(serde_json::from_str::<Response>(extra).unwrap(), Response::ReadOk { value: 4 });
    }

    #[test]
    fn an_operation_does_not_depend_on_the_others() {
        let draw = |index| Draw { key: Key::new(5), index };
        let whole: Vec<_> = (0..500).map(|index| LinKv::generate(draw(index))).collect();
        assert_eq!(LinKv::generate(draw(321)), whole[321]);
        let cas = |request: &&Request| matches!(request, Request::Cas { from, .. } if *from > 0);
        assert!(whole.iter().filter(cas).count() > 50, "enough compare-and-sets with a chance");
        let keys = whole.iter().map(Request::key).max().unwrap_or(0) + 1;
        assert!((8..=12).contains(&keys), "{keys} keys");
    }
}
