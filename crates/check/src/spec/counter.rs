//! A counter.

use super::Spec;
use crate::linearizability::Words;

/// A number that starts at zero and is added to. It wraps around at 64 bits, as machines do.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counter;

/// What was asked of a [`Counter`], and answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CounterCall {
    /// An add of this; less than zero is a decrement.
    Add(i64),
    /// An add that returned the sum.
    AddAndGet {
        /// What was added.
        delta: i64,
        /// The sum after it.
        sum: i64,
    },
    /// A read that returned this.
    Read(i64),
}

impl Spec for Counter {
    type State = i64;
    type Call = CounterCall;
    type Next = Option<i64>;

    fn initial(&self) -> i64 {
        0
    }

    fn step(&self, state: &i64, call: &CounterCall) -> Option<i64> {
        match *call {
            CounterCall::Add(delta) => Some(state.wrapping_add(delta)),
            CounterCall::AddAndGet { delta, sum } => {
                (state.wrapping_add(delta) == sum).then_some(sum)
            }
            CounterCall::Read(sum) => (*state == sum).then_some(sum),
        }
    }

    fn is_pure(&self, call: &CounterCall) -> bool {
        matches!(call, CounterCall::Read(_))
    }

    fn describe(&self, state: &i64, _: &dyn Words) -> String {
        format!("the counter stands at {state}")
    }
}
