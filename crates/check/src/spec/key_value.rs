//! One key of a store of texts that can be appended to.

use std::sync::Arc;

use super::Spec;
use super::texts::Texts;
use crate::linearizability::cut::{Cut, by_beginnings};
use crate::linearizability::fast::versions::{explained, holds};
use crate::linearizability::{Answer, Entry, Placed, Words};

/// A text. Whoever has lists of values instead writes them as text, each value with a mark at its
/// end that no value contains.
pub type Text = Arc<str>;

/// One key of a store of texts: get, put, append, compare-and-set, delete. The store is
/// `Keyed(KeyValue)`.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct KeyValue {
    /// What the key holds at first. Where a missing key and an empty text are the same, as for
    /// Porcupine, this is the empty text.
    pub initial: Option<Text>,
}

/// What was asked of a [`KeyValue`], and answered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyValueCall {
    /// A get that returned this, or found nothing.
    Get(Option<Text>),
    /// A put of this.
    Put(Text),
    /// An append of this; to nothing, it puts.
    Append(Text),
    /// A compare-and-set that took place.
    Cas {
        /// What was there.
        from: Text,
        /// What replaced it.
        to: Text,
    },
    /// A compare-and-set that was refused because a text other than this was there.
    Differs(Text),
    /// A compare-and-set that was refused because this was not there: another text, or nothing.
    Refused(Text),
    /// A deletion, whether or not there was anything.
    Delete,
}

impl Spec for KeyValue {
    type State = Option<Text>;
    type Call = KeyValueCall;
    type Next = Option<Option<Text>>;

    fn initial(&self) -> Option<Text> {
        self.initial.clone()
    }

    fn step(&self, state: &Option<Text>, call: &KeyValueCall) -> Option<Option<Text>> {
        let is = |text: &Text| state.as_ref() == Some(text);
        match call {
            KeyValueCall::Get(text) => (state == text).then(|| text.clone()),
            KeyValueCall::Put(text) => Some(Some(text.clone())),
            KeyValueCall::Append(text) => Some(Some(match state {
                Some(there) => format!("{there}{text}").into(),
                None => text.clone(),
            })),
            KeyValueCall::Cas { from, to } => is(from).then(|| Some(to.clone())),
            KeyValueCall::Differs(from) => (state.is_some() && !is(from)).then(|| state.clone()),
            KeyValueCall::Refused(from) => (!is(from)).then(|| state.clone()),
            KeyValueCall::Delete => Some(None),
        }
    }

    fn is_pure(&self, call: &KeyValueCall) -> bool {
        matches!(call, KeyValueCall::Get(_) | KeyValueCall::Differs(_) | KeyValueCall::Refused(_))
    }

    fn bytes(&self, state: &Option<Text>) -> u64 {
        const COUNTS: u64 = 16;
        size_of::<Option<Text>>() as u64 + state.as_ref().map_or(0, |t| COUNTS + t.len() as u64)
    }

    fn decide(&self, entries: &[Entry<KeyValueCall>]) -> Option<Answer> {
        let texts = Texts::new(self.initial.as_ref(), entries)?;
        by_beginnings(entries, |cut| {
            let acts = texts.acts(entries, cut, |acts| holds(entries, acts, cut))?;
            Some(acts.is_some())
        })
    }

    fn order(&self, entries: &[Entry<KeyValueCall>]) -> Option<Vec<Placed>> {
        let texts = Texts::new(self.initial.as_ref(), entries)?;
        let acts = texts.acts(entries, Cut::END, |acts| holds(entries, acts, Cut::END))??;
        explained(entries, &acts)
    }

    fn describe(&self, state: &Option<Text>, words: &dyn Words) -> String {
        match state {
            Some(text) => format!("the key holds {}", words.text(text)),
            None => "the key holds nothing".into(),
        }
    }
}
