//! Linearizability by its definition: try every order.

use splitbrain_core::Rng;

use crate::Budget;
use crate::linearizability::minimal::{Hold, minimal};
use crate::linearizability::{Answer, Entry, search};
use crate::planted::{current, plant, with};
use crate::spec::{Register, RegisterCall, Spec};

const REGISTER: Register = Register { initial: None };

type History = Vec<Entry<RegisterCall>>;

/// Whether some order of all completed entries and some of the open ones respects real time and the
/// register. Nothing is remembered, nothing is cut short.
fn some_order_exists(history: &[Entry<RegisterCall>], left: u32, state: Option<u64>) -> bool {
    let is_left = |index: &usize| left >> index & 1 == 1;
    let remaining = || (0..history.len()).filter(is_left);
    if remaining().all(|index| history[index].returned.is_none()) {
        return true;
    }
    remaining().any(|next| {
        let began = history[next].invoked;
        let must_wait =
            remaining().any(|other| history[other].returned.is_some_and(|end| end < began));
        let after = || REGISTER.step(&state, &history[next].call);
        !must_wait && after().is_some_and(|s| some_order_exists(history, left & !(1 << next), s))
    })
}

fn by_force(history: &[Entry<RegisterCall>]) -> bool {
    some_order_exists(history, (1 << history.len()) - 1, None)
}

/// A history of one register as clients of a real one would see it, now and then with a wrong
/// answer.
fn random(rng: &mut Rng) -> History {
    let clients = usize::try_from(rng.between(2, 5)).unwrap();
    let count = usize::try_from(rng.between(3, 8)).unwrap();
    let values = rng.between(2, 4);
    let mut state: Option<u64> = None;
    let mut history: History = Vec::new();
    // What each client has asked, and whether it has taken effect.
    let mut open: Vec<Option<(usize, bool)>> = vec![None; clients];
    let mut place = 0;
    while history.len() < count || open.iter().any(Option::is_some) {
        let client = usize::try_from(rng.below(clients as u64)).unwrap();
        place += 1;
        match open[client] {
            None if history.len() == count => (),
            None => {
                let call = match rng.below(8) {
                    0..3 => RegisterCall::Read(None),
                    3..6 => RegisterCall::Write(rng.below(values)),
                    _ => RegisterCall::Cas { from: rng.below(values), to: rng.below(values) },
                };
                open[client] = Some((history.len(), false));
                history.push(Entry { call, invoked: place, returned: None });
            }
            Some((at, false)) => {
                history[at].call = take_effect(&mut state, history[at].call);
                if rng.below(10) == 0 {
                    history[at].call = spoiled(rng, history[at].call, values);
                }
                open[client] = Some((at, true));
            }
            Some((at, true)) => {
                open[client] = None;
                let lost = rng.below(4) == 0;
                history[at].returned = (!lost).then_some(place);
            }
        }
        // Some never take effect.
        if let Some((at, false)) = open[client]
            && rng.below(12) == 0
            && !matches!(history[at].call, RegisterCall::Read(_))
        {
            open[client] = None;
        }
    }
    history
}

fn take_effect(state: &mut Option<u64>, call: RegisterCall) -> RegisterCall {
    let call = match call {
        RegisterCall::Read(_) => RegisterCall::Read(*state),
        RegisterCall::Cas { from, .. } if *state != Some(from) => {
            state.map_or(RegisterCall::Read(None), |_| RegisterCall::Differs(from))
        }
        call => call,
    };
    *state = REGISTER.step(state, &call).unwrap();
    call
}

fn spoiled(rng: &mut Rng, call: RegisterCall, values: u64) -> RegisterCall {
    match call {
        RegisterCall::Read(Some(_)) if rng.below(4) == 0 => RegisterCall::Read(None),
        RegisterCall::Read(_) => RegisterCall::Read(Some(rng.below(values))),
        RegisterCall::Write(_) => RegisterCall::Write(rng.below(values)),
        RegisterCall::Cas { to, .. } => RegisterCall::Cas { from: rng.below(values), to },
        RegisterCall::Differs(from) | RegisterCall::Refused(from) => {
            RegisterCall::Cas { from, to: rng.below(values) }
        }
    }
}

/// The first of `count` random histories on which the search and the definition disagree: about the
/// verdict, about the first failing return, or about the operations that show it.
pub(super) fn disagreement(count: u32) -> Option<String> {
    let mut rng = Rng::new(20_261_122);
    let mut invalid = 0;
    for number in 0..count {
        let history = random(&mut rng);
        let expected = with_nothing_planted(|| by_force(&history));
        invalid += u32::from(!expected);
        if let Some(wrong) = wrong(&history, expected) {
            return Some(format!("history {number}: {wrong}: {history:?}"));
        }
    }
    let share = invalid * 100 / count;
    assert!((10..60).contains(&share), "{share} % of the histories are not linearizable");
    None
}

/// The definition is judged as it is, whatever is planted in the search.
fn with_nothing_planted<T>(body: impl FnOnce() -> T) -> T {
    let bug = current();
    let result = with(None, body);
    plant(bug);
    result
}

fn wrong(history: &[Entry<RegisterCall>], expected: bool) -> Option<String> {
    let at = match search(&REGISTER, history, Budget::default()).answer {
        Answer::Linearizable if expected => return None,
        Answer::NotLinearizable { at } if !expected => at,
        other => return Some(format!("{other:?}, but expected {expected}")),
    };
    let Some(end) = history[at].returned else {
        return Some(format!("{at} has no return to fail at"));
    };
    let until = |end: u32| -> History {
        let begun = history.iter().filter(|entry| entry.invoked < end);
        let known = |end: u32| move |returned: &u32| *returned < end;
        let cut = |e: &Entry<RegisterCall>| Entry { returned: e.returned.filter(known(end)), ..*e };
        begun.map(cut).collect()
    };
    let first = with_nothing_planted(|| by_force(&until(end)) && !by_force(&until(end + 1)));
    if !first {
        return Some(format!("{at} is not the first return that fails"));
    }
    let holds = minimal(&REGISTER, history, at, Budget::default())?;
    not_minimal(history, &holds, end)
}

/// Whether the held entries show the failure, and none of them can be spared.
fn not_minimal(history: &[Entry<RegisterCall>], holds: &[Hold], end: u32) -> Option<String> {
    let freed = |holds: &[Hold]| -> History {
        let mut entries = Vec::new();
        for (entry, hold) in history.iter().zip(holds).filter(|(entry, _)| entry.invoked < end) {
            let pure = REGISTER.is_pure(&entry.call);
            match hold {
                Hold::Free if pure => (),
                Hold::Free => entries.push(Entry { invoked: 0, returned: None, ..*entry }),
                Hold::Begun => entries.push(Entry { returned: None, ..*entry }),
                Hold::Whole => entries.push(*entry),
            }
        }
        entries
    };
    with_nothing_planted(|| {
        if by_force(&freed(holds)) {
            return Some(format!("what is held does not show it: {holds:?}"));
        }
        for index in (0..history.len()).filter(|index| holds[*index] != Hold::Free) {
            let mut fewer = holds.to_vec();
            fewer[index] = Hold::Free;
            if !by_force(&freed(&fewer)) {
                return Some(format!("{index} can be spared: {holds:?}"));
            }
        }
        None
    })
}
