//! A log that is only appended to.

use super::Spec;
use crate::linearizability::{Failure, Named, Words};

/// A log, empty at first. Its first entry has the offset 0.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Log;

/// What was asked of a [`Log`], and answered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LogCall {
    /// An append.
    Append {
        /// What was appended.
        value: u64,
        /// Where it is, where the answer says so.
        offset: Option<u64>,
    },
    /// A read of the whole log.
    Read(Vec<u64>),
    /// A read of one entry.
    ReadAt {
        /// Where.
        offset: u64,
        /// What is there; `None` beyond the end.
        value: Option<u64>,
    },
}

impl Spec for Log {
    type State = Vec<u64>;
    type Call = LogCall;
    type Next = Option<Vec<u64>>;

    fn initial(&self) -> Vec<u64> {
        Vec::new()
    }

    fn step(&self, state: &Vec<u64>, call: &LogCall) -> Option<Vec<u64>> {
        match call {
            LogCall::Append { value, offset } => offset
                .is_none_or(|offset| offset == state.len() as u64)
                .then(|| state.iter().chain(std::iter::once(value)).copied().collect()),
            LogCall::Read(values) => (state == values).then(|| values.clone()),
            LogCall::ReadAt { offset, value } => {
                let there = usize::try_from(*offset).ok().and_then(|at| state.get(at));
                (there == value.as_ref()).then(|| state.clone())
            }
        }
    }

    fn is_pure(&self, call: &LogCall) -> bool {
        !matches!(call, LogCall::Append { .. })
    }

    fn bytes(&self, state: &Vec<u64>) -> u64 {
        (size_of::<Vec<u64>>() + size_of_val(state.as_slice())) as u64
    }

    fn describe(&self, state: &Vec<u64>, words: &dyn Words) -> String {
        match state.len() {
            0 => "the log is empty".into(),
            _ => format!("the log is {}", words.values(state)),
        }
    }

    fn name(&self, failure: &Failure<'_, Self>) -> Option<Named> {
        let LogCall::Read(shown) = &failure.entries[failure.at].call else { return None };
        failure.lacks(|call| match call {
            LogCall::Append { value, .. } if !shown.contains(value) => Some(*value),
            _ => None,
        })
    }
}
