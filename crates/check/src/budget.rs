//! How much a judge may do before it says: unknown.

/// How much a judge may do. Never seconds: the same history gets the same verdict everywhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Budget {
    /// How many states (configurations, frontiers) a search may look at, in all.
    pub states: u64,
    /// How many bytes a judge may hold at once, as it counts them itself.
    pub memory_bytes: u64,
}

impl Default for Budget {
    /// Ten million states, 2 GiB.
    fn default() -> Self {
        Self { states: 10_000_000, memory_bytes: 2 << 30 }
    }
}

impl Budget {
    /// What one of `parts` that are still to be judged may use.
    #[must_use]
    pub(crate) fn share(self, parts: usize) -> Self {
        Self { states: self.states / parts.max(1) as u64, ..self }
    }
}
