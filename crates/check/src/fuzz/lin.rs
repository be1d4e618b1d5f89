//! Linearizability: both searches, the ways without one, the first failing return, the orders, the
//! minimal sets and the judge during the run, each against every order.

use splitbrain_core::Rng;

use super::by_force::{first_failure, linearizable, until, wrong_order};
use super::objects::{Draws, Subject, Values};
use super::{Model, Outcome, Tally};
use crate::Budget;
use crate::linearizability::minimal::{Hold, minimal};
use crate::linearizability::{Answer, Entry, Online, Recorded, explore, search, search_in_depth};
use crate::planted::undisturbed;
use crate::spec::{
    Bag, Counter, KeyValue, Keyed, Lock, Log, MultiRegister, Mutex, Queue, Register, Set, Spec,
    Stack,
};

/// The models of linearizability.
pub(super) const MODELS: &[Model] = &[
    Model { name: "lin-register", run: run::<Register> },
    Model { name: "lin-store", run: run::<Keyed<Register>> },
    Model { name: "lin-key-value", run: run::<KeyValue> },
    Model { name: "lin-multi-register", run: run::<MultiRegister> },
    Model { name: "lin-set", run: run::<Set> },
    Model { name: "lin-counter", run: run::<Counter> },
    Model { name: "lin-queue", run: run::<Queue> },
    Model { name: "lin-bag", run: run::<Bag> },
    Model { name: "lin-stack", run: run::<Stack> },
    Model { name: "lin-mutex", run: run::<Mutex> },
    Model { name: "lin-lock", run: run::<Lock> },
    Model { name: "lin-log", run: run::<Log> },
];

fn run<S: Subject>(rng: &mut Rng, count: u64) -> Outcome {
    let spec = S::default();
    let mut tally = Tally::default();
    for number in 0..count {
        let history = undisturbed(|| random(&spec, rng));
        let wrong = compare(&spec, &history, number, &mut tally);
        if let Some(wrong) = wrong {
            return Err(format!("history {number}: {wrong}: {history:?}"));
        }
    }
    Ok(tally)
}

/// What a client is doing.
#[derive(Clone, Copy)]
enum Client {
    Idle,
    /// It has asked.
    Asked(usize),
    /// What it asked has taken effect.
    Served(usize),
}

/// A history as the clients of a real object would see it, now and then with a wrong answer.
fn random<S: Subject>(spec: &S, rng: &mut Rng) -> Vec<Entry<S::Call>> {
    let clients = usize::try_from(rng.between(2, 4)).unwrap_or(2);
    let count = usize::try_from(rng.between(3, 7)).unwrap_or(3);
    let values = match rng.below(2) {
        0 => Values::Unique,
        _ => Values::Few(rng.between(2, 4)),
    };
    let wrong = rng.below(3) * 8;
    let mut draws = Draws { rng, values, written: 0 };
    let mut states = vec![spec.initial(); 2];
    let mut history: Vec<Entry<S::Call>> = Vec::new();
    let mut doing = vec![Client::Idle; clients];
    let mut place = 0;
    while history.len() < count || doing.iter().any(|it| !matches!(it, Client::Idle)) {
        let client = usize::try_from(draws.rng.below(clients as u64)).unwrap_or(0);
        place += 1;
        doing[client] = match doing[client] {
            Client::Idle if history.len() == count => Client::Idle,
            Client::Idle => {
                let call = S::ask(&mut draws);
                history.push(Entry { call, invoked: place, returned: None });
                Client::Asked(history.len() - 1)
            }
            // Now and then a request is lost on the way.
            Client::Asked(at) if draws.rng.below(16) == 0 => {
                let call = history[at].call.clone();
                history[at].call = S::lose(call);
                Client::Idle
            }
            Client::Asked(at) => {
                let state = &mut states[usize::from(spec.part(&history[at].call) == Some(1))];
                let mut call = S::answer(state, history[at].call.clone());
                if let Some(next) = spec.step(state, &call).into_iter().next() {
                    *state = next;
                }
                if draws.rng.below(100) < wrong {
                    call = S::spoil(&mut draws, call);
                }
                history[at].call = call;
                Client::Served(at)
            }
            Client::Served(at) => {
                if draws.rng.below(5) == 0 {
                    history[at].call = S::lose(history[at].call.clone());
                } else {
                    history[at].returned = Some(place);
                }
                Client::Idle
            }
        };
    }
    history
}

/// What two algorithms disagree about.
fn compare<S: Subject>(
    spec: &S,
    history: &[Entry<S::Call>],
    number: u64,
    tally: &mut Tally,
) -> Option<String> {
    let failure = undisturbed(|| by_parts(spec, history));
    let expected = match failure {
        None => Answer::Linearizable,
        Some(at) => Answer::NotLinearizable { at },
    };
    tally.histories += 1;
    tally.invalid += u64::from(failure.is_some());
    let budget = Budget::default();
    let judged = search(spec, history, budget).answer;
    if judged != expected {
        return Some(format!("it is {expected:?}, and judged {judged:?}"));
    }
    // What follows sees one part: a history of several is taken as it is if it has one only.
    let first = spec.part(&history[0].call);
    if first.is_some() && history.iter().any(|entry| spec.part(&entry.call) != first) {
        return None;
    }
    for (way, found) in [
        ("in breadth", explore(spec, history, budget, Recorded::Yes)),
        ("in depth", search_in_depth(spec, history, budget, Recorded::Yes)),
    ] {
        if found.answer != expected {
            return Some(format!("{way}: it is {expected:?}, and judged {:?}", found.answer));
        }
        let wrong = || undisturbed(|| wrong_order(spec, history, &found.order));
        if let Some(wrong) = failure.is_none().then(wrong).flatten() {
            return Some(format!("{way}: {wrong}: {:?}", found.order));
        }
    }
    if let Some(decided) = spec.decide(history) {
        tally.fast += 1;
        if decided != expected {
            return Some(format!("without a search: it is {expected:?}, and judged {decided:?}"));
        }
        let order = spec.order(history).filter(|_| failure.is_none());
        if let Some(wrong) = order.and_then(|it| undisturbed(|| wrong_order(spec, history, &it))) {
            return Some(format!("without a search: {wrong}"));
        }
    }
    let rarely = number.is_multiple_of(8);
    online(spec, history, failure).or_else(|| {
        failure.filter(|_| rarely).and_then(|at| {
            let holds = minimal(spec, history, at, budget)?;
            undisturbed(|| not_minimal(spec, history, &holds, history[at].returned?))
        })
    })
}

/// The first failing return of all parts, where the history can be taken apart.
fn by_parts<S: Spec>(spec: &S, history: &[Entry<S::Call>]) -> Option<usize> {
    if history.iter().any(|entry| spec.part(&entry.call).is_none()) {
        return first_failure(spec, history);
    }
    let parts = history.iter().map(|entry| spec.part(&entry.call));
    let mut parts: Vec<_> = parts.collect();
    parts.sort_unstable();
    parts.dedup();
    let failures = parts.into_iter().filter_map(|part| {
        let index: Vec<usize> =
            (0..history.len()).filter(|at| spec.part(&history[*at].call) == part).collect();
        let entries: Vec<_> = index.iter().map(|at| history[*at].clone()).collect();
        first_failure(spec, &entries).map(|at| index[at])
    });
    failures.min_by_key(|at| history[*at].returned)
}

/// Whether the judge during the run says the same in the end, and nothing else before.
fn online<S: Subject>(
    spec: &S,
    history: &[Entry<S::Call>],
    failure: Option<usize>,
) -> Option<String> {
    let mut events: Vec<(u32, bool, usize)> = Vec::new();
    for (number, entry) in history.iter().enumerate() {
        events.push((entry.invoked, false, number));
        events.extend(entry.returned.map(|place| (place, true, number)));
    }
    events.sort_unstable();
    let mut judge = Online::new(spec, Budget::default());
    let mut handles = vec![None; history.len()];
    let mut numbers = Vec::new();
    let mut said = Answer::Linearizable;
    for (place, returns, number) in events {
        let call = &history[number].call;
        if !returns {
            handles[number] = Some(judge.invoke(Some(S::lose(call.clone()))));
            numbers.push(number);
            continue;
        }
        said = judge.answer(handles[number]?, call.clone());
        let after_failure = failure.is_some_and(|at| history[at].returned <= Some(place));
        if said != Answer::Linearizable && !after_failure {
            return Some(format!("during the run: {said:?} at {place}"));
        }
    }
    for (number, entry) in history.iter().enumerate() {
        if entry.returned.is_none() {
            said = judge.lose(handles[number]?);
        }
    }
    match (said, failure) {
        (Answer::Linearizable, None) => None,
        // With the answers that came later it failed earlier; or it was seen at once.
        (Answer::NotLinearizable { at }, Some(first))
            if history[*numbers.get(at)?].returned >= history[first].returned =>
        {
            None
        }
        _ => Some(format!("during the run: {said:?}, but {failure:?}")),
    }
}

/// Whether the held entries show the failure, and none of them can be spared.
fn not_minimal<S: Spec>(
    spec: &S,
    history: &[Entry<S::Call>],
    holds: &[Hold],
    end: u32,
) -> Option<String> {
    let begun = until(history, end);
    let freed = |holds: &[Hold]| -> Vec<Entry<S::Call>> {
        let mut entries = Vec::new();
        let of = history.iter().zip(holds).filter(|(entry, _)| entry.invoked <= end);
        for (entry, (_, hold)) in begun.iter().zip(of) {
            match hold {
                Hold::Free if spec.is_pure(&entry.call) => (),
                Hold::Free => entries.push(Entry { invoked: 0, returned: None, ..entry.clone() }),
                Hold::Begun => entries.push(Entry { returned: None, ..entry.clone() }),
                Hold::Whole => entries.push(entry.clone()),
            }
        }
        entries
    };
    if linearizable(spec, &freed(holds)) {
        return Some(format!("what is held does not show it: {holds:?}"));
    }
    for index in (0..history.len()).filter(|index| holds[*index] != Hold::Free) {
        let mut fewer = holds.to_vec();
        fewer[index] = Hold::Free;
        if !linearizable(spec, &freed(&fewer)) {
            return Some(format!("{index} can be spared: {holds:?}"));
        }
    }
    None
}
