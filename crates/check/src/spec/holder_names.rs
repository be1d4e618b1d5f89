//! Why a mutex or a lock is not linearizable: two held it at the same time, or a token went back.

use super::{LockCall, MutexCall, Spec};
use crate::linearizability::{Failure, Named};

/// Whether a call takes the lock, or gives it back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Acquire,
    Release,
    Other,
}

pub(super) fn of_mutex<S: Spec<Call = MutexCall>>(failure: &Failure<'_, S>) -> Option<Named> {
    two_holders(failure, |call| match call {
        MutexCall::Acquire => Step::Acquire,
        MutexCall::Release => Step::Release,
        MutexCall::Held | MutexCall::Free => Step::Other,
    })
}

pub(super) fn of_lock<S: Spec<Call = LockCall>>(failure: &Failure<'_, S>) -> Option<Named> {
    let step = |call: &LockCall| match call {
        LockCall::Acquire { .. } => Step::Acquire,
        LockCall::Release { .. } => Step::Release,
        LockCall::Held | LockCall::NotHeld { .. } => Step::Other,
    };
    two_holders(failure, step).or_else(|| token_goes_back(failure))
}

/// So many acquires had succeeded, and so few releases had begun, that two must have held it.
fn two_holders<S: Spec>(
    failure: &Failure<'_, S>,
    step: impl Fn(&S::Call) -> Step,
) -> Option<Named> {
    let end = failure.entries[failure.at].returned?;
    let is = |entry: &usize, wanted: Step| step(&failure.entries[*entry].call) == wanted;
    let all = || 0..failure.entries.len();
    let had_returned =
        |entry: &usize| failure.entries[*entry].returned.is_some_and(|returned| returned <= end);
    let acquires: Vec<usize> =
        all().filter(|entry| is(entry, Step::Acquire) && had_returned(entry)).collect();
    let begun = |entry: &usize| failure.entries[*entry].invoked <= end;
    let releases = all().filter(|entry| is(entry, Step::Release) && begun(entry)).count();
    if !is(&failure.at, Step::Acquire) || acquires.len() < releases + 2 {
        return None;
    }
    let others = acquires.into_iter().filter(|entry| *entry != failure.at);
    let other = others.max_by_key(|entry| (failure.held.contains(entry), *entry))?;
    let sentence = format!(
        "{} succeeded though {} had too: of all releases that had begun none is left for it",
        failure.told(failure.at).what,
        failure.told(other).what
    );
    let shown = failure.held.iter().copied().chain([other, failure.at]).collect();
    Some(Named { id: "LOCK-TWO-HOLDERS", sentence, shown, more: Vec::new() })
}

fn token_goes_back<S: Spec<Call = LockCall>>(failure: &Failure<'_, S>) -> Option<Named> {
    let token = |entry: usize| match failure.entries[entry].call {
        LockCall::Acquire { token, .. } => token,
        _ => None,
    };
    let mine = token(failure.at)?;
    let before = (0..failure.entries.len())
        .filter(|entry| failure.precedes(*entry, failure.at))
        .find(|entry| token(*entry).is_some_and(|token| token >= mine))?;
    let sentence = format!(
        "{} got the token {mine}, though {} had got {} before it began",
        failure.told(failure.at).what,
        failure.told(before).what,
        token(before)?
    );
    let shown = vec![before, failure.at];
    Some(Named { id: "LOCK-TOKEN-ORDER", sentence, shown, more: Vec::new() })
}
