//! Every finding has a page that explains it, and every page explains a finding.
//!
//! The id of a finding is a promise: people search for it, scripts compare it, `splitbrain explain`
//! takes it. It stands in the source as a string literal in capitals with hyphens
//! (`LIN-STALE-READ`), except where the field has names of its own (`G-single`).

use std::collections::BTreeMap;

use anyhow::Result;

use super::rust::Source;
use super::{Complaint, ratchet};
use crate::tree::Tree;

const PAGES: &str = "crates/check/src/explain/";

/// Anomalies of transactions, as the field calls them.
const OF_THE_FIELD: [&str; 15] = [
    "G-nonadjacent",
    "G-single",
    "G0",
    "G1a",
    "G1b",
    "G1c",
    "G2-item",
    "cyclic-versions",
    "dirty-update",
    "duplicate-elements",
    "future-read",
    "garbage-read",
    "incompatible-order",
    "internal",
    "lost-update",
];

/// What is added to a cycle's name if it needs sessions or clocks; these kinds share two pages.
const KINDS: [&str; 2] = ["-process", "-realtime"];

pub(super) fn explained(tree: &Tree) -> Result<Vec<Complaint>> {
    let mut emitted: BTreeMap<String, (String, usize)> = BTreeMap::new();
    let is_source = |file: &&str| file.starts_with("crates/") && file.contains("/src/");
    for file in tree.ending(".rs").filter(is_source) {
        for (line, literal) in Source::new(&tree.text(file)?).literals() {
            if is_finding(&literal) {
                emitted.entry(literal).or_insert((file.to_owned(), line));
            }
        }
    }
    let pages: Vec<&str> = tree
        .ending(".md")
        .filter_map(|file| file.strip_prefix(PAGES)?.strip_suffix(".md"))
        .filter(|page| !page.contains('/'))
        .collect();
    let mut complaints = Vec::new();
    for (id, (file, line)) in &emitted {
        if !pages.contains(&plain(id)) {
            let what = format!("{id} has no page {PAGES}{id}.md");
            complaints.push(Complaint::new(file, *line, what));
        }
    }
    for page in pages {
        if !emitted.contains_key(page) {
            let file = format!("{PAGES}{page}.md");
            complaints.push(Complaint::new(&file, 0, "explains a finding that nothing emits"));
        }
    }
    Ok(complaints)
}

/// An id without what it shares with others.
fn plain(id: &str) -> &str {
    KINDS.iter().find_map(|kind| id.strip_suffix(kind)).unwrap_or(id)
}

/// Whether a literal reads like the id of a finding.
fn is_finding(literal: &str) -> bool {
    if OF_THE_FIELD.contains(&plain(literal)) {
        return true;
    }
    let mut parts = literal.split('-');
    let is_part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    };
    literal.contains('-')
        && literal.starts_with(|c: char| c.is_ascii_uppercase())
        && parts.all(is_part)
        && !ratchet::NOT_FINDINGS.contains(&literal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_an_id_when_it_sees_one() {
        assert!(is_finding("LIN-STALE-READ"));
        assert!(is_finding("G-1C"));
        assert!(is_finding("G-single"));
        assert!(is_finding("G2-item-realtime"));
        for other in ["LIN", "lin-kv", "G1", "-process", "A-", "-A", "A B-C", "2026-11-22", ""] {
            assert!(!is_finding(other), "{other}");
        }
    }
}
