//! A lock that knows who holds it, and hands out fencing tokens.

use super::{Spec, holder_names};
use crate::linearizability::{Failure, Named, Words};

/// A lock with a holder, whose acquires may return a fencing token. Each token is greater than all
/// before it, so that whatever the lock protects can refuse a holder of the past.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Lock;

/// What was asked of a [`Lock`], and answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LockCall {
    /// An acquire that succeeded.
    Acquire {
        /// Who holds the lock now.
        holder: u64,
        /// The fencing token, where there is one and the answer came.
        token: Option<u64>,
    },
    /// A release that succeeded.
    Release {
        /// Who held it.
        holder: u64,
    },
    /// An acquire that was refused because the lock was held.
    Held,
    /// A release that was refused because this one did not hold the lock.
    NotHeld {
        /// Who asked.
        holder: u64,
    },
}

/// What a [`Lock`] remembers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct LockState {
    /// Who holds it.
    pub holder: Option<u64>,
    /// The last token that anybody saw.
    pub token: Option<u64>,
}

impl Spec for Lock {
    type State = LockState;
    type Call = LockCall;
    type Next = Option<LockState>;

    fn initial(&self) -> LockState {
        LockState::default()
    }

    fn step(&self, state: &LockState, call: &LockCall) -> Option<LockState> {
        match *call {
            LockCall::Acquire { holder, token } => {
                // A token that nobody saw bounds nothing.
                let grows = match (token, state.token) {
                    (Some(new), Some(last)) => new > last,
                    _ => true,
                };
                let token = token.or(state.token);
                (state.holder.is_none() && grows)
                    .then_some(LockState { holder: Some(holder), token })
            }
            LockCall::Release { holder } => {
                (state.holder == Some(holder)).then_some(LockState { holder: None, ..*state })
            }
            LockCall::Held => state.holder.is_some().then_some(*state),
            LockCall::NotHeld { holder } => (state.holder != Some(holder)).then_some(*state),
        }
    }

    fn is_pure(&self, call: &LockCall) -> bool {
        matches!(call, LockCall::Held | LockCall::NotHeld { .. })
    }

    fn describe(&self, state: &LockState, words: &dyn Words) -> String {
        let token =
            state.token.map_or(String::new(), |token| format!(", the last token is {token}"));
        match state.holder {
            Some(holder) => format!("{} holds the lock{token}", words.holder(holder)),
            None => format!("the lock is free{token}"),
        }
    }

    fn name(&self, failure: &Failure<'_, Self>) -> Option<Named> {
        holder_names::of_lock(failure)
    }
}
