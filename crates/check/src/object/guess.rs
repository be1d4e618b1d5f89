//! Which object a history is of, when nobody says.

use std::collections::BTreeSet;

use splitbrain_core::End;

use super::Object;
use crate::Value;
use crate::record::{Record, independent};

/// The object that has the functions and values of the history, if there is one.
///
/// # Errors
/// Says which functions the history has, if there is none.
pub fn guess(records: &[Record]) -> Result<&'static Object, String> {
    let functions: BTreeSet<&str> = records.iter().map(|record| &*record.function).collect();
    let is = |names: &[&str]| functions.iter().all(|function| names.contains(function));
    // Balances of a bank, rows of a table, a register: reads alone look alike.
    if functions.len() == 1 && functions.contains("read") {
        return Err("the history has reads alone, and they may be of anything".into());
    }
    let name = if is(&["read", "write"]) {
        "register"
    } else if is(&["read", "write", "cas"]) {
        "cas-register"
    } else if is(&["get", "put", "append", "delete", "cas"]) {
        "key-value"
    } else if is(&["acquire", "release"]) {
        if tokens(records) { "lock" } else { "mutex" }
    } else if is(&["enqueue", "dequeue"]) {
        "queue"
    } else if is(&["push", "pop"]) {
        "stack"
    } else if is(&["add", "read"]) {
        if lists(records) { "set-full" } else { "counter" }
    } else if is(&["add", "remove", "contains", "read"]) {
        "set"
    } else if is(&["append", "read"]) {
        "log"
    } else if is(&["generate"]) {
        "unique-ids"
    } else if is(&["echo"]) {
        "echo"
    } else if functions.contains("poll") || functions.contains("send") {
        "kafka"
    } else if is(&["broadcast", "read", "topology"]) {
        "broadcast"
    } else if functions.contains("txn") && functions.len() == 1 {
        transactions(records)
    } else {
        let all: Vec<&str> = functions.into_iter().take(8).collect();
        return Err(format!("no object is known to have the functions {}", all.join(", ")));
    };
    Object::named(name).ok_or_else(|| format!("no judge for {name} yet"))
}

/// Whether acquires are answered with a token.
fn tokens(records: &[Record]) -> bool {
    records.iter().any(|record| {
        &*record.function == "acquire" && matches!(record.answered, Value::Int(_) | Value::Map(_))
    })
}

/// Whether reads are answered with lists or sets.
fn lists(records: &[Record]) -> bool {
    let keyed = independent(records);
    records.iter().any(|record| {
        let answered = match record.answered.list() {
            Some([_, inner]) if keyed && record.key.is_none() => inner,
            _ => &record.answered,
        };
        &*record.function == "read" && record.end == End::Ok && answered.items().is_some()
    })
}

/// Which kind of transactions these are, by their micro-ops.
fn transactions(records: &[Record]) -> &'static str {
    let ops = records.iter().filter_map(|record| record.asked.list()).flatten();
    for op in ops {
        match op.list().and_then(|op| op.first()).and_then(Value::name) {
            Some("append") => return "list-append",
            Some("w") => return "rw-register",
            Some("read" | "write") => return "multi-register",
            _ => (),
        }
    }
    "list-append"
}
