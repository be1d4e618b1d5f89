//! `lin-kv`: each key must behave as if there were one copy of it.
//!
//! PROBLEM     Clients read, write and compare-and-set keys that are replicated. Is there an order
//!             that explains every answer?
//! IDEA        A history is linearizable if and only if that of each key is [herlihy1990 §3.1]:
//!             a store is one register under each key. What a refusal says is a question of taste,
//!             and an option.
//! RULES       `LIN-PHANTOM-READ`  a value that nobody had written.
//!             `LIN-LOST-WRITE`    a write was acknowledged, nobody ever saw it, and what it had
//!                                 replaced is still there.
//!             `LIN-STALE-READ`    a value that had been replaced before the read began.
//!             `LIN-INVERSION`     two reads, one after the other, went back in time.
//!             `LIN-NO-ORDER`      anything else that no order explains.
//! CAVEATS     Only the first failure of each key is told.
//! READ NEXT   spec/register.rs → linearizability.rs → spec/register_names.rs

use splitbrain_core::workload::Workload;
use splitbrain_core::workload::lin_kv::{LinKv, Request, Response};
use splitbrain_core::{ErrorCode, History, Operation, OperationId, Outcome, Verdict};

use crate::cases::operation_id;
use crate::linearizability::{Asked, Entry, Told, Words, judge_object};
use crate::planted::{Planted, planted};
use crate::spec::{Keyed, KeyedCall, Register, RegisterCall};
use crate::{Budget, Judge};

/// How to judge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// What a definite failure says.
    pub failures: Failures,
    /// How much the search may do.
    pub budget: Budget,
    /// What is wanted besides the verdict.
    pub asked: Asked,
}

impl Options {
    /// Failures are answers; ten million configurations in all, which take some seconds.
    pub const STRICT: Self = Self {
        failures: Failures::Answers,
        budget: Budget { states: 10_000_000, memory_bytes: 2 << 30 },
        asked: Asked::Verdict,
    };
    /// The same, with Maelstrom's idea of failures.
    pub const MAELSTROM: Self = Self { failures: Failures::Ignored, ..Self::STRICT };
}

/// What a definite failure of a read or a compare-and-set says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failures {
    /// `key-does-not-exist`: there was no value. `precondition-failed`: there was another value.
    Answers,
    /// Only that the operation did not happen, as Maelstrom and Jepsen take it.
    Ignored,
}

impl Judge for LinKv {
    /// `LIN-PHANTOM-READ`, `LIN-LOST-WRITE`, `LIN-STALE-READ`, `LIN-INVERSION`, `LIN-NO-ORDER`.
    fn judge(history: &History<Self>) -> Verdict {
        judge(history, Options::STRICT)
    }
}

/// Judges with other options than [`Judge::judge`], which takes [`Options::STRICT`].
pub fn judge(history: &History<LinKv>, options: Options) -> Verdict {
    let mut entries = Vec::new();
    let mut index = Vec::new();
    for (at, operation) in history.operations.iter().enumerate() {
        if let Some(entry) = entry(operation, options.failures) {
            entries.push(entry);
            index.push(at);
        }
    }
    let words = InHistory { history, index: &index };
    let store = Keyed(Register::default());
    let mut verdict = judge_object(&store, &entries, &words, options.budget, options.asked);
    if !history.operations.iter().any(|operation| operation.response().is_some()) {
        verdict.undecided.push("no operation was answered".into());
    }
    verdict
}

/// The words of a history. An entry is the operation at the place that `index` says.
struct InHistory<'a> {
    history: &'a History<LinKv>,
    index: &'a [usize],
}

impl InHistory<'_> {
    fn of(&self, entry: usize) -> &Operation<LinKv> {
        &self.history.operations[self.index[entry]]
    }
}

impl Words for InHistory<'_> {
    fn id(&self, entry: usize) -> OperationId {
        operation_id(self.index[entry])
    }

    /// `c2's write x=7 on n3`.
    fn operation(&self, entry: usize) -> Told {
        let operation = self.of(entry);
        let request = LinKv::describe_request(&operation.request);
        let answer = match &operation.outcome {
            Outcome::Ok(Response::ReadOk { value }) => value.to_string(),
            Outcome::Failed { .. } if matches!(operation.request, Request::Read { .. }) => {
                "no value".into()
            }
            Outcome::Failed { .. } => "a refusal".into(),
            Outcome::Ok(_) | Outcome::Unknown => String::new(),
        };
        Told {
            what: format!("{}'s {request} on {}", operation.process, operation.node),
            answer,
            invoked: Some(operation.invoked.at),
            completed: operation.completed.map(|stamp| stamp.at),
        }
    }

    fn key(&self, key: u64) -> String {
        LinKv::describe_request(&Request::Read { key }).replace("read ", "")
    }

    fn failed_write(&self, entry: usize, value: u64) -> Option<OperationId> {
        let key = self.of(entry).request.key();
        let failed = self.history.operations.iter().position(|operation| {
            let writes = match &operation.request {
                Request::Write { value: written, .. } | Request::Cas { to: written, .. } => {
                    *written == value && operation.request.key() == key
                }
                Request::Read { .. } => false,
            };
            writes && matches!(operation.outcome, Outcome::Failed { .. })
        });
        failed.map(operation_id)
    }
}

/// What the search should know of an operation; nothing if it tells nothing.
fn entry(
    operation: &Operation<LinKv>,
    failures: Failures,
) -> Option<Entry<KeyedCall<RegisterCall>>> {
    let answers = failures == Failures::Answers && !planted(Planted::FailuresIgnored);
    let call = match (&operation.request, &operation.outcome) {
        (Request::Read { .. }, Outcome::Ok(Response::ReadOk { value })) => {
            RegisterCall::Read(Some(*value))
        }
        (Request::Write { value, .. }, Outcome::Ok(_) | Outcome::Unknown) => {
            RegisterCall::Write(*value)
        }
        (Request::Cas { from, to, .. }, Outcome::Ok(_) | Outcome::Unknown) => {
            RegisterCall::Cas { from: *from, to: *to }
        }
        (Request::Read { .. } | Request::Cas { .. }, Outcome::Failed { code, .. })
            if answers && *code == ErrorCode::KEY_DOES_NOT_EXIST =>
        {
            RegisterCall::Read(None)
        }
        (Request::Cas { from, .. }, Outcome::Failed { code, .. })
            if answers && *code == ErrorCode::PRECONDITION_FAILED =>
        {
            RegisterCall::Differs(*from)
        }
        _ => return None,
    };
    // A client that gave up does not end its operation; one that was answered did, even if the
    // history does not say when.
    let returned = match operation.outcome {
        Outcome::Unknown => None,
        Outcome::Ok(_) | Outcome::Failed { .. } => {
            Some(operation.completed.map_or(u32::MAX, |stamp| stamp.order))
        }
    };
    let call = KeyedCall { key: operation.request.key(), call };
    Some(Entry { call, invoked: operation.invoked.order, returned })
}
