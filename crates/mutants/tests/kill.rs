//! Every mutant dies within 200 worlds, by a finding it declared; every correct node lives in
//! many.
//!
//! The worlds are denser than the standard ones, their disks are slower, and in every other one the
//! power fails: most of these bugs need several things at once. `--nocapture` shows the table of
//! the kills; `SLOW=1` runs 10,000 worlds of each kind for each correct node.

#![expect(clippy::print_stdout, reason = "the table of the kills is for people")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use splitbrain_algorithms::{CATALOG, for_each_node};
use splitbrain_mutants::{Entry, Kind, MUTANTS, VARIANTS, mutants, subject, variants};
use splitbrain_sim::{Config, Detail, Recipe, Subject, run, shrink};

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

/// How a world is drawn from its seed.
type Draw = fn(&dyn Subject, u64) -> Recipe;

/// A world as the command line would draw it.
fn standard(subject: &dyn Subject, seed: u64) -> Recipe {
    Recipe::draw(subject.name(), subject.workload(), Config::standard(), seed)
}

/// A world whose parameters are drawn too.
fn swarm(subject: &dyn Subject, seed: u64) -> Recipe {
    Recipe::draw(subject.name(), subject.workload(), Config::standard().swarm(seed), seed)
}

/// A world in which much happens at once.
fn dense(subject: &dyn Subject, seed: u64) -> Recipe {
    Recipe::draw(subject.name(), subject.workload(), Config::dense(), seed)
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
        let kill = (0..KILL_WITHIN).find_map(|seed| {
            let found = findings(&**subject, &dense(&**subject, seed));
            let id = found.iter().find(|id| entry.breaks.contains(&id.as_str()))?;
            Some((seed + 1, id.clone()))
        });
        match kill {
            Some((worlds, id)) => _ = writeln!(table, "{:32} {worlds:4}  {id}", entry.name),
            None => alive.push(entry.name),
        }
    }
    println!("{:32} worlds to the kill, and by what\n{table}", "");
    assert!(alive.is_empty(), "still alive after {KILL_WITHIN} worlds: {alive:?}");
}

#[test]
fn every_correct_node_lives() {
    let worlds = if std::env::var_os("SLOW").is_some() { 10_000 } else { 40 };
    let kinds: [(&str, Draw); 3] = [("standard", standard), ("swarm", swarm), ("dense", dense)];
    let mut dead = Vec::new();
    for (entry, subject) in everyone().iter().filter(|(entry, _)| entry.breaks.is_empty()) {
        for seed in 0..worlds {
            for (kind, draw) in kinds {
                let found = findings(&**subject, &draw(&**subject, seed));
                if !found.is_empty() {
                    dead.push(format!("{} in {kind} world {seed}: {found:?}", entry.name));
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
#[test]
fn every_mutants_smallest_recipe_is_minimal() {
    let mut table = String::new();
    for (entry, subject) in MUTANTS.iter().zip(mutants()) {
        let subject = &*subject;
        let has = |recipe: &Recipe, id: &str| findings(subject, recipe).contains(id);
        let killed = (0..KILL_WITHIN).map(|seed| dense(subject, seed)).find_map(|recipe| {
            let found = findings(subject, &recipe);
            let id = *entry.breaks.iter().find(|id| found.contains(**id))?;
            Some((recipe, id))
        });
        let (recipe, id) = killed.expect("every mutant dies");
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
