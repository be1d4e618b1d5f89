//! The reference library: each algorithm in one file or folder, beside the paper it comes from.
//!
//! PROBLEM     A paper proves an algorithm; a program must also lose its memory, retransmit, and
//!             answer clients who are gone. The way from the one to the other is where the bugs
//!             are.
//! IDEA        One file per algorithm, readable from top to bottom, free of switches. The citation
//!             stands where the rule acts; `papers.toml` says what a key means.
//! RULES       Every file imports from `splitbrain-core` only, so that `splitbrain-mutants` can
//!             copy it, plant one bug in the copy, and prove that the judges notice. All nodes here
//!             survive their workload's faults, but for `primary_backup`, which is broken by
//!             design.
//! CAVEATS     A disk may lose what was not synced. None of these survives a disk that loses what
//!             was synced (rot, or a wiped machine); each file says what would be needed.
//! READ NEXT   in the order of the list: echo.rs → unique_ids.rs → … → abd.rs → raft.rs

pub mod echo;
pub mod unique_ids;

pub mod broadcast;

pub mod g_counter;
pub mod g_set;
pub mod pn_counter;

pub mod partitioned_log;
pub mod read_committed;
pub mod sequencer;

pub mod abd;
pub mod paxos;
pub mod two_phase_commit;

pub mod alternating_bit;
pub mod lease;
pub mod primary_backup;
pub mod raft;
pub mod single_copy;

mod catalog;

pub use catalog::{CATALOG, Entry, Kind, promises};
