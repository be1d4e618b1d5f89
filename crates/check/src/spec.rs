//! Sequential objects: what a single copy, asked one thing at a time, would do.

use std::fmt::Debug;

use crate::planted::{Planted, planted};

/// A sequential object.
///
/// A call is what was asked together with what is known of the answer. An operation whose outcome
/// is unknown is the call that has its effect: if it had none, it may be left out.
pub trait Spec {
    /// What the object remembers.
    type State: Clone + Ord + Debug;
    /// A request and its answer.
    type Call: Clone + Ord + Debug;

    /// The state before the first call.
    fn initial(&self) -> Self::State;

    /// The state after the call, or `None` if the object would not have answered so.
    fn step(&self, state: &Self::State, call: &Self::Call) -> Option<Self::State>;

    /// Whether the call can *never* change *any* state: a read. A write that writes what is there
    /// is not pure. It changes this state by chance only, and the search would go wrong.
    fn is_pure(&self, call: &Self::Call) -> bool;
}

/// One key of a key-value store: a register that may be empty, with compare-and-set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Register;

/// What was asked of a [`Register`], and answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RegisterCall {
    /// A read that returned this, or found no value.
    Read(Option<u64>),
    /// A write of this.
    Write(u64),
    /// A compare-and-set that took place.
    Cas {
        /// What was there.
        from: u64,
        /// What replaced it.
        to: u64,
    },
    /// A compare-and-set that was refused because a value other than this was there.
    Differs(u64),
}

impl RegisterCall {
    /// The value that the call leaves behind, if it changes anything.
    pub const fn written(self) -> Option<u64> {
        match self {
            Self::Write(value) | Self::Cas { to: value, .. } => Some(value),
            Self::Read(_) | Self::Differs(_) => None,
        }
    }

    /// What the call tells of the state before it, if it tells exactly: a value, or that there is
    /// none.
    pub const fn observed(self) -> Option<Option<u64>> {
        match self {
            Self::Read(value) => Some(value),
            Self::Cas { from, .. } => Some(Some(from)),
            Self::Write(_) | Self::Differs(_) => None,
        }
    }
}

impl Spec for Register {
    type State = Option<u64>;
    type Call = RegisterCall;

    fn initial(&self) -> Option<u64> {
        if planted(Planted::InitialZero) { Some(0) } else { None }
    }

    fn step(&self, state: &Option<u64>, call: &RegisterCall) -> Option<Option<u64>> {
        match *call {
            RegisterCall::Read(value) => (*state == value).then_some(value),
            RegisterCall::Write(value) => Some(Some(value)),
            RegisterCall::Cas { from, to } => {
                (*state == Some(from) || planted(Planted::CasBlind)).then_some(Some(to))
            }
            RegisterCall::Differs(from) => {
                state.is_some_and(|value| value != from).then_some(*state)
            }
        }
    }

    fn is_pure(&self, call: &RegisterCall) -> bool {
        call.written().is_none()
    }
}
