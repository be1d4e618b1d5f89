//! The clerk: takes clients' requests to the leader, whoever that is, until they are answered.
//!
//! PROBLEM     Clients ask any node. The leader may be another, change, or lose the answer.
//! IDEA        The node that was asked is the client of the leader [thesis §6.2]: it finds the
//!             leader, asks again and again, and has a session, so that asking again does no harm.
//! RULES       1. Whoever does not lead says who might.
//!             2. An answer counts for this life of the node only, and once.
//!             3. When the clerk gives up, or its session has ended, the outcome is unknown: it may
//!                still happen.
//! CAVEATS     A read needs no session: to read twice is to read once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use splitbrain_core::workload::lin_kv::Request;
use splitbrain_core::{NodeId, RequestId};

use super::{Answer, Execute, Index, KvCommand, Once, Owner};

/// Asks are repeated so often before the clerk gives up.
const TRIES_MAX: u32 = 8;

/// What a clerk asks the leader.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Put this into the log, and answer when it is applied.
    Command(KvCommand),
    /// Read a key.
    Read {
        /// The request's number.
        sequence: u64,
        /// The key.
        key: u64,
    },
}

/// What the leader says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// The session is open.
    Registered(Index),
    /// The request was carried out, or not.
    Done(u64, Once<Answer>),
    /// Somebody else leads, perhaps this one.
    NotLeader(Option<NodeId>),
}

/// Which clients to tell what.
pub(super) type Answers = Vec<(RequestId, Once<Answer>)>;

/// A node's requests on their way.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Clerk {
    owner: Owner,
    session: Option<Index>,
    open: BTreeMap<u64, Pending>,
    next: u64,
    /// Whom to ask.
    leader: NodeId,
    /// Whether all were asked since the timer expired last: one redirection is followed at once,
    /// the next one waits.
    asked_all: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Pending {
    id: RequestId,
    request: Request,
    tries: u32,
}

impl Clerk {
    /// The clerk of one life of a node.
    pub const fn new(owner: Owner) -> Self {
        Self {
            owner,
            session: None,
            open: BTreeMap::new(),
            next: 1,
            leader: owner.node,
            asked_all: false,
        }
    }

    /// Whom to ask.
    pub const fn leader(&self) -> NodeId {
        self.leader
    }

    /// A client asks. Returns what to ask the leader.
    pub fn take(&mut self, id: RequestId, request: Request) -> Vec<Ask> {
        let sequence = self.next;
        self.next += 1;
        self.open.insert(sequence, Pending { id, request, tries: 0 });
        let register = Ask::Command(KvCommand::Register(self.owner));
        vec![self.ask(sequence).unwrap_or(register)]
    }

    /// It is time to ask again. Returns what to ask the leader, and which clients are given up.
    pub fn ask_again(&mut self, nodes: u16) -> (Vec<Ask>, Vec<RequestId>) {
        self.asked_all = false;
        let mut given_up = Vec::new();
        self.open.retain(|_, pending| {
            pending.tries += 1;
            let keep = pending.tries <= TRIES_MAX;
            if !keep {
                given_up.push(pending.id); // rule 3
            }
            keep
        });
        if self.open.values().any(|pending| pending.tries > 1) {
            self.leader = NodeId((self.leader.0 + 1) % nodes); // perhaps the next one knows
        }
        (self.ask_all(), given_up)
    }

    /// The leader, or someone who might know it, says something. Returns the clients to answer and
    /// what to ask next.
    pub fn told(&mut self, from: NodeId, boot: u64, told: Told) -> (Answers, Vec<Ask>) {
        if boot != self.owner.boot {
            return (Vec::new(), Vec::new()); // rule 2
        }
        match told {
            Told::Registered(session) => {
                self.leader = from;
                if self.session.is_some() {
                    return (Vec::new(), Vec::new());
                }
                self.session = Some(session);
                (Vec::new(), self.ask_all())
            }
            Told::Done(sequence, once) => {
                self.leader = from;
                if once == Once::Expired {
                    return (self.lose_session(), Vec::new());
                }
                let pending = self.open.remove(&sequence); // rule 2
                (pending.map(|pending| (pending.id, once)).into_iter().collect(), Vec::new())
            }
            Told::NotLeader(Some(leader)) if from == self.leader && !self.asked_all => {
                self.leader = leader;
                self.asked_all = true;
                (Vec::new(), self.ask_all())
            }
            Told::NotLeader(_) => (Vec::new(), Vec::new()),
        }
    }

    /// All that was asked in this session may have happened or not.
    fn lose_session(&mut self) -> Answers {
        self.session = None;
        let lost = std::mem::take(&mut self.open);
        lost.into_values().map(|pending| (pending.id, Once::Expired)).collect() // rule 3
    }

    fn ask_all(&self) -> Vec<Ask> {
        let register = Ask::Command(KvCommand::Register(self.owner));
        let first = (self.session.is_none() && !self.open.is_empty()).then_some(register);
        let asks = self.open.keys().filter_map(|sequence| self.ask(*sequence));
        first.into_iter().chain(asks).collect()
    }

    /// What to ask for one request: nothing yet, if it needs a session.
    fn ask(&self, sequence: u64) -> Option<Ask> {
        let pending = self.open.get(&sequence)?;
        if let Request::Read { key } = pending.request {
            return Some(Ask::Read { sequence, key });
        }
        let session = self.session?;
        let first_open = *self.open.keys().next()?;
        let request = pending.request.clone();
        Some(Ask::Command(KvCommand::Execute(Execute { session, sequence, first_open, request })))
    }
}
