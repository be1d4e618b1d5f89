//! Findings of one kind: the first few are told, the rest are counted.

use std::fmt::Write as _;

use splitbrain_core::{Finding, OperationId, Verdict};

/// How many findings of one kind a verdict tells.
const TOLD: usize = 5;

/// Collects the cases of one kind of finding, worst first.
pub(crate) struct Cases {
    id: &'static str,
    told: Vec<Finding>,
    more: usize,
}

impl Cases {
    pub(crate) const fn new(id: &'static str) -> Self {
        Self { id, told: Vec::new(), more: 0 }
    }

    /// Adds a case. Its sentence is made only if it will be told.
    pub(crate) fn add(
        &mut self,
        sentence: impl FnOnce() -> String,
        operations: impl IntoIterator<Item = usize>,
    ) {
        if self.told.len() < TOLD {
            let finding = Finding::new(self.id, sentence());
            self.told.push(finding.operations(operations.into_iter().map(operation_id)));
        } else {
            self.more += 1;
        }
    }

    /// Hands the cases to the verdict; the last one told says how many were not.
    pub(crate) fn into_verdict(mut self, verdict: &mut Verdict) {
        if let (Some(last), 1..) = (self.told.last_mut(), self.more) {
            let _ = write!(last.sentence, "; and {} more like it", self.more);
        }
        verdict.findings.append(&mut self.told);
    }
}

/// The id of the operation at `index` of its history.
pub(crate) fn operation_id(index: usize) -> OperationId {
    OperationId(u32::try_from(index).unwrap_or(u32::MAX))
}
