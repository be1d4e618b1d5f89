//! Histories as files: JSON Lines, a header and then one operation per line.
//!
//! ```text
//! {"format":"splitbrain-history","version":1,"workload":"g-set"}
//! {"process":0,"node":"n1","request":{"type":"add","element":7},"invoked":{"order":0,"at_ns":0},
//!  "completed":{"order":1,"at_ns":5000000},"outcome":{"ok":{"type":"add_ok"}},"last":false}
//! ```
//!
//! (The second is one line.) `outcome` is `{"ok": RESPONSE}`, `{"failed": {"code": 22, "text":
//! ""}}` or `"unknown"`. Operations stand in the order in which they were asked; all `order`s
//! differ.
//!
//! A file may come from anywhere: no line is read beyond [`Limits`], and an error names its line.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, Read as _, Write};

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::Workload;
use splitbrain_core::{History, Operation, Outcome, ProcessId};

pub(crate) const FORMAT: &str = "splitbrain-history";
pub(crate) const VERSION: u32 = 1;

/// The first line of a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Header {
    /// `splitbrain-history`.
    pub format: String,
    /// 1.
    pub version: u32,
    /// The workload's name: which judge the operations are for.
    pub workload: String,
}

/// How much of a file is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The longest line, in bytes.
    pub line_bytes: u64,
    /// All lines together, in bytes.
    pub file_bytes: u64,
}

impl Default for Limits {
    /// Lines of 16 MiB, files of 1 GiB.
    fn default() -> Self {
        Self { line_bytes: 16 << 20, file_bytes: 1 << 30 }
    }
}

/// Writes a history.
///
/// # Errors
/// When `out` cannot be written.
pub fn write<W: Workload>(history: &History<W>, mut out: impl Write) -> io::Result<()> {
    let (format, workload) = (FORMAT.into(), W::NAME.into());
    serde_json::to_writer(&mut out, &Header { format, version: VERSION, workload })?;
    out.write_all(b"\n")?;
    for operation in &history.operations {
        serde_json::to_writer(&mut out, operation)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Reads the header alone, to find out which workload's history it is.
///
/// # Errors
/// When this is no history file, or one of another version.
pub fn read_header(from: impl BufRead) -> Result<Header, FileError> {
    Ok(Reader::open(from, Limits::default())?.header)
}

/// Reads a history of the workload `W`.
///
/// # Errors
/// Names the line that is not understood, and why.
pub fn read<W: Workload>(from: impl BufRead) -> Result<History<W>, FileError> {
    let mut history = History::default();
    Reader::open(from, Limits::default())?.read_into(&mut history)?;
    Ok(history)
}

/// A file whose header has been read, and whose operations have not.
///
/// ```
/// use splitbrain_check::{Limits, Reader, write};
/// use splitbrain_core::History;
/// use splitbrain_core::workload::echo::Echo;
///
/// let mut file = Vec::new();
/// write(&History::<Echo>::default(), &mut file).expect("memory can be written");
/// let reader = Reader::open(&file[..], Limits::default()).expect("a history file");
/// assert_eq!(reader.header().workload, "echo");
/// let mut history = History::<Echo>::default();
/// reader.read_into(&mut history).expect("all is well");
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    header: Header,
    limits: Limits,
    /// Lines and bytes read so far.
    line: u64,
    bytes: u64,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// When this is no history file, or one of another version.
    pub fn open(from: R, limits: Limits) -> Result<Self, FileError> {
        let header = Header { format: String::new(), version: 0, workload: String::new() };
        let mut reader = Self { from, header, limits, line: 0, bytes: 0 };
        let Some(line) = reader.next_line()? else {
            return Err(reader.error("the file is empty"));
        };
        reader.header = serde_json::from_slice(&line).map_err(|why| {
            let what = format!("this is not the first line of a {FORMAT} file: {}", told(&why));
            reader.error(what)
        })?;
        let Header { format, version, .. } = &reader.header;
        if format != FORMAT || *version != VERSION {
            let format = format.escape_debug();
            return Err(reader.error(format!(
                "this is {format:.40} version {version}, and only {FORMAT} version {VERSION} is \
                 understood"
            )));
        }
        Ok(reader)
    }

    /// What the first line says.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Reads the operations, and adds them to `history`.
    ///
    /// # Errors
    /// Names the line that is not understood, and why. What stands before it has been added.
    pub fn read_into<W: Workload>(mut self, history: &mut History<W>) -> Result<(), FileError> {
        if self.header.workload != W::NAME {
            let workload = self.header.workload.escape_debug();
            let what = format!("this is a history of {workload:.40}, not of {}", W::NAME);
            return Err(self.error(what));
        }
        let mut order = Order::default();
        while let Some(line) = self.next_line()? {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let operation: Operation<W> =
                serde_json::from_slice(&line).map_err(|why| self.error(told(&why)))?;
            let known = operation.outcome != Outcome::Unknown;
            let (begin, end) = (operation.invoked.order, operation.completed.map(|end| end.order));
            order
                .check(operation.process, begin, end, known, self.line)
                .map_err(|why| self.error(why))?;
            history.operations.push(operation);
        }
        order.check_all().map_err(|(line, why)| FileError { line, column: None, why })
    }

    /// The next line, without its end; `None` at the end of the file.
    fn next_line(&mut self) -> Result<Option<Vec<u8>>, FileError> {
        self.line += 1;
        let mut line = Vec::new();
        let allowed = self.limits.line_bytes.min(self.limits.file_bytes - self.bytes);
        let mut limited = self.from.by_ref().take(allowed + 1);
        let read = limited.read_until(b'\n', &mut line);
        let count = read.map_err(|why| self.error(format!("it cannot be read: {why}")))? as u64;
        if count > allowed {
            let what = if allowed < self.limits.line_bytes {
                format!("the file is longer than {} bytes", self.limits.file_bytes)
            } else {
                format!("the line is longer than {} bytes", self.limits.line_bytes)
            };
            return Err(self.error(what));
        }
        self.bytes += count;
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        Ok((count > 0).then_some(line))
    }

    fn error(&self, why: impl Into<String>) -> FileError {
        FileError { line: self.line, column: None, why: why.into() }
    }
}

/// What serde says, with the column, without the line: each line is read by itself.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text).escape_debug();
    match error.classify() {
        serde_json::error::Category::Eof => format!("the line is cut at column {}", error.column()),
        _ if error.column() > 0 => format!("{what:.200}, at column {}", error.column()),
        _ => format!("{what:.200}"),
    }
}

/// Checks that the operations could have been recorded.
#[derive(Default, Debug)]
pub(crate) struct Order {
    invoked: Option<u32>,
    /// The line of each process's last operation, and where that ended.
    last: BTreeMap<ProcessId, (u64, Option<u32>)>,
    /// Every place of an event, with its line.
    places: Vec<(u32, u64)>,
}

impl Order {
    /// Adds an operation. `known` says whether it has an outcome.
    pub(crate) fn check(
        &mut self,
        process: ProcessId,
        begin: u32,
        end: Option<u32>,
        known: bool,
        line: u64,
    ) -> Result<(), String> {
        if end.is_none() && known {
            return Err("the operation has an outcome, but no completion".into());
        }
        if end.is_some_and(|end| end <= begin) {
            return Err("the operation ends before it begins".into());
        }
        if self.invoked.is_some_and(|before| begin <= before) {
            return Err("the operation begins before the one above it".into());
        }
        self.invoked = Some(begin);
        if let Some((other, ended)) = self.last.insert(process, (line, end))
            && ended.is_none_or(|ended| begin < ended)
        {
            return Err(format!(
                "{process} begins an operation while that of line {other} is open"
            ));
        }
        self.places.extend([Some(begin), end].into_iter().flatten().map(|place| (place, line)));
        Ok(())
    }

    /// Whether all places differ; if not, in which line one is that stood in another.
    pub(crate) fn check_all(mut self) -> Result<(), (u64, String)> {
        self.places.sort_unstable();
        match self.places.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            None => Ok(()),
            Some(pair) => {
                let ((place, line), (_, other)) = (pair[0], pair[1]);
                Err((other, format!("the order {place} stands in line {line} too")))
            }
        }
    }
}

/// A history file that is not understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileError {
    /// The line, from 1.
    pub line: u64,
    /// Where in the line, from 1, in bytes, if that can be told.
    pub column: Option<u64>,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "line {}, column {column}: {}", self.line, self.why),
            None => write!(f, "line {}: {}", self.line, self.why),
        }
    }
}

impl std::error::Error for FileError {}

#[cfg(test)]
mod tests {
    use splitbrain_core::Rng;
    use splitbrain_core::workload::g_set::GSet;
    use splitbrain_core::workload::lin_kv::LinKv;
    use splitbrain_core::workload::unique_ids::UniqueIds;

    use super::*;
    use crate::picture::history;

    fn file() -> String {
        let history = history::<LinKv>(
            "c1 n1 |-w1-| |-c1:2!-| |-r1-?
             c2 n2   |-rnil-|        |!r1-| |-w5-->",
        );
        let mut file = Vec::new();
        write(&history, &mut file).unwrap();
        String::from_utf8(file).unwrap()
    }

    fn error(file: &[u8]) -> String {
        read::<LinKv>(file).unwrap_err().to_string()
    }

    #[test]
    fn round_trips() {
        let file = file();
        let read_back = read::<LinKv>(file.as_bytes()).unwrap();
        assert_eq!(read_back.operations.len(), 6);
        let mut again = Vec::new();
        write(&read_back, &mut again).unwrap();
        assert_eq!(String::from_utf8(again).unwrap(), file);
        assert_eq!(read_header(file.as_bytes()).unwrap().workload, "lin-kv");
        assert!(read::<LinKv>(file.replace('\n', "\r\n\n").as_bytes()).is_ok());
    }

    /// The form is for ever: files of older versions of the program must stay readable.
    #[test]
    fn golden_line() {
        let mut file = Vec::new();
        write(&history::<GSet>("c1 n1 |-a7-?"), &mut file).unwrap();
        let golden = concat!(
            r#"{"format":"splitbrain-history","version":1,"workload":"g-set"}"#,
            "\n",
            r#"{"process":0,"node":"n1","request":{"type":"add","element":7},"#,
            r#""invoked":{"order":6,"at_ns":60000000},"#,
            r#""completed":{"order":11,"at_ns":110000000},"outcome":"unknown","last":false}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(file).unwrap(), golden);
    }

    #[test]
    fn says_which_line_is_wrong() {
        let file = file();
        let lines: Vec<&str> = file.lines().collect();
        assert_eq!(error(b""), "line 1: the file is empty");
        assert!(error(b"{}").starts_with("line 1: this is not the first line of a splitbrain"));
        let newer = file.replace("\"version\":1", "\"version\":9");
        assert!(error(newer.as_bytes()).contains("splitbrain-history version 9, and only"));
        let other = error(lines[0].replace("lin-kv", "g-set").as_bytes());
        assert_eq!(other, "line 1: this is a history of g-set, not of lin-kv");
        let cut = &file[..file.len() - 20];
        assert!(error(cut.as_bytes()).starts_with("line 7: the line is cut at column"));
        let wrong = file.replace("\"code\":22", "\"code\":\"many\"");
        assert!(error(wrong.as_bytes()).contains("invalid type: string"), "{wrong}");
        let swapped = [lines[0], lines[2], lines[1]].join("\n");
        assert_eq!(
            error(swapped.as_bytes()),
            "line 3: the operation begins before the one above it"
        );
        let open = file.replace("\"process\":1", "\"process\":0");
        assert!(
            error(open.as_bytes()).ends_with("c1 begins an operation while that of line 2 is open")
        );
    }

    #[test]
    fn refuses_what_cannot_have_been_recorded() {
        let head = r#"{"format":"splitbrain-history","version":1,"workload":"unique-ids"}"#;
        let line = |process, begin, end: &str, outcome: &str| {
            format!(
                "\n{{\"process\":{process},\"node\":\"n1\",\"request\":{{\"type\":\"generate\"}},\
                 \"invoked\":{{\"order\":{begin},\"at_ns\":0}},\"completed\":{end},\
                 \"outcome\":{outcome},\"last\":false}}"
            )
        };
        let end = |order| format!("{{\"order\":{order},\"at_ns\":0}}");
        let ok = "{\"ok\":{\"type\":\"generate_ok\",\"id\":{\"a\":[1]}}}";
        let read = |lines: &str| {
            read::<UniqueIds>(format!("{head}{lines}").as_bytes()).map_err(|e| e.to_string())
        };
        assert_eq!(read(&line(0, 1, &end(2), ok)).map(|history| history.operations.len()), Ok(1));
        let wrong = [
            (line(0, 1, "null", ok), "line 2: the operation has an outcome, but no completion"),
            (line(0, 1, &end(1), ok), "line 2: the operation ends before it begins"),
            (
                line(0, 1, &end(3), ok) + &line(1, 3, &end(4), ok),
                "line 3: the order 3 stands in line 2 too",
            ),
        ];
        for (lines, why) in wrong {
            assert_eq!(read(&lines).map(|_| ()), Err(why.to_string()));
        }
    }

    #[test]
    fn bounds_what_it_reads() {
        let limits = Limits { line_bytes: 300, file_bytes: 800 };
        let read = |file: &[u8]| {
            let mut history = History::<LinKv>::default();
            let result = Reader::open(file, limits).and_then(|r| r.read_into(&mut history));
            (history.operations.len(), result.map_err(|error| error.to_string()))
        };
        let (count, result) = read(file().as_bytes());
        assert!(count > 0, "what stands before the error is kept");
        assert_eq!(result, Err("line 5: the file is longer than 800 bytes".into()));
        let header = file().lines().next().unwrap().to_string();
        let long = format!("{header}\n{}", " ".repeat(400));
        assert_eq!(
            read(long.as_bytes()).1,
            Err("line 2: the line is longer than 300 bytes".into())
        );
        let deep = format!("{header}\n{}", "[".repeat(299));
        assert!(read(deep.as_bytes()).1.is_err());
    }

    #[test]
    fn never_panics_on_damage() {
        let file = file().into_bytes();
        for length in 0..file.len() {
            let _ = read::<LinKv>(&file[..length]);
        }
        let mut rng = Rng::new(4);
        for _ in 0..4_000 {
            let mut damaged = file.clone();
            for _ in 0..rng.between(1, 4) {
                let at = usize::try_from(rng.below(file.len() as u64)).unwrap();
                damaged[at] = u8::try_from(rng.below(256)).unwrap();
            }
            if let Ok(history) = read::<LinKv>(&damaged[..]) {
                let _ = <LinKv as crate::Judge>::judge(&history);
            }
        }
        let nested = format!("{}{}", "{\"a\":".repeat(1_000_000), "1");
        assert!(error(nested.as_bytes()).starts_with("line 1: "));
    }
}
