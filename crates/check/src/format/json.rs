//! JSON, read value by value (RFC 8259).

use std::io::Read;

use super::values::{Values, small_int};
use crate::{FileError, Value};

impl<R: Read> Values<R> {
    pub(super) fn json_space(&mut self) {
        while let Some(byte) = self.source.peek() {
            match byte {
                b' ' | b'\t' | b'\r' => self.source.pass(),
                b'\n' => self.source.pass_line_end(),
                _ => break,
            }
        }
    }

    pub(super) fn json(&mut self, depth: u32) -> Result<Value, FileError> {
        self.json_space();
        match self.source.peek() {
            None => Err(self.source.error("a value is missing: the file ends here")),
            Some(b'[') => self.json_list(depth),
            Some(b'{') => self.json_map(depth),
            Some(b'"') => {
                self.source.pass();
                Ok(Value::Text(self.quoted()?))
            }
            Some(_) => self.json_word(),
        }
    }

    fn json_list(&mut self, depth: u32) -> Result<Value, FileError> {
        let (line, column) = (self.source.line(), self.source.column());
        self.source.pass();
        let start = self.stack.len();
        self.json_space();
        if self.source.take(b']') {
            return Ok(Value::List(Vec::new()));
        }
        loop {
            let item = self.nested(depth + 1)?;
            self.stack.push(item);
            if !self.json_next(b']', line, column)? {
                return Ok(Value::List(self.unstack(start)));
            }
        }
    }

    fn json_map(&mut self, depth: u32) -> Result<Value, FileError> {
        let (line, column) = (self.source.line(), self.source.column());
        self.source.pass();
        let start = self.stack.len();
        self.json_space();
        if self.source.take(b'}') {
            return Ok(Value::Map(Vec::new()));
        }
        loop {
            self.json_space();
            if !self.source.take(b'"') {
                return Err(self.source.error("the name of a field is missing: a text in quotes"));
            }
            let name = self.quoted()?;
            self.json_colon()?;
            let value = self.nested(depth + 1)?;
            self.stack.push(Value::Text(name));
            self.stack.push(value);
            if !self.json_next(b'}', line, column)? {
                return Ok(Value::Map(self.unstack_pairs(start)));
            }
        }
    }

    pub(super) fn json_colon(&mut self) -> Result<(), FileError> {
        self.json_space();
        if self.source.take(b':') {
            return Ok(());
        }
        Err(self.source.error("':' is missing between a field's name and its value"))
    }

    /// Passes a comma, or what closes the list or map that opened in this line and column. Returns
    /// whether another item must follow.
    pub(super) fn json_next(
        &mut self,
        close: u8,
        line: u64,
        column: u64,
    ) -> Result<bool, FileError> {
        self.json_space();
        match self.source.peek() {
            Some(b',') => {
                self.source.pass();
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.source.pass();
                Ok(false)
            }
            None => {
                let what = "what opens here is never closed: the file may have been cut";
                Err(self.source.error_at(line, column, what))
            }
            Some(_) => {
                let close = char::from(close);
                Err(self.source.error(format!("',' or '{close}' must stand here")))
            }
        }
    }

    /// A number, `null`, `true` or `false`.
    fn json_word(&mut self) -> Result<Value, FileError> {
        let (line, column) = (self.source.line(), self.source.column());
        let in_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        let token = self.source.token(in_word);
        let bytes = self.source.bytes(token.clone());
        if let Some(number) = small_int(bytes) {
            return Ok(Value::Int(number));
        }
        Ok(match bytes {
            b"null" => Value::Nil,
            b"true" => Value::Bool(true),
            b"false" => Value::Bool(false),
            number if is_json_number(number) => {
                let text = self.text(token)?;
                text.parse().map_or(Value::Number(text), Value::Int)
            }
            _ => return Err(self.source.error_at(line, column, "this is no value of JSON")),
        })
    }
}

/// Whether this is a number as JSON writes it.
pub(super) fn is_json_number(token: &[u8]) -> bool {
    let digits = |rest: &[u8]| rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = token.strip_prefix(b"-").unwrap_or(token);
    let whole = digits(rest);
    if whole == 0 || rest[0] == b'0' && whole > 1 {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    if let [b'e' | b'E', power @ ..] = rest {
        let power = power.strip_prefix(b"+").or(power.strip_prefix(b"-")).unwrap_or(power);
        let length = digits(power);
        return length > 0 && length == power.len();
    }
    rest.is_empty()
}
