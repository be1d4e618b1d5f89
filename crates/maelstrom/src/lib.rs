//! Programs in any language: Maelstrom's protocol, from both ends.
//!
//! PROBLEM     Most programs are not written in Rust, and none that is worth testing was written
//!             for us.
//! IDEA        A node is a process that reads messages on stdin and writes messages on stdout, one
//!             JSON object per line [maelstrom doc/protocol.md]. The [`host`] is the network
//!             between such processes; a [`guest`] is one of our own nodes as such a process, so
//!             that Maelstrom itself could run it. A program that agrees to take its time from its
//!             messages ([`lockstep`]) can be run in the simulator, and then every run can be
//!             repeated.
//! RULES       What a program prints is never trusted: it is bounded, checked, and shown escaped.
//! READ NEXT   protocol.rs → host.rs → service.rs → guest.rs → lockstep.rs

#![expect(
    clippy::disallowed_methods,
    reason = "this crate is a border to the real world: processes, clocks, threads"
)]

mod answer;
pub mod guest;
pub mod host;
mod interrupt;
pub mod lockstep;
pub mod protocol;
pub mod service;

pub use host::{
    Concurrency, Distribution, HostError, Log, Metrics, Phase, Report, TestOptions, TestRun, test,
};
pub use interrupt::Interrupt;
pub use lockstep::Lockstep;
