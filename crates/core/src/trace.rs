//! What happened, event by event, each with its cause: what the space-time diagram draws.

use std::fmt;
use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::{Described, OperationId, Time};

/// The position of an event in its trace.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub u32);

impl EventId {
    /// The position as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The position of a message in its trace. A duplicate has the id of its original.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub u32);

impl MessageId {
    /// The position as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A participant: one horizontal line of the diagram.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Lane {
    /// Its name: `n1`, `c4`, `lin-kv`.
    pub name: String,
    /// What it is.
    pub kind: LaneKind,
}

/// What a lane stands for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneKind {
    /// A server. Lanes of nodes come first, in the order of their ids.
    Node,
    /// A client.
    Client,
    /// A service that the engine provides.
    Service,
}

/// Something that happened on one lane.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Event {
    /// When, in true time.
    #[serde(rename = "at_ns")]
    pub at: Time,
    /// On which lane.
    pub lane: u16,
    /// The event that brought it about: for a send the input whose handler sent, for a delivery the
    /// send. What follows from a fault names the fault.
    pub cause: Option<EventId>,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened. Lanes, messages, texts and operations are given by their index.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum EventKind {
    /// A message left.
    Send {
        /// For this lane.
        to: u16,
        /// The message.
        message: MessageId,
        /// The line of code that sent it, as a text `file:line`.
        source: Option<u32>,
    },
    /// A message arrived.
    Deliver {
        /// From this lane.
        from: u16,
        /// The message.
        message: MessageId,
    },
    /// A message was lost. The lane is the sender's.
    Drop {
        /// It was for this lane.
        to: u16,
        /// The message.
        message: MessageId,
        /// Why.
        reason: DropReason,
    },
    /// The network made a second copy of a message. The lane is the sender's.
    Duplicate {
        /// For this lane.
        to: u16,
        /// The message.
        message: MessageId,
    },
    /// A timer was armed.
    TimerSet {
        /// Its name, a text.
        timer: u32,
        /// When it expires, in true time.
        expires_ns: Time,
    },
    /// A timer expired.
    TimerFire {
        /// Its name, a text.
        timer: u32,
    },
    /// A client began an operation.
    Invoke {
        /// The operation.
        operation: OperationId,
    },
    /// A client's operation ended; the history says how.
    Complete {
        /// The operation.
        operation: OperationId,
    },
    /// Writes were handed to the disk to be made durable.
    Sync {
        /// How many.
        writes: u32,
    },
    /// They are durable.
    Synced {
        /// How many.
        writes: u32,
    },
    /// The node started, for the first time or again.
    Start,
    /// The node stopped.
    Crash {
        /// Why: a text.
        why: u32,
        /// How many unsynced writes were lost.
        lost: u32,
    },
    /// The node stands still.
    Pause,
    /// The node goes on.
    Resume,
    /// A fault began. The lane is the target's, or the first that it touches.
    FaultBegin {
        /// Its place in the recipe's list.
        injection: u32,
        /// What it is: a text.
        text: u32,
    },
    /// A fault is over.
    FaultEnd {
        /// Its place in the recipe's list.
        injection: u32,
    },
    /// A remark of the node.
    Note {
        /// The text.
        text: u32,
    },
    /// The part that the node now plays.
    Role {
        /// The text.
        text: u32,
    },
    /// An assertion of the node did not hold.
    Violated {
        /// Its name, a text.
        text: u32,
    },
    /// Something that should happen sometimes has happened.
    Reached {
        /// Its name, a text.
        text: u32,
    },
}

/// Why a message was lost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// The network lost it.
    Loss,
    /// A partition stopped it.
    Partition,
    /// The receiver was down.
    Down,
    /// There is no such receiver.
    NoSuchNode,
}

/// What a message says, for people.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug, Serialize, Deserialize)]
pub struct MessageText {
    /// Its type: `Append`, `read_ok`.
    pub label: String,
    /// All of it.
    pub body: String,
}

/// A run, event by event.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Trace {
    /// The participants; nodes first.
    pub lanes: Vec<Lane>,
    /// What the messages say.
    pub messages: Vec<MessageText>,
    /// The operations, in the order of the history.
    pub operations: Vec<Described>,
    /// Texts that events refer to.
    pub texts: Vec<String>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// The engine's digest of the run: equal for equal runs.
    pub digest: u64,
}

const FORMAT: &str = "splitbrain-trace";
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    digest: String,
    lanes: Vec<Lane>,
    messages: Vec<MessageText>,
    operations: Vec<Described>,
    texts: Vec<String>,
}

impl Trace {
    /// The text with this index, or a mark where there is none.
    pub fn text(&self, index: u32) -> &str {
        self.texts.get(index as usize).map_or("?", String::as_str)
    }

    /// The name of a lane, or a mark where there is none.
    pub fn lane(&self, index: u16) -> &str {
        self.lanes.get(usize::from(index)).map_or("?", |lane| &lane.name)
    }

    /// What a message says, or nothing where there is none.
    pub fn message(&self, id: MessageId) -> (&str, &str) {
        self.messages.get(id.index()).map_or(("?", ""), |text| (&text.label, &text.body))
    }

    /// Writes the trace as JSON Lines: a header with the tables, then one event per line.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write(&self, mut out: impl Write) -> std::io::Result<()> {
        let header = Header {
            format: FORMAT.into(),
            version: VERSION,
            digest: format!("{:016x}", self.digest),
            lanes: self.lanes.clone(),
            messages: self.messages.clone(),
            operations: self.operations.clone(),
            texts: self.texts.clone(),
        };
        serde_json::to_writer(&mut out, &header)?;
        out.write_all(b"\n")?;
        for event in &self.events {
            serde_json::to_writer(&mut out, event)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Reads what [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// Names the line that is not understood, and why.
    pub fn read(from: impl BufRead) -> Result<Self, TraceError> {
        let mut lines = from.lines().enumerate();
        let bad = |line: usize, why: String| TraceError { line: line + 1, why };
        let Some((_, first)) = lines.next() else {
            return Err(bad(0, "the file is empty".into()));
        };
        let first = first.map_err(|error| bad(0, error.to_string()))?;
        let header: Header =
            serde_json::from_str(&first).map_err(|error| bad(0, error.to_string()))?;
        if header.format != FORMAT || header.version != VERSION {
            return Err(bad(
                0,
                format!(
                    "this is {} version {}, and only {FORMAT} version {VERSION} is understood",
                    header.format, header.version
                ),
            ));
        }
        let digest = u64::from_str_radix(&header.digest, 16)
            .map_err(|error| bad(0, format!("the digest is not a hexadecimal number: {error}")))?;
        let mut events = Vec::new();
        for (at, line) in lines {
            let line = line.map_err(|error| bad(at, error.to_string()))?;
            events.push(serde_json::from_str(&line).map_err(|error| bad(at, error.to_string()))?);
        }
        Ok(Self {
            lanes: header.lanes,
            messages: header.messages,
            operations: header.operations,
            texts: header.texts,
            events,
            digest,
        })
    }
}

/// A trace file that is not understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl std::error::Error for TraceError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{End, NodeId, ProcessId};

    #[test]
    fn round_trips_through_json_lines() {
        let trace = Trace {
            lanes: vec![Lane { name: "n1".into(), kind: LaneKind::Node }],
            messages: vec![MessageText { label: "Ping".into(), body: "Ping { \"x\" }\n".into() }],
            operations: vec![Described {
                process: ProcessId(0),
                node: NodeId(0),
                request: "read".into(),
                answer: "7".into(),
                invoked: Time::ZERO,
                completed: None,
                end: End::Unknown,
            }],
            texts: vec!["why".into()],
            events: vec![
                Event { at: Time::ZERO, lane: 0, cause: None, kind: EventKind::Start },
                Event {
                    at: Time::from_nanos(5),
                    lane: 0,
                    cause: Some(EventId(0)),
                    kind: EventKind::Send { to: 0, message: MessageId(0), source: Some(0) },
                },
            ],
            digest: u64::MAX,
        };
        let mut file = Vec::new();
        trace.write(&mut file).unwrap();
        assert_eq!(Trace::read(&file[..]), Ok(trace));
    }

    #[test]
    fn says_which_line_is_wrong() {
        let error = |text: &str| Trace::read(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error(""), "line 1: the file is empty");
        assert!(error("{}").starts_with("line 1: missing field `format`"), "{}", error("{}"));
        let header = r#"{"format":"splitbrain-trace","version":1,"digest":"0","lanes":[],"messages":[],"operations":[],"texts":[]}"#;
        assert!(error(&format!("{header}\nrubbish")).starts_with("line 2: "));
        let newer = header.replace(":1,", ":9,");
        assert!(error(&newer).contains("version 9"), "{}", error(&newer));
    }

    #[test]
    fn an_event_takes_32_bytes() {
        assert!(size_of::<Event>() <= 40, "{} bytes", size_of::<Event>());
    }
}
