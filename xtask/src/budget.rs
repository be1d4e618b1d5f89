//! `cargo xtask budget`: how long a learner waits, against how long one should.
//!
//! A crate of one node is made outside the workspace, as a learner's would be. It is built from
//! nothing, once. Then a line of a handler is changed, the crate is built and 200 worlds are run:
//! that is the loop in which people learn, and its median is measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::plan::seconds;
use crate::tree::Tree;

/// From nothing to a program that can be run.
const COLD_BUILD: Duration = Duration::from_secs(40);
/// From a saved file to the verdict of 200 worlds.
const EDIT_TO_VERDICT: Duration = Duration::from_millis(1_500);
/// How often the edit is measured.
const EDITS: usize = 5;

/// The learner's node: one that survives, so that all worlds are run.
const NODE: &str = "crates/splitbrain/examples/gossip.rs";
/// The handler whose first line is edited.
const EDITED: &str = "    fn on_request(";

/// Measures, prints, and compares; true if both are within budget.
pub(crate) fn run(tree: &Tree, _: &[String]) -> Result<bool> {
    let learner = Learner::new(tree)?;
    if let Some(load) = load() {
        println!("the machine's load is {load}: on a busy machine these figures say little");
    }
    println!("a learner's crate with {NODE}, built from nothing; then {EDITS} edits of a handler");
    let cold = timed(|| learner.build())?;
    println!("  cold build       {:>6} s", seconds(cold));
    learner.test()?;
    let mut edits = Vec::new();
    for number in 1..=EDITS {
        learner.edit(number)?;
        let mut build = Duration::ZERO;
        let whole = timed(|| {
            build = timed(|| learner.build())?;
            learner.test()
        })?;
        println!(
            "  edit {number} to verdict {:>5} ms, the build {} ms",
            millis(whole),
            millis(build)
        );
        edits.push(whole);
    }
    edits.sort();
    let edit = edits[EDITS / 2];
    println!("\n{:<28}{:>10}{:>10}", "", "measured", "budget");
    println!("{:<28}{:>8} s{:>8} s", "cold build", seconds(cold), seconds(COLD_BUILD));
    println!(
        "{:<28}{:>7} ms{:>7} ms",
        "edit to verdict, median",
        millis(edit),
        millis(EDIT_TO_VERDICT)
    );
    Ok(cold <= COLD_BUILD && edit <= EDIT_TO_VERDICT)
}

/// How many programs want to run at this moment, where the system tells.
fn load() -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next().map(str::to_owned)
}

fn timed(action: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let begun = Instant::now();
    action()?;
    Ok(begun.elapsed())
}

fn millis(time: Duration) -> u128 {
    time.as_millis()
}

/// A learner's crate, below `target`.
struct Learner {
    folder: PathBuf,
    node: String,
}

impl Learner {
    /// A fresh crate, with nothing built.
    fn new(tree: &Tree) -> Result<Self> {
        let folder = tree.root.join("target/budget");
        if folder.exists() {
            fs::remove_dir_all(&folder).context("clear target/budget")?;
        }
        fs::create_dir_all(folder.join("src")).context("make target/budget")?;
        let learner = Self { folder, node: tree.text(NODE)? };
        fs::write(learner.folder.join("Cargo.toml"), manifest(&tree.root))?;
        // The versions that the project is tested with.
        fs::copy(tree.root.join("Cargo.lock"), learner.folder.join("Cargo.lock"))?;
        fs::write(learner.main(), &learner.node)?;
        Ok(learner)
    }

    fn main(&self) -> PathBuf {
        self.folder.join("src/main.rs")
    }

    /// Changes a line of a handler.
    fn edit(&self, number: usize) -> Result<()> {
        fs::write(self.main(), edited(&self.node, number)?).context("write the learner's node")
    }

    fn build(&self) -> Result<()> {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet", "--target-dir", "target"]).current_dir(&self.folder);
        // What a learner's shell would not set.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CARGO_") && name != "CARGO_HOME" {
                cargo.env_remove(name);
            }
        }
        let status = cargo.status().context("start cargo")?;
        ensure!(status.success(), "the learner's crate does not build");
        Ok(())
    }

    /// Runs 200 worlds; all must be survived.
    fn test(&self) -> Result<()> {
        let status = Command::new(self.folder.join("target/debug/learner"))
            .args(["--seeds", "0..200"])
            .current_dir(&self.folder)
            .stdout(Stdio::null())
            .status()
            .context("start the learner's program")?;
        ensure!(status.success(), "the learner's node should survive, but: {status}");
        Ok(())
    }
}

/// What a learner's `Cargo.toml` says: a little optimisation costs less than the worlds it saves.
fn manifest(root: &Path) -> String {
    let path = root.join("crates/splitbrain");
    format!(
        "[package]\n\
         name = \"learner\"\n\
         version = \"0.0.0\"\n\
         edition = \"2024\"\n\
         \n\
         [workspace]\n\
         \n\
         [dependencies]\n\
         splitbrain = {{ path = {path:?} }}\n\
         \n\
         [profile.dev]\n\
         opt-level = 1\n\
         debug = \"line-tables-only\"\n"
    )
}

/// The node with a line more at the start of the handler.
fn edited(node: &str, number: usize) -> Result<String> {
    let handler = node.find(EDITED).context("the learner's node has no such handler")?;
    let body = handler + node[handler..].find("{\n").context("a handler has a body")? + 2;
    Ok(format!("{}        cx.note(\"edit {number}\");\n{}", &node[..body], &node[body..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_adds_a_line_to_the_handler() {
        let node = "x {\n    fn on_request(&mut self) {\n        a();\n    }\n}\n";
        let expected = "x {\n    fn on_request(&mut self) {\n        cx.note(\"edit 3\");\n        a();\n    }\n}\n";
        assert_eq!(edited(node, 3).unwrap(), expected);
        assert!(edited("", 1).is_err());
    }
}
