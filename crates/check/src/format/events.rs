//! Jepsen's events, in EDN or in JSON: `{:type :invoke, :f :read, :value nil, :process 0}`.
//!
//! One map after the other, or all of them in one vector, list or array. In EDN a map may have a
//! tag: `#jepsen.history.Op{...}`. Fields that mean nothing here are passed over.

use std::io::Read;
use std::sync::Arc;

use splitbrain_core::ProcessId;

use super::edn::is_delimiter;
use super::values::{Notation, Values};
use crate::record::{Event, Kind, Who};
use crate::{FileError, Value};

/// The fields that tell something.
#[derive(Clone, Copy)]
enum Field {
    Type,
    Function,
    Value,
    Process,
    Time,
    Error,
    Key,
    Node,
    Last,
    Other,
}

impl Field {
    const fn named(name: &[u8]) -> Self {
        match name {
            b"type" => Self::Type,
            b"f" => Self::Function,
            b"value" => Self::Value,
            b"process" => Self::Process,
            b"time" => Self::Time,
            b"error" => Self::Error,
            b"key" => Self::Key,
            b"node" => Self::Node,
            b"final?" => Self::Last,
            _ => Self::Other,
        }
    }
}

/// What stands around the events.
#[derive(Debug)]
pub(super) struct Around {
    /// What closes the list they stand in, once its opening is passed.
    close: Option<u8>,
    /// Whether it is closed.
    closed: bool,
    /// Whether an event was read.
    any: bool,
}

impl Around {
    pub(super) const fn new() -> Self {
        Self { close: None, closed: false, any: false }
    }
}

impl<R: Read> Values<R> {
    /// The next event; `None` at the end.
    pub(super) fn event(&mut self, around: &mut Around) -> Result<Option<Event>, FileError> {
        self.space()?;
        if !around.any && around.close.is_none() && !around.closed {
            around.close = match self.source.peek() {
                Some(b'[') => Some(b']'),
                Some(b'(') if self.notation == Notation::Edn => Some(b')'),
                _ => None,
            };
            if around.close.is_some() {
                self.source.pass();
                self.space()?;
            }
        }
        if around.any && around.close.is_some() && self.notation == Notation::Json {
            self.comma(around)?;
        }
        match (self.source.peek(), around.close) {
            (Some(byte), Some(close)) if byte == close => {
                self.source.pass();
                (around.close, around.closed) = (None, true);
                self.event(around)
            }
            (None, None) => self.source.failure().map_or(Ok(None), Err),
            (None, Some(_)) => Err(self
                .source
                .error("the file ends before the list of its events: it may have been cut")),
            (Some(_), None) if around.closed => {
                Err(self.source.error("something stands after the list of events"))
            }
            (Some(_), _) => {
                around.any = true;
                self.source.begin_operation();
                self.one_event().map(Some)
            }
        }
    }

    /// Between two events of a JSON array.
    fn comma(&mut self, around: &Around) -> Result<(), FileError> {
        match self.source.peek() {
            Some(b',') => {
                self.source.pass();
                self.json_space();
                Ok(())
            }
            None => Ok(()),
            Some(byte) if Some(byte) == around.close => Ok(()),
            Some(_) => Err(self.source.error("',' is missing between two events")),
        }
    }

    fn one_event(&mut self) -> Result<Event, FileError> {
        let (line, column) = (self.source.line(), self.source.column());
        if self.notation == Notation::Edn && self.source.peek() == Some(b'#') {
            self.edn_name_before(b'{')?;
        }
        if !self.source.take(b'{') {
            return Err(self.source.error("an event must stand here: a map that begins with '{'"));
        }
        let mut fields = Fields::default();
        let mut first = true;
        while let Some(field) = self.field(first, line, column)? {
            first = false;
            self.space()?;
            let (line, column) = (self.source.line(), self.source.column());
            let value = self.nested(1)?;
            fields.set(field, value).map_err(|why| self.source.error_at(line, column, why))?;
        }
        fields.event(line).map_err(|why| self.source.error_at(line, column, why))
    }

    /// Passes the tag of a map.
    fn edn_name_before(&mut self, open: u8) -> Result<(), FileError> {
        self.source.pass();
        self.source.token(|byte| byte > b' ' && byte != open);
        self.space()
    }

    /// The name of the next field of the map that opened in this line and column; `None` after the
    /// last.
    fn field(&mut self, first: bool, line: u64, column: u64) -> Result<Option<Field>, FileError> {
        if self.notation == Notation::Json {
            return self.json_field(first, line, column);
        }
        self.space()?;
        match self.source.peek() {
            Some(b'}') => {
                self.source.pass();
                Ok(None)
            }
            Some(b':') => {
                self.source.pass();
                let name = self.source.token(|byte| !is_delimiter(byte));
                Ok(Some(Field::named(self.source.bytes(name))))
            }
            None => {
                let what = "the event that begins here is cut off";
                Err(self.source.error_at(line, column, what))
            }
            Some(_) => self
                .nested(1)
                .map(|name| Some(Field::named(name.name().unwrap_or_default().as_bytes()))),
        }
    }

    fn json_field(
        &mut self,
        first: bool,
        line: u64,
        column: u64,
    ) -> Result<Option<Field>, FileError> {
        self.json_space();
        if first && self.source.take(b'}') || !first && !self.json_next(b'}', line, column)? {
            return Ok(None);
        }
        self.json_space();
        if !self.source.take(b'"') {
            return Err(self.source.error("the name of a field is missing: a text in quotes"));
        }
        let name = self.quoted()?;
        self.json_colon()?;
        Ok(Some(Field::named(name.trim_start_matches(':').as_bytes())))
    }
}

/// What an event's fields say.
#[derive(Default)]
struct Fields {
    kind: Option<Kind>,
    nemesis: bool,
    process: Option<ProcessId>,
    function: Option<Arc<str>>,
    value: Value,
    key: Option<Value>,
    node: Option<Arc<str>>,
    error: Value,
    at_ns: Option<u64>,
    last: bool,
}

impl Fields {
    fn set(&mut self, field: Field, value: Value) -> Result<(), String> {
        match field {
            Field::Type => {
                let name = value.name().map(|name| name.trim_start_matches(':'));
                self.kind = name.and_then(|name| Kind::named(name.as_bytes()));
                if self.kind.is_none() {
                    return Err(format!("type is invoke, ok, fail or info, not {}", short(&value)));
                }
            }
            Field::Function => self.function = Self::name(value, "f")?,
            Field::Value => self.value = value,
            Field::Process => match &value {
                Value::Nil => (),
                Value::Int(number) => {
                    let number = u32::try_from(*number).map_err(|_| {
                        format!("process is a number below 4,294,967,296, not {number}")
                    })?;
                    self.process = Some(ProcessId(number));
                }
                other if other.name().is_some_and(|name| name.ends_with("nemesis")) => {
                    self.nemesis = true;
                }
                other => return Err(format!("process is a number, not {}", short(other))),
            },
            Field::Time => self.at_ns = value.int().and_then(|time| u64::try_from(time).ok()),
            Field::Error => self.error = value,
            Field::Key => self.key = Some(value),
            Field::Node => self.node = Self::name(value, "node")?,
            Field::Last => self.last = value == Value::Bool(true),
            Field::Other => (),
        }
        Ok(())
    }

    fn name(value: Value, field: &str) -> Result<Option<Arc<str>>, String> {
        match value {
            Value::Nil => Ok(None),
            Value::Keyword(name) | Value::Text(name) | Value::Symbol(name) => {
                Ok(Some(name.strip_prefix(':').map_or(name.clone(), Arc::from)))
            }
            other => Err(format!("{field} is a name, not {}", short(&other))),
        }
    }

    fn event(self, line: u64) -> Result<Event, String> {
        let Some(kind) = self.kind else {
            return Err("the event has no type: invoke, ok, fail or info".into());
        };
        let process = match self.process {
            Some(process) => Who::Process(process),
            None if self.nemesis => Who::Nemesis,
            None => Who::Untold,
        };
        Ok(Event {
            kind,
            process,
            node: self.node,
            function: self.function,
            key: self.key,
            value: self.value,
            error: self.error,
            at_ns: self.at_ns,
            last: self.last,
            line,
        })
    }
}

/// A value for a message: cut where it is long.
fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 40 {
        return text;
    }
    text.chars().take(39).chain(['…']).collect()
}
