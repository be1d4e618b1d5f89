//! Every mutant dies within 200 worlds, by a finding it declared; every correct node lives in
//! many.
//!
//! The worlds are those that `splitbrain sim` runs if nothing else is asked for. `--nocapture`
//! shows the table of the kills; `SLOW=1` runs 10,000 worlds of each kind for each correct node.

#![expect(clippy::print_stdout, reason = "the table of the kills is for people")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use splitbrain_algorithms::{CATALOG, for_each_node};
use splitbrain_mutants::{Entry, Kind, MUTANTS, VARIANTS, mutants, subject, variants};
use splitbrain_sim::{Config, Detail, Recipe, Subject, Variety, alike, run, shrink};

/// A node that is wrong must show it within so many worlds.
const KILL_WITHIN: u64 = 200;

macro_rules! subjects {
    ($($name:literal => $node:ty;)*) => { vec![$(subject::<$node>($name)),*] };
}

/// Every built-in node with what is known of it.
fn everyone() -> Vec<(&'static Entry, Box<dyn Subject>)> {
    let mut all = Vec::new();
    all.extend(CATALOG.iter().zip(for_each_node!(subjects)));
    all.extend(MUTANTS.iter().zip(mutants()));
    all.extend(VARIANTS.iter().zip(variants()));
    for (entry, subject) in &all {
        assert_eq!(entry.name, subject.name());
        let right = matches!(entry.kind, Kind::Reference | Kind::Variant);
        assert_eq!(entry.breaks.is_empty(), right, "{}", entry.name);
    }
    all
}

/// A world as the command line would draw it.
fn world(subject: &dyn Subject, variety: Variety, seed: u64) -> Recipe {
    let config = variety.settings(Config::standard(), seed);
    Recipe::draw(subject.name(), subject.workload(), config, seed)
}

/// The first world that shows `entry` to be wrong by a finding that it declares.
fn kill(entry: &Entry, subject: &dyn Subject) -> Option<(Recipe, &'static str)> {
    (0..KILL_WITHIN).map(|seed| world(subject, Variety::Temper, seed)).find_map(|recipe| {
        let found = findings(subject, &recipe);
        let id = *entry.breaks.iter().find(|id| found.contains(**id))?;
        Some((recipe, id))
    })
}

/// The ids of what is found wrong with a world.
fn findings(subject: &dyn Subject, recipe: &Recipe) -> BTreeSet<String> {
    let verdict = run(subject, recipe, Detail::Verdict).expect("the recipe is sound").verdict;
    verdict.findings.into_iter().map(|finding| finding.id.into_owned()).collect()
}

#[test]
fn every_wrong_node_dies_by_a_declared_finding() {
    let mut table = String::new();
    let mut alive = Vec::new();
    for (entry, subject) in everyone().iter().filter(|(entry, _)| !entry.breaks.is_empty()) {
        match kill(entry, &**subject) {
            Some((recipe, id)) => _ = writeln!(table, "{:32} {:4}  {id}", entry.name, recipe.seed),
            None => alive.push(entry.name),
        }
    }
    println!("{:32} the world that kills it, and by what\n{table}", "");
    assert!(alive.is_empty(), "still alive after {KILL_WITHIN} worlds: {alive:?}");
}

#[test]
fn every_correct_node_lives() {
    let worlds = if std::env::var_os("SLOW").is_some() { 10_000 } else { 40 };
    let mut dead = Vec::new();
    for (entry, subject) in everyone().iter().filter(|(entry, _)| entry.breaks.is_empty()) {
        for seed in 0..worlds {
            for variety in [Variety::Temper, Variety::Swarm] {
                let found = findings(&**subject, &world(&**subject, variety, seed));
                if !found.is_empty() {
                    dead.push(format!("{} in {variety:?} world {seed}: {found:?}", entry.name));
                }
            }
        }
    }
    assert!(dead.is_empty(), "{} worlds: {:#?}", dead.len(), &dead[..dead.len().min(20)]);
}

#[test]
fn every_reference_has_five_mutants() {
    for entry in CATALOG.iter().filter(|entry| entry.kind == Kind::Reference) {
        let mine = |mutant: &&Entry| mutant.name.split('/').next() == Some(entry.name);
        let count = MUTANTS.iter().filter(mine).count();
        assert!(count >= 5, "{} has {count} mutants", entry.name);
    }
}

/// Shrinking leaves nothing that could still be taken away: no operation, no fault, no node.
///
/// Raft's worlds are long, and a recipe of one is run thousands of times: its mutants are shrunk
/// with `SLOW=1` only.
#[test]
fn every_mutants_smallest_recipe_is_minimal() {
    let slow = std::env::var_os("SLOW").is_some();
    let mut table = String::new();
    for (entry, subject) in MUTANTS.iter().zip(mutants()) {
        if !slow && entry.name.starts_with("raft/") {
            continue;
        }
        let subject = &*subject;
        let has =
            |recipe: &Recipe, id: &str| findings(subject, recipe).iter().any(|it| alike(it, id));
        let (recipe, id) = kill(entry, subject).expect("every mutant dies");
        let shrunk = shrink(subject, &recipe, id, 20_000).expect("it has the finding");
        assert!(shrunk.minimal, "{}: {} runs were not enough", entry.name, shrunk.runs);
        let small = shrunk.recipe;
        for at in 0..small.operations.len() {
            let mut smaller = small.clone();
            smaller.operations.remove(at);
            assert!(!has(&smaller, id), "{}: operation {at} is not needed", entry.name);
        }
        for at in 0..small.faults.len() {
            let mut smaller = small.clone();
            smaller.faults.remove(at);
            assert!(!has(&smaller, id), "{}: fault {at} is not needed", entry.name);
        }
        _ = writeln!(
            table,
            "{:32} {:3} operations {:2} faults {} nodes, {} runs",
            entry.name,
            small.operations.len(),
            small.faults.len(),
            small.config.nodes,
            shrunk.runs
        );
    }
    println!("the smallest failing recipes\n{table}");
}
