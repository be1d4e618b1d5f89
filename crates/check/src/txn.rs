//! `txn-list-append` and `txn-rw-register`: what clients saw, as transactions.
//!
//! PROBLEM     The judges of transactions read columns of numbers; a run leaves requests and
//!             answers.
//! IDEA        Each operation is one transaction, at the same place of the history. What was
//!             answered counts if it is an answer to what was asked: the same micro-operations,
//!             with what the reads were shown.
//! RULES       `TXN-WRONG-ANSWER`  an answer tells of other micro-operations than were asked.
//!             All others are those of list_append.rs and rw_register.rs. Unless other models are
//!             asked for, histories are held to strict serializability.
//! READ NEXT   list_append.rs → rw_register.rs

use splitbrain_core::workload::txn_list_append::{self, TxnListAppend};
use splitbrain_core::workload::txn_rw_register::{self, TxnRwRegister};
use splitbrain_core::workload::{Workload, key_name};
use splitbrain_core::{End, History, Operation, Outcome, Validity, Verdict};

use crate::cases::Cases;
use crate::consistency::Model;
use crate::isolation::{Assume, Options};
use crate::planted::{Planted, planted};
use crate::transaction::{Key, MicroOp, Name, Seen, Transactions, Value};
use crate::{Judge, list_append, rw_register};

/// What both workloads promise.
const PROMISED: &[Model] = &[Model::StrictSerializable];

impl Judge for TxnListAppend {
    /// What [`list_append::judge`] says, and `TXN-WRONG-ANSWER`.
    fn judge(history: &History<Self>) -> Verdict {
        Self::judge_as(history, PROMISED)
    }

    fn judge_as(history: &History<Self>, models: &[Model]) -> Verdict {
        let (transactions, mut verdict) = converted(history);
        let options = Options { models: models.to_vec(), ..Options::default() };
        verdict.merge(list_append::judge(&transactions, &options));
        verdict
    }
}

impl Judge for TxnRwRegister {
    /// What [`rw_register::judge`] says, and `TXN-WRONG-ANSWER`.
    fn judge(history: &History<Self>) -> Verdict {
        Self::judge_as(history, PROMISED)
    }

    /// Assumes no more than it takes to find something: first, that writes follow reads; and only
    /// then what the models promise of each register by itself.
    fn judge_as(history: &History<Self>, models: &[Model]) -> Verdict {
        let (transactions, mut verdict) = converted(history);
        let promised = |weaker| models.iter().any(|model: &Model| model.is_at_least(weaker));
        let least = Assume { writes_follow_reads: true, ..Assume::NOTHING };
        let most = Assume {
            sequential_keys: promised(Model::Sequential),
            linearizable_keys: promised(Model::Linearizable),
            ..least
        };
        let judged = |assume| {
            let options = Options { models: models.to_vec(), assume, ..Options::default() };
            rw_register::judge(&transactions, &options)
        };
        let mut found = judged(least);
        if found.validity() != Validity::Invalid && most != least {
            found = judged(most);
        }
        verdict.merge(found);
        verdict
    }
}

/// A workload whose operations are transactions.
trait Transactional: Workload {
    /// A micro-operation.
    type Op;

    fn asked(request: &Self::Request) -> &[Self::Op];

    fn answered(response: &Self::Response) -> &[Self::Op];

    /// Whether the second is the first, with what it was shown.
    fn answers(asked: &Self::Op, answer: &Self::Op) -> bool;

    /// The micro-operation in numbers.
    fn numbered(op: &Self::Op, names: &mut Transactions) -> Numbered;
}

impl Transactional for TxnListAppend {
    type Op = txn_list_append::Op;

    fn asked(txn_list_append::Request::Txn { txn }: &Self::Request) -> &[Self::Op] {
        txn
    }

    fn answered(txn_list_append::Response::TxnOk { txn }: &Self::Response) -> &[Self::Op] {
        txn
    }

    fn answers(asked: &Self::Op, answer: &Self::Op) -> bool {
        use txn_list_append::Op::Read;
        match (asked, answer) {
            (Read { key, .. }, Read { key: of, .. }) => key == of,
            _ => asked == answer,
        }
    }

    fn numbered(op: &Self::Op, names: &mut Transactions) -> Numbered {
        match op {
            txn_list_append::Op::Read { key, list } => {
                let list = list.as_deref().unwrap_or_default();
                let values = list.iter().map(|element| value(names, *element)).collect();
                Numbered::ReadList(key_of(names, *key), values)
            }
            txn_list_append::Op::Append { key, element } => {
                Numbered::Append(key_of(names, *key), value(names, *element))
            }
        }
    }
}

impl Transactional for TxnRwRegister {
    type Op = txn_rw_register::Op;

    fn asked(txn_rw_register::Request::Txn { txn }: &Self::Request) -> &[Self::Op] {
        txn
    }

    fn answered(txn_rw_register::Response::TxnOk { txn }: &Self::Response) -> &[Self::Op] {
        txn
    }

    fn answers(asked: &Self::Op, answer: &Self::Op) -> bool {
        use txn_rw_register::Op::Read;
        match (asked, answer) {
            (Read { key, .. }, Read { key: of, .. }) => key == of,
            _ => asked == answer,
        }
    }

    fn numbered(op: &Self::Op, names: &mut Transactions) -> Numbered {
        match op {
            txn_rw_register::Op::Read { key, value: None } => {
                Numbered::ReadList(key_of(names, *key), Vec::new())
            }
            txn_rw_register::Op::Read { key, value: Some(shown) } => {
                Numbered::Read(key_of(names, *key), value(names, *shown))
            }
            txn_rw_register::Op::Write { key, value: new } => {
                Numbered::Write(key_of(names, *key), value(names, *new))
            }
        }
    }
}

/// A micro-operation in numbers.
enum Numbered {
    /// An empty list is what a read of a register without a value is shown, too.
    ReadList(Key, Vec<Value>),
    Read(Key, Value),
    Write(Key, Value),
    Append(Key, Value),
}

impl Numbered {
    fn as_micro_op(&self) -> MicroOp<'_> {
        match self {
            Self::ReadList(key, list) if list.is_empty() => {
                MicroOp::Read { key: *key, seen: Seen::Nothing }
            }
            Self::ReadList(key, list) => MicroOp::Read { key: *key, seen: Seen::List(list) },
            Self::Read(key, value) => MicroOp::Read { key: *key, seen: Seen::Value(*value) },
            Self::Write(key, value) => MicroOp::Write { key: *key, value: *value },
            Self::Append(key, value) => MicroOp::Append { key: *key, value: *value },
        }
    }
}

fn key_of(names: &mut Transactions, number: u64) -> Key {
    names.key(Name::Text(&key_name(number)))
}

fn value(names: &mut Transactions, number: u64) -> Value {
    match i64::try_from(number) {
        Ok(number) => names.value(Name::Integer(number)),
        Err(_) => names.value(Name::Text(&number.to_string())),
    }
}

/// The history as transactions; and the answers that are none.
fn converted<W: Transactional>(history: &History<W>) -> (Transactions, Verdict) {
    let mut transactions = Transactions::default();
    let mut wrong = Cases::new("TXN-WRONG-ANSWER");
    for (at, operation) in history.operations.iter().enumerate() {
        let asked = numbered::<W>(W::asked(&operation.request), &mut transactions);
        let asked: Vec<MicroOp<'_>> = asked.iter().map(Numbered::as_micro_op).collect();
        let place = operation.invoked.order;
        let id = transactions.begin(operation.process, place, &asked);
        let Some(completed) = operation.completed else { continue };
        let answer = operation.response().map(W::answered);
        let fits = answer.is_none_or(|answer| is_answer::<W>(operation, answer));
        let (end, answer) = match operation.outcome {
            Outcome::Ok(_) if fits => (End::Ok, answer.unwrap_or_default()),
            Outcome::Failed { .. } => (End::Failed, &[][..]),
            Outcome::Ok(_) | Outcome::Unknown => (End::Unknown, &[][..]),
        };
        if !fits {
            let sentence = || {
                let (process, node, end) = (operation.process, operation.node, completed.at);
                let asked = W::describe_request(&operation.request);
                format!(
                    "{process} asked {node} to {asked}, and was told at {end} of something else"
                )
            };
            wrong.add(sentence, [at]);
        }
        let answer = numbered::<W>(answer, &mut transactions);
        let answer: Vec<MicroOp<'_>> = answer.iter().map(Numbered::as_micro_op).collect();
        transactions.end(id, completed.order, end, &answer);
    }
    let mut verdict = Verdict::default();
    wrong.into_verdict(&mut verdict);
    (transactions, verdict)
}

fn numbered<W: Transactional>(ops: &[W::Op], names: &mut Transactions) -> Vec<Numbered> {
    ops.iter().map(|op| W::numbered(op, names)).collect()
}

fn is_answer<W: Transactional>(operation: &Operation<W>, answer: &[W::Op]) -> bool {
    let asked = W::asked(&operation.request);
    let mut pairs = asked.iter().zip(answer);
    let all = asked.len() == answer.len() || planted(Planted::TxnShortAnswer);
    all && pairs.all(|(asked, answer)| W::answers(asked, answer))
}
