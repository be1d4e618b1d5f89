//! What the clients saw so far, without the order that nobody could tell.
//!
//! PROBLEM     A history is a part of the state. If it told two unrelated answers apart by which
//!             came first, there would be a state for each order of events that no judge can see.
//! IDEA        Only one thing counts: which operations had ended before another began. So each
//!             operation remembers how many of each client's operations were over when it began.
//! RULES       Two runs in which the same was asked and answered, and in which the same operations
//!             precede the same others, have equal records.

use splitbrain_core::{
    Api, ErrorCode, History, NodeId, Operation, Outcome, ProcessId, Stamp, Time,
};

/// What a node answered.
pub(crate) type Answer<A> = Result<<A as Api>::Response, (ErrorCode, String)>;

/// What became of an operation so far.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Fate<A: Api> {
    /// The client waits.
    Open,
    /// It was answered.
    Answered(Answer<A>),
    /// The client waits no longer.
    GivenUp,
}

/// One operation of one client.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Entry<A: Api> {
    pub(crate) fate: Fate<A>,
    /// How many operations of each client had ended when this began.
    pub(crate) seen: Vec<u8>,
}

/// What a node has said that all must say alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Claim {
    pub(crate) name: &'static str,
    pub(crate) subject: u64,
    pub(crate) value: u64,
}

/// What was seen of a run: the operations of each client, in its order, and what nodes claimed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Record<A: Api> {
    pub(crate) clients: Vec<Vec<Entry<A>>>,
    /// Sorted, each once.
    claims: Vec<Claim>,
}

impl<A: Api> Entry<A> {
    /// Whether everyone knows that it is over. One that was given up, or of which nobody knows how
    /// it ended, may still take effect.
    pub(crate) const fn has_ended(&self) -> bool {
        match &self.fate {
            Fate::Open | Fate::GivenUp => false,
            Fate::Answered(Ok(_)) => true,
            Fate::Answered(Err((code, _))) => code.is_definite(),
        }
    }
}

impl<A: Api> Record<A> {
    pub(crate) fn new(clients: usize) -> Self {
        Self { clients: vec![Vec::new(); clients], claims: Vec::new() }
    }

    /// Whether the client waits for an answer.
    pub(crate) fn waits(&self, client: usize) -> bool {
        self.clients[client].last().is_some_and(|entry| entry.fate == Fate::Open)
    }

    /// The client asks the next thing.
    pub(crate) fn ask(&mut self, client: usize) {
        let ended = |entries: &Vec<Entry<A>>| entries.iter().filter(|e| e.has_ended()).count();
        let seen = self.clients.iter().map(|entries| u8::try_from(ended(entries)).unwrap_or(0));
        let entry = Entry { fate: Fate::Open, seen: seen.collect() };
        self.clients[client].push(entry);
    }

    /// The client's open operation ends.
    pub(crate) fn end(&mut self, client: usize, fate: Fate<A>) {
        if let Some(entry) = self.clients[client].last_mut() {
            entry.fate = fate;
        }
    }

    /// A node claims something. Returns whether that was new.
    pub(crate) fn claim(&mut self, claim: Claim) -> bool {
        match self.claims.binary_search(&claim) {
            Ok(_) => false,
            Err(at) => {
                self.claims.insert(at, claim);
                true
            }
        }
    }

    /// Two claims that contradict each other.
    pub(crate) fn contradiction(&self) -> Option<(Claim, Claim)> {
        let same =
            |pair: &&[Claim]| (pair[0].name, pair[0].subject) == (pair[1].name, pair[1].subject);
        self.claims.windows(2).find(same).map(|pair| (pair[0], pair[1]))
    }

    /// The events of a run that has this record, in an order in which the same operations precede
    /// the same others: who asks (`true`) or is told (`false`), and which of its operations.
    ///
    /// An operation begins when exactly those have ended that it has seen. So one more may end only
    /// when everyone has begun who has not seen it.
    fn events(&self) -> Vec<(bool, usize, usize)> {
        let mut asked = vec![0; self.clients.len()];
        let mut ended = vec![0_u8; self.clients.len()];
        let mut events = Vec::new();
        loop {
            let next = |client: usize| self.clients[client].get(asked[client]);
            let begins = |client: &usize| next(*client).is_some_and(|entry| entry.seen == ended);
            if let Some(client) = (0..asked.len()).find(begins) {
                events.push((true, client, asked[client]));
                asked[client] += 1;
                continue;
            }
            let ends = (0..asked.len()).find_map(|client| {
                let sees =
                    |other| next(other).is_none_or(|entry| entry.seen[client] > ended[client]);
                let over = |at: &usize| self.clients[client][*at].has_ended();
                let place = (0..asked[client]).filter(over).nth(usize::from(ended[client]))?;
                (0..asked.len()).all(sees).then_some((client, place))
            });
            let Some((client, place)) = ends else { return events };
            events.push((false, client, place));
            ended[client] += 1;
        }
    }

    /// The record as a history that a judge can read: what was asked stands in the scripts.
    pub(crate) fn history(&self, scripts: &[Vec<(NodeId, A::Request)>]) -> History<A> {
        let mut history = History::default();
        let mut places = vec![Vec::new(); self.clients.len()];
        let clients = u32::try_from(self.clients.len()).unwrap_or(u32::MAX);
        for (order, (asks, client, at)) in (0..).zip(self.events()) {
            let stamp = Stamp { order, at: Time::from_nanos(u64::from(order) * 1_000_000) };
            let entry = &self.clients[client][at];
            if asks {
                let (node, request) = scripts[client][at].clone();
                let dead = self.clients[client][..at].iter().filter(|e| !e.has_ended()).count();
                let dead = u32::try_from(dead).unwrap_or(0);
                let process = u32::try_from(client).unwrap_or(u32::MAX) + dead * clients;
                places[client].push(history.operations.len());
                history.operations.push(Operation {
                    process: ProcessId(process),
                    node,
                    request,
                    invoked: stamp,
                    completed: None,
                    outcome: Outcome::Unknown,
                    last: false,
                });
            } else {
                let operation = &mut history.operations[places[client][at]];
                operation.completed = Some(stamp);
                operation.outcome = match &entry.fate {
                    Fate::Answered(Ok(response)) => Outcome::Ok(response.clone()),
                    Fate::Answered(Err((code, text))) => {
                        Outcome::Failed { code: *code, text: text.clone() }
                    }
                    Fate::Open | Fate::GivenUp => Outcome::Unknown,
                };
            }
        }
        history
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use splitbrain_core::workload::lin_kv::{LinKv, Request, Response};

    /// Runs of two clients: `a` and `b` ask, `A` and `B` are told.
    fn record(run: &str) -> Record<LinKv> {
        let mut record = Record::new(2);
        for event in run.chars() {
            let client = usize::from(event.eq_ignore_ascii_case(&'b'));
            if event.is_ascii_lowercase() {
                record.ask(client);
            } else {
                record.end(client, Fate::Answered(Ok(Response::WriteOk)));
            }
        }
        record
    }

    #[test]
    fn only_what_precedes_what_is_told_apart() {
        let same = |one, other| assert_eq!(record(one), record(other), "{one} {other}");
        same("abAB", "baBA");
        same("abAaBA", "abAaAB");
        assert_ne!(record("aAbB"), record("abAB"));
        assert_ne!(record("aAb"), record("abA"));
    }

    #[test]
    fn a_history_has_the_precedence_of_its_record() {
        let read = (NodeId(0), Request::Read { key: 0 });
        let scripts = vec![vec![read.clone(); 3], vec![read; 3]];
        for run in ["", "a", "aAbB", "abAB", "abAaBAbaAB", "aAaAaA", "bBabAaBA", "abBbAaAB"] {
            let record = record(run);
            let history = record.history(&scripts);
            let mut again = Record::new(2);
            let mut stamps: Vec<(u32, char)> = Vec::new();
            for operation in &history.operations {
                let name = if operation.process.0 == 0 { 'a' } else { 'b' };
                stamps.push((operation.invoked.order, name));
                stamps.extend(operation.completed.map(|at| (at.order, name.to_ascii_uppercase())));
            }
            stamps.sort_unstable();
            for (_, event) in stamps {
                let client = usize::from(event.eq_ignore_ascii_case(&'b'));
                if event.is_ascii_lowercase() {
                    again.ask(client);
                } else {
                    again.end(client, Fate::Answered(Ok(Response::WriteOk)));
                }
            }
            assert_eq!(again, record, "{run}");
        }
    }
}
