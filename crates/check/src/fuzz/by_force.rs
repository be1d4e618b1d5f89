//! Linearizability by its definition: try every order.
//!
//! Nothing is remembered, nothing is cut short, and nothing is shared with the judge.

use crate::linearizability::{Entry, Placed};
use crate::spec::Spec;

/// Whether some order of all completed entries and some of the open ones respects real time and the
/// object.
pub(super) fn linearizable<S: Spec>(spec: &S, history: &[Entry<S::Call>]) -> bool {
    let all = u32::MAX.checked_shr(32 - u32::try_from(history.len()).unwrap_or(32)).unwrap_or(0);
    some_order_exists(spec, history, all, &spec.initial())
}

fn some_order_exists<S: Spec>(
    spec: &S,
    history: &[Entry<S::Call>],
    left: u32,
    state: &S::State,
) -> bool {
    let remaining = || (0..history.len()).filter(|index| left >> index & 1 == 1);
    if remaining().all(|index| history[index].returned.is_none()) {
        return true;
    }
    remaining().any(|next| {
        let began = history[next].invoked;
        let must_wait =
            remaining().any(|other| history[other].returned.is_some_and(|end| end < began));
        let mut after = spec.step(state, &history[next].call).into_iter();
        !must_wait
            && after.any(|state| some_order_exists(spec, history, left & !(1 << next), &state))
    })
}

/// The entry at whose return, and not before, no order is left; `None` if the history is
/// linearizable.
pub(super) fn first_failure<S: Spec>(spec: &S, history: &[Entry<S::Call>]) -> Option<usize> {
    if linearizable(spec, history) {
        return None;
    }
    let mut returns: Vec<(u32, usize)> = (history.iter().enumerate())
        .filter_map(|(entry, it)| Some((it.returned?, entry)))
        .collect();
    returns.sort_unstable();
    let fails = |(end, _): &(u32, usize)| !linearizable(spec, &until(history, *end));
    returns.into_iter().find(fails).map(|(_, entry)| entry)
}

/// The history up to the event at `end`, and no further.
pub(super) fn until<Call: Clone>(history: &[Entry<Call>], end: u32) -> Vec<Entry<Call>> {
    let cut = |entry: &Entry<Call>| Entry {
        returned: entry.returned.filter(|returned| *returned <= end),
        ..entry.clone()
    };
    history.iter().filter(|entry| entry.invoked <= end).map(cut).collect()
}

/// What is wrong with an order that is said to explain a history.
pub(super) fn wrong_order<S: Spec>(
    spec: &S,
    history: &[Entry<S::Call>],
    order: &[Placed],
) -> Option<String> {
    let mut states = vec![spec.initial()];
    let mut now = 0;
    for placed in order {
        let entry = &history[placed.entry];
        let too_late = entry.returned.is_some_and(|returned| returned <= placed.after);
        if placed.after < now || placed.after < entry.invoked || too_late {
            return Some(format!("{} can't take effect after {}", placed.entry, placed.after));
        }
        now = placed.after;
        states = states.iter().flat_map(|state| spec.step(state, &entry.call)).collect();
        if states.is_empty() {
            return Some(format!("{} can't come next", placed.entry));
        }
    }
    let times = |entry: usize| order.iter().filter(|placed| placed.entry == entry).count();
    (0..history.len())
        .find(|entry| times(*entry) > 1 || times(*entry) == 0 && history[*entry].returned.is_some())
        .map(|entry| format!("{entry} takes effect {} times", times(entry)))
}
