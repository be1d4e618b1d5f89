//! Histories from anywhere: which format a file has, and its operations one after the other.
//!
//! PROBLEM     Whoever has a history has it in the format of the tool that recorded it, in a file
//!             of gigabytes, cut off where the disk was full.
//! IDEA        Look at the first bytes to know the format, and read on from there, one operation at
//!             a time. Whatever the format, an operation becomes a [`Record`].
//! RULES       No more is held than the operation that is being read and those that are open. An
//!             error names its line and column, and what was read before it stays read.
//! CAVEATS     What a function and its value mean is the model's to say, not the format's.
//! READ NEXT   source.rs → values.rs → events.rs → record.rs → forms.rs; FORMATS.md

mod edn;
mod events;
mod forms;
mod json;
mod log;
mod ours;
mod plain;
mod source;
mod values;
mod write;

use std::fmt;
use std::io::Read;

use splitbrain_core::ErrorCode;

use crate::record::{Paired, Pairing, Record};
use crate::{FileError, Limits, Value};

use events::Around;
pub use forms::{Form, forms, workloads};
use ours::Ours;
use source::Source;
use values::{Notation, Values};
pub(crate) use write::our_line;
pub use write::{WriteError, write};

/// A format of files.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Format {
    /// Our own JSON Lines.
    Jsonl,
    /// Jepsen's and Knossos's events in EDN.
    Edn,
    /// The same events in JSON, as elle-cli takes them.
    Json,
    /// Lines of Jepsen's log, as in Porcupine's test data.
    Log,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Jsonl, Self::Edn, Self::Json, Self::Log];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Edn => "edn",
            Self::Json => "json",
            Self::Log => "log",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jsonl => "splitbrain's JSON Lines",
            Self::Edn => "events in EDN",
            Self::Json => "events in JSON",
            Self::Log => "Jepsen's log",
        })
    }
}

/// The operations of a file, in the order in which they end; at last those that never did.
///
/// ```
/// use splitbrain_check::{Format, Limits, Records, Value};
///
/// let file = "{:process 0, :type :invoke, :f :read, :value nil}
///             {:process 0, :type :ok, :f :read, :value 7}";
/// let mut records = Records::open(file.as_bytes(), Limits::default()).expect("a history");
/// assert_eq!(records.format(), Format::Edn);
/// let read = records.next().expect("an operation").expect("without an error");
/// assert_eq!(read.answered, Value::Int(7));
/// assert!(records.next().is_none());
/// ```
#[derive(Debug)]
pub struct Records<R> {
    values: Values<R>,
    inner: Inner,
    pairing: Pairing,
    /// No more steps come: all was read, or an error came.
    done: bool,
    kept_bytes: u64,
}

#[derive(Debug)]
enum Inner {
    Ours(Ours, Option<Box<Record>>),
    Events(Around),
    Log,
}

/// What a file tells next.
#[derive(Debug)]
pub enum Step<'a> {
    /// An operation begins. Its answer is not known yet.
    Begin(&'a Record),
    /// An operation ends. It began before; at most one operation of a process is open.
    End(Box<Record>),
}

impl<R: Read> Records<R> {
    /// Looks at the first bytes.
    ///
    /// # Errors
    /// When they are of no format that is understood.
    pub fn open(from: R, limits: Limits) -> Result<Self, FileError> {
        let mut source = Source::new(from, limits);
        let format = detect(&mut source)?;
        let notation = match format {
            Format::Jsonl | Format::Json => Notation::Json,
            Format::Edn | Format::Log => Notation::Edn,
        };
        let mut values = Values::new(source, notation);
        let inner = match format {
            Format::Jsonl => Inner::Ours(Ours::open(&mut values)?, None),
            Format::Edn | Format::Json => Inner::Events(Around::new()),
            Format::Log => Inner::Log,
        };
        Ok(Self { values, inner, pairing: Pairing::default(), done: false, kept_bytes: 0 })
    }

    /// The format of the file.
    pub const fn format(&self) -> Format {
        match (&self.inner, self.values.notation) {
            (Inner::Ours(..), _) => Format::Jsonl,
            (Inner::Log, _) => Format::Log,
            (Inner::Events(_), Notation::Edn) => Format::Edn,
            (Inner::Events(_), Notation::Json) => Format::Json,
        }
    }

    /// The workload that the file names, if it is of our format.
    pub fn workload(&self) -> Option<&str> {
        if let Inner::Ours(ours, _) = &self.inner { Some(&ours.workload) } else { None }
    }

    /// How many bytes were read.
    pub const fn position(&self) -> u64 {
        self.values.source.position()
    }

    /// About how many bytes all operations take that were read.
    pub const fn kept_bytes(&self) -> u64 {
        self.kept_bytes
    }

    /// What the file tells next; nothing at its end. Operations that are open then never end.
    ///
    /// # Errors
    /// Names the line that is not understood, and why. There are no steps after an error.
    pub fn step(&mut self) -> Result<Option<Step<'_>>, FileError> {
        if self.done {
            return Ok(None);
        }
        let step = self.read_step();
        self.done = !matches!(step, Ok(Some(_)));
        self.kept_bytes += std::mem::take(&mut self.values.bytes);
        Ok(match step? {
            None => None,
            Some(Paired::End(record)) => Some(Step::End(record)),
            Some(Paired::Begin(process)) => {
                self.kept_bytes += size_of::<Record>() as u64;
                match &self.inner {
                    Inner::Ours(_, Some(record)) => Some(Step::Begin(record)),
                    _ => self.pairing.open(process).map(Step::Begin),
                }
            }
        })
    }

    fn read_step(&mut self) -> Result<Option<Paired>, FileError> {
        loop {
            let event = match &mut self.inner {
                Inner::Ours(ours, begun) => {
                    if let Some(record) = begun.take() {
                        return Ok(Some(Paired::End(record)));
                    }
                    *begun = ours.next(&mut self.values)?;
                    return Ok(begun.as_ref().map(|record| Paired::Begin(record.process)));
                }
                Inner::Events(around) => self.values.event(around)?,
                Inner::Log => self.values.log_event()?,
            };
            let Some(event) = event else { return Ok(None) };
            let line = event.line;
            let refuse = |why| FileError { line, column: None, why };
            if let Some(paired) = self.pairing.event(event).map_err(refuse)? {
                return Ok(Some(paired));
            }
        }
    }
}

impl<R: Read> Iterator for Records<R> {
    type Item = Result<Record, FileError>;

    /// The next operation. After an error, those that were open when it came.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.step() {
                Ok(Some(Step::Begin(_))) => (),
                Ok(Some(Step::End(record))) => return Some(Ok(*record)),
                Ok(None) => return self.pairing.unfinished().map(Ok),
                Err(why) => return Some(Err(why)),
            }
        }
    }
}

impl Value {
    /// Reads one value, written in EDN.
    ///
    /// # Errors
    /// When the text is no value, or more than one.
    ///
    /// ```
    /// use splitbrain_check::Value;
    ///
    /// assert_eq!(Value::parse("[1 :x]").unwrap(), Value::from([1.into(), Value::keyword("x")]));
    /// assert!(Value::parse("[1 :x").is_err() && Value::parse("1 2").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let source = Source::new(text.as_bytes(), Limits::default());
        let mut values = Values::new(source, Notation::Edn);
        let value = values.value()?;
        values.space()?;
        match values.source.peek() {
            None => Ok(value),
            Some(_) => Err(values.source.error("something stands after the value")),
        }
    }
}

/// The code and the text of an error: of `[22 "text"]` as our own files have it, of `:name`,
/// `[:name "text"]` or a number as Jepsen and Maelstrom do. What has no code is an abort: it is
/// definite, and says nothing more.
pub(crate) fn failure_of(error: &Value) -> (ErrorCode, String) {
    let (head, rest) = match error.list() {
        Some([head, rest @ ..]) => (head, rest),
        _ => (error, &[][..]),
    };
    let code = match head {
        Value::Int(code) => u32::try_from(*code).ok().map(ErrorCode),
        head => head.name().and_then(|name| ErrorCode::named(name.trim_start_matches(':'))),
    };
    let text = match (code, rest) {
        _ if error.is_nil() => String::new(),
        (Some(_), []) => String::new(),
        (Some(_), [Value::Text(text)]) => text.to_string(),
        _ => error.to_string(),
    };
    (code.unwrap_or(ErrorCode::ABORT), text)
}

/// How much of a file is looked at to know its format.
const FRONT: usize = 4096;

/// Finds out the format, and passes what may stand before the first operation.
fn detect<R: Read>(source: &mut Source<R>) -> Result<Format, FileError> {
    let refuse = |source: &Source<R>, why: &str| Err(source.error(why));
    match source.front(4) {
        [] => return refuse(source, "the file is empty"),
        [0x1F, 0x8B, ..] => {
            return refuse(source, "the file is compressed: unpack it first, with gunzip");
        }
        [0x28, 0xB5, 0x2F, 0xFD] => {
            return refuse(source, "the file is compressed: unpack it first, with unzstd");
        }
        [b'P', b'K', 3, 4] => return refuse(source, "this is a zip file: unpack it first"),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
            let why = "the file is UTF-16: convert it to UTF-8 first, with iconv -f UTF-16";
            return refuse(source, why);
        }
        [0xEF, 0xBB, 0xBF, ..] => {
            for _ in 0..3 {
                source.pass();
            }
        }
        _ => (),
    }
    let front = source.front(FRONT);
    if front.contains(&0) {
        return refuse(source, "the file is binary: a history is text");
    }
    let text = String::from_utf8_lossy(front);
    let content = text.trim_start();
    match formats(content) {
        Some(format) => Ok(format),
        None if content.is_empty() && front.len() < FRONT => refuse(source, "the file is empty"),
        None => refuse(
            source,
            "this is no history: one is splitbrain's JSON Lines, events in EDN or JSON as Jepsen has \
             them, or Jepsen's log",
        ),
    }
}

/// The format of a text that begins so.
fn formats(content: &str) -> Option<Format> {
    let blank = |c: char| c.is_whitespace() || c == ',';
    let mut rest = content;
    // Comments of EDN tell nothing, and neither does what opens a list of events.
    while let Some(comment) = rest.strip_prefix(';') {
        let Some((_, after)) = comment.split_once('\n') else { return Some(Format::Edn) };
        rest = after.trim_start_matches(blank);
    }
    let first_line = rest.lines().next().unwrap_or_default();
    if rest.starts_with('{') && first_line.contains(crate::history_file::FORMAT) {
        return Some(Format::Jsonl);
    }
    let inner = rest.trim_start_matches('[').trim_start_matches(blank);
    match inner.strip_prefix('{').map(|event| event.trim_start_matches(blank)) {
        Some(event) if event.starts_with('"') => return Some(Format::Json),
        Some(_) => return Some(Format::Edn),
        None => (),
    }
    if rest.starts_with(['[', '(', '#', ';']) {
        return Some(Format::Edn);
    }
    let mut lines = content.lines().take(100);
    lines.any(is_logged).then_some(Format::Log)
}

/// Whether the line has a process and the type of an event.
fn is_logged(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.windows(2).any(|pair| {
        let process = pair[0].parse::<u32>().is_ok() || pair[0] == ":nemesis";
        process && matches!(pair[1], ":invoke" | ":ok" | ":fail" | ":info")
    })
}

#[cfg(test)]
mod tests;
