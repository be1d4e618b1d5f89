//! The deterministic simulator: the same node in a thousand broken worlds, each of which can be had
//! again.
//!
//! PROBLEM     Distributed bugs need a rare order of messages, crashes and time-outs. A test on a
//!             real network meets it once a month and cannot show it again.
//! IDEA        Everything outside the node is simulated, in virtual time, from one seed.
//! RULES       A run is a function of its [`Recipe`]. Same recipe, same bytes: see [`Run::digest`].
//! CAVEATS     It samples; it proves nothing. A bug that needs many steps in one order wants the
//!             explorer.
//! READ NEXT   recipe.rs → nemesis.rs → world.rs → network.rs → hosted.rs → shrink.rs

mod clients;
mod cluster;
mod hosted;
mod latency;
mod metrics;
pub mod nemesis;
mod network;
mod recipe;
mod recorder;
mod shrink;
mod slab;
mod world;

pub use clients::{Answer, Clients, Judging};
pub use cluster::{Act, AnswerKind, Ask, Clocks, Cluster, Failure, Input, Slot};
pub use hosted::Hosted;
pub use latency::Latency;
pub use metrics::{Histogram, Metrics};
pub use network::{Burst, Links, Network, Transit, cut_links};
pub use recipe::{Config, Planned, Recipe, RecipeError, Variety};
pub use shrink::{Shrunk, alike, shrink};
pub use world::{Detail, Run, Subject, run};
