//! A queue: first in, first out.

use super::element_names::Move;
use super::{Spec, element_names};
use crate::linearizability::fast::queue::{self, Order};
use crate::linearizability::{Answer, Entry, Failure, Named, Words};

/// A queue, empty at first, whose elements come out in the order in which they went in.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Queue;

/// What was asked of a [`Queue`] or a [`Bag`](super::Bag), and answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum QueueCall {
    /// An enqueue of this.
    Enqueue(u64),
    /// A dequeue that returned this.
    Dequeue(u64),
    /// A dequeue that found nothing.
    Empty,
    /// A dequeue whose answer never came. If it found nothing, it may be left out.
    Lost,
}

impl QueueCall {
    pub(super) const fn moves(self) -> Move {
        match self {
            Self::Enqueue(value) => Move::In(value),
            Self::Dequeue(value) => Move::Out(value),
            Self::Empty => Move::Empty,
            Self::Lost => Move::Lost,
        }
    }
}

impl Spec for Queue {
    type State = Vec<u64>;
    type Call = QueueCall;
    type Next = Option<Vec<u64>>;

    fn initial(&self) -> Vec<u64> {
        Vec::new()
    }

    fn step(&self, state: &Vec<u64>, call: &QueueCall) -> Option<Vec<u64>> {
        match call {
            QueueCall::Enqueue(value) => {
                Some(state.iter().chain(std::iter::once(value)).copied().collect())
            }
            QueueCall::Dequeue(value) => {
                (state.first() == Some(value)).then(|| state[1..].to_vec())
            }
            QueueCall::Empty => state.is_empty().then(Vec::new),
            QueueCall::Lost => (!state.is_empty()).then(|| state[1..].to_vec()),
        }
    }

    fn is_pure(&self, call: &QueueCall) -> bool {
        matches!(call, QueueCall::Empty)
    }

    fn bytes(&self, state: &Vec<u64>) -> u64 {
        (size_of::<Vec<u64>>() + size_of_val(state.as_slice())) as u64
    }

    fn decide(&self, entries: &[Entry<QueueCall>]) -> Option<Answer> {
        queue::decide(entries, Order::Fifo)
    }

    fn describe(&self, state: &Vec<u64>, words: &dyn Words) -> String {
        match state.first() {
            Some(first) => format!("{} is at the head of the queue", words.value(*first)),
            None => "the queue is empty".into(),
        }
    }

    fn name(&self, failure: &Failure<'_, Self>) -> Option<Named> {
        element_names::name(failure, element_names::Order::First, |call| call.moves())
    }
}
