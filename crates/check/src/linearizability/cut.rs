//! The beginning of a history, up to one of its returns.

use super::{Answer, Entry};

/// A return: what comes after it is cut off.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Cut {
    place: u32,
    entry: usize,
}

/// The places of an operation in the beginning of a history. What has not returned in it may take
/// effect at any later time, or never.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    pub(crate) invoked: i64,
    pub(crate) returned: i64,
}

/// The place of what never happens.
pub(crate) const NEVER: i64 = i64::MAX;

impl Span {
    pub(crate) const fn has_returned(self) -> bool {
        self.returned != NEVER
    }
}

impl Cut {
    /// After everything.
    pub(crate) const END: Self = Self { place: u32::MAX, entry: usize::MAX };

    /// The places of entry number `number`, if it had begun.
    pub(crate) fn span<Call>(self, number: usize, entry: &Entry<Call>) -> Option<Span> {
        let has_returned = |returned: &u32| (*returned, number) <= (self.place, self.entry);
        let returned = entry.returned.filter(has_returned).map_or(NEVER, i64::from);
        (entry.invoked <= self.place).then_some(Span { invoked: entry.invoked.into(), returned })
    }
}

/// The answer for a history of which `holds` tells whether a beginning of it is linearizable, or
/// that it can't tell.
pub(crate) fn by_beginnings<Call>(
    entries: &[Entry<Call>],
    mut holds: impl FnMut(Cut) -> Option<bool>,
) -> Option<Answer> {
    if holds(Cut::END)? {
        return Some(Answer::Linearizable);
    }
    let cut = |(entry, it): (usize, &Entry<Call>)| Some(Cut { place: it.returned?, entry });
    let mut cuts: Vec<Cut> = entries.iter().enumerate().filter_map(cut).collect();
    cuts.sort_unstable();
    // If a beginning is not linearizable, no longer one is.
    let (mut good, mut bad) = (0, cuts.len().checked_sub(1)?);
    while good < bad {
        let middle = good.midpoint(bad);
        if holds(cuts[middle])? {
            good = middle + 1;
        } else {
            bad = middle;
        }
    }
    Some(Answer::NotLinearizable { at: cuts[bad].entry })
}
