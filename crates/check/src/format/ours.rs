//! Our own files, operation by operation, whatever the workload: FORMATS.md describes them.

use std::io::Read;
use std::sync::Arc;

use splitbrain_core::{End, ProcessId};

use super::forms::{Form, forms, joined, workloads};
use super::plain::unescaped;
use super::values::Values;
use crate::history_file::{FORMAT, Order, VERSION};
use crate::record::{Moment, Record};
use crate::{FileError, Value};

/// What the first line says, and what the operations so far do.
#[derive(Debug)]
pub(super) struct Ours {
    pub(super) workload: Arc<str>,
    forms: &'static [Form],
    order: Order,
}

impl Ours {
    /// Reads the first line.
    pub(super) fn open<R: Read>(values: &mut Values<R>) -> Result<Self, FileError> {
        let header = values.value()?;
        let refuse = |why: String| FileError { line: 1, column: None, why };
        let format = header.field("format").and_then(Value::name).unwrap_or_default();
        let version = header.field("version").and_then(Value::int);
        if format != FORMAT || version != Some(i64::from(VERSION)) {
            return Err(refuse(format!(
                "this is not the first line of a {FORMAT} file of version {VERSION}"
            )));
        }
        let Some(Value::Text(workload)) = header.field("workload") else {
            return Err(refuse("the header names no workload".into()));
        };
        let Some(forms) = forms(workload) else {
            let all: Vec<_> = workloads().collect();
            let workload = workload.escape_debug();
            return Err(refuse(format!(
                "there is no workload {workload:.40}; there are {}",
                all.join(", ")
            )));
        };
        Ok(Self { workload: workload.clone(), forms, order: Order::default() })
    }

    /// The next operation; `None` at the end.
    pub(super) fn next<R: Read>(
        &mut self,
        values: &mut Values<R>,
    ) -> Result<Option<Box<Record>>, FileError> {
        values.space()?;
        let (line, column) = (values.source.line(), values.source.column());
        if values.source.peek().is_none() {
            if let Some(why) = values.source.failure() {
                return Err(why);
            }
            let order = std::mem::take(&mut self.order);
            let clash = |(line, why)| FileError { line, column: None, why };
            return order.check_all().map(|()| None).map_err(clash);
        }
        values.source.begin_operation();
        let body = values.value()?;
        let refuse = |why| values.source.error_at(line, column, why);
        let record = self.record(&body, line).map_err(refuse)?;
        let (begin, end) = (record.invoked.order, record.completed.map(|end| end.order));
        let known = record.end != End::Unknown;
        self.order.check(record.process, begin, end, known, line).map_err(refuse)?;
        Ok(Some(Box::new(record)))
    }

    fn record(&self, body: &Value, line: u64) -> Result<Record, String> {
        let missing = |name: &str| format!("the field {name:?} is missing");
        let field = |name: &str| body.field(name).ok_or_else(|| missing(name));
        let process = field("process")?.int().and_then(|number| u32::try_from(number).ok());
        let process =
            process.ok_or("the field \"process\" must be a number below 4,294,967,296")?;
        let request = field("request")?;
        let function = request.field("type").and_then(Value::name).ok_or_else(|| {
            "the request has no type: {\"type\":\"read\"} is one that has".to_string()
        })?;
        let form = self.form(function)?;
        let asked = joined(form.request, request).map_err(|why| format!("request: {why}"))?;
        let asked = unescaped(asked);
        let completed = match field("completed")? {
            Value::Nil => None,
            moment => Some(self::moment(moment, "completed", line)?),
        };
        let (end, answered, error) = outcome(form, field("outcome")?)?;
        let name = |value: &Value| value.name().map(Arc::from);
        Ok(Record {
            process: ProcessId(process),
            node: body.field("node").and_then(name),
            function: Arc::from(form.function),
            key: request.field("key").cloned().map(unescaped),
            asked,
            answered,
            invoked: moment(field("invoked")?, "invoked", line)?,
            completed,
            end,
            error,
            last: body.field("last") == Some(&Value::Bool(true)),
        })
    }

    fn form(&self, function: &str) -> Result<&'static Form, String> {
        let known = self.forms.iter().find(|form| form.function == function);
        known.ok_or_else(|| {
            let names: Vec<_> = self.forms.iter().map(|form| form.function).collect();
            let function = function.escape_debug();
            format!(
                "{} has no request of type {function:.40}; it has {}",
                self.workload,
                names.join(", ")
            )
        })
    }
}

/// `{"order":3,"at_ns":7}`.
fn moment(value: &Value, name: &str, line: u64) -> Result<Moment, String> {
    let order = value.field("order").and_then(Value::int);
    let order = order.and_then(|order| u32::try_from(order).ok()).ok_or_else(|| {
        format!("the field {name:?} must have an \"order\", a number below 4,294,967,296")
    })?;
    let at_ns = value.field("at_ns").and_then(Value::int);
    Ok(Moment { order, at_ns: at_ns.and_then(|time| u64::try_from(time).ok()), line })
}

/// `{"ok":{...}}`, `{"failed":{"code":22,"text":""}}` or `"unknown"`.
fn outcome(form: &Form, outcome: &Value) -> Result<(End, Value, Value), String> {
    if outcome.name() == Some("unknown") {
        return Ok((End::Unknown, Value::Nil, Value::Nil));
    }
    if let Some(response) = outcome.field("ok") {
        let kind = response.field("type").and_then(Value::name);
        if kind.and_then(|kind| kind.strip_suffix("_ok")) != Some(form.function) {
            let function = form.function;
            return Err(format!("the answer to {function:?} must have the type \"{function}_ok\""));
        }
        let answered = joined(form.response, response).map_err(|why| format!("answer: {why}"))?;
        return Ok((End::Ok, unescaped(answered), Value::Nil));
    }
    if let Some(why) = outcome.field("failed") {
        let of = |name: &str| why.field(name).cloned().unwrap_or_default();
        return Ok((End::Failed, Value::Nil, Value::List(vec![of("code"), of("text")])));
    }
    Err("the outcome is {\"ok\":...}, {\"failed\":...} or \"unknown\"".into())
}
