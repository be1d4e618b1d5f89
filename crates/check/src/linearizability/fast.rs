//! Judging without a search, where every value is a different one.
//!
//! PROBLEM     A search takes long where much happens at once. Most test generators write every
//!             value once, and then the answers say who saw what.
//! IDEA        For each kind of object there is a way to decide such histories in the time that
//!             sorting takes.
//! RULES       Exactly what a search would find, the first failing return included; or nothing, and
//!             the search is made.
//! READ NEXT   fast/zones.rs → versions.rs → growing.rs → queue.rs → stack.rs

pub(crate) mod growing;
pub(crate) mod queue;
pub(crate) mod stack;
pub(crate) mod versions;
pub(crate) mod zones;
