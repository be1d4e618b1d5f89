//! A register: holds one value, or none.

use super::Spec;
use crate::linearizability::cut::by_beginnings;
use crate::linearizability::fast::versions::{Act, explained, holds};
use crate::linearizability::{Answer, Entry, Failure, Named, Placed, Words};
use crate::planted::{Planted, planted};
use crate::table::Numbers;

/// A register with compare-and-set: one key of a key-value store.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Register {
    /// What it holds at first.
    pub initial: Option<u64>,
}

/// What was asked of a [`Register`], and answered.
///
/// What a refused compare-and-set says depends on the system. If it says nothing (as Jepsen and
/// Knossos have it), leave it out.
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
    /// A compare-and-set that was refused because this was not there: another value, or none.
    Refused(u64),
}

impl RegisterCall {
    /// The value that the call leaves behind, if it changes anything.
    pub const fn written(self) -> Option<u64> {
        match self {
            Self::Write(value) | Self::Cas { to: value, .. } => Some(value),
            Self::Read(_) | Self::Differs(_) | Self::Refused(_) => None,
        }
    }

    /// What the call tells of the state before it, if it tells exactly: a value, or that there is
    /// none.
    pub const fn observed(self) -> Option<Option<u64>> {
        match self {
            Self::Read(value) => Some(value),
            Self::Cas { from, .. } => Some(Some(from)),
            Self::Write(_) | Self::Differs(_) | Self::Refused(_) => None,
        }
    }
}

impl Register {
    /// What each entry saw and made, if every value was written once at most.
    fn acts(&self, entries: &[Entry<RegisterCall>]) -> Option<Vec<Act>> {
        let mut versions = Numbers::default();
        versions.number(&self.initial());
        let mut is_made = vec![true];
        let mut act = |call: RegisterCall| {
            // Who was refused saw some other version; which one is not known.
            if matches!(call, RegisterCall::Differs(_) | RegisterCall::Refused(_)) {
                return None;
            }
            let sees = call.observed().map(|value| versions.number(&value));
            let makes = call.written().map(|value| versions.number(&Some(value)));
            is_made.resize(versions.values().len(), false);
            let again =
                makes.is_some_and(|made| std::mem::replace(&mut is_made[made as usize], true));
            (!again || planted(Planted::WrittenTwice)).then_some(Act { sees, makes })
        };
        entries.iter().map(|entry| act(entry.call)).collect()
    }
}

impl Spec for Register {
    type State = Option<u64>;
    type Call = RegisterCall;
    type Next = Option<Option<u64>>;

    fn initial(&self) -> Option<u64> {
        if planted(Planted::InitialZero) { Some(0) } else { self.initial }
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
            RegisterCall::Refused(from) => (*state != Some(from)).then_some(*state),
        }
    }

    fn is_pure(&self, call: &RegisterCall) -> bool {
        call.written().is_none()
    }

    fn decide(&self, entries: &[Entry<RegisterCall>]) -> Option<Answer> {
        let acts = self.acts(entries)?;
        by_beginnings(entries, |cut| Some(holds(entries, &acts, cut)))
    }

    fn order(&self, entries: &[Entry<RegisterCall>]) -> Option<Vec<Placed>> {
        explained(entries, &self.acts(entries)?)
    }

    fn describe(&self, state: &Option<u64>, words: &dyn Words) -> String {
        match state {
            Some(value) => format!("the register holds {}", words.value(*value)),
            None => "the register holds no value".into(),
        }
    }

    fn name(&self, failure: &Failure<'_, Self>) -> Option<Named> {
        super::register_names::name(failure)
    }
}
