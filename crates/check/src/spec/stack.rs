//! A stack: last in, first out.

use super::element_names::Move;
use super::{Spec, element_names};
use crate::linearizability::fast::stack;
use crate::linearizability::{Answer, Entry, Failure, Named, Words};

/// A stack, empty at first: what comes out is what went in last.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Stack;

/// What was asked of a [`Stack`], and answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum StackCall {
    /// A push of this.
    Push(u64),
    /// A pop that returned this.
    Pop(u64),
    /// A pop that found nothing.
    Empty,
    /// A pop whose answer never came. If it found nothing, it may be left out.
    Lost,
}

impl StackCall {
    const fn moves(self) -> Move {
        match self {
            Self::Push(value) => Move::In(value),
            Self::Pop(value) => Move::Out(value),
            Self::Empty => Move::Empty,
            Self::Lost => Move::Lost,
        }
    }
}

impl Spec for Stack {
    /// The top is last.
    type State = Vec<u64>;
    type Call = StackCall;
    type Next = Option<Vec<u64>>;

    fn initial(&self) -> Vec<u64> {
        Vec::new()
    }

    fn step(&self, state: &Vec<u64>, call: &StackCall) -> Option<Vec<u64>> {
        let (top, below) = match state.split_last() {
            Some((top, below)) => (Some(top), below),
            None => (None, &[][..]),
        };
        match call {
            StackCall::Push(value) => {
                Some(state.iter().chain(std::iter::once(value)).copied().collect())
            }
            StackCall::Pop(value) => (top == Some(value)).then(|| below.to_vec()),
            StackCall::Empty => top.is_none().then(Vec::new),
            StackCall::Lost => top.is_some().then(|| below.to_vec()),
        }
    }

    fn is_pure(&self, call: &StackCall) -> bool {
        matches!(call, StackCall::Empty)
    }

    fn bytes(&self, state: &Vec<u64>) -> u64 {
        (size_of::<Vec<u64>>() + size_of_val(state.as_slice())) as u64
    }

    fn decide(&self, entries: &[Entry<StackCall>]) -> Option<Answer> {
        stack::decide(entries)
    }

    fn describe(&self, state: &Vec<u64>, words: &dyn Words) -> String {
        match state.last() {
            Some(top) => format!("{} is on top of the stack", words.value(*top)),
            None => "the stack is empty".into(),
        }
    }

    fn name(&self, failure: &Failure<'_, Self>) -> Option<Named> {
        element_names::name(failure, element_names::Order::Last, |call| call.moves())
    }
}
