//! Every finding has a page that explains it, and every page explains a finding.
//!
//! The id of a finding is a promise: people search for it, scripts compare it, `splitbrain explain`
//! takes it. It stands in the source as a string literal in capitals with hyphens
//! (`LIN-STALE-READ`).

use std::collections::BTreeMap;

use anyhow::Result;

use super::rust::Source;
use super::{Complaint, ratchet};
use crate::tree::Tree;

const PAGES: &str = "crates/check/src/explain/";

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
        .collect();
    let mut complaints = Vec::new();
    for (id, (file, line)) in &emitted {
        if !pages.contains(&id.as_str()) {
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

/// Whether a literal reads like the id of a finding.
fn is_finding(literal: &str) -> bool {
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
        for other in ["LIN", "lin-kv", "A-", "-A", "A B-C", "2026-11-22", ""] {
            assert!(!is_finding(other), "{other}");
        }
    }
}
