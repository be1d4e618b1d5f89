//! Many short lists in one: row after row, and where each begins.

/// Lists that were put together one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Rows<T> {
    starts: Vec<u32>,
    items: Vec<T>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { starts: vec![0], items: Vec::new() }
    }
}

impl<T: Copy> Rows<T> {
    /// Adds an item to the row that is being made.
    pub(crate) fn push(&mut self, item: T) {
        self.items.push(item);
    }

    /// Ends the row that is being made.
    pub(crate) fn end_row(&mut self) {
        self.starts.push(number(self.items.len()));
    }

    /// `count` rows, from items in any order, each with the number of its row. Items of one row
    /// keep their order.
    pub(crate) fn sorted(count: usize, items: impl Iterator<Item = (u32, T)> + Clone) -> Self {
        let mut starts = vec![0; count + 1];
        for (row, _) in items.clone() {
            starts[row as usize + 1] += 1;
        }
        for row in 0..count {
            starts[row + 1] += starts[row];
        }
        let mut at = starts.clone();
        let mut sorted: Vec<Option<T>> = vec![None; starts[count] as usize];
        for (row, item) in items {
            sorted[at[row as usize] as usize] = Some(item);
            at[row as usize] += 1;
        }
        Self { starts, items: sorted.into_iter().flatten().collect() }
    }

    pub(crate) fn row(&self, row: u32) -> &[T] {
        let row = row as usize;
        &self.items[self.starts[row] as usize..self.starts[row + 1] as usize]
    }

    /// How many rows are complete.
    pub(crate) const fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub(crate) fn row_mut(&mut self, row: u32) -> &mut [T] {
        let row = row as usize;
        &mut self.items[self.starts[row] as usize..self.starts[row + 1] as usize]
    }

    /// All items, row after row.
    pub(crate) fn items_mut(&mut self) -> &mut [T] {
        &mut self.items
    }
}

/// A count as a number of 32 bits.
///
/// # Panics
/// With 4,294,967,296 of something: no reader lets so many in.
pub(crate) fn number(count: usize) -> u32 {
    u32::try_from(count).expect("readers bound what they let in")
}
