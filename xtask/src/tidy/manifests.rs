//! Checks of manifests: who may depend on whom, on what, and why.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Complaint;
use super::manifest::{Entry, entries};
use crate::tree::Tree;

/// The arrows of ARCHITECTURE.md: a crate, and what it may depend on of ours.
const ARROWS: [(&str, &[&str]); 12] = [
    ("core", &[]),
    ("algorithms", &["core"]),
    ("check", &["core"]),
    ("sim", &["core"]),
    ("explore", &["core"]),
    ("mutants", &["algorithms", "check", "core", "explore", "sim", "splitbrain"]),
    ("lab", &["core", "sim", "check"]),
    ("splitbrain", &["core", "sim", "explore", "check", "lab"]),
    ("maelstrom", &["core", "sim", "check"]),
    (
        "cli",
        &[
            "core",
            "algorithms",
            "check",
            "sim",
            "explore",
            "mutants",
            "lab",
            "splitbrain",
            "maelstrom",
        ],
    ),
    ("xtask", &[]),
    ("benches", &["core", "algorithms", "check", "explore", "sim", "lab", "maelstrom"]),
];

/// What a crate may use of ours in its tests only.
const TEST_ARROWS: [(&str, &[&str]); 4] = [
    ("explore", &["algorithms", "check"]),
    ("algorithms", &["sim", "check", "lab"]),
    ("maelstrom", &["algorithms"]),
    ("splitbrain", &["algorithms"]),
];

/// The crates that a learner links, and all that they may depend on of others.
const LIGHT: [&str; 8] =
    ["core", "algorithms", "check", "sim", "explore", "lab", "mutants", "splitbrain"];
const LIGHT_DEPENDENCIES: [&str; 2] = ["serde", "serde_json"];

const PUBLIC_INDEX: &str = "\"registry+https://github.com/rust-lang/crates.io-index\"";

/// The manifests of the workspace's crates: the crate's short name, the file, its text.
fn manifests(tree: &Tree) -> Result<Vec<(&str, &str, String)>> {
    let mut found = Vec::new();
    for file in tree.ending("/Cargo.toml") {
        let folder = file.trim_end_matches("/Cargo.toml");
        if !folder.starts_with("peers/") && folder != "fuzz" {
            let name = folder.strip_prefix("crates/").unwrap_or(folder);
            found.push((name, file, tree.text(file)?));
        }
    }
    Ok(found)
}

fn is_dependency(entry: &Entry<'_>) -> bool {
    entry.section.ends_with("dependencies") && entry.section != "workspace.dependencies"
}

/// The short name of a crate of ours: `core` for `splitbrain-core`.
fn ours(dependency: &str) -> Option<&str> {
    if dependency == "splitbrain" {
        return Some(dependency);
    }
    dependency.strip_prefix("splitbrain-")
}

fn lookup<'a>(table: &[(&str, &'a [&'a str])], name: &str) -> Option<&'a [&'a str]> {
    table.iter().find(|(from, _)| *from == name).map(|(_, to)| *to)
}

pub(super) fn arrows(tree: &Tree) -> Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    for (name, file, text) in manifests(tree)? {
        complaints.extend(wrong_arrows(name, file, &text));
    }
    Ok(complaints)
}

fn wrong_arrows(name: &str, file: &str, text: &str) -> Vec<Complaint> {
    let Some(allowed) = lookup(&ARROWS, name) else {
        let what = "this crate is not in the table of arrows (xtask/src/tidy/manifests.rs)";
        return vec![Complaint::new(file, 0, what)];
    };
    let in_tests = lookup(&TEST_ARROWS, name).unwrap_or_default();
    let mut complaints = Vec::new();
    for entry in entries(text).into_iter().filter(is_dependency) {
        let dependency = entry.key.trim_end_matches(".workspace");
        let Some(to) = ours(dependency) else { continue };
        let test_only = entry.section == "dev-dependencies";
        if !(allowed.contains(&to) || test_only && in_tests.contains(&to)) {
            let what = format!("{name} must not depend on {to}: see the arrows in ARCHITECTURE.md");
            complaints.push(Complaint::new(file, entry.line, what));
        }
    }
    complaints
}

pub(super) fn light(tree: &Tree) -> Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    for (name, file, text) in manifests(tree)? {
        if LIGHT.contains(&name) {
            complaints.extend(heavy_dependencies(name, file, &text));
        }
    }
    Ok(complaints)
}

fn heavy_dependencies(name: &str, file: &str, text: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for entry in entries(text).into_iter().filter(is_dependency) {
        let dependency = entry.key.trim_end_matches(".workspace");
        if ours(dependency).is_none() && !LIGHT_DEPENDENCIES.contains(&dependency) {
            let what = format!("{name} is light: it may not use {dependency}");
            complaints.push(Complaint::new(file, entry.line, what));
        }
    }
    complaints
}

pub(super) fn reasons(tree: &Tree) -> Result<Vec<Complaint>> {
    let mut complaints = unexplained("Cargo.toml", &tree.text("Cargo.toml")?);
    for (_, file, text) in manifests(tree)? {
        for entry in entries(&text).iter().filter(|entry| is_dependency(entry)) {
            if !entry.value.contains("workspace = true") && !entry.key.ends_with(".workspace") {
                let what = format!("take {} from the workspace's table", entry.key);
                complaints.push(Complaint::new(file, entry.line, what));
            }
        }
    }
    Ok(complaints)
}

fn unexplained(file: &str, text: &str) -> Vec<Complaint> {
    entries(text)
        .into_iter()
        .filter(|entry| entry.section == "workspace.dependencies")
        .filter(|entry| !entry.value.contains("path = ") && entry.comment.is_empty())
        .map(|entry| {
            let what = format!("say in a comment what {} does for us", entry.key);
            Complaint::new(file, entry.line, what)
        })
        .collect()
}

pub(super) fn lock(tree: &Tree) -> Result<Vec<Complaint>> {
    Ok(wrong_locks("Cargo.lock", &tree.text("Cargo.lock")?))
}

fn wrong_locks(file: &str, text: &str) -> Vec<Complaint> {
    let mut seen = BTreeSet::new();
    let mut complaints = Vec::new();
    for entry in entries(text).iter().filter(|entry| entry.section == "[package]") {
        if entry.key == "name" && !seen.insert(entry.value) {
            let what = format!("two versions of {}", entry.value);
            complaints.push(Complaint::new(file, entry.line, what));
        }
        if entry.key == "source" && entry.value != PUBLIC_INDEX {
            let what = format!("a source other than the public index: {}", entry.value);
            complaints.push(Complaint::new(file, entry.line, what));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_that_is_not_drawn_is_refused() {
        let check = |name: &str, text: &str| wrong_arrows(name, "f", text).len();
        assert_eq!(check("sim", "[dependencies]\nsplitbrain-core = { workspace = true }"), 0);
        assert_eq!(check("core", "[dependencies]\nsplitbrain-sim = { workspace = true }"), 1);
        assert_eq!(check("core", "[dependencies]\nsplitbrain-sim.workspace = true"), 1);
        assert_eq!(check("check", "[dev-dependencies]\nsplitbrain-sim = { path = \"\" }"), 1);
        assert_eq!(check("algorithms", "[dev-dependencies]\nsplitbrain-sim = { path = \"\" }"), 0);
        assert_eq!(check("algorithms", "[dependencies]\nsplitbrain-sim = { path = \"\" }"), 1);
        assert_eq!(check("unheard-of", ""), 1);
    }

    #[test]
    fn a_light_crate_takes_nothing_heavy() {
        let check = |text: &str| heavy_dependencies("core", "f", text).len();
        assert_eq!(check("[dependencies]\nserde = { workspace = true }"), 0);
        assert_eq!(check("[dependencies]\nclap = { workspace = true }"), 1);
        assert_eq!(check("[dev-dependencies]\nclap = { workspace = true }"), 1);
        assert_eq!(check("[workspace.dependencies]\nclap = \"4\""), 0);
    }

    #[test]
    fn a_dependency_without_a_reason_is_refused() {
        let check =
            |line: &str| unexplained("f", &format!("[workspace.dependencies]\n{line}")).len();
        assert_eq!(check("clap = \"4\" # the command line"), 0);
        assert_eq!(check("clap = \"4\""), 1);
        assert_eq!(check("splitbrain-core = { path = \"crates/core\" }"), 0);
    }

    #[test]
    fn a_lock_file_names_each_package_once_and_the_public_index_only() {
        let package = |name: &str, source: &str| {
            format!("[[package]]\nname = \"{name}\"\nsource = {source}\n")
        };
        let check = |text: &str| wrong_locks("f", text).len();
        assert_eq!(check(&package("a", PUBLIC_INDEX)), 0);
        assert_eq!(check(&(package("a", PUBLIC_INDEX) + &package("a", PUBLIC_INDEX))), 1);
        assert_eq!(check(&package("a", "\"registry+https://mirror.example\"")), 1);
    }
}
