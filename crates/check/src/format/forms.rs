//! Every workload that a history file may be of, and the fields of its requests and answers.
//!
//! PROBLEM     Jepsen gives each operation one value, whose meaning depends on the function; our
//!             files name each thing: `{"type":"cas","from":1,"to":2}`.
//! IDEA        One table says which fields make up the value, in which order. No field: no value.
//!             One: it is the value. More: the value is the list of them.
//! RULES       The type of an answer is that of its request and `_ok`. A `key` is a key.
//! READ NEXT   ours.rs; FORMATS.md has an example of each

use std::sync::Arc;

use crate::Value;

/// A function of a workload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Form {
    /// Its name, which is the type of the request.
    pub function: &'static str,
    /// The fields of the request, without `key`.
    pub request: &'static [&'static str],
    /// The fields of the answer.
    pub response: &'static [&'static str],
}

const fn form(
    function: &'static str,
    request: &'static [&'static str],
    response: &'static [&'static str],
) -> Form {
    Form { function, request, response }
}

const READ: Form = form("read", &[], &["value"]);
const ADD: Form = form("add", &["element"], &[]);
const COUNT: Form = form("add", &["delta"], &[]);
const WRITE: Form = form("write", &["value"], &[]);
const CAS: Form = form("cas", &["from", "to"], &[]);
const TXN: Form = form("txn", &["txn"], &["txn"]);

/// Each workload, and its functions.
const WORKLOADS: &[(&str, &[Form])] = &[
    ("echo", &[form("echo", &["echo"], &["echo"])]),
    ("unique-ids", &[form("generate", &[], &["id"])]),
    (
        "broadcast",
        &[
            form("topology", &["topology"], &[]),
            form("broadcast", &["message"], &[]),
            form("read", &[], &["messages"]),
        ],
    ),
    ("g-set", &[ADD, READ]),
    ("g-counter", &[COUNT, READ]),
    ("pn-counter", &[COUNT, READ]),
    ("lin-kv", &[READ, WRITE, CAS]),
    ("register", &[READ, WRITE]),
    ("cas-register", &[READ, WRITE, CAS]),
    ("multi-register", &[TXN]),
    (
        "key-value",
        &[
            form("get", &[], &["value"]),
            form("put", &["value"], &[]),
            form("append", &["value"], &[]),
            form("delete", &[], &[]),
            CAS,
        ],
    ),
    (
        "set",
        &[ADD, form("remove", &["element"], &[]), form("contains", &["element"], &["value"]), READ],
    ),
    ("counter", &[COUNT, READ]),
    ("queue", &[form("enqueue", &["value"], &[]), form("dequeue", &[], &["value"])]),
    ("stack", &[form("push", &["value"], &[]), form("pop", &[], &["value"])]),
    ("mutex", &[form("acquire", &[], &[]), form("release", &[], &[])]),
    ("lock", &[form("acquire", &[], &["token"]), form("release", &["token"], &[])]),
    ("log", &[form("append", &["value"], &["offset"]), READ]),
    ("txn-list-append", &[TXN]),
    ("txn-rw-register", &[TXN]),
    (
        "kafka",
        &[
            form("send", &["msg"], &["offset"]),
            form("poll", &["offsets"], &["msgs"]),
            form("commit_offsets", &["offsets"], &[]),
            form("list_committed_offsets", &["keys"], &["offsets"]),
        ],
    ),
];

/// The names of all workloads.
pub fn workloads() -> impl Iterator<Item = &'static str> {
    WORKLOADS.iter().map(|(name, _)| *name)
}

/// The functions of a workload.
pub fn forms(workload: &str) -> Option<&'static [Form]> {
    WORKLOADS.iter().find(|(name, _)| *name == workload).map(|(_, forms)| *forms)
}

/// The value that a request or an answer with these fields stands for.
pub(crate) fn joined(names: &[&str], body: &Value) -> Result<Value, String> {
    let field = |name: &str| body.field(name).cloned();
    match names {
        [] => Ok(Value::Nil),
        [name] => field(name).ok_or_else(|| format!("the field {name:?} is missing")),
        names => {
            let missing = |name: &&str| field(name).ok_or(format!("the field {name:?} is missing"));
            names.iter().map(missing).collect::<Result<_, _>>().map(Value::List)
        }
    }
}
/// The fields of a request or an answer that stands for this value.
pub(crate) fn split(names: &[&str], value: &Value) -> Result<Vec<(Value, Value)>, String> {
    let key = |name: &str| Value::Text(Arc::from(name));
    match names {
        [] => Ok(Vec::new()),
        [name] => Ok(vec![(key(name), value.clone())]),
        names => match value.list() {
            Some(items) if items.len() == names.len() => {
                Ok(names.iter().map(|name| key(name)).zip(items.iter().cloned()).collect())
            }
            _ => Err(format!("the value must be a list of {}", names.join(", "))),
        },
    }
}
