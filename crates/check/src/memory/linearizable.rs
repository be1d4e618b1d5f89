//! Linearizability of accesses: a register under each key, judged by the search for any object.

use splitbrain_core::{End, OperationId, Verdict};

use super::access::{Access, name};
use crate::budget::Budget;
use crate::cases::operation_id;
use crate::linearizability::{Asked, Entry, Told, Words, judge_object};
use crate::spec::{Keyed, KeyedCall, Register};

/// The findings of `linearizability`: `LIN-STALE-READ` and the others.
pub(super) fn linearizable(accesses: &[Access], budget: Budget) -> Verdict {
    let mut entries = Vec::new();
    let mut index = Vec::new();
    for (at, access) in accesses.iter().enumerate() {
        let open = access.end == End::Unknown;
        if access.end == End::Failed || (open && access.call.written().is_none()) {
            continue;
        }
        let returned = (!open).then_some(access.completed.unwrap_or(u32::MAX));
        let call = KeyedCall { key: access.key, call: access.call };
        entries.push(Entry { call, invoked: access.invoked, returned });
        index.push(at);
    }
    let words = InHistory { accesses, index: &index };
    judge_object(&Keyed(Register::default()), &entries, &words, budget, Asked::Verdict)
}

/// The words of a history. An entry is the access at the place that `index` says.
struct InHistory<'a> {
    accesses: &'a [Access],
    index: &'a [usize],
}

impl Words for InHistory<'_> {
    fn id(&self, entry: usize) -> OperationId {
        operation_id(self.index[entry])
    }

    fn operation(&self, entry: usize) -> Told {
        let access = &self.accesses[self.index[entry]];
        let (what, answer) = access.asked_and_answered();
        Told { what, answer, invoked: None, completed: None }
    }

    fn key(&self, key: u64) -> String {
        name(key)
    }

    fn failed_write(&self, entry: usize, value: u64) -> Option<OperationId> {
        let key = self.accesses[self.index[entry]].key;
        let failed = self.accesses.iter().position(|access| {
            access.end == End::Failed && access.key == key && access.call.written() == Some(value)
        });
        failed.map(operation_id)
    }
}
