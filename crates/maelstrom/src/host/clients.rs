//! The clients: what they ask, what they make of the answers, and the history of both.
//!
//! RULES       A process has one request open at a time. When it does not know how one ended, it is
//!             dead, and its client goes on under a new process id; but a query that was not
//!             answered has failed, and its process goes on.
//!             An answer is right if its `in_reply_to` is the `msg_id` of the open request, and its
//!             type is the request's with `_ok`, or `error`.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use splitbrain_core::workload::{Draw, Workload};
use splitbrain_core::{
    ErrorCode, History, Key, NodeId, Operation, OperationId, Outcome, ProcessId, Rng, Stamp, Time,
};

use crate::answer;
use crate::protocol::{Head, shown, with_field};

/// One client, and the process it is now.
#[derive(Debug)]
struct Client {
    process: ProcessId,
    node: NodeId,
    last_msg_id: u64,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    operation: OperationId,
    msg_id: u64,
}

/// A request that is to be sent.
pub(crate) struct Ask {
    pub(crate) process: ProcessId,
    pub(crate) operation: OperationId,
    pub(crate) node: NodeId,
    pub(crate) body: String,
}

/// What came of an answer.
pub(crate) enum Answered {
    /// The operation has ended.
    Completed(OperationId),
    /// The operation has ended, and the answer was not one: a sentence.
    Wrong(OperationId, String),
    /// It came too late, or twice.
    Late,
    /// It answers nothing: a sentence.
    Stray(String),
}

/// All clients of a run.
#[derive(Debug)]
pub(crate) struct Clients<W: Workload> {
    clients: Vec<Client>,
    history: History<W>,
    by_process: BTreeMap<ProcessId, usize>,
    /// Open requests in the order in which they time out.
    deadlines: VecDeque<(Time, ProcessId, u64)>,
    timeout: Duration,
    next_process: u32,
    next_order: u32,
    next_index: u32,
    draws: Key,
    rng: Rng,
}

impl<W: Workload> Clients<W> {
    pub(crate) fn new(count: u32, nodes: u16, timeout: Duration, key: Key) -> Self {
        let mut clients = Self {
            clients: Vec::new(),
            history: History::default(),
            by_process: BTreeMap::new(),
            deadlines: VecDeque::new(),
            timeout,
            next_process: 0,
            next_order: 0,
            next_index: 0,
            draws: key.derive(0),
            rng: key.derive(1).rng(),
        };
        clients.grow(count, nodes);
        clients
    }

    /// Makes it at least `count` clients.
    pub(crate) fn grow(&mut self, count: u32, nodes: u16) {
        for at in u32::try_from(self.clients.len()).unwrap_or(u32::MAX)..count {
            let node = NodeId(u16::try_from(at % u32::from(nodes)).unwrap_or(0));
            let process = self.new_process(at as usize);
            self.clients.push(Client { process, node, last_msg_id: 0, open: None });
        }
    }

    fn new_process(&mut self, client: usize) -> ProcessId {
        let process = ProcessId(self.next_process);
        self.next_process += 1;
        self.by_process.insert(process, client);
        process
    }

    pub(crate) const fn history(&self) -> &History<W> {
        &self.history
    }

    pub(crate) const fn history_mut(&mut self) -> &mut History<W> {
        &mut self.history
    }

    pub(crate) fn into_history(self) -> History<W> {
        self.history
    }

    /// Whether there is, or was, such a process.
    pub(crate) const fn knows(&self, process: ProcessId) -> bool {
        process.0 < self.next_process
    }

    /// When the next open request times out.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.deadlines.front().map(|(at, ..)| *at)
    }

    pub(crate) fn has_free(&self) -> bool {
        self.clients.iter().any(|client| client.open.is_none())
    }

    pub(crate) fn has_open(&self) -> bool {
        self.clients.iter().any(|client| client.open.is_some())
    }

    pub(crate) const fn count(&self) -> usize {
        self.clients.len()
    }

    /// The next request of the workload, from a client that is free.
    pub(crate) fn ask_next(&mut self, now: Time) -> Option<Ask> {
        let free: Vec<usize> =
            (0..self.clients.len()).filter(|at| self.clients[*at].open.is_none()).collect();
        if free.is_empty() {
            return None;
        }
        let client = *self.rng.pick(&free);
        let request = W::generate(Draw { key: self.draws, index: self.next_index });
        self.next_index += 1;
        Some(self.ask(client, request, now))
    }

    /// A client, which must be free, asks its last question, if the workload has one.
    pub(crate) fn ask_last(&mut self, client: usize, now: Time) -> Option<Ask> {
        let request = W::last(Draw { key: self.draws, index: self.next_index })?;
        self.next_index += 1;
        Some(self.ask(client, request, now))
    }

    /// A client, which must be free, asks on after its last answer, if there is more to ask.
    pub(crate) fn ask_on(&mut self, operation: OperationId, now: Time) -> Option<Ask> {
        let answered = &self.history.operations[operation.index()];
        let request = W::follow_up(&answered.request, answered.response()?)?;
        let client = *self.by_process.get(&answered.process)?;
        Some(self.ask(client, request, now))
    }

    /// Has a client, which must be free, ask `request`.
    fn ask(&mut self, client: usize, request: W::Request, now: Time) -> Ask {
        let invoked = self.stamp(now);
        let client = &mut self.clients[client];
        debug_assert!(client.open.is_none(), "a process has one request open at a time");
        client.last_msg_id += 1;
        let (process, node, msg_id) = (client.process, client.node, client.last_msg_id);
        let body = serde_json::to_string(&request).unwrap_or_else(|_| "{}".into());
        let body = with_field(body, "msg_id", msg_id);
        let operation =
            OperationId(u32::try_from(self.history.operations.len()).unwrap_or(u32::MAX));
        client.open = Some(Open { operation, msg_id });
        self.deadlines.push_back((now + self.timeout, process, msg_id));
        self.history.operations.push(Operation {
            process,
            node,
            request,
            invoked,
            completed: None,
            outcome: Outcome::Unknown,
            last: false,
        });
        Ask { process, operation, node, body }
    }

    fn stamp(&mut self, at: Time) -> Stamp {
        self.next_order += 1;
        Stamp { order: self.next_order - 1, at }
    }

    /// Takes what `process` was answered.
    pub(crate) fn answer(
        &mut self,
        process: ProcessId,
        head: &Head<'_>,
        body: &str,
        now: Time,
    ) -> Answered {
        let Some(answered) = head.in_reply_to else {
            return Answered::Stray(format!(
                "its message to {process} has no `in_reply_to`, and so answers nothing: `{}`",
                shown(body.as_bytes())
            ));
        };
        let Some(client) = self.by_process.get(&process).map(|at| &self.clients[*at]) else {
            return Answered::Late;
        };
        let Some(open) = client.open.filter(|open| open.msg_id == answered) else {
            if (1..=client.last_msg_id).contains(&answered) {
                return Answered::Late;
            }
            return Answered::Stray(format!(
                "it answers message {answered} of {process}, which was never sent: `{}`",
                shown(body.as_bytes())
            ));
        };
        let request = &self.history.operations[open.operation.index()].request;
        let (outcome, wrong) = match answer::read::<W>(request, head, body) {
            Ok(Ok(response)) => (Outcome::Ok(response), None),
            Ok(Err((code, text))) if code.is_definite() || W::is_query(request) => {
                (Outcome::Failed { code, text }, None)
            }
            Ok(Err(_)) => (Outcome::Unknown, None),
            Err(sentence) => (Outcome::Unknown, Some(sentence)),
        };
        self.complete(process, open, outcome, now);
        match wrong {
            None => Answered::Completed(open.operation),
            Some(sentence) => Answered::Wrong(open.operation, sentence),
        }
    }

    /// Ends the requests that nobody has answered in time; returns them.
    pub(crate) fn expire(&mut self, now: Time) -> Vec<(ProcessId, OperationId)> {
        let mut expired = Vec::new();
        while let Some((at, process, msg_id)) = self.deadlines.front().copied() {
            if at > now {
                break;
            }
            self.deadlines.pop_front();
            let client = self.by_process.get(&process).map(|at| &self.clients[*at]);
            let Some(open) = client.and_then(|client| client.open) else { continue };
            if open.msg_id != msg_id {
                continue;
            }
            let request = &self.history.operations[open.operation.index()].request;
            let outcome = if W::is_query(request) {
                let text = "no answer in time".into();
                Outcome::Failed { code: ErrorCode::TIMEOUT, text }
            } else {
                Outcome::Unknown
            };
            self.complete(process, open, outcome, now);
            expired.push((process, open.operation));
        }
        expired
    }

    fn complete(
        &mut self,
        process: ProcessId,
        open: Open,
        outcome: Outcome<W::Response>,
        now: Time,
    ) {
        let completed = self.stamp(now);
        let dead = matches!(outcome, Outcome::Unknown);
        let operation = &mut self.history.operations[open.operation.index()];
        operation.outcome = outcome;
        operation.completed = Some(completed);
        let Some(at) = self.by_process.get(&process).copied() else { return };
        self.clients[at].open = None;
        if dead {
            self.by_process.remove(&process);
            let process = self.new_process(at);
            self.clients[at].process = process;
            self.clients[at].last_msg_id = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use splitbrain_core::workload::lin_kv::{LinKv, Request, Response};

    const TIMEOUT: Duration = Duration::from_secs(1);

    fn clients() -> Clients<LinKv> {
        Clients::new(2, 3, TIMEOUT, Key::new(0))
    }

    fn answer(clients: &mut Clients<LinKv>, process: u32, body: &str) -> Answered {
        let head = Head::parse(body).unwrap();
        clients.answer(ProcessId(process), &head, body, Time::from_nanos(5))
    }

    #[test]
    fn a_request_and_its_answer_become_an_operation() {
        let mut c = clients();
        let ask = c.ask(0, Request::Read { key: 1 }, Time::ZERO);
        assert_eq!(ask.body, r#"{"type":"read","key":1,"msg_id":1}"#);
        let done = answer(&mut c, 0, r#"{"type":"read_ok","value":3,"msg_id":9,"in_reply_to":1}"#);
        assert!(matches!(done, Answered::Completed(OperationId(0))));
        let operation = &c.history().operations[0];
        assert_eq!(operation.outcome, Outcome::Ok(Response::ReadOk { value: 3 }));
        assert_eq!((operation.invoked.order, operation.completed.unwrap().order), (0, 1));
        let again = answer(&mut c, 0, r#"{"type":"read_ok","value":4,"in_reply_to":1}"#);
        assert!(matches!(again, Answered::Late), "the second answer changes nothing");
    }

    #[test]
    fn errors_are_definite_or_not() {
        for (code, definite) in [(22, true), (11, true), (13, false), (0, false), (1_000, false)] {
            let mut c = clients();
            c.ask(0, Request::Write { key: 1, value: 1 }, Time::ZERO);
            answer(&mut c, 0, &format!(r#"{{"type":"error","code":{code},"in_reply_to":1}}"#));
            let failed = matches!(c.history().operations[0].outcome, Outcome::Failed { .. });
            assert_eq!(failed, definite, "code {code}");
            let next = c.ask(0, Request::Read { key: 1 }, Time::ZERO).process;
            assert_eq!(next, ProcessId(if definite { 0 } else { 2 }), "code {code}");
        }
    }

    #[test]
    fn a_query_without_an_answer_failed_and_a_write_is_unknown() {
        let mut c = clients();
        c.ask(0, Request::Read { key: 1 }, Time::ZERO);
        c.ask(1, Request::Write { key: 1, value: 1 }, Time::ZERO);
        assert!(c.expire(Time::from_nanos(999_999_999)).is_empty());
        assert_eq!(c.expire(Time::ZERO + TIMEOUT).len(), 2);
        let outcomes: Vec<_> = c.history().operations.iter().map(|op| &op.outcome).collect();
        assert!(matches!(outcomes[0], Outcome::Failed { code: ErrorCode::TIMEOUT, .. }));
        assert_eq!(*outcomes[1], Outcome::Unknown);
        assert!(matches!(
            answer(&mut c, 1, r#"{"type":"write_ok","in_reply_to":1}"#),
            Answered::Late
        ));
        assert!(c.knows(ProcessId(2)) && !c.knows(ProcessId(3)));
    }

    #[test]
    fn wrong_answers_are_named() {
        let wrong = |body: &str| {
            let mut c = clients();
            c.ask(0, Request::Read { key: 1 }, Time::ZERO);
            match answer(&mut c, 0, body) {
                Answered::Wrong(_, sentence) => {
                    assert_eq!(c.history().operations[0].outcome, Outcome::Unknown);
                    sentence
                }
                Answered::Stray(sentence) => sentence,
                _ => panic!("{body} was accepted"),
            }
        };
        let text = wrong(r#"{"type":"write_ok","in_reply_to":1}"#);
        assert!(text.contains("expected the type `read_ok`"), "{text}");
        assert!(text.contains(r#"`{"type":"read","key":1}`"#), "the request is quoted: {text}");
        assert!(wrong(r#"{"type":"read_ok","in_reply_to":1}"#).contains("missing field `value`"));
        assert!(wrong(r#"{"type":"error","in_reply_to":1}"#).contains("must have a `code`"));
        assert!(wrong(r#"{"type":"read_ok","value":1,"in_reply_to":7}"#).contains("never sent"));
        assert!(wrong(r#"{"type":"read_ok","value":1}"#).contains("no `in_reply_to`"));
    }
}
