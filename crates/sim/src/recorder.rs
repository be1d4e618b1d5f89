//! Records a run: always its digest, and if asked for, every event.

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::panic::Location;

use splitbrain_core::{
    Event, EventId, EventKind, Fingerprint, Lane, LaneKind, MessageId, NodeId, OperationId,
    ProcessId, Time, Trace, file_of,
};

use crate::Detail;
use crate::cluster::{Cluster, Slot};

/// What brought an event about; [`NOTHING`] if nothing did, or nothing is recorded.
pub(crate) type Cause = u32;
pub(crate) const NOTHING: Cause = u32::MAX;

/// What a message of the trace says.
#[derive(Clone, Copy)]
enum Said {
    Message(Slot),
    Request(OperationId),
    Answer(Slot),
}

/// See the module.
pub(crate) struct Recorder {
    digest: Fingerprint,
    detail: Detail,
    trace: Trace,
    said: Vec<Said>,
    /// The trace's number of the message that is in each slot now.
    message_ids: Vec<u32>,
    request_ids: BTreeMap<OperationId, u32>,
    processes: BTreeMap<ProcessId, u16>,
    texts: BTreeMap<String, u32>,
    /// The texts of lines of code. There are few, and the same ones again and again.
    sources: Vec<(&'static Location<'static>, u32)>,
}

impl Recorder {
    pub(crate) fn new(nodes: u16, detail: Detail) -> Self {
        let lanes = NodeId::all(nodes)
            .map(|node| Lane { name: node.to_string(), kind: LaneKind::Node })
            .collect();
        Self {
            digest: Fingerprint::default(),
            detail,
            trace: Trace { lanes, ..Trace::default() },
            said: Vec::new(),
            message_ids: Vec::new(),
            request_ids: BTreeMap::new(),
            processes: BTreeMap::new(),
            texts: BTreeMap::new(),
            sources: Vec::new(),
        }
    }

    /// Whether events are recorded.
    #[inline]
    pub(crate) const fn is_tracing(&self) -> bool {
        !matches!(self.detail, Detail::Verdict)
    }

    /// Whether messages must stay readable to the end.
    #[inline]
    pub(crate) const fn keeps_messages(&self) -> bool {
        matches!(self.detail, Detail::Full)
    }

    /// Feeds the digest: what happened, where and when.
    #[inline]
    pub(crate) const fn mark(&mut self, at: u64, what: u64, detail: u64) {
        self.digest.word(at);
        self.digest.word(what);
        self.digest.word(detail);
    }

    /// Records an event, if events are recorded.
    #[inline]
    pub(crate) fn event(&mut self, at: u64, lane: u16, cause: Cause, kind: EventKind) -> Cause {
        if !self.is_tracing() {
            return NOTHING;
        }
        self.push(at, lane, cause, kind)
    }

    fn push(&mut self, at: u64, lane: u16, cause: Cause, kind: EventKind) -> Cause {
        let id = u32::try_from(self.trace.events.len()).unwrap_or(NOTHING - 1);
        let cause = (cause != NOTHING).then_some(EventId(cause));
        self.trace.events.push(Event { at: Time::from_nanos(at), lane, cause, kind });
        id
    }

    /// A number for a message that a node sends now.
    #[inline]
    pub(crate) fn sent(&mut self, slot: Slot) -> MessageId {
        if !self.is_tracing() {
            return MessageId(0);
        }
        let id = self.say(Said::Message(slot));
        self.put(slot, id);
        MessageId(id)
    }

    /// The number of the message in a slot.
    #[inline]
    pub(crate) fn message(&self, slot: Slot) -> MessageId {
        MessageId(self.message_ids.get(slot as usize).copied().unwrap_or(0))
    }

    /// A copy of a message has its number.
    pub(crate) fn copied(&mut self, slot: Slot, copy: Slot) {
        if self.is_tracing() {
            let MessageId(id) = self.message(slot);
            self.put(copy, id);
        }
    }

    fn put(&mut self, slot: Slot, id: u32) {
        let at = slot as usize;
        if self.message_ids.len() <= at {
            self.message_ids.resize(at + 1, NOTHING);
        }
        self.message_ids[at] = id;
    }

    /// The trace's number of the message that asks for an operation.
    pub(crate) fn request(&mut self, operation: OperationId) -> MessageId {
        if !self.is_tracing() {
            return MessageId(0);
        }
        if let Some(id) = self.request_ids.get(&operation) {
            return MessageId(*id);
        }
        let id = self.say(Said::Request(operation));
        self.request_ids.insert(operation, id);
        MessageId(id)
    }

    /// A number for a message that answers.
    pub(crate) fn answer(&mut self, slot: Slot) -> MessageId {
        MessageId(if self.is_tracing() { self.say(Said::Answer(slot)) } else { 0 })
    }

    fn say(&mut self, said: Said) -> u32 {
        self.said.push(said);
        u32::try_from(self.said.len() - 1).unwrap_or(NOTHING)
    }

    /// The lane of a client process; a new one if it has none yet.
    pub(crate) fn lane(&mut self, process: ProcessId) -> u16 {
        if !self.is_tracing() {
            return 0;
        }
        *self.processes.entry(process).or_insert_with(|| {
            let lane = Lane { name: process.to_string(), kind: LaneKind::Client };
            self.trace.lanes.push(lane);
            u16::try_from(self.trace.lanes.len() - 1).unwrap_or(u16::MAX)
        })
    }

    /// The number of a text.
    pub(crate) fn text(&mut self, text: &str) -> u32 {
        if !self.is_tracing() {
            return 0;
        }
        if let Some(id) = self.texts.get(text) {
            return *id;
        }
        self.trace.texts.push(text.into());
        let id = u32::try_from(self.trace.texts.len() - 1).unwrap_or(u32::MAX);
        self.texts.insert(text.into(), id);
        id
    }

    /// The number of the text `file:line`.
    pub(crate) fn source(&mut self, at: Option<&'static Location<'static>>) -> Option<u32> {
        let at = at.filter(|_| self.is_tracing())?;
        let known = self.sources.iter().find(|(known, _)| std::ptr::eq(*known, at));
        if let Some((_, id)) = known {
            return Some(*id);
        }
        let id = self.text(&format!("{}:{}", file_of(at), at.line()));
        self.sources.push((at, id));
        Some(id)
    }

    /// The digest so far.
    pub(crate) fn digest(&self) -> u64 {
        self.digest.finish()
    }

    /// The trace, with what everything said.
    pub(crate) fn finish(mut self, cluster: &dyn Cluster, operations: u32) -> Option<Trace> {
        if !self.is_tracing() {
            return None;
        }
        self.trace.digest = self.digest();
        self.trace.operations =
            (0..operations).map(|id| cluster.operation(OperationId(id))).collect();
        if !self.keeps_messages() {
            return Some(self.trace);
        }
        self.trace.messages = self
            .said
            .iter()
            .map(|said| match said {
                Said::Message(slot) => cluster.message(*slot),
                Said::Answer(slot) => cluster.answer(*slot),
                Said::Request(operation) => {
                    let request = cluster.operation(*operation).request;
                    let word = request.split(' ').next().unwrap_or("").to_string();
                    splitbrain_core::MessageText { label: word, body: request }
                }
            })
            .collect();
        Some(self.trace)
    }
}
