//! Sequential objects: what a single copy, asked one thing at a time, would do.
//!
//! PROBLEM     "Correct" means: as if there were one copy, asked one thing at a time. What that
//!             copy would do must be said once, for every judge.
//! IDEA        A [`Spec`] is a state, and the states that may follow a call. A call is a request
//!             together with what is known of the answer, so that a step is possible or not.
//! RULES       A step depends on the state and the call, and on nothing else.
//!             A call is pure only if it can *never* change *any* state.
//! READ NEXT   spec/register.rs → spec/queue.rs → spec/keyed.rs → linearizability.rs

mod bag;
mod counter;
mod element_names;
mod holder_names;
mod key_value;
mod keyed;
mod lock;
mod log;
mod multi_register;
mod mutex;
mod queue;
mod register;
mod register_names;
mod set;
mod stack;
mod texts;

use std::fmt::Debug;
use std::hash::Hash;

pub use bag::Bag;
pub use counter::{Counter, CounterCall};
pub use key_value::{KeyValue, KeyValueCall, Text};
pub use keyed::{Keyed, KeyedCall};
pub use lock::{Lock, LockCall, LockState};
pub use log::{Log, LogCall};
pub use multi_register::{Access, MultiRegister, MultiRegisterCall};
pub use mutex::{Mutex, MutexCall};
pub use queue::{Queue, QueueCall};
pub use register::{Register, RegisterCall};
pub use set::{Set, SetCall};
pub use stack::{Stack, StackCall};

use crate::linearizability::{Answer, Entry, Failure, Named, Placed, Words};

/// A sequential object.
///
/// A call is what was asked together with what is known of the answer. An operation whose outcome
/// is unknown is the call that has its effect: if it had none, it may be left out.
///
/// The first three methods say what the object does; with them it can be judged. The others make
/// its judge faster or its words better.
///
/// ```
/// use splitbrain_check::linearizability::{Answer, Entry, search};
/// use splitbrain_check::{Budget, spec::Spec};
///
/// /// A ticket machine that may skip numbers, but never goes back.
/// struct Tickets;
///
/// impl Spec for Tickets {
///     type State = u64; // The last ticket.
///     type Call = Option<u64>; // The ticket that was drawn, where that is known.
///     type Next = Vec<u64>;
///
///     fn initial(&self) -> u64 {
///         0
///     }
///
///     fn step(&self, last: &u64, ticket: &Option<u64>) -> Vec<u64> {
///         match ticket {
///             Some(ticket) if ticket > last => vec![*ticket],
///             Some(_) => Vec::new(),
///             None => vec![last + 1, last + 2],
///         }
///     }
///
///     fn is_pure(&self, _: &Option<u64>) -> bool {
///         false
///     }
/// }
///
/// let first = Entry { call: Some(2), invoked: 0, returned: Some(1) };
/// let second = Entry { call: Some(1), invoked: 2, returned: Some(3) };
/// let judged = search(&Tickets, &[first, second], Budget::default());
/// assert_eq!(judged.answer, Answer::NotLinearizable { at: 1 });
/// ```
pub trait Spec {
    /// What the object remembers.
    type State: Clone + Eq + Hash + Debug;
    /// A request and what is known of its answer.
    type Call: Clone + Eq + Hash + Debug;
    /// States: an `Option` where an object never has a choice, a `Vec` where it has.
    type Next: IntoIterator<Item = Self::State>;

    /// The state before the first call.
    fn initial(&self) -> Self::State;

    /// Every state that the object may be in after the call; none if it would not have answered so.
    fn step(&self, state: &Self::State, call: &Self::Call) -> Self::Next;

    /// Whether the call can *never* change *any* state: a read. A write that writes what is there
    /// is not pure. It changes this state by chance only, and the search would go wrong.
    fn is_pure(&self, call: &Self::Call) -> bool;

    /// For an object that is made of independent parts: the part that the call is about, or `None`
    /// if it is about several. Where every call of a history has a part, each part is judged alone
    /// [herlihy1990 §3.1]; then a state is that of one part.
    fn part(&self, _call: &Self::Call) -> Option<u64> {
        None
    }

    /// How many bytes a state takes.
    fn bytes(&self, _state: &Self::State) -> u64 {
        size_of::<Self::State>() as u64
    }

    /// Decides without a search, where that is possible: exactly as the search would, the failing
    /// entry included, or not at all.
    fn decide(&self, _entries: &[Entry<Self::Call>]) -> Option<Answer> {
        None
    }

    /// An order that explains a linearizable history, where that needs no search.
    fn order(&self, _entries: &[Entry<Self::Call>]) -> Option<Vec<Placed>> {
        None
    }

    /// The state in words: "the register holds 7".
    fn describe(&self, state: &Self::State, _words: &dyn Words) -> String {
        format!("the object is {state:?}")
    }

    /// The name of the failure, if there is a better one than `LIN-NO-ORDER`.
    fn name(&self, _failure: &Failure<'_, Self>) -> Option<Named>
    where
        Self: Sized,
    {
        None
    }
}
