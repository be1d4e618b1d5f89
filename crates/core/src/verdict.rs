//! What a judge says.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{EventId, OperationId};

/// One thing that is wrong, with the evidence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// The stable name of this kind of wrong: `LIN-STALE-READ`, `SET-LOST`. `splitbrain explain ID`
    /// tells what it means.
    pub id: Cow<'static, str>,
    /// One plain sentence.
    pub sentence: String,
    /// The operations that show it, by their place in the history.
    #[serde(default)]
    pub operations: Vec<OperationId>,
    /// The events of the trace that show it.
    #[serde(default)]
    pub events: Vec<EventId>,
    /// Why it is wrong, as data: what a picture draws and a page spells out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// Why a history is wrong, as data.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// No order of the operations explains the answers. This is how far an order gets.
    Stuck {
        /// The longest order that explains its answers.
        order: Vec<Point>,
        /// Each operation that could come next, and why it can't.
        next: Vec<Refused>,
    },
    /// Operations that each had to come before the next, and the last before the first.
    Cycle(Vec<Edge>),
}

/// The instant at which an operation takes effect.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Point {
    /// Which operation.
    pub operation: OperationId,
    /// It takes effect after the request or answer at this place of the order of all requests and
    /// answers, and before the next; points at the same place in the order in which they stand.
    pub after: u32,
}

/// An operation that can't come next.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refused {
    /// Which operation.
    pub operation: OperationId,
    /// One plain sentence: why not.
    pub why: String,
}

/// One operation, or transaction, that had to come before another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Edge {
    /// What came first.
    pub from: OperationId,
    /// What came after it.
    pub to: OperationId,
    /// The kind of dependency, as the field writes it: `ww`, `wr`, `rw`, `process`, `realtime`.
    pub kind: Cow<'static, str>,
    /// One plain sentence: the reads and writes that show it.
    pub why: String,
}

impl Finding {
    /// A finding without evidence yet.
    pub fn new(id: &'static str, sentence: impl Into<String>) -> Self {
        Self {
            id: Cow::Borrowed(id),
            sentence: sentence.into(),
            operations: Vec::new(),
            events: Vec::new(),
            proof: None,
        }
    }

    /// The same, with the operations that show it.
    #[must_use]
    pub fn operations(mut self, operations: impl IntoIterator<Item = OperationId>) -> Self {
        self.operations.extend(operations);
        self
    }

    /// The same, with the events that show it.
    #[must_use]
    pub fn events(mut self, events: impl IntoIterator<Item = EventId>) -> Self {
        self.events.extend(events);
        self
    }

    /// The same, with the reason as data.
    #[must_use]
    pub fn proof(mut self, proof: Proof) -> Self {
        self.proof = Some(proof);
        self
    }
}

/// Valid, invalid, or not decided.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// Nothing is wrong.
    Valid,
    /// It could not be decided, or nothing was there to judge.
    Unknown,
    /// Something is wrong.
    Invalid,
}

impl Validity {
    /// The program's exit status: 0 valid, 1 invalid, 2 unknown.
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 1,
            Self::Unknown => 2,
        }
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Valid => "valid",
            Self::Unknown => "unknown",
            Self::Invalid => "invalid",
        })
    }
}

/// What a judge says of a run.
///
/// ```
/// # use splitbrain_core::{Finding, Validity, Verdict};
/// let mut verdict = Verdict::default();
/// assert_eq!(verdict.validity(), Validity::Valid);
/// verdict.undecided.push("no element was ever read".into());
/// assert_eq!(verdict.validity(), Validity::Unknown);
/// verdict.findings.push(Finding::new("SET-LOST", "5 was acknowledged and then lost"));
/// assert_eq!(verdict.validity(), Validity::Invalid);
/// ```
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Verdict {
    /// What is wrong, worst first.
    pub findings: Vec<Finding>,
    /// Why nothing could be decided, where that is so.
    #[serde(default)]
    pub undecided: Vec<String>,
    /// What is worth saying but breaks nothing: `("stable after p50", "12ms")`.
    #[serde(default)]
    pub remarks: Vec<(String, String)>,
    /// Where a history is valid and somebody asked: an instant for each operation that explains
    /// all answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<Point>,
}

impl Verdict {
    /// Nothing is wrong, and nothing more was said.
    pub const NOTHING: Self = Self {
        findings: Vec::new(),
        undecided: Vec::new(),
        remarks: Vec::new(),
        points: Vec::new(),
    };

    /// Invalid if anything is wrong; else unknown if anything is undecided; else valid.
    pub const fn validity(&self) -> Validity {
        if !self.findings.is_empty() {
            Validity::Invalid
        } else if !self.undecided.is_empty() {
            Validity::Unknown
        } else {
            Validity::Valid
        }
    }

    /// Adds what another judge says of the same run.
    pub fn merge(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.undecided.extend(other.undecided);
        self.remarks.extend(other.remarks);
        self.points.extend(other.points);
    }
}
