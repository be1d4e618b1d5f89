//! Public histories, judged by us and by peers: who is how many times as fast.
//!
//! The histories are those of Porcupine's repository and of Knossos's; whoever has them says where
//! (`--porcupine=FOLDER`, `--knossos=FOLDER`). Nothing of theirs is kept here.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Line, grouped};
use crate::tree::Tree;

/// The folders of public histories that were named.
pub(super) struct Folders<'a> {
    porcupine: Option<&'a str>,
    knossos: Option<&'a str>,
}

impl<'a> Folders<'a> {
    pub(super) fn new(options: &'a [String]) -> Self {
        let of = |name: &str| options.iter().find_map(|option| option.strip_prefix(name));
        Self { porcupine: of("--porcupine="), knossos: of("--knossos=") }
    }

    /// Our judge, if there is anything to judge.
    pub(super) fn ours(&self, tree: &Tree) -> Option<Command> {
        let mut command = tree.cargo(&["run", "--quiet", "--release"]);
        command.args(["--package", "splitbrain-check", "--example", "linearizability", "--"]);
        for (option, folder) in [("--porcupine", self.porcupine), ("--knossos", self.knossos)] {
            if let Some(folder) = folder {
                command.arg(option).arg(folder);
            }
        }
        (self.porcupine.is_some() || self.knossos.is_some()).then_some(command)
    }

    /// Porcupine's judge, built against the checkout that was named.
    pub(super) fn porcupine(&self, tree: &Tree) -> Result<Option<Command>> {
        let Some(folder) = self.porcupine else { return Ok(None) };
        let checkout = fs::canonicalize(folder).with_context(|| format!("find {folder}"))?;
        let (source, target) = (tree.root.join("peers/porcupine"), tree.root.join("target/peers"));
        fs::create_dir_all(&target)?;
        let (module, program) = (target.join("porcupine.mod"), target.join("peer-porcupine"));
        let text = fs::read_to_string(source.join("go.mod"))?;
        fs::write(&module, format!("{text}\n{}", replace(&checkout)))?;
        println!("building peers/porcupine");
        let status = Command::new("go")
            .current_dir(&source)
            .env("GOFLAGS", "-mod=mod")
            .env("GOPROXY", "off")
            .args(["build", "-o"])
            .arg(&program)
            .arg("-modfile")
            .arg(&module)
            .arg(".")
            .status()
            .context("start go")?;
        ensure!(status.success(), "peers/porcupine does not build");
        let mut command = Command::new(program);
        command.arg(checkout);
        Ok(Some(command))
    }

    /// stateright's judge, as a peer with arguments.
    pub(super) fn stateright(&self) -> Option<&'a str> {
        self.porcupine
    }
}

fn replace(checkout: &Path) -> String {
    format!("replace github.com/anishathalye/porcupine => {}\n", checkout.display())
}

/// The figures of one history, by checker.
#[derive(Default)]
struct Judged<'a> {
    ns: BTreeMap<&'a str, u64>,
    verdicts: BTreeMap<&'a str, &'a str>,
}

/// A table of the lines: sums, the history that took a peer longest, the largest ones.
pub(super) fn table(lines: &[&Line]) -> String {
    let mut sets: BTreeMap<&str, BTreeMap<&str, Judged<'_>>> = BTreeMap::new();
    for line in lines {
        let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or("?");
        let judged = sets.entry(text("set")).or_default().entry(text("history")).or_default();
        let ns = line.get("ns").and_then(Value::as_u64).unwrap_or(0);
        judged.ns.insert(text("checker"), ns);
        judged.verdicts.insert(text("checker"), text("verdict"));
    }
    let mut text = format!("{:<48}{:>12}{:>14}{:>9}\n", "us", "splitbrain", "peer", "ratio");
    for (set, histories) in &sets {
        let title = format!("{set}: all {}: {}", histories.len(), agreement(histories));
        text += &row(&title, sum(histories, "splitbrain"), None);
        for peer in ["porcupine", "stateright"] {
            let of = |judged: &Judged<'_>, checker: &str| judged.ns.get(checker).copied();
            let both: BTreeMap<_, _> =
                histories.iter().filter(|(_, judged)| of(judged, peer).is_some()).collect();
            let Some((slowest, judged)) = both.iter().max_by_key(|(_, it)| of(it, peer)) else {
                continue;
            };
            let total = |checker: &str| both.values().map(|judged| of(judged, checker)).sum();
            let title = format!("{set}: {} that {peer} ended", both.len());
            text += &row(&title, total("splitbrain"), total(peer));
            let title = format!("{set}: {slowest}, the slowest of {peer}");
            text += &row(&title, of(judged, "splitbrain"), of(judged, peer));
            for (name, judged) in both.iter().filter(|(name, _)| name.starts_with("c50")) {
                let title = format!("{set}: {name}, {peer}");
                text += &row(&title, of(judged, "splitbrain"), of(judged, peer));
            }
        }
    }
    text
}

fn sum(histories: &BTreeMap<&str, Judged<'_>>, checker: &str) -> Option<u64> {
    histories.values().map(|judged| judged.ns.get(checker).copied()).sum()
}

fn row(title: &str, ours: Option<u64>, theirs: Option<u64>) -> String {
    let us = |ns: Option<u64>| ns.map_or("-".into(), |ns| grouped(ns / 1_000));
    let ratio = match (ours, theirs) {
        (Some(ours), Some(theirs)) => grouped(theirs / ours.max(1)),
        _ => "-".into(),
    };
    format!("{title:<48}{:>12}{:>14}{ratio:>9}\n", us(ours), us(theirs))
}

/// What the verdicts were, and whether the checkers differ.
fn agreement(histories: &BTreeMap<&str, Judged<'_>>) -> String {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut differ = Vec::new();
    for (name, judged) in histories {
        if let Some(verdict) = judged.verdicts.get("splitbrain") {
            *counts.entry(verdict).or_default() += 1;
        }
        let mut verdicts = judged.verdicts.values();
        let first = verdicts.next();
        if verdicts.any(|verdict| Some(verdict) != first) {
            differ.push(*name);
        }
    }
    let mut text: Vec<String> =
        counts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    if !differ.is_empty() {
        text.push(format!("DIFFER: {}", differ.join(" ")));
    }
    text.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(set: &str, history: &str, checker: &str, verdict: &str, ns: u64) -> Line {
        let text = format!(
            r#"{{"set":"{set}","history":"{history}","checker":"{checker}","verdict":"{verdict}","ns":{ns}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn sums_and_ratios() {
        let lines = [
            line("etcd", "a", "splitbrain", "valid", 1_000),
            line("etcd", "a", "porcupine", "valid", 500_000),
            line("etcd", "b", "splitbrain", "invalid", 3_000),
            line("etcd", "b", "porcupine", "valid", 1_500_000),
        ];
        let text = table(&lines.iter().collect::<Vec<_>>());
        let rows: Vec<String> =
            text.lines().map(|row| row.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let expected = [
            "us splitbrain peer ratio",
            "etcd: all 2: 1 invalid, 1 valid, DIFFER: b 4 - -",
            "etcd: 2 that porcupine ended 4 2,000 500",
            "etcd: b, the slowest of porcupine 3 1,500 500",
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn without_folders_there_is_nothing_to_do() {
        let options = ["--peers".to_owned(), "--porcupine=there".to_owned()];
        assert_eq!(Folders::new(&options).porcupine, Some("there"));
        assert_eq!(Folders::new(&options).knossos, None);
    }
}
