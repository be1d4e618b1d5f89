//! Values and keys as numbers, and operations in words.

use std::fmt::Write as _;

use splitbrain_core::{End, ErrorCode, ProcessId};

use crate::Value;
use crate::format::failure_of;
use crate::record::Record;
use crate::table::Numbers;

/// An operation without its key, as an object sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) process: ProcessId,
    pub(super) function: &'a str,
    pub(super) asked: &'a Value,
    pub(super) answered: &'a Value,
    pub(super) end: End,
    error: &'a Value,
}

impl<'a> Call<'a> {
    /// The operation's key, if there are independent ones, and the rest.
    pub(super) fn new(record: &'a Record, keyed: bool) -> (Option<&'a Value>, Self) {
        let (key, asked, answered) = record.key_and_values(keyed);
        let (function, error) = (&*record.function, &record.error);
        (key, Self { process: record.process, function, asked, answered, end: record.end, error })
    }

    /// Whether it failed with this code.
    pub(super) fn failed_with(&self, code: ErrorCode) -> bool {
        self.end == End::Failed && !self.error.is_nil() && failure_of(self.error).0 == code
    }

    /// What it was asked with: two values.
    pub(super) fn two(&self) -> Result<[&'a Value; 2], String> {
        match self.asked.list() {
            Some([a, b]) => Ok([a, b]),
            _ => Err(format!("{} takes a list of two values, not {}", self.function, self.asked)),
        }
    }

    /// Says that the object has no such function; it has these.
    pub(super) fn unknown<T>(&self, has: &str) -> Result<T, String> {
        Err(format!("there is no function {:?} here; there are {has}", self.function))
    }
}

/// The numbers of values and keys.
#[derive(Default)]
pub(super) struct Names {
    values: Numbers<Value>,
    keys: Numbers<Value>,
    /// Whether all values, and all keys, are numbers and stand for themselves.
    plain: [bool; 2],
}

impl Names {
    /// Names under which values stand for themselves if all of them are numbers; so do keys.
    pub(super) fn of_numbers(records: &[Record], keyed: bool) -> Self {
        let number = |value: &Value| matches!(value, Value::Nil | Value::Int(0..));
        let numbers = |value: &Value| match value.list() {
            Some(items) => items.iter().all(number),
            None => number(value),
        };
        let mut plain = [true, true];
        for record in records {
            let (key, asked, answered) = record.key_and_values(keyed);
            plain[0] &= numbers(asked) && numbers(answered);
            plain[1] &= key.is_none_or(number);
        }
        Self { plain, ..Self::default() }
    }

    pub(super) fn value(&mut self, value: &Value) -> u64 {
        number(&mut self.values, value, self.plain[0])
    }

    pub(super) fn key(&mut self, key: &Value) -> u64 {
        number(&mut self.keys, key, self.plain[1])
    }

    /// The value of a number.
    pub(super) fn value_of(&self, number: u64) -> Option<&Value> {
        self.values.values().get(usize::try_from(number).ok()?)
    }

    /// The key of a number.
    pub(super) fn key_of(&self, number: u64) -> Option<&Value> {
        self.keys.values().get(usize::try_from(number).ok()?)
    }

    /// Which numbers stand for which values and keys, where they are not the same.
    pub(super) fn legend(&self) -> Vec<(String, String)> {
        const TOLD: usize = 20;
        let told = |values: &[Value]| {
            let each = values.iter().enumerate().take(TOLD);
            let mut told: Vec<String> =
                each.map(|(at, value)| format!("{at} is {value}")).collect();
            if values.len() > TOLD {
                told.push(format!("{} more", values.len() - TOLD));
            }
            told.join(", ")
        };
        let mut legend = Vec::new();
        for (what, numbers, plain) in
            [("values", &self.values, self.plain[0]), ("keys", &self.keys, self.plain[1])]
        {
            if !plain && numbers.values().iter().any(|value| !value.is_nil()) {
                legend.push((what.into(), told(numbers.values())));
            }
        }
        legend
    }
}

fn number(numbers: &mut Numbers<Value>, value: &Value, plain: bool) -> u64 {
    match value {
        Value::Int(number) if plain => u64::try_from(*number).unwrap_or_default(),
        Value::Nil if plain => u64::MAX, // No number of a history is so great.
        Value::Set(_) | Value::Map(_) | Value::List(_) | Value::Tagged(..) => {
            u64::from(numbers.number(&value.clone().canonical()))
        }
        value => u64::from(numbers.number(value)),
    }
}

/// The operation in a few characters: `read x → 7`, `cas [1 2]`.
pub(super) fn described(record: &Record) -> String {
    let done = if record.end == End::Ok { &record.answered } else { &record.asked };
    if let Some(ops) = done.list().filter(|_| &*record.function == "txn") {
        return ops.iter().map(micro_op).collect::<Vec<_>>().join(", ");
    }
    let (text, answer) = asked_and_answered(record);
    if answer.is_empty() { text } else { format!("{text} → {answer}") }
}

/// `append 5 to x`, `read y [1 4]`, `write z 3`.
fn micro_op(op: &Value) -> String {
    let what = op.list().and_then(|words| words.first()).and_then(Value::name);
    match (what, op.list()) {
        (Some("append"), Some([_, key, value])) => format!("append {value} to {key}"),
        (Some("r" | "read"), Some([_, key, Value::Nil])) => format!("read {key}"),
        (Some("r" | "read"), Some([_, key, value])) => format!("read {key} {value}"),
        (Some("w" | "write"), Some([_, key, value])) => format!("write {key} {value}"),
        _ => op.to_string(),
    }
}

/// The request and the answer, each in a few characters. An answer that only repeats the request is
/// none.
pub(super) fn asked_and_answered(record: &Record) -> (String, String) {
    let mut text = record.function.to_string();
    if let Some(key) = &record.key {
        _ = write!(text, " {key}");
    }
    let asks = matches!(&*record.function, "read" | "get" | "dequeue" | "pop");
    // Knossos gives what a read will be answered with the read already.
    let told_already = asks && record.asked == record.answered;
    if !record.asked.is_nil() && !told_already {
        _ = write!(text, " {}", record.asked);
    }
    let answer = match record.end {
        End::Ok if record.answered == record.asked && !asks => String::new(),
        End::Ok if record.answered.is_nil() && !asks => String::new(),
        End::Ok => record.answered.to_string(),
        End::Failed | End::Unknown => String::new(),
    };
    (text, answer)
}
