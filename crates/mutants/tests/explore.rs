//! Every mutant for the explorer dies by a finding it declared, with a shortest way to it that can
//! be taken again; every correct node is explored to the end, and nothing is wrong.
//!
//! `--nocapture` shows the table.

#![expect(clippy::print_stdout, reason = "the table of the kills is for people")]

use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

use splitbrain_explore::{Bounds, Case, Control, Explored, Limits, Order, Replay};
use splitbrain_mutants::{EXPLORED, explored_mutants, explored_references};

fn explore(case: &dyn Case, bounds: &Bounds) -> Explored {
    let stop = AtomicBool::new(false);
    let control = Control { progress: &|_| (), stop: &stop, threads: 1 };
    case.explore(bounds, Limits::STANDARD, control).expect("the model is sound")
}

fn row(table: &mut String, case: &dyn Case, explored: &Explored) {
    let found = explored.counterexample.as_ref();
    let id = found.map_or("-", |found| &found.finding.id);
    let steps = found.map_or(0, |found| found.steps.len());
    let (unique, depth) = (explored.progress.unique, explored.progress.depth);
    _ = writeln!(table, "{:36} {unique:9} {depth:3} {steps:3}  {id}", case.name());
}

#[test]
fn every_explored_mutant_dies_by_a_declared_finding() {
    let mut table = String::new();
    let mut alive = Vec::new();
    for (entry, case) in EXPLORED.iter().zip(explored_mutants()) {
        assert_eq!(entry.name, case.name());
        let explored = explore(&*case, &case.bounds());
        row(&mut table, &*case, &explored);
        let Some(found) = explored.counterexample else {
            alive.push(entry.name);
            continue;
        };
        let id: &str = &found.finding.id;
        assert!(entry.breaks.contains(&id), "{} dies by {:?}", entry.name, found.finding);
        let again = case.replay(&case.bounds(), &found.steps).expect("the model is sound");
        assert_eq!(again, Replay::Fails(Box::new(found)), "{}", entry.name);
    }
    println!("{:36} {:>9} {:>3} {:>3}\n{table}", "", "states", "dep", "way");
    assert!(alive.is_empty(), "explored to the end, and alive: {alive:?}");
}

#[test]
fn every_correct_node_is_explored_to_the_end() {
    let mut table = String::new();
    for case in explored_references() {
        let explored = explore(&*case, &case.bounds());
        row(&mut table, &*case, &explored);
        assert_eq!(explored.counterexample, None, "{}", case.name());
        assert_eq!(explored.stopped, None, "{}", case.name());
    }
    println!("{table}");
}

#[test]
fn the_alternating_bit_needs_links_that_keep_the_order() {
    let case = explored_references().into_iter().find(|case| case.name() == "alternating-bit");
    let case = case.expect("it is there");
    let bounds = Bounds { order: Order::Any, ..case.bounds() };
    let found = explore(&*case, &bounds).counterexample.expect("an old bit looks fresh again");
    assert_eq!(found.finding.id, "ALWAYS-VIOLATED");
}
