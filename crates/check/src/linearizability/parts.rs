//! The independent parts of a history.

use super::Entry;
use crate::planted::{Planted, planted};
use crate::spec::Spec;
use crate::table::Numbers;

/// The entries about one part of the object.
pub(super) struct Part<Call> {
    /// What the spec calls the part.
    pub(super) name: Option<u64>,
    pub(super) entries: Vec<Entry<Call>>,
    /// The place of each entry among all entries.
    pub(super) index: Vec<usize>,
}

/// The parts in the order in which they first come, or `None` if there is one, or if some call is
/// about several.
pub(super) fn parts<S: Spec>(spec: &S, entries: &[Entry<S::Call>]) -> Option<Vec<Part<S::Call>>> {
    let first = spec.part(&entries.first()?.call)?;
    let mut names = Numbers::default();
    let mut parts: Vec<Part<S::Call>> = Vec::new();
    names.number(&first);
    if entries.iter().all(|entry| spec.part(&entry.call) == Some(first)) {
        return None;
    }
    for (index, entry) in entries.iter().enumerate() {
        let name = spec.part(&entry.call)?;
        let number = names.number(&name) as usize;
        while parts.len() <= number {
            parts.push(Part { name: Some(name), entries: Vec::new(), index: Vec::new() });
        }
        parts[number].entries.push(entry.clone());
        parts[number].index.push(index);
    }
    if planted(Planted::OneKey) {
        parts.truncate(1);
    }
    Some(parts)
}
