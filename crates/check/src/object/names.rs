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
}

impl Names {
    pub(super) fn value(&mut self, value: &Value) -> u64 {
        number(&mut self.values, value)
    }

    pub(super) fn key(&mut self, key: &Value) -> u64 {
        number(&mut self.keys, key)
    }

    /// The value of a number.
    pub(super) fn value_of(&self, number: u64) -> Option<&Value> {
        self.values.values().get(usize::try_from(number).ok()?)
    }

    /// The key of a number.
    pub(super) fn key_of(&self, number: u64) -> Option<&Value> {
        self.keys.values().get(usize::try_from(number).ok()?)
    }
}

fn number(numbers: &mut Numbers<Value>, value: &Value) -> u64 {
    if matches!(value, Value::Set(_) | Value::Map(_) | Value::List(_) | Value::Tagged(..)) {
        u64::from(numbers.number(&value.clone().canonical()))
    } else {
        u64::from(numbers.number(value))
    }
}

/// The operation in a few characters: `read x → 7`, `cas [1 2]`.
pub(super) fn described(record: &Record) -> String {
    let (text, answer) = asked_and_answered(record);
    if answer.is_empty() { text } else { format!("{text} → {answer}") }
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
