//! Bytes from anywhere, one after the other, with the line and the column, within bounds.

use std::io::{self, Read};
use std::ops::Range;

use super::Limits;
use crate::FileError;

/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// A file that is being read.
///
/// What is read and not yet passed stands in `buffer[at..end]`. A token keeps all its bytes in the
/// buffer until it is complete, however it lies to the chunks.
#[derive(Debug)]
pub(super) struct Source<R> {
    from: R,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    /// The place in the file of the buffer's first byte.
    base: u64,
    /// The line, from 1, and where in the file it begins.
    line: u64,
    line_start: u64,
    /// The first byte of the token that is being read.
    token: Option<usize>,
    /// Where in the file the operation began that is being read.
    operation: u64,
    limits: Limits,
    ended: bool,
    /// Why there are no more bytes, if it is not the file's end.
    failed: Option<String>,
}

impl<R: Read> Source<R> {
    pub(super) fn new(from: R, limits: Limits) -> Self {
        Self {
            from,
            buffer: vec![0; CHUNK],
            at: 0,
            end: 0,
            base: 0,
            line: 1,
            line_start: 0,
            token: None,
            operation: 0,
            limits,
            ended: false,
            failed: None,
        }
    }

    /// The next byte, which stays the next; `None` at the end.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        if self.at < self.end || self.more() { Some(self.buffer[self.at]) } else { None }
    }

    /// Passes the byte that was peeked. It must be no line's end.
    #[inline]
    pub(super) const fn pass(&mut self) {
        self.at += 1;
    }

    /// Passes a line's end.
    #[inline]
    pub(super) const fn pass_line_end(&mut self) {
        self.at += 1;
        self.line += 1;
        self.line_start = self.position();
    }

    /// Passes this byte if it is the next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        if is_next {
            self.pass();
        }
        is_next
    }

    /// Passes bytes as long as they are `wanted`: the token. None of them may be a line's end.
    #[inline]
    pub(super) fn token(&mut self, wanted: impl Fn(u8) -> bool) -> Range<usize> {
        self.token = Some(self.at);
        loop {
            let rest = &self.buffer[self.at..self.end];
            if let Some(length) = rest.iter().position(|byte| !wanted(*byte)) {
                self.at += length;
                break;
            }
            self.at = self.end;
            if !self.more() {
                break;
            }
        }
        let start = self.token.take().unwrap_or(self.at);
        start..self.at
    }

    /// The bytes of a token, until the next byte is asked for.
    pub(super) fn bytes(&self, token: Range<usize>) -> &[u8] {
        &self.buffer[token]
    }

    /// The next `count` bytes, which stay the next; fewer only at the end.
    pub(super) fn front(&mut self, count: usize) -> &[u8] {
        while self.end - self.at < count && self.more() {}
        &self.buffer[self.at..self.end.min(self.at + count)]
    }

    /// Where in the file the next byte stands.
    pub(super) const fn position(&self) -> u64 {
        self.base + self.at as u64
    }

    pub(super) const fn line(&self) -> u64 {
        self.line
    }

    /// The column of the next byte, from 1.
    pub(super) const fn column(&self) -> u64 {
        self.position() - self.line_start + 1
    }

    /// An operation begins here: its bytes are counted.
    pub(super) const fn begin_operation(&mut self) {
        self.operation = self.position();
    }

    /// Reads on. Returns whether there is anything.
    #[cold]
    fn more(&mut self) -> bool {
        if self.ended {
            return false;
        }
        let keep = self.token.unwrap_or(self.at);
        self.buffer.copy_within(keep..self.end, 0);
        self.base += keep as u64;
        self.at -= keep;
        self.end -= keep;
        self.token = self.token.map(|_| 0);
        if self.position().saturating_sub(self.operation) > self.limits.line_bytes {
            return self
                .stop(format!("the operation is longer than {} bytes", self.limits.line_bytes));
        }
        if self.base + self.end as u64 >= self.limits.file_bytes {
            return self.stop(format!("the file is longer than {} bytes", self.limits.file_bytes));
        }
        if self.end + CHUNK > self.buffer.len() {
            self.buffer.resize((self.end + CHUNK).next_power_of_two(), 0);
        }
        let before = self.end;
        while self.end < self.buffer.len() && !self.ended {
            match self.from.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(count) => self.end += count,
                Err(why) if why.kind() == io::ErrorKind::Interrupted => (),
                Err(why) => {
                    self.stop(format!("it cannot be read: {why}"));
                }
            }
        }
        self.end > before
    }

    fn stop(&mut self, why: String) -> bool {
        self.ended = true;
        self.failed = Some(why);
        false
    }

    /// What is wrong at the next byte.
    pub(super) fn error(&self, why: impl Into<String>) -> FileError {
        self.error_at(self.line, self.column(), why)
    }

    /// What is wrong in this line and column. If bytes failed to come, that is what is wrong.
    pub(super) fn error_at(&self, line: u64, column: u64, why: impl Into<String>) -> FileError {
        self.failure().unwrap_or_else(|| FileError { line, column: Some(column), why: why.into() })
    }

    /// Why the bytes ended, if it was not the file's end.
    pub(super) fn failure(&self) -> Option<FileError> {
        let why = self.failed.clone()?;
        Some(FileError { line: self.line, column: Some(self.column()), why })
    }
}
