//! Many objects of one kind, each under a key.

use super::Spec;
use crate::linearizability::{Answer, Entry, Failure, Named, Placed, Words};

/// Independent objects of one kind, one for each key: a key-value store is `Keyed(Register)`.
///
/// A state is that of one key.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Keyed<S>(pub S);

/// What was asked of the object under a key, and answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyedCall<Call> {
    /// Which object.
    pub key: u64,
    /// The call.
    pub call: Call,
}

impl<S: Spec> Spec for Keyed<S> {
    type State = S::State;
    type Call = KeyedCall<S::Call>;
    type Next = S::Next;

    fn initial(&self) -> S::State {
        self.0.initial()
    }

    fn step(&self, state: &S::State, call: &Self::Call) -> S::Next {
        self.0.step(state, &call.call)
    }

    fn is_pure(&self, call: &Self::Call) -> bool {
        self.0.is_pure(&call.call)
    }

    fn part(&self, call: &Self::Call) -> Option<u64> {
        Some(call.key)
    }

    fn bytes(&self, state: &S::State) -> u64 {
        self.0.bytes(state)
    }

    fn decide(&self, entries: &[Entry<Self::Call>]) -> Option<Answer> {
        self.0.decide(&without_keys(entries))
    }

    fn order(&self, entries: &[Entry<Self::Call>]) -> Option<Vec<Placed>> {
        self.0.order(&without_keys(entries))
    }

    fn describe(&self, state: &S::State, words: &dyn Words) -> String {
        self.0.describe(state, words)
    }

    fn name(&self, failure: &Failure<'_, Self>) -> Option<Named> {
        let entries = without_keys(failure.entries);
        let Failure { held, at, part, words, .. } = *failure;
        self.0.name(&Failure { entries: &entries, held, at, part, words })
    }
}

fn without_keys<Call: Clone>(entries: &[Entry<KeyedCall<Call>>]) -> Vec<Entry<Call>> {
    let bare = |entry: &Entry<KeyedCall<Call>>| Entry {
        call: entry.call.call.clone(),
        invoked: entry.invoked,
        returned: entry.returned,
    };
    entries.iter().map(bare).collect()
}
