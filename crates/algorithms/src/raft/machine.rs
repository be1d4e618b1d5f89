//! The state machine: keys and values, and the sessions that make every command count once.
//!
//! RULES       The state is a function of the log: no clock, no chance, no node's name. Its bytes
//!             are the snapshot: whoever reads them has the same state, answers included.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::lin_kv::{Request, Response};
use splitbrain_core::{ErrorCode, NodeId};

use super::session::Session;
use super::{Command, Index, Once, Owner, Sessions};

/// What the log carries.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum KvCommand {
    /// Opens a session.
    Register(Owner),
    /// A client's write or compare-and-set.
    Execute(Execute),
}

/// A request, with what makes it count once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Execute {
    /// The session.
    pub session: Index,
    /// The request's number in it.
    pub sequence: u64,
    /// The first request of the session that is not answered yet.
    pub first_open: u64,
    /// What is asked.
    pub request: Request,
}

impl Command for KvCommand {
    fn bytes(&self) -> u64 {
        size_of::<Self>() as u64
    }
}

/// What a client is told: the response, or why there is none.
pub type Answer = Result<Response, ErrorCode>;

/// Keys, values and sessions.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Machine {
    values: BTreeMap<u64, u64>,
    sessions: Sessions<Answer>,
}

/// What applying a command led to, for the node that waits for it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Applied {
    /// This session is open.
    Registered(Owner, Index),
    /// A request was carried out, or not.
    Executed(Option<Owner>, u64, Once<Answer>),
}

impl Machine {
    /// Applies the entry at `index`.
    pub fn apply(&mut self, index: Index, command: KvCommand) -> Applied {
        match command {
            KvCommand::Register(owner) => {
                Applied::Registered(owner, self.sessions.register(index, owner))
            }
            KvCommand::Execute(execute) => {
                let Self { values, sessions } = self;
                let Execute { session, sequence, first_open, .. } = execute;
                let once = sessions.once(index, session, sequence, first_open, || {
                    perform(values, &execute.request)
                });
                Applied::Executed(sessions.owner(session), sequence, once)
            }
        }
    }

    /// The answer to a read.
    pub fn read(&self, key: u64) -> Answer {
        let value = self.values.get(&key).copied().ok_or(ErrorCode::KEY_DOES_NOT_EXIST)?;
        Ok(Response::ReadOk { value })
    }

    /// What was answered to a request, if it was carried out.
    pub fn answered(&self, execute: &Execute) -> Option<Answer> {
        self.sessions.answer(execute.session, execute.sequence)
    }

    /// The open session of `owner`.
    pub fn session(&self, owner: Owner) -> Option<Index> {
        self.sessions.of(owner)
    }
}

fn perform(values: &mut BTreeMap<u64, u64>, request: &Request) -> Answer {
    match *request {
        Request::Read { key } => {
            let value = values.get(&key).copied().ok_or(ErrorCode::KEY_DOES_NOT_EXIST)?;
            Ok(Response::ReadOk { value })
        }
        Request::Write { key, value } => {
            values.insert(key, value);
            Ok(Response::WriteOk)
        }
        Request::Cas { key, from, to } => {
            let value = values.get_mut(&key).ok_or(ErrorCode::KEY_DOES_NOT_EXIST)?;
            if *value != from {
                return Err(ErrorCode::PRECONDITION_FAILED);
            }
            *value = to;
            Ok(Response::CasOk)
        }
    }
}

/// The state as bytes: numbers of eight bytes each, lists after their lengths.
impl Machine {
    /// The snapshot of the state.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut numbers = vec![self.values.len() as u64];
        numbers.extend(self.values.iter().flat_map(|(key, value)| [*key, *value]));
        numbers.push(self.sessions.open.len() as u64);
        for (index, session) in &self.sessions.open {
            let Session { owner, last_used, first_open, answers } = session;
            numbers.extend([index.0, u64::from(owner.node.0), owner.boot, last_used.0]);
            numbers.extend([*first_open, answers.len() as u64]);
            for (sequence, answer) in answers {
                let (kind, detail) = match answer {
                    Ok(Response::WriteOk) => (0, 0),
                    Ok(Response::CasOk) => (1, 0),
                    Ok(Response::ReadOk { value }) => (2, *value),
                    Err(code) => (3, u64::from(code.0)),
                };
                numbers.extend([*sequence, kind, detail]);
            }
        }
        numbers.into_iter().flat_map(u64::to_le_bytes).collect()
    }

    /// The state of a snapshot. No bytes are the state before the first command.
    ///
    /// # Panics
    /// If the bytes are no snapshot: they come from a disk or a peer of ours.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::default();
        }
        let mut numbers = bytes
            .chunks_exact(8)
            .map(|eight| u64::from_le_bytes(eight.try_into().expect("they are eight")));
        let mut next = || numbers.next().expect("a snapshot is whole");
        let mut machine = Self::default();
        for _ in 0..next() {
            machine.values.insert(next(), next());
        }
        for _ in 0..next() {
            let index = Index(next());
            let node = NodeId(u16::try_from(next()).expect("it was a u16"));
            let owner = Owner { node, boot: next() };
            let (last_used, first_open) = (Index(next()), next());
            let mut session = Session { owner, last_used, first_open, answers: BTreeMap::new() };
            for _ in 0..next() {
                let (sequence, kind, detail) = (next(), next(), next());
                session.answers.insert(
                    sequence,
                    match kind {
                        0 => Ok(Response::WriteOk),
                        1 => Ok(Response::CasOk),
                        2 => Ok(Response::ReadOk { value: detail }),
                        _ => Err(ErrorCode(u32::try_from(detail).expect("it was a u32"))),
                    },
                );
            }
            machine.sessions.open.insert(index, session);
        }
        machine
    }
}
