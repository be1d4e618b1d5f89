//! Histories of transactions in a line of text.
//!
//! ```text
//! ax1 ry / ay1 rx1,2 ; 3:wx1 rx1 / ax2?
//! ```
//!
//! Transactions between two `/` overlap; what stands before a `;` had ended before what follows
//! began. `ax1` appends 1 to x, `wx1` writes it, `rx1,2` reads the list 1 2, `rx` reads nothing,
//! `rx?` was not answered. `!` at the end: the transaction failed; `?`: nobody knows; `3:` at the
//! beginning: process 3 asked; otherwise each has a process of its own.

use splitbrain_core::{End, OperationId, ProcessId};

use crate::transaction::{MicroOp, Name, Seen, Transactions, Value};

/// What is read and written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Lists,
    Registers,
}

/// Reads a history.
pub(super) fn history(kind: Kind, text: &str) -> Transactions {
    let mut history = Transactions::default();
    let mut place = 0;
    for group in text.split(';') {
        let begun: Vec<(OperationId, End)> = group
            .split('/')
            .map(|text| {
                place += 1;
                begin(&mut history, kind, place, text.trim())
            })
            .collect();
        for (id, end) in begun {
            place += 1;
            history.end(id, place, end, &[]);
        }
    }
    history
}

fn begin(history: &mut Transactions, kind: Kind, place: u32, text: &str) -> (OperationId, End) {
    let (process, text) = match text.split_once(':') {
        Some((process, text)) => (process.parse().unwrap(), text),
        None => (100 + place, text),
    };
    let (text, end) = match (text.strip_suffix('!'), text.strip_suffix(" ?")) {
        (Some(text), _) => (text, End::Failed),
        (_, Some(text)) => (text, End::Unknown),
        _ => (text, End::Ok),
    };
    let id = history.begin(ProcessId(process), place, &[]);
    let mut values = Vec::new();
    let parsed: Vec<(char, &str, &str)> =
        text.split_whitespace().map(|op| (op.as_bytes()[0] as char, &op[1..2], &op[2..])).collect();
    for (_, _, rest) in &parsed {
        let names = rest.split(',').filter_map(|name| name.parse().ok());
        let list: Vec<Value> =
            names.map(|number: i64| history.value(Name::Integer(number))).collect();
        values.push(list);
    }
    let mut ops = Vec::new();
    for ((op, key, rest), list) in parsed.into_iter().zip(&values) {
        let key = history.key(Name::Text(key));
        ops.push(match op {
            'a' => MicroOp::Append { key, value: list[0] },
            'w' => MicroOp::Write { key, value: list[0] },
            _ => {
                let seen = match (&list[..], kind) {
                    _ if rest == "?" => Seen::Unknown,
                    ([], _) => Seen::Nothing,
                    ([value], Kind::Registers) => Seen::Value(*value),
                    (list, _) => Seen::List(list),
                };
                MicroOp::Read { key, seen }
            }
        });
    }
    history.end(id, place, end, &ops);
    (id, end)
}
