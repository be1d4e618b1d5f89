//! The lists that reads showed, each kept once with all its beginnings.

use super::{Key, Value};

/// How many lists of a key, the newest first, a new one is held against.
const TRIED: usize = 8;

/// No list.
const NONE: u32 = u32::MAX;

/// A list, and the one of the same key that came before it.
#[derive(Clone)]
struct Kept {
    elements: Vec<Value>,
    older: u32,
}

/// Lists, of which none is a beginning of another of the same key, as far as they were compared.
#[derive(Clone, Default)]
pub(super) struct Lists {
    kept: Vec<Kept>,
    /// The newest list of each key.
    newest: Vec<u32>,
}

impl Lists {
    /// The number of a list that begins with `list`.
    pub(super) fn intern(&mut self, key: Key, list: &[Value]) -> u32 {
        if key.index() >= self.newest.len() {
            self.newest.resize(key.index() + 1, NONE);
        }
        let mut at = self.newest[key.index()];
        let mut extended = NONE;
        for _ in 0..TRIED {
            let Some(kept) = self.kept.get(at as usize) else { break };
            if kept.elements.starts_with(list) {
                return at;
            }
            if extended == NONE && list.starts_with(&kept.elements) {
                extended = at;
            }
            at = kept.older;
        }
        if extended != NONE {
            let elements = &mut self.kept[extended as usize].elements;
            elements.extend_from_slice(&list[elements.len()..]);
            return extended;
        }
        let number = super::number(self.kept.len());
        let older = std::mem::replace(&mut self.newest[key.index()], number);
        self.kept.push(Kept { elements: list.to_vec(), older });
        number
    }

    /// The first `length` elements of a list.
    pub(super) fn list(&self, number: u32, length: u32) -> &[Value] {
        &self.kept[number as usize].elements[..length as usize]
    }

    #[cfg(test)]
    pub(super) const fn count(&self) -> usize {
        self.kept.len()
    }
}
