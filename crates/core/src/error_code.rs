//! The errors a node may answer a client with, under the numbers of Maelstrom's protocol.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a request was not carried out [maelstrom doc/protocol.md].
///
/// A *definite* error promises that the operation did not happen and never will. An indefinite one
/// promises nothing; when in doubt, use an indefinite one.
///
/// ```
/// # use splitbrain_core::ErrorCode;
/// assert!(ErrorCode::PRECONDITION_FAILED.is_definite());
/// assert!(!ErrorCode::CRASH.is_definite());
/// assert_eq!(ErrorCode::TIMEOUT.to_string(), "timeout");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    /// The operation could not be completed in time. Indefinite.
    pub const TIMEOUT: Self = Self(0);
    /// The request was sent to a node that does not exist. Definite.
    pub const NODE_NOT_FOUND: Self = Self(1);
    /// This node does not implement the operation. Definite.
    pub const NOT_SUPPORTED: Self = Self(10);
    /// The operation cannot be performed now, and was not. Definite.
    pub const TEMPORARILY_UNAVAILABLE: Self = Self(11);
    /// The request makes no sense. Definite.
    pub const MALFORMED_REQUEST: Self = Self(12);
    /// Some general error. Indefinite.
    pub const CRASH: Self = Self(13);
    /// Some general error, and the operation did not happen. Definite.
    pub const ABORT: Self = Self(14);
    /// The key does not exist. Definite.
    pub const KEY_DOES_NOT_EXIST: Self = Self(20);
    /// The key exists already. Definite.
    pub const KEY_ALREADY_EXISTS: Self = Self(21);
    /// What the operation expected does not hold: a compare-and-set met another value. Definite.
    pub const PRECONDITION_FAILED: Self = Self(22);
    /// The transaction met a conflict and was aborted. Definite.
    pub const TXN_CONFLICT: Self = Self(30);

    const NAMES: [(Self, &'static str); 11] = [
        (Self::TIMEOUT, "timeout"),
        (Self::NODE_NOT_FOUND, "node-not-found"),
        (Self::NOT_SUPPORTED, "not-supported"),
        (Self::TEMPORARILY_UNAVAILABLE, "temporarily-unavailable"),
        (Self::MALFORMED_REQUEST, "malformed-request"),
        (Self::CRASH, "crash"),
        (Self::ABORT, "abort"),
        (Self::KEY_DOES_NOT_EXIST, "key-does-not-exist"),
        (Self::KEY_ALREADY_EXISTS, "key-already-exists"),
        (Self::PRECONDITION_FAILED, "precondition-failed"),
        (Self::TXN_CONFLICT, "txn-conflict"),
    ];

    /// Whether the operation certainly did not happen. Codes of your own are never definite.
    pub const fn is_definite(self) -> bool {
        matches!(self.0, 1 | 10 | 11 | 12 | 14 | 20 | 21 | 22 | 30)
    }

    /// The name of the code, if it is one of the protocol's.
    pub fn name(self) -> Option<&'static str> {
        Self::NAMES.iter().find(|(code, _)| *code == self).map(|(_, name)| *name)
    }

    /// The code of this name, if the protocol has one.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(code, _)| *code)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "error {}", self.0),
        }
    }
}
