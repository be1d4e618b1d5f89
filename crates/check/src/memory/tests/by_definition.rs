//! Every weak model by its definition: try every set of open writes that may have happened, every
//! write that a read may have found, and every order.

use splitbrain_core::{End, Rng, Validity};

use super::super::{Access, Model, judge};
use super::random::{Shape, history};
use crate::Budget;
use crate::spec::RegisterCall;

/// One possible account of what happened: whose write each operation found.
struct World<'a> {
    accesses: &'a [Access],
    /// What happened, as a set.
    happened: u32,
    /// By operation: its session.
    session: Vec<usize>,
    /// By operation: whose write it found; `None` in `Some` for the initial state.
    found: Vec<Option<Option<usize>>>,
}

/// The models that are defined here.
const MODELS: [Model; 9] = [
    Model::Sequential,
    Model::CausalMemory,
    Model::CausalConvergence,
    Model::Causal,
    Model::Pram,
    Model::WritesFollowReads,
    Model::MonotonicWrites,
    Model::MonotonicReads,
    Model::ReadYourWrites,
];

fn holds(accesses: &[Access], model: Model) -> bool {
    let is = |at: &usize, end: End| accesses[*at].end == end;
    let all = 0..accesses.len();
    let sure = all.clone().filter(|at| is(at, End::Ok)).fold(0, |set, at| set | 1 << at);
    let open = all.filter(|at| is(at, End::Unknown) && accesses[*at].call.written().is_some());
    let open: u32 = open.fold(0, |set, at| set | 1 << at);
    // Every subset of the open writes, the empty one last.
    let mut subset = open;
    loop {
        if attributed(accesses, sure | subset, 0, &mut Vec::new(), model) {
            return true;
        }
        if subset == 0 {
            return false;
        }
        subset = (subset - 1) & open;
    }
}

/// Whether some choice of writers for the operations from `found.len()` on satisfies the model.
fn attributed(
    accesses: &[Access],
    happened: u32,
    at: usize,
    found: &mut Vec<Option<Option<usize>>>,
    model: Model,
) -> bool {
    if at == accesses.len() {
        let (session, found) = (sessions(accesses), found.clone());
        return World { accesses, happened, session, found }.satisfies(model);
    }
    let access = &accesses[at];
    let choices: Vec<Option<Option<usize>>> = match access.call.observed() {
        _ if happened >> at & 1 == 0 => vec![None],
        None => vec![None],
        Some(None) => vec![Some(None)],
        Some(Some(value)) => (0..accesses.len())
            .filter(|other| *other != at && happened >> other & 1 == 1)
            .filter(|other| accesses[*other].key == access.key)
            .filter(|other| accesses[*other].call.written() == Some(value))
            .map(|other| Some(Some(other)))
            .collect(),
    };
    choices.into_iter().any(|choice| {
        found.push(choice);
        let holds = attributed(accesses, happened, at + 1, found, model);
        found.pop();
        holds
    })
}

/// A process begins a new session after an operation of unknown outcome.
fn sessions(accesses: &[Access]) -> Vec<usize> {
    (0..accesses.len())
        .map(|at| {
            let earlier = accesses[..at].iter().filter(|a| a.process == accesses[at].process);
            let lost = earlier.filter(|access| access.end == End::Unknown).count();
            accesses[at].process.0 as usize * 100 + lost
        })
        .collect()
}

impl World<'_> {
    fn satisfies(&self, model: Model) -> bool {
        match model {
            Model::Sequential => {
                let before = self.program_order();
                self.some_order(self.happened, &before, &|placed, at| self.is_legal(placed, at))
            }
            Model::Causal => self.causal_order().is_some_and(|before| {
                self.all().all(|at| {
                    let past = before[at] | 1 << at;
                    self.some_order(past, &before, &|placed, next| {
                        next != at || self.is_refusal(at) || self.is_legal(placed, at)
                    })
                })
            }),
            Model::CausalConvergence => self.causal_order().is_some_and(|before| {
                self.some_order(self.happened, &before, &|placed, at| {
                    let past = |other: &usize| before[at] >> other & 1 == 1;
                    let known: Vec<usize> = placed.iter().copied().filter(past).collect();
                    self.is_refusal(at) || self.is_legal(&known, at)
                })
            }),
            Model::CausalMemory => {
                self.causal_order().is_some_and(|before| self.each_session_has_an_order(&before))
            }
            Model::Pram => self.each_session_has_an_order(&self.program_order()),
            _ => self.all().all(|at| {
                let own: Vec<usize> =
                    self.all().filter(|other| self.session[*other] == self.session[at]).collect();
                let keys: Vec<u64> = own.iter().map(|at| self.accesses[*at].key).collect();
                keys.iter().all(|key| self.has_version_order(model, &own, *key))
            }),
        }
    }

    fn all(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.accesses.len()).filter(|at| self.happened >> at & 1 == 1)
    }

    /// By operation: the set of those that its session did before.
    fn program_order(&self) -> Vec<u32> {
        let earlier = |at: usize| {
            self.all().filter(move |other| *other < at && self.session[*other] == self.session[at])
        };
        (0..self.accesses.len())
            .map(|at| earlier(at).fold(0, |set, other| set | 1 << other))
            .collect()
    }

    /// By operation: the set of those that are causally before it; none if some are before
    /// themselves.
    fn causal_order(&self) -> Option<Vec<u32>> {
        let mut before = self.program_order();
        for (at, found) in self.found.iter().enumerate() {
            if let Some(Some(writer)) = found {
                before[at] |= 1 << writer;
            }
        }
        for _ in 0..before.len() {
            for at in 0..before.len() {
                let known = (0..before.len()).filter(|other| before[at] >> other & 1 == 1);
                before[at] = known.fold(before[at], |set, other| set | before[other]);
            }
        }
        let acyclic = before.iter().enumerate().all(|(at, set)| set >> at & 1 == 0);
        acyclic.then_some(before)
    }

    /// The causal models take no notice of refused compare-and-sets.
    fn is_refusal(&self, at: usize) -> bool {
        matches!(self.accesses[at].call, RegisterCall::Differs(_) | RegisterCall::Refused(_))
    }

    /// Whether the operation finds the last write of its key among those placed.
    fn is_legal(&self, placed: &[usize], at: usize) -> bool {
        let key = self.accesses[at].key;
        let writes = |other: &&usize| {
            self.accesses[**other].key == key && self.accesses[**other].call.written().is_some()
        };
        let last = placed.iter().rev().find(writes).copied();
        let holds = last.and_then(|write| self.accesses[write].call.written());
        match self.accesses[at].call {
            RegisterCall::Differs(value) => return holds.is_some_and(|holds| holds != value),
            RegisterCall::Refused(value) => return holds != Some(value),
            _ => (),
        }
        self.found[at].is_none_or(|found| found == last)
    }

    /// Whether the set can be put in an order that respects `before` and in which each fits.
    fn some_order(&self, set: u32, before: &[u32], fits: &dyn Fn(&[usize], usize) -> bool) -> bool {
        fn place(
            left: u32,
            before: &[u32],
            placed: &mut Vec<usize>,
            fits: &dyn Fn(&[usize], usize) -> bool,
        ) -> bool {
            left == 0
                || (0..before.len()).any(|at| {
                    if left >> at & 1 == 0 || before[at] & left != 0 || !fits(placed, at) {
                        return false;
                    }
                    placed.push(at);
                    let done = place(left & !(1 << at), before, placed, fits);
                    placed.pop();
                    done
                })
        }
        place(set, before, &mut Vec::new(), fits)
    }

    /// An order of all writes and of the session's own operations, for each session.
    fn each_session_has_an_order(&self, before: &[u32]) -> bool {
        self.all().all(|one| {
            let own = |at: usize| self.session[at] == self.session[one];
            let seen = |at: &usize| own(*at) || self.accesses[*at].call.written().is_some();
            let set = self.all().filter(seen).fold(0, |set, at| set | 1 << at);
            self.some_order(set, before, &|placed, at| {
                self.is_refusal(at) || !own(at) || self.is_legal(placed, at)
            })
        })
    }

    /// Whether the writes of the key have an order that keeps each writer's, and in which none of
    /// the session's reads of the key misses what the guarantee says it must not.
    fn has_version_order(&self, model: Model, own: &[usize], key: u64) -> bool {
        let writes = self.all().filter(|at| {
            self.accesses[*at].key == key && self.accesses[*at].call.written().is_some()
        });
        let set = writes.fold(0, |set, at| set | 1 << at);
        // What a read found comes after all that it must not miss.
        let mut before = self.program_order();
        for (place, &read) in own.iter().enumerate() {
            let Some(found) = self.found[read].filter(|_| self.accesses[read].key == key) else {
                continue;
            };
            let owed = self.owed(model, &own[..place], read) & set;
            match found {
                None if owed != 0 => return false,
                None => (),
                Some(write) => before[write] |= owed & !(1 << write),
            }
        }
        self.some_order(set, &before, &|_, _| true)
    }

    /// The writes that the read must not miss.
    fn owed(&self, model: Model, earlier: &[usize], read: usize) -> u32 {
        let is_write = |at: usize| self.accesses[at].call.written().is_some();
        let before = self.program_order();
        let found = |at: &usize| self.found[*at].flatten();
        let learned = earlier.iter().chain([&read]).filter_map(found);
        let owed: Vec<usize> = match model {
            Model::ReadYourWrites => earlier.to_vec(),
            Model::MonotonicReads => earlier.iter().filter_map(found).collect(),
            Model::MonotonicWrites => learned
                .flat_map(|write| self.all().filter(move |at| *at != write).zip([write].repeat(99)))
                .filter(|(at, write)| before[*write] >> at & 1 == 1)
                .map(|(at, _)| at)
                .collect(),
            _ => learned
                .flat_map(|write| self.all().zip([write].repeat(99)))
                .filter(|(at, write)| at == write || before[*write] >> at & 1 == 1)
                .filter_map(|(at, _)| found(&at))
                .collect(),
        };
        owed.into_iter().filter(|at| is_write(*at)).fold(0, |set, at| set | 1 << at)
    }
}

/// The first of `count` random histories of which a judge says otherwise than the definition.
pub(crate) fn disagreement(count: u32) -> Option<String> {
    let mut rng = Rng::new(20_261_124);
    let mut valid = [0_u32; MODELS.len()];
    for number in 0..count {
        let operations = usize::try_from(rng.between(3, 7)).unwrap();
        let shape = Shape { sessions: 2 + number % 2, operations, keys: 1 + u64::from(number % 2) };
        let history = history(&mut rng, shape);
        if !history.iter().any(|access| access.end == End::Ok) {
            continue;
        }
        for (model, valid) in MODELS.iter().zip(&mut valid) {
            let expected = holds(&history, *model);
            *valid += u32::from(expected);
            let verdict = judge(&history, *model, Budget::default());
            let right = match verdict.validity() {
                Validity::Valid => expected,
                Validity::Invalid => !expected,
                Validity::Unknown => *model != Model::Sequential && repeats(&history),
            };
            if !right {
                let said = verdict.validity();
                return Some(format!("history {number}: {model:?} is {said}: {history:#?}"));
            }
        }
    }
    let shares = valid.map(|valid| valid * 100 / count);
    assert!(shares.iter().all(|share| (10..97).contains(share)), "valid: {shares:?} %");
    None
}

/// Whether a value is written twice.
fn repeats(history: &[Access]) -> bool {
    let written: Vec<(u64, Option<u64>)> =
        history.iter().map(|access| (access.key, access.call.written())).collect();
    let twice = |at: usize| written[at].1.is_some() && written[..at].contains(&written[at]);
    (0..written.len()).any(twice)
}
