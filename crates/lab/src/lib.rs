//! To be written.

mod campaign;

pub use campaign::*;
