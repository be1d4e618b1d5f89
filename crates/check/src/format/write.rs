//! Histories written down, in every format that is read.
//!
//! PROBLEM     A history is in one tool's format, and another tool wants it.
//! IDEA        All formats tell of the same operations. Written down are the two events of each, in
//!             the order of all events, or each operation with its two places.
//! RULES       What our own format holds is what was read: see `escaped` in plain.rs. JSON for
//!             others has no keywords, symbols, sets and tags: they become texts and lists.
//! CAVEATS     A log has no times, nodes or errors of its own.

use std::io::{self, Write};

use splitbrain_core::End;

use super::forms::{Form, forms, split};
use super::plain::{escaped, plain};
use super::{FileError, Format};
use crate::Value;
use crate::history_file::{FORMAT, VERSION};
use crate::record::{Moment, Record, independent};

/// Writes operations in a format. Our own needs the workload; the others do not.
///
/// Operations stand in the order in which they began.
///
/// # Errors
/// When an operation has no form in the workload, or `out` cannot be written.
///
/// ```
/// use splitbrain_check::format::write;
/// use splitbrain_check::{Format, Limits, Records};
///
/// let edn = "{:process 0, :type :invoke, :f :cas, :value [1 2]}
///            {:process 0, :type :fail, :f :cas, :value [1 2]}";
/// let records = Records::open(edn.as_bytes(), Limits::default()).expect("a history");
/// let records: Vec<_> = records.map(|record| record.expect("no error")).collect();
/// let mut log = Vec::new();
/// write(&records, Format::Log, "cas-register", &mut log).expect("memory can be written");
/// assert_eq!(log, b"0\t:invoke\t:cas\t[1 2]\n0\t:fail\t:cas\t[1 2]\n");
/// ```
pub fn write(
    records: &[Record],
    format: Format,
    workload: &str,
    out: &mut impl Write,
) -> Result<(), WriteError> {
    let forms = forms(workload).unwrap_or_default();
    if format == Format::Jsonl {
        return write_ours(records, workload, forms, out);
    }
    let keys = if records.iter().any(|record| is_map(&record.function)) {
        Keys::Alone
    } else {
        Keys::InValues
    };
    let mut events = Vec::new();
    for (at, record) in records.iter().enumerate() {
        events.push((record.invoked.order, at, false));
        events.extend(record.completed.map(|end| (end.order, at, true)));
    }
    events.sort_unstable();
    if format == Format::Json {
        out.write_all(b"[")?;
    }
    for (index, (_, at, is_end)) in events.iter().enumerate() {
        let event = Event::new(&records[*at], *is_end, index, forms, keys);
        match format {
            Format::Edn => writeln!(out, "{}", event.fields())?,
            Format::Json => {
                let between = if index > 0 { ",\n" } else { "" };
                write!(out, "{between}{}", plain(&event.fields()))?;
            }
            Format::Jsonl | Format::Log => event.write_log(out)?,
        }
    }
    if format == Format::Json {
        out.write_all(b"]\n")?;
    }
    out.flush()?;
    Ok(())
}

/// Why operations could not be written.
#[derive(Debug)]
pub enum WriteError {
    /// An operation, at this line of where it was read, has no form there.
    Form(FileError),
    /// The bytes could not be written.
    Io(io::Error),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl std::fmt::Display for WriteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Form(error) => write!(f, "{error}"),
            Self::Io(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for WriteError {}

/// Where the keys of independent objects stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    /// In a field, as in Porcupine's histories of key-value stores.
    Alone,
    /// In the values, which are pairs, as in Jepsen's.
    InValues,
}

/// One of the two events of an operation.
struct Event<'a> {
    record: &'a Record,
    kind: &'static str,
    index: usize,
    moment: Option<Moment>,
    value: Value,
    error: Option<&'a Value>,
    key: Option<&'a Value>,
}

impl<'a> Event<'a> {
    fn new(record: &'a Record, is_end: bool, index: usize, forms: &[Form], keys: Keys) -> Self {
        let kind = match record.end {
            _ if !is_end => "invoke",
            End::Ok => "ok",
            End::Failed => "fail",
            End::Unknown => "info",
        };
        let says_nothing =
            forms.iter().any(|form| form.function == &*record.function && form.response.is_empty());
        // Jepsen's clients repeat what was asked where the answer has no value of its own.
        let repeats = record.answered.is_nil() && (says_nothing || record.end != End::Ok);
        let value = if is_end && !repeats { &record.answered } else { &record.asked };
        let value = match &record.key {
            Some(key) if keys == Keys::InValues => Value::from([key.clone(), value.clone()]),
            _ => value.clone(),
        };
        let moment = if is_end { record.completed } else { Some(record.invoked) };
        let error = Some(&record.error).filter(|error| is_end && !error.is_nil());
        let key = record.key.as_ref().filter(|_| keys == Keys::Alone);
        Self { record, kind, index, moment, value, error, key }
    }

    /// The event as a map, as Jepsen writes it.
    fn fields(&self) -> Value {
        let record = self.record;
        let number = |number: u64| i64::try_from(number).map_or(Value::Nil, Value::Int);
        let mut fields = vec![
            (Value::keyword("process"), Value::Int(record.process.0.into())),
            (Value::keyword("type"), Value::keyword(self.kind)),
            (Value::keyword("f"), Value::Keyword(record.function.clone())),
            (Value::keyword("value"), self.value.clone()),
        ];
        if let Some(key) = self.key {
            fields.push((Value::keyword("key"), key.clone()));
        }
        if let Some(time) = self.moment.and_then(|moment| moment.at_ns) {
            fields.push((Value::keyword("time"), number(time)));
        }
        fields.push((Value::keyword("index"), number(self.index as u64)));
        if let Some(node) = &record.node {
            fields.push((Value::keyword("node"), Value::Text(node.clone())));
        }
        if record.last {
            fields.push((Value::keyword("final?"), Value::Bool(true)));
        }
        if let Some(error) = self.error {
            fields.push((Value::keyword("error"), error.clone()));
        }
        Value::Map(fields)
    }

    fn write_log(&self, out: &mut impl Write) -> io::Result<()> {
        let Record { process, function, .. } = self.record;
        let value = match self.error {
            Some(error @ Value::Keyword(_)) => error,
            _ => &self.value,
        };
        writeln!(out, "{}\t:{}\t:{function}\t{value}", process.0, self.kind)
    }
}

/// Whether the function is one of a key-value store.
fn is_map(function: &str) -> bool {
    matches!(function, "get" | "put" | "append" | "delete")
}

fn write_ours(
    records: &[Record],
    workload: &str,
    forms: &[Form],
    out: &mut impl Write,
) -> Result<(), WriteError> {
    let header = Value::Map(vec![
        (Value::text("format"), Value::text(FORMAT)),
        (Value::text("version"), Value::Int(VERSION.into())),
        (Value::text("workload"), Value::text(workload)),
    ]);
    writeln!(out, "{}", plain(&header))?;
    let keyed = independent(records);
    for record in records {
        let line = our_line(record, forms, keyed).map_err(|why| {
            WriteError::Form(FileError { line: record.invoked.line, column: None, why })
        })?;
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    Ok(())
}

/// The operation as a line of our own format.
pub(crate) fn our_line(record: &Record, forms: &[Form], keyed: bool) -> Result<String, String> {
    let function = &*record.function;
    let (key, asked, answered) = record.key_and_values(keyed);
    let form = forms
        .iter()
        .find(|form| form.function == function)
        .ok_or_else(|| format!("the workload has no function {function:?}"))?;
    let body = |kind: String, fields: Vec<(Value, Value)>, key: Option<&Value>| {
        let mut body = vec![(Value::text("type"), Value::Text(kind.into()))];
        body.extend(key.map(|key| (Value::text("key"), escaped(key))));
        body.extend(fields.into_iter().map(|(name, value)| (name, field_of(form, &value))));
        Value::Map(body)
    };
    let request = body(function.into(), split(form.request, asked)?, key);
    let moment = |moment: Moment| {
        let mut fields = vec![(Value::text("order"), Value::Int(moment.order.into()))];
        let time = moment.at_ns.and_then(|time| i64::try_from(time).ok());
        fields.extend(time.map(|time| (Value::text("at_ns"), Value::Int(time))));
        Value::Map(fields)
    };
    let outcome = match record.end {
        End::Ok => {
            let fields = split(form.response, answered)?;
            let response = body(format!("{function}_ok"), fields, None);
            Value::Map(vec![(Value::text("ok"), response)])
        }
        End::Failed => Value::Map(vec![(Value::text("failed"), failure(&record.error))]),
        End::Unknown => Value::text("unknown"),
    };
    let mut line = vec![(Value::text("process"), Value::Int(record.process.0.into()))];
    line.extend(record.node.as_ref().map(|node| (Value::text("node"), Value::Text(node.clone()))));
    line.extend([
        (Value::text("request"), request),
        (Value::text("invoked"), moment(record.invoked)),
        (Value::text("completed"), record.completed.map_or(Value::Nil, moment)),
        (Value::text("outcome"), outcome),
        (Value::text("last"), Value::Bool(record.last)),
    ]);
    Ok(plain(&Value::Map(line)))
}

/// A field's value. The functions of micro-ops are texts, and a set is a list.
fn field_of(form: &Form, value: &Value) -> Value {
    match value {
        Value::List(items) if form.function == "txn" => {
            Value::List(items.iter().map(micro_op).collect())
        }
        Value::Set(items) => Value::List(items.iter().map(escaped).collect()),
        other => escaped(other),
    }
}

fn micro_op(op: &Value) -> Value {
    match op {
        Value::List(words) => match words.split_first() {
            Some((Value::Keyword(function), rest)) => {
                let rest = rest.iter().map(escaped);
                Value::List(std::iter::once(Value::Text(function.clone())).chain(rest).collect())
            }
            _ => escaped(op),
        },
        other => escaped(other),
    }
}

/// Why an operation failed, as a code of Maelstrom's and a text.
fn failure(error: &Value) -> Value {
    let (code, text) = super::failure_of(error);
    Value::Map(vec![
        (Value::text("code"), Value::Int(code.0.into())),
        (Value::text("text"), Value::Text(text.into())),
    ])
}
