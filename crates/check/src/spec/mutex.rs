//! A mutex that does not know who holds it.

use super::{Spec, holder_names};
use crate::linearizability::{Failure, Named, Words};

/// A mutex as Knossos has it: held or free, whoever asks. Free at first.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Mutex;

/// What was asked of a [`Mutex`], and answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MutexCall {
    /// An acquire that succeeded.
    Acquire,
    /// A release that succeeded.
    Release,
    /// An acquire that was refused because the mutex was held.
    Held,
    /// A release that was refused because the mutex was free.
    Free,
}

impl Spec for Mutex {
    /// Whether it is held.
    type State = bool;
    type Call = MutexCall;
    type Next = Option<bool>;

    fn initial(&self) -> bool {
        false
    }

    fn step(&self, held: &bool, call: &MutexCall) -> Option<bool> {
        match call {
            MutexCall::Acquire => (!held).then_some(true),
            MutexCall::Release => held.then_some(false),
            MutexCall::Held => held.then_some(true),
            MutexCall::Free => (!held).then_some(false),
        }
    }

    fn is_pure(&self, call: &MutexCall) -> bool {
        matches!(call, MutexCall::Held | MutexCall::Free)
    }

    fn describe(&self, held: &bool, _: &dyn Words) -> String {
        format!("the mutex is {}", if *held { "held" } else { "free" })
    }

    fn name(&self, failure: &Failure<'_, Self>) -> Option<Named> {
        holder_names::of_mutex(failure)
    }
}
