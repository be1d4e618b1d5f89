//! Operations as files tell them: what was asked, what was answered, when, and in which line.
//!
//! PROBLEM     Most files hold events, not operations: somewhere stands that a process asked, and
//!             further down, among the events of others, what became of it.
//! IDEA        A process has one operation open at a time. So the next event of the process ends
//!             it: `ok`, `fail` (it did not happen) or `info` (nobody knows).
//! RULES       An operation's place is that of its two events in the file, whatever their clocks
//!             say. One that never ends is of unknown outcome.
//! CAVEATS     What the nemesis does is no operation: it is left out.
//! READ NEXT   format.rs → model.rs

use std::collections::BTreeMap;
use std::sync::Arc;

use splitbrain_core::{End, ProcessId};

use crate::Value;

/// One operation of any kind.
///
/// `f` and the two values are those of Jepsen: `{:f :cas, :value [1 2]}` asks with the function
/// `cas` and the value `[1 2]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Who asked.
    pub process: ProcessId,
    /// Whom it asked, where that is told.
    pub node: Option<Arc<str>>,
    /// What it asked for: `read`, `cas`, `txn`.
    pub function: Arc<str>,
    /// Of what, where that stands by itself and not in the values.
    pub key: Option<Value>,
    /// With what.
    pub asked: Value,
    /// What its last event said. It is the answer only if the operation is ok.
    pub answered: Value,
    /// When it asked.
    pub invoked: Moment,
    /// When it was answered or gave up; `None` if neither stands in the file.
    pub completed: Option<Moment>,
    /// How it ended.
    pub end: End,
    /// Why it failed, or why nobody knows.
    pub error: Value,
    /// Whether it belongs to the last phase.
    pub last: bool,
}

impl Record {
    /// The operation's key, and the two values without it. In a history of independent keys, which
    /// is `keyed`, the key may stand in the values.
    pub(crate) fn key_and_values(&self, keyed: bool) -> (Option<&Value>, &Value, &Value) {
        let pair = |value| match Value::list(value) {
            Some([key, inner]) if keyed && self.key.is_none() => (Some(key), inner),
            _ => (None, value),
        };
        let (key, asked) = pair(&self.asked);
        (self.key.as_ref().or(key), asked, pair(&self.answered).1)
    }
}

/// Whether the operations are of independent keys: each has a key of its own, or all its values are
/// pairs of which the first is the key, as Jepsen writes them: `read` asks `[k nil]`, `cas` asks
/// `[k [a b]]`.
pub(crate) fn independent(records: &[Record]) -> bool {
    let pair = |record: &Record| {
        let is_pair = match record.asked.list() {
            Some([_, inner]) => &*record.function != "cas" || inner.list().is_some(),
            _ => false,
        };
        record.key.is_some() || is_pair && &*record.function != "txn"
    };
    !records.is_empty() && records.iter().all(pair)
}

/// Where in a history something stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Moment {
    /// The place in the order of all requests and answers.
    pub order: u32,
    /// The time in nanoseconds, where it is told. It decides nothing.
    pub at_ns: Option<u64>,
    /// The line of the file, from 1.
    pub line: u64,
}

/// What an event says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Invoke,
    Ok,
    Fail,
    Info,
}

impl Kind {
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"invoke" => Self::Invoke,
            b"ok" => Self::Ok,
            b"fail" => Self::Fail,
            b"info" => Self::Info,
            _ => return None,
        })
    }
}

/// Whose event it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Who {
    /// A client's.
    Process(ProcessId),
    /// The nemesis's: no operation.
    Nemesis,
    /// It does not say. In a file that never says it, all is one process's.
    Untold,
}

/// One event of a file.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) kind: Kind,
    pub(crate) process: Who,
    pub(crate) node: Option<Arc<str>>,
    pub(crate) function: Option<Arc<str>>,
    pub(crate) key: Option<Value>,
    pub(crate) value: Value,
    pub(crate) error: Value,
    pub(crate) at_ns: Option<u64>,
    pub(crate) last: bool,
    pub(crate) line: u64,
}

/// What an event is to an operation.
#[derive(Debug)]
pub(crate) enum Paired {
    /// It begins one, which is open now.
    Begin(ProcessId),
    /// It ends this one.
    End(Box<Record>),
}

/// Makes operations of events.
#[derive(Debug, Default)]
pub(crate) struct Pairing {
    open: BTreeMap<ProcessId, Box<Record>>,
    /// The place of the next event.
    order: u32,
    /// Whether events say whose they are, once one has been seen.
    told: Option<bool>,
}

impl Pairing {
    /// What the event is to an operation, if it is anything.
    pub(crate) fn event(&mut self, event: Event) -> Result<Option<Paired>, String> {
        let process = match event.process {
            Who::Nemesis => return Ok(None),
            Who::Process(process) => process,
            Who::Untold => ProcessId(0),
        };
        let told = event.process != Who::Untold;
        if *self.told.get_or_insert(told) != told {
            return Err("some events name a process, and some do not".into());
        }
        let moment = Moment { order: self.order, at_ns: event.at_ns, line: event.line };
        self.order = self.order.checked_add(1).ok_or("there are more than 4,294,967,295 events")?;
        if event.kind == Kind::Invoke {
            return self.invoke(process, moment, event).map(|()| Some(Paired::Begin(process)));
        }
        let Some(mut record) = self.open.remove(&process) else {
            if event.kind == Kind::Info {
                return Ok(None); // A remark: whoever asked nothing has nothing open.
            }
            return Err(format!(
                "process {} is answered, and had asked nothing: its invocation is missing",
                process.0
            ));
        };
        if let Some(function) = &event.function
            && **function != *record.function
        {
            return Err(format!(
                "this ends {function:?}, and process {} had asked for {:?} in line {}",
                process.0, record.function, record.invoked.line
            ));
        }
        record.end = match event.kind {
            Kind::Invoke | Kind::Info => End::Unknown,
            Kind::Ok => End::Ok,
            Kind::Fail => End::Failed,
        };
        record.answered = event.value;
        record.key = record.key.or(event.key);
        record.completed = Some(moment);
        record.error = event.error;
        record.last |= event.last;
        Ok(Some(Paired::End(record)))
    }

    fn invoke(&mut self, process: ProcessId, moment: Moment, event: Event) -> Result<(), String> {
        if let Some(before) = self.open.get(&process) {
            return Err(format!(
                "process {} begins an operation while that of line {} is open",
                process.0, before.invoked.line
            ));
        }
        let record = Record {
            process,
            node: event.node,
            function: event.function.unwrap_or_else(|| "txn".into()),
            key: event.key,
            asked: event.value,
            answered: Value::Nil,
            invoked: moment,
            completed: None,
            end: End::Unknown,
            error: Value::Nil,
            last: event.last,
        };
        self.open.insert(process, Box::new(record));
        Ok(())
    }

    /// The operation that the process has open.
    pub(crate) fn open(&self, process: ProcessId) -> Option<&Record> {
        self.open.get(&process).map(Box::as_ref)
    }

    /// One of the operations that never ended.
    pub(crate) fn unfinished(&mut self) -> Option<Record> {
        self.open.pop_first().map(|(_, record)| *record)
    }
}
