//! Values from bytes: what EDN and JSON have in common.

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use super::source::Source;
use crate::{FileError, Value};

/// Lists in lists in lists: no history has more, and each level costs the reader's stack.
pub(super) const DEPTH_MAX: u32 = 100;

/// In which of the two notations values are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Notation {
    Edn,
    Json,
}

/// A reader of values.
#[derive(Debug)]
pub(super) struct Values<R> {
    pub(super) source: Source<R>,
    pub(super) notation: Notation,
    texts: Texts,
    /// The items of the lists that are being read, the innermost last.
    pub(super) stack: Vec<Value>,
    /// A text with escapes that is being read.
    scratch: Vec<u8>,
    /// How many bytes the values take that were read since somebody set this to zero.
    pub(super) bytes: u64,
}

impl<R: Read> Values<R> {
    pub(super) fn new(source: Source<R>, notation: Notation) -> Self {
        let (texts, stack, scratch) = (Texts::new(), Vec::new(), Vec::new());
        Self { source, notation, texts, stack, scratch, bytes: 0 }
    }

    /// Reads one value.
    pub(super) fn value(&mut self) -> Result<Value, FileError> {
        self.nested(0)
    }

    /// Reads one value inside `depth` others.
    pub(super) fn nested(&mut self, depth: u32) -> Result<Value, FileError> {
        if depth > DEPTH_MAX {
            return Err(self.source.error(format!("values are nested more than {DEPTH_MAX} deep")));
        }
        self.bytes += size_of::<Value>() as u64;
        match self.notation {
            Notation::Edn => self.edn(depth),
            Notation::Json => self.json(depth),
        }
    }

    /// Passes what stands between values.
    pub(super) fn space(&mut self) -> Result<(), FileError> {
        match self.notation {
            Notation::Edn => self.edn_space(0),
            Notation::Json => {
                self.json_space();
                Ok(())
            }
        }
    }

    /// The text of a token: a new one, or one that was the same.
    pub(super) fn text(&mut self, token: Range<usize>) -> Result<Arc<str>, FileError> {
        self.bytes += token.len() as u64;
        let Self { source, texts, .. } = self;
        texts.get(source.bytes(token)).map_err(|why| source.error(why))
    }

    /// A text whose opening quote has been passed.
    pub(super) fn quoted(&mut self) -> Result<Arc<str>, FileError> {
        let (line, column) = (self.source.line(), self.source.column());
        let token = self.source.token(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
        if self.source.peek() == Some(b'"') {
            let text = self.text(token);
            self.source.pass();
            return text;
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(self.source.bytes(token));
        loop {
            match self.source.peek() {
                None => {
                    let what = "the text that begins here never ends";
                    return Err(self.source.error_at(line, column.saturating_sub(1), what));
                }
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(b'\n') if self.notation == Notation::Edn => {
                    self.scratch.push(b'\n');
                    self.source.pass_line_end();
                }
                Some(byte) if byte < b' ' && self.notation == Notation::Json => {
                    return Err(self.source.error("a text has a control character in it"));
                }
                Some(byte) => {
                    self.scratch.push(byte);
                    self.source.pass();
                }
            }
            let token = self.source.token(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
            self.scratch.extend_from_slice(self.source.bytes(token));
        }
        self.source.pass();
        self.bytes += self.scratch.len() as u64;
        self.texts.get(&self.scratch).map_err(|why| self.source.error(why))
    }

    fn escape(&mut self) -> Result<(), FileError> {
        self.source.pass();
        let byte = match self.source.peek() {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'u') => return self.unicode(),
            _ => return Err(self.source.error("there is no such escape in a text")),
        };
        self.source.pass();
        self.scratch.push(byte);
        Ok(())
    }

    /// `\uXXXX`, or two of them that are one character.
    fn unicode(&mut self) -> Result<(), FileError> {
        let mut code = self.four_digits()?;
        if (0xD800..0xDC00).contains(&code) && self.source.take(b'\\') {
            if self.source.peek() != Some(b'u') {
                return Err(self
                    .source
                    .error("half a character: \\u of its other half must follow"));
            }
            let low = self.four_digits()?;
            code = 0x10000 + ((code - 0xD800) << 10) + (low.wrapping_sub(0xDC00) & 0x3FF);
        }
        let Some(c) = char::from_u32(code) else {
            return Err(self.source.error("half a character: \\u of its other half is missing"));
        };
        let mut bytes = [0; 4];
        self.scratch.extend_from_slice(c.encode_utf8(&mut bytes).as_bytes());
        Ok(())
    }

    fn four_digits(&mut self) -> Result<u32, FileError> {
        self.source.pass();
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.source.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.source.error("after \\u four hexadecimal digits must follow"));
            };
            code = code * 16 + digit;
            self.source.pass();
        }
        Ok(code)
    }

    /// The items that were put on the stack since it had `start` of them.
    pub(super) fn unstack(&mut self, start: usize) -> Vec<Value> {
        self.stack.drain(start..).collect()
    }

    /// The same, two by two.
    pub(super) fn unstack_pairs(&mut self, start: usize) -> Vec<(Value, Value)> {
        let mut items = self.stack.drain(start..);
        let mut pairs = Vec::with_capacity(items.len() / 2);
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            pairs.push((key, value));
        }
        pairs
    }
}

/// The number, if it has few enough digits to be one of 64 bits for certain, and no others.
pub(super) fn small_int(token: &[u8]) -> Option<i64> {
    let (negative, digits) = match token {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 || digits[0] == b'0' && digits.len() > 1 {
        return None;
    }
    let mut number = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i64::from(digit - b'0');
    }
    Some(if negative { -number } else { number })
}

/// Texts that came lately: a history says the same few words again and again.
#[derive(Debug)]
struct Texts {
    slots: Vec<Option<Arc<str>>>,
}

impl Texts {
    /// A power of two.
    const SLOTS: usize = 1024;
    /// Longer texts are seldom said twice.
    const BYTES_MAX: usize = 24;

    fn new() -> Self {
        Self { slots: vec![None; Self::SLOTS] }
    }

    fn get(&mut self, bytes: &[u8]) -> Result<Arc<str>, String> {
        if bytes.len() > Self::BYTES_MAX {
            return made(bytes);
        }
        let mix = |hash: usize, byte: &u8| (hash ^ usize::from(*byte)).wrapping_mul(0x0100_0193);
        let hash = bytes.iter().fold(0x811C_9DC5, mix);
        let slot = &mut self.slots[(hash ^ (hash >> 12)) % Self::SLOTS];
        match slot {
            Some(text) if text.as_bytes() == bytes => Ok(text.clone()),
            _ => Ok(slot.insert(made(bytes)?).clone()),
        }
    }
}

fn made(bytes: &[u8]) -> Result<Arc<str>, String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(why) => {
            let byte = bytes.get(why.valid_up_to()).copied().unwrap_or_default();
            Err(format!("the byte {byte:#04x} is not UTF-8: convert the file to UTF-8 first"))
        }
    }
}
