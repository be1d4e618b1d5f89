//! Histories of objects with a [`Spec`], made of records: what each function and value means.
//!
//! PROBLEM     `:f :read, :value nil` may mean that the register was empty, or that nobody knows
//!             what was read.
//! RULES       A read of nothing, where a register holds nothing at first, found nothing; where it
//!             holds something at first, it tells nothing, as for Knossos.
//!             A failed operation tells nothing, unless its error says what was there: 20
//!             (`key-does-not-exist`) or 22 (`precondition-failed`).
//!             A missing key and an empty text are the same where any get was answered with the
//!             empty text.
//! READ NEXT   names.rs; spec.rs

use std::collections::BTreeMap;
use std::sync::Arc;

use splitbrain_core::{End, ErrorCode, OperationId, Time, Verdict};

use super::Question;
use super::names::{Call, Names, asked_and_answered};
use crate::linearizability::{Asked, Entry, Told, Words, judge_object};
use crate::record::{Record, independent};
use crate::spec::{
    Access, Bag, Counter, CounterCall, KeyValue, KeyValueCall, Keyed, KeyedCall, Lock, LockCall,
    Log, LogCall, MultiRegister, Mutex, MutexCall, Queue, QueueCall, Register, RegisterCall, Set,
    SetCall, Spec, Stack, StackCall,
};
use crate::{FileError, Value};

/// What an operation is to an object; nothing if it tells nothing.
pub(super) type Meant<C> = Result<Option<C>, String>;

/// Judges the history: each key alone, where there are independent ones.
fn judge<S: Spec>(
    question: &Question<'_>,
    mut names: Names,
    spec: S,
    mut meaning: impl FnMut(&mut Names, Call<'_>) -> Meant<S::Call>,
) -> Result<Verdict, FileError> {
    let keyed = independent(question.records);
    let (mut entries, mut ids) = (Vec::new(), Vec::new());
    for (at, record) in question.records.iter().enumerate() {
        let (key, call) = Call::new(record, keyed);
        let refuse = |why| FileError { line: record.invoked.line, column: None, why };
        let Some(call) = meaning(&mut names, call).map_err(refuse)? else { continue };
        let key = names.key(key.unwrap_or(&Value::Nil));
        let returned = (record.end != End::Unknown)
            .then(|| record.completed.map_or(u32::MAX, |moment| moment.order));
        let call = KeyedCall { key, call };
        entries.push(Entry { call, invoked: record.invoked.order, returned });
        ids.push(at);
    }
    let words = OfRecords { records: question.records, ids: &ids, names: &names, keyed };
    let mut verdict = judge_object(&Keyed(spec), &entries, &words, question.budget, Asked::Verdict);
    if !question.records.iter().any(|record| record.end == End::Ok) {
        verdict.remarks.push(("weak".into(), "no operation was answered".into()));
    }
    Ok(verdict)
}

/// The words of a history of records.
struct OfRecords<'a> {
    records: &'a [Record],
    /// The record of each entry.
    ids: &'a [usize],
    names: &'a Names,
    keyed: bool,
}

impl Words for OfRecords<'_> {
    fn id(&self, entry: usize) -> OperationId {
        OperationId(u32::try_from(self.ids[entry]).unwrap_or(u32::MAX))
    }

    fn operation(&self, entry: usize) -> Told {
        let record = &self.records[self.ids[entry]];
        let (what, answer) = asked_and_answered(record);
        let at = |moment: Option<u64>| moment.map(Time::from_nanos);
        Told {
            what: format!("{}'s {what}", record.process),
            answer,
            invoked: at(record.invoked.at_ns),
            completed: at(record.completed.and_then(|moment| moment.at_ns)),
        }
    }

    fn value(&self, value: u64) -> String {
        self.names.value_of(value).map_or_else(String::new, Value::to_string)
    }

    fn key(&self, key: u64) -> String {
        self.names.key_of(key).map_or_else(String::new, Value::to_string)
    }

    fn holder(&self, holder: u64) -> String {
        let process = u32::try_from(holder).map(splitbrain_core::ProcessId);
        process.map_or_else(|_| String::new(), |process| process.to_string())
    }

    fn part(&self, part: u64) -> String {
        if self.keyed { format!("key {}", self.key(part)) } else { String::new() }
    }

    fn failed_write(&self, entry: usize, value: u64) -> Option<OperationId> {
        let key = Call::new(&self.records[self.ids[entry]], self.keyed).0;
        let value = self.names.value_of(value)?;
        let is_it = |record: &Record| {
            let (other, call) = Call::new(record, self.keyed);
            let written = match call.asked.list() {
                Some([_, to]) if call.function == "cas" => to,
                _ => call.asked,
            };
            record.end == End::Failed && other == key && written == value
        };
        let at = self.records.iter().position(is_it)?;
        u32::try_from(at).ok().map(OperationId)
    }
}

/// What is known of the values of registers.
pub(super) struct Registers {
    /// Whether a register is empty at first.
    empty: bool,
    /// Whether somebody writes nil: it is a value then.
    nil: bool,
}

impl Registers {
    pub(super) fn of(question: &Question<'_>) -> Self {
        let keyed = independent(question.records);
        let writes_nil = |record| {
            let call = Call::new(record, keyed).1;
            let cas_to = matches!(call.asked.list(), Some([_, Value::Nil]));
            call.function == "write" && call.asked.is_nil() || call.function == "cas" && cas_to
        };
        let empty = question.initial.is_nil();
        Self { empty, nil: question.records.iter().any(writes_nil) }
    }

    /// What a register holds that a read shows like this; nothing if that tells nothing.
    pub(super) fn held(&self, names: &mut Names, value: &Value) -> Option<Option<u64>> {
        match value {
            Value::Nil if self.nil => Some(Some(names.value(value))),
            Value::Nil => self.empty.then_some(None),
            value => Some(Some(names.value(value))),
        }
    }
}

/// A register, with compare-and-set.
pub(super) fn register(question: &Question<'_>) -> Result<Verdict, FileError> {
    let registers = Registers::of(question);
    let mut names = Names::default();
    let initial = registers.held(&mut names, question.initial).flatten();
    judge(question, names, Register { initial }, |names, call| {
        register_call(&registers, names, call)
    })
}

/// What an operation is to a register.
pub(super) fn register_call(
    registers: &Registers,
    names: &mut Names,
    call: Call<'_>,
) -> Meant<RegisterCall> {
    let nothing = registers.held(names, &Value::Nil).map(RegisterCall::Read);
    Ok(match (call.function, call.end) {
        ("read", _) if call.failed_with(ErrorCode::KEY_DOES_NOT_EXIST) => nothing,
        ("read", End::Ok) => registers.held(names, call.answered).map(RegisterCall::Read),
        ("read", _) | ("write", End::Failed) => None,
        ("write", _) => Some(RegisterCall::Write(names.value(call.asked))),
        ("cas", end) => {
            let [from, to] = call.two()?;
            let (from, to) = (names.value(from), names.value(to));
            match end {
                End::Ok | End::Unknown => Some(RegisterCall::Cas { from, to }),
                _ if call.failed_with(ErrorCode::KEY_DOES_NOT_EXIST) => nothing,
                _ if call.failed_with(ErrorCode::PRECONDITION_FAILED) => {
                    Some(RegisterCall::Differs(from))
                }
                End::Failed => None,
            }
        }
        _ => return call.unknown("read, write and cas"),
    })
}

/// Registers that are read and written together.
pub(super) fn multi_register(question: &Question<'_>) -> Result<Verdict, FileError> {
    let mut names = Names::default();
    let registers = Registers { empty: question.initial.is_nil(), nil: false };
    let mut initial = BTreeMap::new();
    for record in question.records {
        for access in record.asked.list().unwrap_or_default() {
            let Some([_, key, ..]) = access.list() else { continue };
            let given = match question.initial {
                Value::Map(_) => key.name().and_then(|name| question.initial.field(name)),
                value => Some(value).filter(|value| !value.is_nil()),
            };
            if let Some(given) = given {
                initial.insert(names.key(key), names.value(given));
            }
        }
    }
    judge(question, names, MultiRegister { initial }, |names, call| {
        if call.function != "txn" {
            return call.unknown("txn");
        }
        let (value, answered) = match call.end {
            End::Failed => return Ok(None),
            End::Ok if !call.answered.is_nil() => (call.answered, true),
            End::Ok | End::Unknown => (call.asked, false),
        };
        let wrong = || {
            let what = call.function;
            format!("{what} takes a list of [:read key value] and [:write key value], not {value}")
        };
        let mut accesses = Vec::new();
        for access in value.list().ok_or_else(wrong)? {
            let (what, key, value) = match access.list() {
                Some([what, key, value]) => (what.name(), names.key(key), value),
                Some([what, key]) => (what.name(), names.key(key), &Value::Nil),
                _ => return Err(wrong()),
            };
            match what {
                Some("read" | "r") if !answered => (),
                Some("read" | "r") => {
                    let held = registers.held(names, value);
                    accesses.extend(held.map(|value| Access::Read { key, value }));
                }
                Some("write" | "w") => {
                    accesses.push(Access::Write { key, value: names.value(value) });
                }
                _ => return Err(wrong()),
            }
        }
        Ok(Some(accesses).filter(|accesses| !accesses.is_empty()))
    })
}

/// A store of texts.
pub(super) fn key_value(question: &Question<'_>) -> Result<Verdict, FileError> {
    let text = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        other => other.to_string().into(),
    };
    let finds_empty = |record: &Record| {
        &*record.function == "get" && record.answered.name() == Some("") && record.end == End::Ok
    };
    let initial = match question.initial {
        Value::Nil if question.records.iter().any(finds_empty) => Some(Arc::from("")),
        Value::Nil => None,
        value => Some(text(value)),
    };
    let spec = KeyValue { initial: initial.clone() };
    judge(question, Names::default(), spec, |_, call| {
        let found =
            |value: &Value| if value.is_nil() { initial.clone() } else { Some(text(value)) };
        Ok(match (call.function, call.end) {
            ("get" | "read", _) if call.failed_with(ErrorCode::KEY_DOES_NOT_EXIST) => {
                Some(KeyValueCall::Get(None))
            }
            ("get" | "read", End::Ok) => Some(KeyValueCall::Get(found(call.answered))),
            ("get" | "read", _) | ("put" | "write" | "append" | "delete", End::Failed) => None,
            ("put" | "write", _) => Some(KeyValueCall::Put(text(call.asked))),
            ("append", _) => Some(KeyValueCall::Append(text(call.asked))),
            ("delete", _) => Some(KeyValueCall::Delete),
            ("cas", end) => {
                let [from, to] = call.two()?;
                match end {
                    End::Ok | End::Unknown => {
                        Some(KeyValueCall::Cas { from: text(from), to: text(to) })
                    }
                    _ if call.failed_with(ErrorCode::KEY_DOES_NOT_EXIST) => {
                        Some(KeyValueCall::Get(None))
                    }
                    _ if call.failed_with(ErrorCode::PRECONDITION_FAILED) => {
                        Some(KeyValueCall::Differs(text(from)))
                    }
                    End::Failed => None,
                }
            }
            _ => return call.unknown("get, put, append, cas and delete"),
        })
    })
}

/// A set that is read as a whole.
pub(super) fn set(question: &Question<'_>) -> Result<Verdict, FileError> {
    judge(question, Names::default(), Set, |names, call| {
        let told = match call.answered {
            Value::Bool(told) if call.end == End::Ok => Some(*told),
            _ => None,
        };
        Ok(match (call.function, call.end) {
            (_, End::Failed) | ("contains" | "read", End::Unknown) => None,
            ("add", _) => Some(SetCall::Add { value: names.value(call.asked), new: told }),
            ("remove", _) => Some(SetCall::Remove { value: names.value(call.asked), found: told }),
            ("contains", End::Ok) => match told {
                Some(found) => Some(SetCall::Contains { value: names.value(call.asked), found }),
                None => return Err(format!("contains is true or false, not {}", call.answered)),
            },
            ("read", End::Ok) => match call.answered.items() {
                Some(items) => {
                    Some(SetCall::Read(items.iter().map(|item| names.value(item)).collect()))
                }
                None => return Err(format!("a set is a list or set, not {}", call.answered)),
            },
            _ => return call.unknown("add, remove, contains and read"),
        })
    })
}

/// A counter.
pub(super) fn counter(question: &Question<'_>) -> Result<Verdict, FileError> {
    let number = |value: &Value| {
        value.int().ok_or_else(|| format!("a counter counts in whole numbers, not {value}"))
    };
    judge(question, Names::default(), Counter, |_, call| {
        Ok(match (call.function, call.end) {
            ("add" | "add-and-get" | "read", End::Failed) | ("read", End::Unknown) => None,
            ("add-and-get", End::Ok) => Some(CounterCall::AddAndGet {
                delta: number(call.asked)?,
                sum: number(call.answered)?,
            }),
            ("add" | "add-and-get", _) => Some(CounterCall::Add(number(call.asked)?)),
            ("read", End::Ok) => Some(CounterCall::Read(number(call.answered)?)),
            _ => return call.unknown("add, add-and-get and read"),
        })
    })
}

/// Whether an operation failed because nothing was there.
fn found_nothing(call: &Call<'_>) -> bool {
    call.end == End::Ok && call.answered.is_nil() || call.failed_with(ErrorCode::KEY_DOES_NOT_EXIST)
}

fn queue_call(names: &mut Names, call: Call<'_>) -> Meant<QueueCall> {
    Ok(match (call.function, call.end) {
        ("enqueue", End::Failed) => None,
        ("enqueue", _) => Some(QueueCall::Enqueue(names.value(call.asked))),
        ("dequeue", _) if found_nothing(&call) => Some(QueueCall::Empty),
        ("dequeue", End::Ok) => Some(QueueCall::Dequeue(names.value(call.answered))),
        ("dequeue", End::Unknown) => Some(QueueCall::Lost),
        ("dequeue", End::Failed) => None,
        _ => return call.unknown("enqueue and dequeue"),
    })
}

/// A queue: first in, first out.
pub(super) fn queue(question: &Question<'_>) -> Result<Verdict, FileError> {
    judge(question, Names::default(), Queue, queue_call)
}

/// A queue without an order.
pub(super) fn bag(question: &Question<'_>) -> Result<Verdict, FileError> {
    judge(question, Names::default(), Bag, queue_call)
}

/// A stack.
pub(super) fn stack(question: &Question<'_>) -> Result<Verdict, FileError> {
    judge(question, Names::default(), Stack, |names, call| {
        Ok(match (call.function, call.end) {
            ("push", End::Failed) => None,
            ("push", _) => Some(StackCall::Push(names.value(call.asked))),
            ("pop", _) if found_nothing(&call) => Some(StackCall::Empty),
            ("pop", End::Ok) => Some(StackCall::Pop(names.value(call.answered))),
            ("pop", End::Unknown) => Some(StackCall::Lost),
            ("pop", End::Failed) => None,
            _ => return call.unknown("push and pop"),
        })
    })
}

/// A mutex, whoever holds it.
pub(super) fn mutex(question: &Question<'_>) -> Result<Verdict, FileError> {
    judge(question, Names::default(), Mutex, |_, call| {
        Ok(match (call.function, call.end) {
            ("acquire" | "release", End::Failed) => None,
            ("acquire", _) => Some(MutexCall::Acquire),
            ("release", _) => Some(MutexCall::Release),
            _ => return call.unknown("acquire and release"),
        })
    })
}

/// A lock that only its holder releases, with a fencing token where answers have one.
pub(super) fn lock(question: &Question<'_>) -> Result<Verdict, FileError> {
    judge(question, Names::default(), Lock, |_, call| {
        let holder = u64::from(call.process.0);
        let token = call.answered.int().filter(|_| call.end == End::Ok);
        Ok(match (call.function, call.end) {
            ("acquire" | "release", End::Failed) => None,
            ("acquire", _) => {
                let token = token.and_then(|token| u64::try_from(token).ok());
                Some(LockCall::Acquire { holder, token })
            }
            ("release", _) => Some(LockCall::Release { holder }),
            _ => return call.unknown("acquire and release"),
        })
    })
}

/// A log that is only appended to.
pub(super) fn log(question: &Question<'_>) -> Result<Verdict, FileError> {
    judge(question, Names::default(), Log, |names, call| {
        let place = |value: &Value| value.int().and_then(|place| u64::try_from(place).ok());
        Ok(match (call.function, call.end) {
            ("append", End::Failed) | ("read", End::Failed | End::Unknown) => None,
            ("append", _) => {
                // An answer that repeats the request tells no place.
                let repeats = call.answered == call.asked || call.end != End::Ok;
                let offset = if repeats { None } else { place(call.answered) };
                Some(LogCall::Append { value: names.value(call.asked), offset })
            }
            ("read", End::Ok) => match (call.asked, call.answered.items()) {
                (Value::Nil, Some(items)) => {
                    Some(LogCall::Read(items.iter().map(|item| names.value(item)).collect()))
                }
                (Value::Nil, None) => {
                    return Err(format!("a log is read as a list, not {}", call.answered));
                }
                (asked, _) => {
                    let offset = place(asked)
                        .ok_or_else(|| format!("a place in a log is a number, not {asked}"))?;
                    let there = Some(call.answered).filter(|value| !value.is_nil());
                    Some(LogCall::ReadAt { offset, value: there.map(|value| names.value(value)) })
                }
            },
            _ => return call.unknown("append and read"),
        })
    })
}
