//! A bag: what Jepsen calls an unordered queue.

use super::{QueueCall, Spec, element_names};
use crate::linearizability::fast::queue::{self, Order};
use crate::linearizability::{Answer, Entry, Failure, Named, Words};

/// A bag, empty at first: what went in comes out, each as often as it went in, in any order.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Bag;

impl Spec for Bag {
    /// In ascending order.
    type State = Vec<u64>;
    type Call = QueueCall;
    type Next = Vec<Vec<u64>>;

    fn initial(&self) -> Vec<u64> {
        Vec::new()
    }

    fn step(&self, state: &Vec<u64>, call: &QueueCall) -> Vec<Vec<u64>> {
        let without = |at: usize| {
            let mut state = state.clone();
            state.remove(at);
            state
        };
        match call {
            QueueCall::Enqueue(value) => {
                let mut state = state.clone();
                state.insert(state.partition_point(|other| other < value), *value);
                vec![state]
            }
            QueueCall::Dequeue(value) => {
                state.binary_search(value).map(without).into_iter().collect()
            }
            QueueCall::Empty if state.is_empty() => vec![Vec::new()],
            QueueCall::Empty => Vec::new(),
            QueueCall::Lost => {
                let first = |at: &usize| *at == 0 || state[*at - 1] != state[*at];
                (0..state.len()).filter(first).map(without).collect()
            }
        }
    }

    fn is_pure(&self, call: &QueueCall) -> bool {
        matches!(call, QueueCall::Empty)
    }

    fn part(&self, call: &QueueCall) -> Option<u64> {
        match call {
            QueueCall::Enqueue(value) | QueueCall::Dequeue(value) => Some(*value),
            QueueCall::Empty | QueueCall::Lost => None,
        }
    }

    fn bytes(&self, state: &Vec<u64>) -> u64 {
        (size_of::<Vec<u64>>() + size_of_val(state.as_slice())) as u64
    }

    fn decide(&self, entries: &[Entry<QueueCall>]) -> Option<Answer> {
        queue::decide(entries, Order::Any)
    }

    fn describe(&self, state: &Vec<u64>, words: &dyn Words) -> String {
        match state.len() {
            0 => "the bag is empty".into(),
            _ => format!("the bag holds {}", words.values(state)),
        }
    }

    fn name(&self, failure: &Failure<'_, Self>) -> Option<Named> {
        element_names::name(failure, element_names::Order::Any, |call| call.moves())
    }
}
