//! One node's place: its process, what waits to be written to it, and what it has not finished
//! saying.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};

use splitbrain_core::{NodeId, Time};

use super::process::Process;
use crate::protocol::shown;

/// How many lines of stderr are remembered, to be quoted when the node dies.
const LAST_WORDS: usize = 12;
/// How much of a node's stderr is kept on disk: a node in an endless loop must not fill it.
const LOG_MAX: u64 = 64 << 20;

/// The place of one node.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) process: Option<Process>,
    /// The answer we wait for, if any: the node is not ready before it has come.
    pub(crate) awaiting: Option<Awaiting>,
    /// How many faults keep it down, and how many keep it paused.
    pub(crate) down: u32,
    pub(crate) paused: u32,
    /// The beginning of a line that has not ended yet.
    pub(crate) input: Vec<u8>,
    pub(crate) outbox: Outbox,
    /// How many bytes of its messages are on their way.
    pub(crate) in_flight: usize,
    /// Since when it has so many on their way that we do not listen to it.
    pub(crate) held_back: Option<Time>,
    /// When its stdout ended.
    pub(crate) silent_since: Option<Time>,
    pub(crate) words: Words,
}

/// An answer that a node owes us.
#[derive(Clone, Debug)]
pub(crate) struct Awaiting {
    pub(crate) msg_id: u64,
    /// The type of our message: `init`, `topology`.
    pub(crate) to: String,
    pub(crate) deadline: Time,
}

impl Seat {
    pub(crate) fn new(log: Option<File>) -> Self {
        Self {
            process: None,
            awaiting: None,
            down: 0,
            paused: 0,
            input: Vec::new(),
            outbox: Outbox::default(),
            in_flight: 0,
            held_back: None,
            silent_since: None,
            words: Words::new(log),
        }
    }

    /// Reads what there is of stderr; hands each whole line to `line`.
    pub(crate) fn read_stderr(&mut self, line: impl FnMut(&str)) {
        if let Some(process) = &mut self.process {
            self.words.read(&mut process.stderr, line);
        }
    }
}

/// What a node writes to stderr.
#[derive(Debug)]
pub(crate) struct Words {
    log: Option<File>,
    logged: u64,
    partial: Vec<u8>,
    last: VecDeque<String>,
}

impl Words {
    pub(crate) const fn new(log: Option<File>) -> Self {
        Self { log, logged: 0, partial: Vec::new(), last: VecDeque::new() }
    }

    /// Reads what there is in the pipe, and closes it at its end.
    pub(crate) fn read(&mut self, stderr: &mut Option<impl Read>, mut line: impl FnMut(&str)) {
        let Some(pipe) = stderr else { return };
        let mut chunk = [0; 16 << 10];
        // A few chunks at a time: a node that floods its stderr must not keep us from the others.
        for _ in 0..8 {
            match pipe.read(&mut chunk) {
                Ok(length) if length > 0 => self.hear(&chunk[..length], &mut line),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(_) | Err(_) => {
                    *stderr = None;
                    return;
                }
            }
        }
    }

    fn hear(&mut self, chunk: &[u8], line: &mut impl FnMut(&str)) {
        if let Some(log) = &mut self.log
            && self.logged < LOG_MAX
        {
            self.logged += chunk.len() as u64;
            // A full disk must not end the test; the last words are in memory too.
            log.write_all(chunk).ok();
            if self.logged >= LOG_MAX {
                log.write_all(b"\n[splitbrain: the rest was too long and is not kept]\n").ok();
            }
        }
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(&piece[..piece.len().min(LINE_KEPT)]);
            if piece.ends_with(b"\n") || self.partial.len() > LINE_KEPT {
                let text = shown(self.partial.trim_ascii_end());
                self.partial.clear();
                line(&text);
                self.last.push_back(text);
                if self.last.len() > LAST_WORDS {
                    self.last.pop_front();
                }
            }
        }
    }

    /// The last lines, escaped.
    pub(crate) fn last(&self) -> Vec<String> {
        let partial = self.partial.trim_ascii_end();
        let partial = (!partial.is_empty()).then(|| shown(partial));
        self.last.iter().cloned().chain(partial).collect()
    }
}

/// How much of one line of stderr is looked at.
const LINE_KEPT: usize = 4_000;

/// What waits to be written to a node.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    written: usize,
    /// The end of each message, counted over all bytes ever queued; who answers for it; its length.
    ends: VecDeque<(u64, Option<NodeId>, usize)>,
    total_queued: u64,
    total_written: u64,
}

impl Outbox {
    pub(crate) fn push(&mut self, line: &[u8], owner: Option<NodeId>) {
        self.bytes.extend_from_slice(line);
        self.bytes.push(b'\n');
        self.total_queued += line.len() as u64 + 1;
        self.ends.push_back((self.total_queued, owner, line.len()));
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Writes as much as `pipe` takes.
    pub(crate) fn write(&mut self, pipe: &mut impl Write) -> io::Result<()> {
        while self.written < self.bytes.len() {
            match pipe.write(&self.bytes[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => {
                    self.written += length;
                    self.total_written += length as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.written == self.bytes.len() {
            self.bytes.clear();
            self.written = 0;
        } else if self.written > 1 << 20 {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
        Ok(())
    }

    /// The next message that has been written entirely: who answers for it, and its length.
    pub(crate) fn pop_written(&mut self) -> Option<(Option<NodeId>, usize)> {
        let (end, owner, length) = *self.ends.front()?;
        if end > self.total_written {
            return None;
        }
        self.ends.pop_front();
        Some((owner, length))
    }

    /// Throws away what was not written; returns who answered for it.
    pub(crate) fn clear(&mut self) -> Vec<(Option<NodeId>, usize)> {
        let dropped = self.ends.drain(..).map(|(_, owner, length)| (owner, length)).collect();
        *self = Self::default();
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outbox_knows_what_has_been_read() {
        struct Slow(usize);
        impl Write for Slow {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let taken = bytes.len().min(std::mem::take(&mut self.0));
                if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut outbox = Outbox::default();
        outbox.push(b"12345", Some(NodeId(1)));
        outbox.push(b"67", None);
        outbox.write(&mut Slow(5)).unwrap();
        assert_eq!(outbox.pop_written(), None, "the line's end is missing");
        outbox.write(&mut Slow(1)).unwrap();
        assert_eq!(outbox.pop_written(), Some((Some(NodeId(1)), 5)));
        assert_eq!(outbox.clear(), [(None, 2)]);
        assert!(outbox.is_empty());
    }

    #[test]
    fn the_last_words_are_few_short_and_harmless() {
        let mut words = Words { log: None, logged: 0, partial: Vec::new(), last: VecDeque::new() };
        let mut lines = 0;
        for number in 0..100 {
            words.hear(format!("line {number}\x07\nand ").as_bytes(), &mut |_| lines += 1);
        }
        words.hear(&[b'x'; 100_000], &mut |_| {});
        let last = words.last();
        assert_eq!(lines, 100);
        assert!(last.len() <= LAST_WORDS + 1);
        assert_eq!(last[0], "and line 89\\u{7}");
        assert!(last.iter().all(|line| line.len() < 500));
    }
}
