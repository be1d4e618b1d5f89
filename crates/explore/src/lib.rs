//! The explorer: every run of the same node, up to a bound, with a shortest counterexample.
//!
//! PROBLEM     A simulator samples. A bug that needs six steps in one order may hide from a
//!             million worlds, and no number of worlds proves that there is none.
//! IDEA        A node is a value and a handler is a function. So each state of a node, each
//!             message and each history is a number; what a handler does is remembered under two
//!             numbers; and a state of the whole cluster is a dozen numbers in a row, of which
//!             millions a second can be made and compared.
//! RULES       What is said to hold was looked at in every run within the [`Bounds`]; where a
//!             search ends early, it says how much it saw. The set of states that were seen is
//!             exact.
//! CAVEATS     It explores what is bounded: so many nodes, operations, losses, crashes. A bug that
//!             needs more is for the simulator.
//! READ NEXT   bounds.rs → model.rs → values.rs → known.rs → expand.rs → store.rs → search.rs

mod bounds;
mod case;
mod error;
mod expand;
mod explore;
mod known;
mod liveness;
mod model;
mod record;
mod search;
mod store;
mod story;
mod table;
mod values;

pub use bounds::{Asking, Bounds, Budget, Clocks, Cuts, Order, Timers};
pub use case::{Case, case};
pub use error::ExploreError;
pub use explore::{Explored, Replay, Shareable, explore, replay};
pub use model::{CLIENTS_MAX, Fairness, Model, NODES_MAX, OPERATIONS_MAX, Property, Says, View};
pub use search::{Control, Limits, Progress, Stopped};
pub use story::Counterexample;
