//! A file's operations, within the memory that is allowed; how far it is, on a terminal.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use splitbrain_check::format::Step;
use splitbrain_check::show::visible::count;
use splitbrain_check::{FileError, Format, Limits, Record, Records};
use splitbrain_lab::write_err;

use super::Reading;

/// What is known of a file that was read.
pub(super) struct Whole {
    pub(super) format: Format,
    pub(super) workload: Option<String>,
    /// The operations, in the order in which they began.
    pub(super) records: Vec<Record>,
    /// Why there are no more.
    pub(super) stopped: Option<Stopped>,
}

/// Why a file was not read to its end.
pub(super) enum Stopped {
    /// It makes no sense from here on.
    Error(FileError),
    /// What was read takes more than so many megabytes.
    Memory(u64),
}

/// Reads all operations of a file.
pub(super) fn read(file: &Path, reading: Reading) -> Result<Whole> {
    let (from, bytes): (Box<dyn Read>, _) = if file == Path::new("-") {
        (Box::new(io::stdin().lock()), None)
    } else {
        let opened =
            File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let bytes = opened.metadata().map(|metadata| metadata.len()).ok();
        (Box::new(opened), bytes)
    };
    let limits = Limits { file_bytes: u64::MAX, ..Limits::default() };
    let mut from =
        Records::open(from, limits).map_err(|error| anyhow!("{}: {error}", file.display()))?;
    let workload = from.workload().map(String::from);
    let (mut records, mut stopped) = (Vec::new(), None);
    let mut progress = Progress::new(bytes);
    while stopped.is_none() {
        match from.step() {
            Ok(None) => break,
            Ok(Some(Step::Begin(_))) => (),
            Ok(Some(Step::End(record))) => records.push(*record),
            Err(error) => stopped = Some(Stopped::Error(error)),
        }
        if from.kept_bytes() > reading.memory.saturating_mul(1 << 20) {
            stopped = Some(Stopped::Memory(reading.memory));
        }
        progress.show(from.position(), records.len());
    }
    progress.clear();
    if !matches!(stopped, Some(Stopped::Memory(_))) {
        // At the end, and after an error, come those that were open.
        records.extend(from.by_ref().filter_map(Result::ok));
    }
    records.sort_unstable_by_key(|record| record.invoked.order);
    Ok(Whole { format: from.format(), workload, records, stopped })
}

/// How far a large file is, on a terminal; nothing anywhere else.
struct Progress {
    on: bool,
    bytes: Option<u64>,
    begun: Instant,
    last: Option<Instant>,
    /// Reads of the clock are far apart.
    next: u64,
}

impl Progress {
    #[expect(clippy::disallowed_methods, reason = "how often it is shown decides nothing")]
    fn new(bytes: Option<u64>) -> Self {
        let on = io::stderr().is_terminal();
        Self { on, bytes, begun: Instant::now(), last: None, next: 1 << 20 }
    }

    #[expect(clippy::disallowed_methods, reason = "how often it is shown decides nothing")]
    fn show(&mut self, position: u64, operations: usize) {
        if !self.on || position < self.next {
            return;
        }
        self.next = position + (1 << 20);
        let elapsed = self.begun.elapsed();
        let lately = self.last.is_some_and(|last| last.elapsed() < Duration::from_millis(100));
        if elapsed < Duration::from_millis(300) || lately {
            return;
        }
        self.last = Some(Instant::now());
        let rate = u128::from(position) / elapsed.as_micros().max(1);
        let of = self.bytes.map_or(String::new(), |bytes| format!(" of {}", count(bytes >> 20)));
        let _ = write_err(&format!(
            "\r\x1b[2K{}{of} MB · {rate} MB/s · {} operations",
            count(position >> 20),
            count(operations as u64)
        ));
    }

    fn clear(&self) {
        if self.last.is_some() {
            let _ = write_err("\r\x1b[2K");
        }
    }
}
