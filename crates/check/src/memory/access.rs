//! One operation on one register, as the weak models see it.

use splitbrain_core::workload::Workload;
use splitbrain_core::workload::lin_kv::{LinKv, Request, Response};
use splitbrain_core::{End, ErrorCode, History, Outcome, ProcessId};

use crate::spec::RegisterCall;

/// One operation on one key of a key-value store.
///
/// A history is a slice of them, in the order of their invocations; an operation's place in it is
/// its [`OperationId`](splitbrain_core::OperationId).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// Who asked. A process has one operation open at a time.
    pub process: ProcessId,
    /// Of which register.
    pub key: u64,
    /// What was asked, and what is known of the answer.
    pub call: RegisterCall,
    /// When it was asked: its place in the order of all requests and answers.
    pub invoked: u32,
    /// When it was answered, or its client gave up; `None` if neither happened.
    pub completed: Option<u32>,
    /// How it ended. What failed never happened. What ended unknown may have happened at any time
    /// since it was asked, or never; as a read it says nothing.
    pub end: End,
    /// Whether it was asked after everything had settled, so that replicas should agree by now.
    pub last: bool,
}

impl Access {
    /// The operations of a `lin-kv` history. What tells nothing of the value, such as an operation
    /// that ended in an error, is there and marked as failed.
    ///
    /// ```
    /// use splitbrain_check::memory::Access;
    /// use splitbrain_core::History;
    ///
    /// assert!(Access::of_lin_kv(&History::default()).is_empty());
    /// ```
    pub fn of_lin_kv(history: &History<LinKv>) -> Vec<Self> {
        let access = |operation: &splitbrain_core::Operation<LinKv>| {
            let (call, end) = call(&operation.request, &operation.outcome);
            Self {
                process: operation.process,
                key: operation.request.key(),
                call,
                invoked: operation.invoked.order,
                completed: operation.completed.map(|stamp| stamp.order),
                end,
                last: operation.last,
            }
        };
        history.operations.iter().map(access).collect()
    }

    /// What it was in words: `c1's read x = 7`, `c2's write y=8`.
    pub(crate) fn words(&self) -> String {
        match self.asked_and_answered() {
            (asked, answer) if answer.is_empty() => asked,
            (asked, answer) => format!("{asked} = {answer}"),
        }
    }

    /// `c1's read x` and `7`, `c2's write y=8` and nothing.
    pub(crate) fn asked_and_answered(&self) -> (String, String) {
        let key = self.key;
        let request = match self.call {
            RegisterCall::Read(_) => Request::Read { key },
            RegisterCall::Write(value) => Request::Write { key, value },
            RegisterCall::Cas { from, to } => Request::Cas { key, from, to },
            RegisterCall::Differs(from) | RegisterCall::Refused(from) => {
                let asked = format!("{}'s compare of {} with {from}", self.process, name(key));
                return (asked, "another value".into());
            }
        };
        let answer = match self.call {
            RegisterCall::Read(Some(value)) => value.to_string(),
            RegisterCall::Read(None) => "nothing".into(),
            _ => String::new(),
        };
        (format!("{}'s {}", self.process, LinKv::describe_request(&request)), answer)
    }
}

/// What a register's key is called.
pub(crate) fn name(key: u64) -> String {
    LinKv::describe_request(&Request::Read { key }).replace("read ", "")
}

fn call(request: &Request, outcome: &Outcome<Response>) -> (RegisterCall, End) {
    let asked = match *request {
        Request::Read { .. } => RegisterCall::Read(None),
        Request::Write { value, .. } => RegisterCall::Write(value),
        Request::Cas { from, to, .. } => RegisterCall::Cas { from, to },
    };
    match (request, outcome) {
        (Request::Read { .. }, Outcome::Ok(Response::ReadOk { value })) => {
            (RegisterCall::Read(Some(*value)), End::Ok)
        }
        (Request::Write { .. } | Request::Cas { .. }, Outcome::Ok(_)) => (asked, End::Ok),
        (Request::Read { .. } | Request::Cas { .. }, Outcome::Failed { code, .. })
            if *code == ErrorCode::KEY_DOES_NOT_EXIST =>
        {
            (RegisterCall::Read(None), End::Ok)
        }
        (Request::Cas { from, .. }, Outcome::Failed { code, .. })
            if *code == ErrorCode::PRECONDITION_FAILED =>
        {
            (RegisterCall::Differs(*from), End::Ok)
        }
        (_, Outcome::Unknown) => (asked, End::Unknown),
        (_, Outcome::Ok(_) | Outcome::Failed { .. }) => (asked, End::Failed),
    }
}
