//! EDN, the notation of Clojure: what Jepsen and Knossos write [edn].
//!
//! `; comments`, `#_ discarded` values, and commas stand between values and mean nothing.

use std::io::Read;
use std::sync::Arc;

use super::values::{Values, small_int};
use crate::{FileError, Value};

/// Whether the byte ends a token: looked up, because every byte of a file is asked.
pub(super) const fn is_delimiter(byte: u8) -> bool {
    DELIMITERS[byte as usize]
}

const DELIMITERS: [bool; 256] = {
    let mut delimiters = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        delimiters[byte] = byte <= b' ' as usize;
        byte += 1;
    }
    let others = b",;\"()[]{}";
    let mut at = 0;
    while at < others.len() {
        delimiters[others[at] as usize] = true;
        at += 1;
    }
    delimiters
};

impl<R: Read> Values<R> {
    pub(super) fn edn_space(&mut self, depth: u32) -> Result<(), FileError> {
        while let Some(byte) = self.source.peek() {
            match byte {
                b' ' | b',' | b'\t' | b'\r' => self.source.pass(),
                b'\n' => self.source.pass_line_end(),
                b';' => drop(self.source.token(|byte| byte != b'\n')),
                b'#' if self.source.front(2) == b"#_" => {
                    self.source.pass();
                    self.source.pass();
                    self.edn_discarded(depth)?;
                }
                _ => break,
            }
        }
        Ok(())
    }

    /// `#_ #_ a b` discards two values; a file of nothing else must not exhaust the stack.
    fn edn_discarded(&mut self, depth: u32) -> Result<(), FileError> {
        let mut discarded = 1_u64;
        while discarded > 0 {
            match self.source.peek() {
                Some(b' ' | b',' | b'\t' | b'\r') => self.source.pass(),
                Some(b'\n') => self.source.pass_line_end(),
                Some(b';') => drop(self.source.token(|byte| byte != b'\n')),
                Some(b'#') if self.source.front(2) == b"#_" => {
                    self.source.pass();
                    self.source.pass();
                    discarded += 1;
                }
                _ => {
                    self.nested(depth + 1)?;
                    discarded -= 1;
                }
            }
        }
        Ok(())
    }

    pub(super) fn edn(&mut self, depth: u32) -> Result<Value, FileError> {
        self.edn_space(depth)?;
        match self.source.peek() {
            None => Err(self.source.error("a value is missing: the file ends here")),
            Some(b'[') => self.edn_list(b']', depth).map(Value::List),
            Some(b'(') => self.edn_list(b')', depth).map(Value::List),
            Some(b'{') => self.edn_map(depth),
            Some(b'"') => {
                self.source.pass();
                Ok(Value::Text(self.quoted()?))
            }
            Some(b':') => Ok(Value::Keyword(self.edn_name()?)),
            Some(b'#') => self.edn_tagged(depth),
            Some(b'\\') => self.edn_character(),
            Some(byte @ (b']' | b')' | b'}')) => {
                let byte = char::from(byte);
                Err(self.source.error(format!("'{byte}' closes nothing that is open")))
            }
            Some(_) => self.edn_word(),
        }
    }

    /// A name whose first byte, a colon or `#`, is passed.
    pub(super) fn edn_name(&mut self) -> Result<Arc<str>, FileError> {
        self.source.pass();
        let token = self.source.token(|byte| !is_delimiter(byte));
        if token.is_empty() {
            return Err(self.source.error("a name is missing"));
        }
        self.text(token)
    }

    fn edn_list(&mut self, close: u8, depth: u32) -> Result<Vec<Value>, FileError> {
        let (line, column) = (self.source.line(), self.source.column());
        self.source.pass();
        let start = self.stack.len();
        loop {
            self.edn_space(depth)?;
            match self.source.peek() {
                Some(byte) if byte == close => break,
                None => return Err(self.edn_open(line, column)),
                Some(_) => {
                    let item = self.nested(depth + 1)?;
                    self.stack.push(item);
                }
            }
        }
        self.source.pass();
        Ok(self.unstack(start))
    }

    fn edn_open(&self, line: u64, column: u64) -> FileError {
        let what = "what opens here is never closed: the file may have been cut";
        self.source.error_at(line, column, what)
    }

    fn edn_map(&mut self, depth: u32) -> Result<Value, FileError> {
        let (line, column) = (self.source.line(), self.source.column());
        self.source.pass();
        let start = self.stack.len();
        loop {
            self.edn_space(depth)?;
            match self.source.peek() {
                Some(b'}') => break,
                None => return Err(self.edn_open(line, column)),
                Some(_) => {
                    let item = self.nested(depth + 1)?;
                    self.stack.push(item);
                }
            }
        }
        if (self.stack.len() - start) % 2 == 1 {
            return Err(self.source.error("the last key of the map has no value"));
        }
        self.source.pass();
        Ok(Value::Map(self.unstack_pairs(start)))
    }

    fn edn_tagged(&mut self, depth: u32) -> Result<Value, FileError> {
        match self.source.front(2) {
            b"#{" => {
                self.source.pass();
                self.edn_list(b'}', depth).map(Value::Set)
            }
            b"##" => {
                self.source.pass();
                Ok(Value::Number(format!("##{}", self.edn_name()?).into()))
            }
            _ => {
                let tag = self.edn_name()?;
                Ok(Value::Tagged(tag, Box::new(self.nested(depth + 1)?)))
            }
        }
    }

    /// `\a`, `\newline`, `\(`: what stands right after the backslash is the character's, even a
    /// delimiter.
    fn edn_character(&mut self) -> Result<Value, FileError> {
        self.source.pass();
        let token = self.source.token(|byte| !is_delimiter(byte));
        if !token.is_empty() {
            let name = self.text(token)?;
            return Ok(Value::Symbol(format!("\\{name}").into()));
        }
        match self.source.peek() {
            Some(byte) if byte > b' ' => {
                self.source.pass();
                Ok(Value::Symbol(format!("\\{}", char::from(byte)).into()))
            }
            _ => Err(self.source.error("a character is missing")),
        }
    }

    /// A number, `nil`, `true`, `false`, or a symbol.
    fn edn_word(&mut self) -> Result<Value, FileError> {
        let token = self.source.token(|byte| !is_delimiter(byte));
        if token.is_empty() {
            let byte = self.source.peek().unwrap_or_default();
            return Err(self.source.error(format!("the byte {byte:#04x} cannot stand here")));
        }
        let bytes = self.source.bytes(token.clone());
        if let Some(number) = small_int(bytes) {
            return Ok(Value::Int(number));
        }
        Ok(match bytes {
            b"nil" => Value::Nil,
            b"true" => Value::Bool(true),
            b"false" => Value::Bool(false),
            [b'0'..=b'9', ..] | [b'-' | b'+', b'0'..=b'9', ..] => {
                let text = self.text(token)?;
                let whole = text.strip_suffix('N').unwrap_or(&text);
                let octal = whole.trim_start_matches(['-', '+']).starts_with('0');
                match whole.parse() {
                    Ok(number) if !octal => Value::Int(number),
                    _ => Value::Number(text),
                }
            }
            _ => Value::Symbol(self.text(token)?),
        })
    }
}
