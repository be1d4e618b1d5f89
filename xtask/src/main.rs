//! The project's own chores, one file each: `cargo xtask ci`, `tidy`,
//! `concordance`, `bench`, `budget`.
//!
//! A chore prints its plan, then what it does and how long each step took. Exit status: 0 all is
//! well, 1 the chore found something wrong, 3 it could not run.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to a terminal")]
#![expect(clippy::disallowed_methods, reason = "chores start programs and measure their time")]

mod bench;
mod budget;
mod ci;
mod concordance;
mod plan;
mod readme;
mod tidy;
mod tree;

use std::env;
use std::process::ExitCode;

use anyhow::Result;
use tree::Tree;

/// Something this program can do for the project.
struct Chore {
    name: &'static str,
    about: &'static str,
    options: &'static [(&'static str, &'static str)],
    /// Whether all was well.
    run: fn(&Tree, &[String]) -> Result<bool>,
}

const CHORES: [Chore; 5] = [
    Chore {
        name: "ci",
        about: "everything that must hold before a commit reaches main",
        options: &[("--quick", "format, lints, tests and tidy only")],
        run: ci::run,
    },
    Chore {
        name: "tidy",
        about: "the house rules that no compiler checks",
        options: &[],
        run: tidy::run,
    },
    Chore {
        name: "concordance",
        about: "from a paper's section to our lines, their tests and their mutants",
        options: &[],
        run: concordance::run,
    },
    Chore {
        name: "bench",
        about: "every benchmark of the project, in one table",
        options: &[
            ("--peers", "time our peers in the same run, and print ratios"),
            (
                "--porcupine=FOLDER",
                "judge the histories of this checkout of Porcupine; as a peer, too",
            ),
            ("--knossos=FOLDER", "judge the histories of this checkout of Knossos"),
            ("--quick", "a tenth of the work: is anything broken?"),
        ],
        run: bench::run,
    },
    Chore {
        name: "budget",
        about: "a learner's cold build and edit-to-verdict, against their budgets",
        options: &[],
        run: budget::run,
    },
];

const COULD_NOT_RUN: u8 = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some((name, options)) = arguments.split_first() else {
        print!("{}", help());
        return ExitCode::SUCCESS;
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print!("{}", help());
        return ExitCode::SUCCESS;
    }
    let Some(chore) = CHORES.iter().find(|chore| chore.name == name) else {
        let names = CHORES.map(|chore| chore.name);
        eprintln!("xtask: there is no chore `{name}`; did you mean `{}`?", nearest(name, &names));
        return ExitCode::from(COULD_NOT_RUN);
    };
    if let Some(complaint) = wrong_option(chore, options) {
        eprintln!("xtask: {complaint}");
        return ExitCode::from(COULD_NOT_RUN);
    }
    match Tree::find().and_then(|tree| (chore.run)(&tree, options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {name} could not run: {error:#}");
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

fn help() -> String {
    let mut text = String::from("The project's chores.\n\nUsage: cargo xtask CHORE [OPTIONS]\n\n");
    for chore in &CHORES {
        text += &format!("  {:<12}{}\n", chore.name, chore.about);
        for (option, about) in chore.options {
            text += &format!("    {option:<10}{about}\n");
        }
    }
    text + "\nExample: cargo xtask ci\n"
}

fn wrong_option(chore: &Chore, options: &[String]) -> Option<String> {
    let known: Vec<&str> = chore.options.iter().map(|(option, _)| *option).collect();
    // What stands behind `=` is the caller's.
    let name = |option: &str| option.split_inclusive('=').next().unwrap_or("").to_owned();
    let is_known = |option: &&String| known.iter().any(|known| name(known) == name(option));
    let wrong = options.iter().find(|option| !is_known(option))?;
    let advice = if known.is_empty() {
        "it takes none".to_owned()
    } else {
        format!("did you mean `{}`?", nearest(wrong, &known))
    };
    Some(format!("{} has no option `{wrong}`; {advice}", chore.name))
}

/// The candidate that takes the fewest edits to reach from `word`; the first of equals.
///
/// # Panics
/// If there is no candidate.
fn nearest<'a>(word: &str, candidates: &[&'a str]) -> &'a str {
    candidates
        .iter()
        .min_by_key(|candidate| edits(word, candidate))
        .expect("there is always something to suggest")
}

/// How many letters must be put in, taken out or replaced to make `left` into `right`.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        let check = |left, right, expected| assert_eq!(edits(left, right), expected);
        check("", "", 0);
        check("", "tidy", 4);
        check("tidy", "", 4);
        check("tdiy", "tidy", 2);
        check("bensh", "bench", 1);
    }

    #[test]
    fn suggests_the_nearest_chore_and_option() {
        assert_eq!(nearest("tdiy", &CHORES.map(|chore| chore.name)), "tidy");
        let wrong = |chore: usize, option: &str| wrong_option(&CHORES[chore], &[option.to_owned()]);
        assert_eq!(wrong(0, "--quick"), None);
        assert!(wrong(0, "--quik").is_some_and(|text| text.contains("did you mean `--quick`?")));
        assert!(wrong(1, "--fast").is_some_and(|text| text.contains("it takes none")));
    }

    #[test]
    fn help_names_every_chore() {
        for chore in &CHORES {
            assert!(help().contains(chore.name), "{} is not in the help", chore.name);
        }
    }
}
