//! Judges of histories: they know what clients asked and were answered, and no engine.
//!
//! PROBLEM     A cluster answered a thousand requests while its network broke. Was every answer
//!             right?
//! IDEA        Judge the [`History`](splitbrain_core::History) alone. Each workload has one judge,
//!             a plain function; it names what is wrong, the fewest operations that show it, and
//!             why.
//! RULES       A judge never guesses: what it calls invalid is invalid whatever happened unseen,
//!             and what it cannot decide it calls unknown. It ends: searches have a budget of
//!             configurations, never of seconds.
//! CAVEATS     Where a judge differs from Maelstrom's, DEVIATIONS.md says so, and why.
//! READ NEXT   judge.rs → set_full.rs → counter.rs → lin_kv.rs → linearizability.rs →
//!             memory.rs → transaction.rs → isolation.rs →
//!             list_append.rs → rw_register.rs

pub mod anomaly;
mod budget;
mod cases;
pub mod consistency;
mod counter;
mod cycle;
mod echo;
mod explain;
#[cfg(feature = "files")]
pub mod format;
#[cfg(feature = "files")]
pub mod fuzz;
mod graph;
mod history_file;
pub mod isolation;
mod judge;
pub mod kafka;
pub mod lin_kv;
pub mod linearizability;
pub mod list_append;
#[cfg(feature = "files")]
pub mod memory;
#[cfg(feature = "files")]
pub mod object;
mod planted;
#[cfg(feature = "files")]
pub mod record;
pub mod rw_register;
mod set_full;
pub mod show;
pub mod spec;
mod table;
pub mod transaction;
mod txn;
mod unique_ids;
#[cfg(feature = "files")]
mod value;
#[cfg(feature = "files")]
pub mod weak_isolation;

#[cfg(test)]
mod picture;
#[cfg(test)]
mod tests;

pub use budget::Budget;
pub use explain::{explain, ids};
#[cfg(feature = "files")]
pub use format::{Format, Records};
pub use history_file::{FileError, Header, Limits, Reader, read, read_header, write};
pub use judge::Judge;
pub use list_append::judge as judge_list_append;
#[cfg(feature = "files")]
pub use record::Record;
pub use rw_register::judge as judge_rw_register;
#[cfg(feature = "files")]
pub use value::Value;
