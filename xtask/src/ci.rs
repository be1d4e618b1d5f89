//! `cargo xtask ci`: everything that must hold before a commit reaches main.

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::plan::{self, Action, Step};
use crate::tree::Tree;
use crate::{concordance, readme, tidy};

/// Runs every step; true if all passed.
pub(crate) fn run(tree: &Tree, options: &[String]) -> Result<bool> {
    let mut steps = vec![
        Step {
            name: "format",
            action: Action::Run(tree.cargo(&["fmt", "--all", "--", "--check"])),
            remedy: "Run `cargo fmt --all`.",
        },
        Step {
            name: "lints",
            action: Action::Run(tree.cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ])),
            remedy: "Mend what clippy names, or `#[expect(lint, reason = \"...\")]` it.",
        },
        Step {
            name: "tidy",
            action: Action::Call(Box::new(|| tidy::run(tree, &[]))),
            remedy: "Each complaint names its file and line; the rules are in STYLE.md.",
        },
        Step {
            name: "concordance",
            action: Action::Call(Box::new(|| concordance::run(tree, &[]))),
            remedy: "Write the test that it misses, named after the section.",
        },
        Step {
            name: "tests",
            action: Action::Run(tests(tree)),
            remedy: "A failing test that draws a seed prints it: run that test alone first.",
        },
    ];
    if !options.iter().any(|option| option == "--quick") {
        steps.extend(slow_steps(tree));
    }
    plan::follow("ci", steps)
}

fn slow_steps(tree: &Tree) -> Vec<Step<'_>> {
    let mut documents = tree.cargo(&["doc", "--workspace", "--no-deps"]);
    documents.env("RUSTDOCFLAGS", "-D warnings");
    vec![
        Step {
            name: "doc tests",
            action: Action::Run(tree.cargo(&["test", "--workspace", "--doc"])),
            remedy: "An example in the documentation no longer does what it says.",
        },
        Step {
            name: "documents",
            action: Action::Run(documents),
            remedy: "A link in the documentation leads nowhere, or its markup is wrong.",
        },
        Step {
            name: "readme",
            action: Action::Call(Box::new(|| readme::check(tree))),
            remedy: "Make README.md show what the program prints, or mend the program.",
        },
    ]
}

/// The test runner: nextest where it is installed, because it runs all tests side by side.
fn tests(tree: &Tree) -> Command {
    let mut probe = tree.cargo(&["nextest", "--version"]);
    let found = probe.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        tree.cargo(&["nextest", "run", "--workspace"])
    } else {
        tree.cargo(&["test", "--workspace", "--lib", "--bins", "--tests", "--examples"])
    }
}
