//! The explorer against a naive search that was written apart from it: on hundreds of small nodes
//! that do anything, and with everything that may go wrong, they must agree on the number of
//! states, on their depth, on what is wrong, and on how soon.

#![expect(clippy::unwrap_used, reason = "all of this is a test")]

mod naive;
mod random_node;

use std::sync::atomic::{AtomicBool, Ordering};

use naive::Naive;
use random_node::{Random, SEED, Small};
use splitbrain_core::{Finding, History, Key, NodeId, Verdict, ms};
use splitbrain_explore::{
    Asking, Bounds, Budget, Clocks, Control, Cuts, Limits, Model, Order, Property, Replay, Timers,
    View, explore, replay,
};

/// Something to judge: an operation must not be answered with less than one that preceded it.
fn judge(history: &History<Small>) -> Verdict {
    let mut verdict = Verdict::default();
    for one in &history.operations {
        for other in &history.operations {
            if one.precedes(other)
                && let (Some(first), Some(second)) = (one.response(), other.response())
                && first > second
            {
                verdict.findings.push(Finding::new("ALWAYS-VIOLATED", "answers went back"));
            }
        }
    }
    verdict
}

/// The same, from the definition.
fn unfair(answers: &[Vec<Option<u8>>], precedes: &naive::Precedes) -> bool {
    precedes.iter().any(|((one, first), (other, second))| {
        let (first, second) = (answers[*one][*first], answers[*other][*second]);
        first.is_some() && second.is_some() && first > second
    })
}

fn bounds(seed: u64) -> Bounds {
    let mut rng = Key::new(seed).derive(1).rng();
    let mut few = |odds: u64, most: u64| {
        let count = if rng.below(odds) == 0 { rng.between(1, most) } else { 0 };
        Budget(u8::try_from(count).unwrap())
    };
    let (expiries, losses, duplicates) = (few(2, 2), few(4, 2), few(4, 1));
    let (crashes, partitions, impatience, lies) = (few(3, 1), few(5, 1), few(4, 1), few(4, 2));
    Bounds {
        order: if rng.below(3) == 0 { Order::Fifo } else { Order::Any },
        alike: if seed.is_multiple_of(4) { Budget(1) } else { Budget::UNLIMITED },
        asking: if rng.below(3) == 0 { Asking::ByMessage } else { Asking::AtOnce },
        timers: if rng.below(2) == 0 { Timers::Ordered } else { Timers::Any },
        clocks: seed.is_multiple_of(3).then_some(Clocks { tick: ms(10), ticks: 2, skew: 1 }),
        torn: rng.below(2) == 0,
        cuts: *rng.pick(&[Cuts::Isolate, Cuts::Groups, Cuts::OneWay]),
        liars: vec![NodeId(0)],
        // Sometimes without end, where that ends by itself.
        expiries: if expiries == Budget(2) { Budget::UNLIMITED } else { expiries },
        losses,
        duplicates,
        crashes,
        partitions,
        impatience,
        lies,
    }
}

fn model(seed: u64, demanding: bool) -> Model<Random> {
    let mut rng = Key::new(seed).derive(2).rng();
    let nodes = u16::try_from(rng.between(1, 3)).unwrap();
    let clients = rng.below(3);
    let script = |rng: &mut splitbrain_core::Rng| {
        let node = NodeId(u16::try_from(rng.below(u64::from(nodes))).unwrap());
        vec![
            (node, u8::try_from(rng.below(2)).unwrap());
            usize::try_from(rng.between(1, 2)).unwrap()
        ]
    };
    let clients = (0..clients).map(|_| script(&mut rng)).collect();
    let mut properties = vec![Property::reachable("a two", |view: &View<'_, Random>| {
        view.nodes.iter().flatten().any(|node| node.value == 2)
    })];
    if demanding {
        match rng.below(4) {
            0 => properties.push(Property::node("no two", |id, node: &Random, _| {
                node.value != 2 || id == NodeId(0)
            })),
            1 => properties.push(Property::pair("two are not both one", |one, other: &Random| {
                one.value + other.value < 3
            })),
            2 => properties.push(Property::world("few messages", |view| view.messages.len() < 4)),
            _ => {}
        }
    }
    let forge: fn(&u8) -> Vec<u8> = |message| vec![1 - message];
    Model {
        clients,
        bounds: bounds(seed),
        forge: Some(forge),
        judge: demanding.then_some(judge as fn(&History<Small>) -> Verdict),
        properties,
        ..Model::new(nodes)
    }
}

/// What was compared: how many models, how many of them wrong, and how many states.
#[derive(Default, Debug)]
struct Compared {
    models: u64,
    wrong: u64,
    states: u64,
}

/// Compares the searches of one seed, if that is small enough.
fn agree(seed: u64, threads: usize, compared: &mut Compared) {
    SEED.store(seed, Ordering::Relaxed);
    let stop = AtomicBool::new(false);
    let control = Control { progress: &|_| (), stop: &stop, threads };
    for demanding in [false, true] {
        let plain = model(seed, demanding);
        let unfair = demanding.then_some(unfair as naive::Unfair<Random>);
        let Some(expected) = Naive { model: &plain, unfair, at_most: 2_500 }.search() else {
            return;
        };
        let explored = explore(model(seed, demanding), Limits::STANDARD, control).unwrap();
        let context = format!("seed {seed}, {plain:?}: {expected:?}");
        if let Some(found) = &explored.counterexample {
            // What was found can be had again, step by step.
            let again = replay(model(seed, demanding), &found.steps).unwrap();
            assert_eq!(again, Replay::Fails(Box::new(found.clone())), "{context}");
        }
        let wrong = explored.counterexample.map(|found| {
            let begins = found.steps.first().is_some_and(|step| step.starts_with("begin"));
            found.steps.len() - usize::from(begins)
        });
        assert_eq!(wrong, expected.wrong, "{context}");
        compared.models += 1;
        compared.wrong += u64::from(wrong.is_some());
        if wrong.is_none() {
            let progress = explored.progress;
            compared.states += progress.unique;
            assert_eq!(progress.unique, expected.unique, "{context}");
            assert_eq!(progress.depth, expected.depth, "{context}");
            let goals: Vec<_> = explored.goals.iter().map(|(_, steps)| *steps).collect();
            assert_eq!(goals, expected.goals, "{context}");
        }
    }
}

#[test]
fn the_explorer_and_a_naive_search_agree_on_hundreds_of_nodes() {
    let mut compared = Compared::default();
    for seed in 0..400 {
        agree(seed, 1 + usize::from(seed % 5 == 0), &mut compared);
    }
    let Compared { models, wrong, states } = compared;
    assert!(models > 400 && wrong > 90 && states > 50_000, "too little to compare: {compared:?}");
}
