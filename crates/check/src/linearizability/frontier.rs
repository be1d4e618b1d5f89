//! The configurations that a search has reached, without those that another makes superfluous.

use std::hash::Hasher as _;

use splitbrain_core::Fingerprint;

use crate::planted::{Planted, planted};

/// How many words the parts of a configuration take. It grows as operations come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shape {
    /// Words for the slots of pending operations.
    pub(super) done: usize,
    /// Words for open operations.
    pub(super) used: usize,
}

impl Shape {
    /// The words of one configuration: the state, the slots of the pending operations that have
    /// taken effect, and the open operations that were made to.
    pub(super) const fn width(self) -> usize {
        1 + self.done + self.used
    }

    pub(super) const fn has_done(row: &[u64], slot: usize) -> bool {
        row[1 + slot / 64] >> (slot % 64) & 1 == 1
    }

    pub(super) const fn flip_done(row: &mut [u64], slot: usize) {
        row[1 + slot / 64] ^= 1 << (slot % 64);
    }

    pub(super) const fn has_used(self, row: &[u64], open: usize) -> bool {
        row[1 + self.done + open / 64] >> (open % 64) & 1 == 1
    }

    pub(super) const fn flip_used(self, row: &mut [u64], open: usize) {
        row[1 + self.done + open / 64] ^= 1 << (open % 64);
    }
}

/// Configurations, each with its node in the trail.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    shape: Shape,
    words: Vec<u64>,
    nodes: Vec<u32>,
}

impl Rows {
    pub(super) const fn new(shape: Shape) -> Self {
        Self { shape, words: Vec::new(), nodes: Vec::new() }
    }

    pub(super) fn push(&mut self, row: &[u64], node: u32) {
        self.words.extend_from_slice(row);
        self.nodes.push(node);
    }

    pub(super) const fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn row(&self, index: usize) -> &[u64] {
        let width = self.shape.width();
        &self.words[index * width..][..width]
    }

    pub(super) fn row_mut(&mut self, index: usize) -> &mut [u64] {
        let width = self.shape.width();
        &mut self.words[index * width..][..width]
    }

    pub(super) fn node(&self, index: usize) -> u32 {
        self.nodes[index]
    }

    pub(super) fn set_node(&mut self, index: usize, node: u32) {
        self.nodes[index] = node;
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.words.truncate(len * self.shape.width());
        self.nodes.truncate(len);
    }

    pub(super) fn clear(&mut self) {
        self.truncate(0);
    }

    /// The same configurations with room for more operations.
    pub(super) fn reshape(&mut self, shape: Shape) {
        let old = std::mem::replace(self, Self::new(shape));
        let Shape { done, used } = old.shape;
        for index in 0..old.len() {
            let row = old.row(index);
            self.words.extend_from_slice(&row[..=done]);
            self.words.resize(self.words.len() + shape.done - done, 0);
            self.words.extend_from_slice(&row[1 + done..]);
            self.words.resize(self.words.len() + shape.used - used, 0);
            self.nodes.push(old.node(index));
        }
    }

    pub(super) const fn bytes(&self) -> u64 {
        (self.words.capacity() * 8 + self.nodes.capacity() * 4) as u64
    }
}

const NONE: u32 = u32::MAX;

/// Configurations by state and done operations: a hash table with chains, of which those with equal
/// state and done operations are an antichain of used open operations.
#[derive(Clone, Debug)]
pub(super) struct Frontier {
    rows: Rows,
    /// Whether a cheaper configuration has made this one superfluous.
    superseded: Vec<bool>,
    next: Vec<u32>,
    heads: Vec<u32>,
}

impl Frontier {
    pub(super) fn new(shape: Shape) -> Self {
        let heads = vec![NONE; 64];
        Self { rows: Rows::new(shape), superseded: Vec::new(), next: Vec::new(), heads }
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.superseded.clear();
        self.next.clear();
        self.heads.fill(NONE);
    }

    /// Empties it, and makes room for more operations.
    pub(super) fn reshape(&mut self, shape: Shape) {
        self.clear();
        self.rows = Rows::new(shape);
    }

    /// Adds a configuration, unless one is there that can do all that it can: equal state, equal
    /// done operations, and no open operation used that the new one has left. Says whether it was
    /// added.
    pub(super) fn insert(&mut self, new: &[u64], node: u32) -> bool {
        let same = self.same(new);
        let bucket = self.bucket(new);
        let mut at = self.heads[bucket];
        while at != NONE {
            let index = at as usize;
            let old = self.rows.row(index);
            if old[..same] == new[..same] && !self.superseded[index] {
                let (mut old_used, mut new_used) = (&old[same..], &new[same..]);
                if planted(Planted::DominanceBackwards) {
                    std::mem::swap(&mut old_used, &mut new_used);
                }
                if is_subset(old_used, new_used) {
                    return false;
                }
                self.superseded[index] = is_subset(new_used, old_used);
            }
            at = self.next[index];
        }
        let Ok(index) = u32::try_from(self.rows.len()) else { return false };
        self.rows.push(new, node);
        self.superseded.push(false);
        self.next.push(self.heads[bucket]);
        self.heads[bucket] = index;
        if self.rows.len() > self.heads.len() {
            self.grow();
        }
        true
    }

    /// The configuration that was added as number `index`, if it was not superseded since.
    pub(super) fn get(&self, index: usize) -> Option<(&[u64], u32)> {
        (!self.superseded[index]).then(|| (self.rows.row(index), self.rows.node(index)))
    }

    /// How many were added, superseded ones included.
    pub(super) const fn len(&self) -> usize {
        self.rows.len()
    }

    /// Those that are not superseded.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u64], u32)> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    pub(super) const fn bytes(&self) -> u64 {
        let flags = self.superseded.capacity() + (self.next.capacity() + self.heads.capacity()) * 4;
        self.rows.bytes() + flags as u64
    }

    /// How many words must be equal: the state and the done operations.
    fn same(&self, row: &[u64]) -> usize {
        let used = if planted(Planted::DominanceByState) {
            self.rows.shape.done + self.rows.shape.used
        } else {
            self.rows.shape.used
        };
        row.len() - used
    }

    fn bucket(&self, of: &[u64]) -> usize {
        let mut hash = Fingerprint::default();
        of[..self.same(of)].iter().for_each(|word| hash.word(*word));
        usize::try_from(hash.finish() & (self.heads.len() as u64 - 1)).unwrap_or(0)
    }

    fn grow(&mut self) {
        self.heads = vec![NONE; self.heads.len() * 4];
        for index in 0..self.rows.len() {
            let bucket = self.bucket(self.rows.row(index));
            self.next[index] = self.heads[bucket];
            self.heads[bucket] = u32::try_from(index).unwrap_or(NONE);
        }
    }
}

fn is_subset(mine: &[u64], theirs: &[u64]) -> bool {
    mine.iter().zip(theirs).all(|(mine, theirs)| mine & !theirs == 0)
}
