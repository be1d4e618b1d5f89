//! Calls and replies as plain data: no closures, so that a node can be copied, compared and hashed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Data;

/// The number of a call, to be sent along with it and returned in its reply.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub u64);

/// The calls a node waits for, each with a token that says what to do with the answer.
///
/// A reply that comes twice, or after its call was given up, finds no token: the second delivery of
/// a message needs no thought.
///
/// ```
/// # use splitbrain_core::Rpc;
/// #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
/// enum Waiting { Read { key: u64 } }
///
/// let mut rpc = Rpc::default();
/// let call = rpc.call(Waiting::Read { key: 3 });
/// assert_eq!(rpc.reply(call), Some(Waiting::Read { key: 3 }));
/// assert_eq!(rpc.reply(call), None);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Rpc<Token: Data> {
    next: u64,
    open: BTreeMap<CallId, Token>,
}

impl<Token: Data> Default for Rpc<Token> {
    fn default() -> Self {
        Self { next: 0, open: BTreeMap::new() }
    }
}

impl<Token: Data> Rpc<Token> {
    /// Begins a call: send the id along, and set a timer keyed by it if the call may be given up.
    pub fn call(&mut self, token: Token) -> CallId {
        let id = CallId(self.next);
        self.next += 1;
        self.open.insert(id, token);
        id
    }

    /// A reply came: the call's token, if the call was still open. It no longer is.
    pub fn reply(&mut self, id: CallId) -> Option<Token> {
        self.open.remove(&id)
    }

    /// The call was given up: its token, if no reply came. A later reply finds nothing.
    pub fn give_up(&mut self, id: CallId) -> Option<Token> {
        self.open.remove(&id)
    }

    /// The calls still open, oldest first.
    pub fn open(&self) -> impl Iterator<Item = (CallId, &Token)> {
        self.open.iter().map(|(id, token)| (*id, token))
    }

    /// The token of an open call.
    pub fn get_mut(&mut self, id: CallId) -> Option<&mut Token> {
        self.open.get_mut(&id)
    }
}
