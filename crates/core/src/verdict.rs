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
}

impl Finding {
    /// A finding without evidence yet.
    pub fn new(id: &'static str, sentence: impl Into<String>) -> Self {
        Self {
            id: Cow::Borrowed(id),
            sentence: sentence.into(),
            operations: Vec::new(),
            events: Vec::new(),
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
}

impl Verdict {
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
    }
}
