//! Histories of transactions on lists and on registers.

use std::ops::Range;

use splitbrain_core::{End, Verdict};

use super::Question;
use crate::consistency::Model;
use crate::isolation::{Assume, Options};
use crate::record::Record;
use crate::transaction::{Key, MicroOp, Name, Seen, Transactions};
use crate::weak_isolation::{self, Level};
use crate::{FileError, Value, list_append, rw_register, transaction};

/// Transactions that read lists and append to them.
pub(super) fn appends(question: &Question<'_>) -> Result<Verdict, FileError> {
    let history = transactions(question.records, Kind::Lists)?;
    let options = options(question);
    Ok(with_levels(&history, &options, list_append::judge(&history, &options)))
}

/// Transactions that read and write registers.
pub(super) fn writes(question: &Question<'_>) -> Result<Verdict, FileError> {
    let history = transactions(question.records, Kind::Registers)?;
    let options = options(question);
    Ok(with_levels(&history, &options, rw_register::judge(&history, &options)))
}

/// Three of the models are decided exactly, whatever order the versions had. Where one is asked for
/// and nothing else is wrong, that decides.
fn with_levels(history: &Transactions, options: &Options, mut verdict: Verdict) -> Verdict {
    let level = options.models.iter().filter_map(|model| match model {
        Model::MonotonicAtomicView => Some(Level::ReadCommitted),
        Model::ReadAtomic => Some(Level::ReadAtomic),
        Model::CausalCerone => Some(Level::Causal),
        _ => None,
    });
    let Some(level) = level.max().filter(|_| verdict.findings.is_empty()) else { return verdict };
    let exact = weak_isolation::judge(history, level, options.budget);
    verdict.remarks.push(("decided exactly".into(), format!("{}, with sessions", level.name())));
    verdict.findings = exact.findings;
    verdict.undecided.extend(exact.undecided);
    verdict
}

fn options(question: &Question<'_>) -> Options {
    let models: Vec<Model> = question.models.iter().filter_map(|name| name.parse().ok()).collect();
    let usual = Options::default();
    let models = if models.is_empty() { usual.models } else { models };
    let assumed = |name: &str| question.assumptions.iter().any(|assumed| assumed == name);
    let assume = Assume {
        writes_follow_reads: assumed(ASSUMPTIONS[0]),
        sequential_keys: assumed(ASSUMPTIONS[1]),
        linearizable_keys: assumed(ASSUMPTIONS[2]),
    };
    Options { models, assume, budget: question.budget }
}

/// What may be assumed of registers, by Elle's names.
pub const ASSUMPTIONS: [&str; 3] = ["wfr-keys", "sequential-keys", "linearizable-keys"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lists,
    Registers,
}

/// The records as transactions.
fn transactions(records: &[Record], kind: Kind) -> Result<Transactions, FileError> {
    let mut history = Transactions::default();
    let mut reader = Reader { kind, ops: Vec::new(), elements: Vec::new() };
    for record in records {
        let refuse = |line| move |why| FileError { line, column: None, why };
        reader.read(&mut history, &record.asked, false).map_err(refuse(record.invoked.line))?;
        let id = reader.with(|ops| history.begin(record.process, record.invoked.order, ops));
        let Some(completed) = record.completed else { continue };
        let told = record.end != End::Failed;
        reader.read(&mut history, &record.answered, told).map_err(refuse(completed.line))?;
        reader.with(|ops| history.end(id, completed.order, record.end, ops));
    }
    Ok(history)
}

/// Reads lists of micro-ops.
struct Reader {
    kind: Kind,
    ops: Vec<Op>,
    /// The elements of the lists that reads showed.
    elements: Vec<transaction::Value>,
}

/// A micro-op whose list stands in the reader.
enum Op {
    Append(Key, transaction::Value),
    Write(Key, transaction::Value),
    Read(Key),
    ReadNothing(Key),
    ReadValue(Key, transaction::Value),
    ReadList(Key, Range<usize>),
}

impl Reader {
    /// Reads the micro-ops; nil has none. `told` says whether what reads show is what they
    /// showed.
    fn read(
        &mut self,
        history: &mut Transactions,
        value: &Value,
        told: bool,
    ) -> Result<(), String> {
        self.ops.clear();
        self.elements.clear();
        if value.is_nil() {
            return Ok(());
        }
        let forms = match self.kind {
            Kind::Lists => "[:append key element] and [:r key list]",
            Kind::Registers => "[:w key value] and [:r key value]",
        };
        let wrong = |part: &Value| format!("a transaction is a list of {forms}, not {part}");
        for op in value.list().ok_or_else(|| wrong(value))? {
            let read = self.op(history, op, told).ok_or_else(|| wrong(op))?;
            self.ops.push(read);
        }
        Ok(())
    }

    fn op(&mut self, history: &mut Transactions, op: &Value, told: bool) -> Option<Op> {
        let (what, key, value) = match op.list()? {
            [what, key, value] => (what.name()?, key, value),
            [what, key] => (what.name()?, key, &Value::Nil),
            _ => return None,
        };
        let key = named(key, |name| history.key(name));
        Some(match (what, self.kind, value) {
            ("append", Kind::Lists, element) => {
                Op::Append(key, named(element, |name| history.value(name)))
            }
            ("w" | "write", Kind::Registers, value) => {
                Op::Write(key, named(value, |name| history.value(name)))
            }
            ("r" | "read", _, _) if !told => Op::Read(key),
            ("r" | "read", _, Value::Nil) => Op::ReadNothing(key),
            ("r" | "read", Kind::Registers, value) => {
                Op::ReadValue(key, named(value, |name| history.value(name)))
            }
            ("r" | "read", Kind::Lists, list) => {
                let start = self.elements.len();
                for element in list.list()? {
                    self.elements.push(named(element, |name| history.value(name)));
                }
                Op::ReadList(key, start..self.elements.len())
            }
            _ => return None,
        })
    }

    /// Does something with what was read.
    fn with<T>(&self, then: impl FnOnce(&[MicroOp<'_>]) -> T) -> T {
        let op = |op: &Op| match op {
            Op::Append(key, value) => MicroOp::Append { key: *key, value: *value },
            Op::Write(key, value) => MicroOp::Write { key: *key, value: *value },
            Op::Read(key) => MicroOp::Read { key: *key, seen: Seen::Unknown },
            Op::ReadNothing(key) => MicroOp::Read { key: *key, seen: Seen::Nothing },
            Op::ReadValue(key, value) => MicroOp::Read { key: *key, seen: Seen::Value(*value) },
            Op::ReadList(key, list) => {
                MicroOp::Read { key: *key, seen: Seen::List(&self.elements[list.clone()]) }
            }
        };
        let ops: Vec<MicroOp<'_>> = self.ops.iter().map(op).collect();
        then(&ops)
    }
}

/// Does something with the name of a key or value.
fn named<T>(value: &Value, then: impl FnOnce(Name<'_>) -> T) -> T {
    match value {
        Value::Int(number) => then(Name::Integer(*number)),
        Value::Text(text) => then(Name::Text(text)),
        other => then(Name::Text(&other.clone().canonical().to_string())),
    }
}
