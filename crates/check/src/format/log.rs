//! Jepsen's log, as Porcupine's test data have it: `INFO  jepsen.util - 0  :invoke  :read  nil`.
//!
//! An event is a process's number, its type, its function and its value, with blanks between. What
//! stands before the number does not matter, nor do lines without an event. A value after `:fail`
//! or `:info` that is a keyword (`:timed-out`) is the reason.

use std::io::Read;

use splitbrain_core::ProcessId;

use super::values::Values;
use crate::record::{Event, Kind, Who};
use crate::{FileError, Value};

impl<R: Read> Values<R> {
    /// The next event; `None` at the end.
    pub(super) fn log_event(&mut self) -> Result<Option<Event>, FileError> {
        loop {
            self.source.begin_operation();
            let line = self.source.line();
            let head = self.log_head()?;
            let event = match head {
                Some((process, kind)) => Some(self.log_rest(process, kind, line)?),
                None => None,
            };
            self.source.token(|byte| byte != b'\n');
            match self.source.peek() {
                Some(_) => self.source.pass_line_end(),
                None if event.is_none() => return self.source.failure().map_or(Ok(None), Err),
                None => (),
            }
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    /// Passes words until a process and a type have come; `None` if the line has none.
    fn log_head(&mut self) -> Result<Option<(Who, Kind)>, FileError> {
        let mut process = None;
        loop {
            self.blanks();
            let word = self.source.token(|byte| byte > b' ');
            let word = self.source.bytes(word);
            if word.is_empty() {
                return Ok(None);
            }
            let kind = word.strip_prefix(b":").and_then(Kind::named);
            if let (Some(process), Some(kind)) = (process, kind) {
                return Ok(Some((process, kind)));
            }
            process = match std::str::from_utf8(word) {
                Ok(":nemesis") => Some(Who::Nemesis),
                Ok(word) => word.parse().ok().map(|number| Who::Process(ProcessId(number))),
                Err(_) => None,
            };
        }
    }

    fn log_rest(&mut self, process: Who, kind: Kind, line: u64) -> Result<Event, FileError> {
        self.blanks();
        let function = match self.source.peek() {
            Some(b':') => Some(self.edn_name()?),
            _ => return Err(self.source.error("a function such as :read must follow the type")),
        };
        let mut value = self.log_value(process)?;
        let mut error = Value::Nil;
        if matches!(kind, Kind::Fail | Kind::Info) && matches!(value, Value::Keyword(_)) {
            error = std::mem::take(&mut value);
        }
        Ok(Event {
            kind,
            process,
            node: None,
            function,
            key: None,
            value,
            error,
            at_ns: None,
            last: false,
            line,
        })
    }

    /// The value on the rest of the line; what the nemesis says may be anything.
    fn log_value(&mut self, process: Who) -> Result<Value, FileError> {
        self.blanks();
        match self.source.peek() {
            None | Some(b'\n') => Ok(Value::Nil),
            Some(_) if process == Who::Nemesis => Ok(Value::Nil),
            Some(_) => self.value(),
        }
    }

    fn blanks(&mut self) {
        while let Some(byte) = self.source.peek()
            && byte <= b' '
            && byte != b'\n'
        {
            self.source.pass();
        }
    }
}
