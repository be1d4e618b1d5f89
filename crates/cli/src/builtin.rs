//! The built-in nodes: the reference library, what is broken by design, and the planted bugs.

use std::io::{self, BufReader, BufWriter};
use std::path::Path;

use anyhow::{Result, bail};
use splitbrain_algorithms::Entry;
use splitbrain_check::Judge;
use splitbrain_core::Node;
use splitbrain_sim::{Hosted, Subject};

/// A built-in node.
pub(crate) struct Builtin {
    /// What is known of it without running it.
    pub(crate) entry: Entry,
    /// To be tested in the simulator.
    pub(crate) subject: Box<dyn Subject>,
}

/// Every built-in node: references first, then their mutants and variants.
pub(crate) fn all() -> Vec<Builtin> {
    fn make<N: Node<Api: Judge>>(name: &str) -> Box<dyn Subject> {
        let promises = splitbrain_algorithms::promises(name);
        Box::new(Hosted::<N>::new(name, splitbrain::judging()).promising(promises))
    }
    macro_rules! subjects {
        ($($name:literal => $node:ty;)*) => { [$(make::<$node>($name)),*] };
    }
    let references = splitbrain_algorithms::for_each_node!(subjects);
    let entries =
        [splitbrain_algorithms::CATALOG, splitbrain_mutants::VARIANTS, splitbrain_mutants::MUTANTS];
    let copies = splitbrain_mutants::variants().into_iter().chain(splitbrain_mutants::mutants());
    entries
        .into_iter()
        .flatten()
        .zip(references.into_iter().chain(copies))
        .map(|(entry, subject)| Builtin { entry: *entry, subject })
        .collect()
}

/// The built-in node of this name.
pub(crate) fn find(name: &str) -> Result<Builtin> {
    let mut all = all();
    if let Some(at) = all.iter().position(|builtin| builtin.entry.name == name) {
        return Ok(all.swap_remove(at));
    }
    let names = all.iter().map(|builtin| builtin.entry.name);
    match crate::nearest::nearest(name, names) {
        Some(near) => {
            bail!("no built-in node {name:?}; did you mean {near:?}? ('splitbrain list' names all)")
        }
        None => bail!("no built-in node {name:?} ('splitbrain list' names all)"),
    }
}

/// Runs a built-in node of the reference library as a program that speaks Maelstrom's protocol on
/// stdin and stdout.
pub(crate) fn serve(name: &str, disk: Option<&Path>) -> Result<()> {
    let input = || BufReader::with_capacity(1 << 16, io::stdin());
    let output = || BufWriter::with_capacity(1 << 16, io::stdout().lock());
    macro_rules! serve {
        ($($reference:literal => $node:ty;)*) => {
            match name {
                $($reference => {
                    Some(splitbrain_maelstrom::guest::run::<$node>(input(), output(), disk))
                })*
                _ => None,
            }
        };
    }
    match splitbrain_algorithms::for_each_node!(serve) {
        Some(ended) => Ok(ended?),
        None => {
            find(name)?;
            bail!("{name:?} is a copy with a change, and runs in the simulator only")
        }
    }
}
