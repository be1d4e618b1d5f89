//! The configurations that a search has reached, without those that another makes superfluous.

use std::hash::Hasher as _;

use splitbrain_core::Fingerprint;

use crate::bits::Bits;
use crate::planted::{Planted, planted};

/// A way to have explained the history up to a point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Configuration<const W: usize> {
    /// The state that the object is in, interned.
    pub(crate) state: u32,
    /// The slots of the pending operations that have taken effect.
    pub(crate) done: Bits<W>,
    /// The open operations that were made to take effect.
    pub(crate) used: Bits<W>,
}

const NONE: u32 = u32::MAX;

/// Configurations by state and done operations: a hash table with chains, of which those with equal
/// state and done operations are an antichain of used open operations.
pub(crate) struct Frontier<const W: usize> {
    configurations: Vec<Configuration<W>>,
    /// Whether a cheaper configuration has made this one superfluous.
    superseded: Vec<bool>,
    next: Vec<u32>,
    heads: Vec<u32>,
}

impl<const W: usize> Frontier<W> {
    pub(crate) fn new() -> Self {
        let heads = vec![NONE; 64];
        Self { configurations: Vec::new(), superseded: Vec::new(), next: Vec::new(), heads }
    }

    pub(crate) fn clear(&mut self) {
        self.configurations.clear();
        self.superseded.clear();
        self.next.clear();
        self.heads.fill(NONE);
    }

    /// Adds a configuration, unless one is there that can do all that it can: equal state, equal
    /// done operations, and no open operation used that the new one has left. Says whether it was
    /// added.
    pub(crate) fn insert(&mut self, new: Configuration<W>) -> bool {
        let bucket = self.bucket(&new);
        let mut at = self.heads[bucket];
        while at != NONE {
            let index = at as usize;
            let old = &self.configurations[index];
            let alike = old.state == new.state
                && (old.done == new.done || planted(Planted::DominanceByState));
            if alike && !self.superseded[index] {
                let (mut old_used, mut new_used) = (old.used, new.used);
                if planted(Planted::DominanceBackwards) {
                    std::mem::swap(&mut old_used, &mut new_used);
                }
                if old_used.is_subset(&new_used) {
                    return false;
                }
                self.superseded[index] = new_used.is_subset(&old_used);
            }
            at = self.next[index];
        }
        let Ok(index) = u32::try_from(self.configurations.len()) else { return false };
        self.configurations.push(new);
        self.superseded.push(false);
        self.next.push(self.heads[bucket]);
        self.heads[bucket] = index;
        if self.configurations.len() > self.heads.len() {
            self.grow();
        }
        true
    }

    /// The configuration that was added as number `index`, if it was not superseded since.
    pub(crate) fn get(&self, index: usize) -> Option<Configuration<W>> {
        (!self.superseded[index]).then(|| self.configurations[index])
    }

    /// How many were added, superseded ones included.
    pub(crate) const fn len(&self) -> usize {
        self.configurations.len()
    }

    /// Those that are not superseded.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Configuration<W>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    fn bucket(&self, of: &Configuration<W>) -> usize {
        let mut hash = Fingerprint::default();
        hash.word(u64::from(of.state));
        if !planted(Planted::DominanceByState) {
            of.done.words().iter().for_each(|word| hash.word(*word));
        }
        usize::try_from(hash.finish() % self.heads.len() as u64).unwrap_or(0)
    }

    fn grow(&mut self) {
        self.heads = vec![NONE; self.heads.len() * 4];
        for index in 0..self.configurations.len() {
            let bucket = self.bucket(&self.configurations[index]);
            self.next[index] = self.heads[bucket];
            self.heads[bucket] = u32::try_from(index).unwrap_or(NONE);
        }
    }
}
