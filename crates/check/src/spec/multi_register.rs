//! Several registers that are read and written together.

use std::collections::BTreeMap;

use super::Spec;
use crate::linearizability::Words;

/// Registers under keys; a call reads and writes several of them at one instant.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct MultiRegister {
    /// What each register holds at first. Those that are not here hold no value.
    pub initial: BTreeMap<u64, u64>,
}

/// One access of a call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Access {
    /// A read.
    Read {
        /// Which register.
        key: u64,
        /// What it held; `None` for no value.
        value: Option<u64>,
    },
    /// A write.
    Write {
        /// Which register.
        key: u64,
        /// What was written.
        value: u64,
    },
}

/// What was asked of a [`MultiRegister`], and answered: accesses, in their order.
pub type MultiRegisterCall = Vec<Access>;

impl Access {
    const fn key(self) -> u64 {
        match self {
            Self::Read { key, .. } | Self::Write { key, .. } => key,
        }
    }
}

impl Spec for MultiRegister {
    type State = BTreeMap<u64, u64>;
    type Call = MultiRegisterCall;
    type Next = Option<BTreeMap<u64, u64>>;

    fn initial(&self) -> BTreeMap<u64, u64> {
        self.initial.clone()
    }

    fn step(&self, state: &BTreeMap<u64, u64>, call: &Vec<Access>) -> Option<BTreeMap<u64, u64>> {
        let mut state = state.clone();
        for access in call {
            match access {
                Access::Read { key, value } if state.get(key) != value.as_ref() => return None,
                Access::Read { .. } => (),
                Access::Write { key, value } => {
                    state.insert(*key, *value);
                }
            }
        }
        Some(state)
    }

    fn is_pure(&self, call: &Vec<Access>) -> bool {
        call.iter().all(|access| matches!(access, Access::Read { .. }))
    }

    fn part(&self, call: &Vec<Access>) -> Option<u64> {
        let key = call.first()?.key();
        call.iter().all(|access| access.key() == key).then_some(key)
    }

    fn bytes(&self, state: &BTreeMap<u64, u64>) -> u64 {
        (size_of::<BTreeMap<u64, u64>>() + 4 * state.len() * size_of::<u64>()) as u64
    }

    fn describe(&self, state: &BTreeMap<u64, u64>, words: &dyn Words) -> String {
        const TOLD: usize = 6;
        let told =
            |(key, value): (&u64, &u64)| format!("{} = {}", words.key(*key), words.value(*value));
        let told: Vec<String> = state.iter().take(TOLD).map(told).collect();
        match state.len() {
            0 => "no register holds a value".into(),
            1..=TOLD => format!("the registers hold {}", told.join(", ")),
            more => format!("the registers hold {}, and {} more", told.join(", "), more - TOLD),
        }
    }
}
