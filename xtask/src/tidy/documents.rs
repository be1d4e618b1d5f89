//! Checks of everything that is read as text: links, terms, citations, sizes, machine names.

use std::collections::BTreeSet;
use std::fs;

use anyhow::Result;

use super::manifest::entries;
use super::{Complaint, ratchet};
use crate::tree::Tree;

/// Where machines keep homes. Split, so that this file does not complain about itself.
const HOMES: [&str; 4] =
    [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/wo", "rk/"), concat!("/Us", "ers/")];

const PAPERS: &str = "crates/algorithms/papers.toml";

pub(super) fn size(tree: &Tree) -> Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    for file in &tree.files {
        let bytes = fs::metadata(tree.root.join(file))?.len();
        if bytes > ratchet::FILE_BYTES_MAX {
            let what = format!("{bytes} bytes, {} allowed", ratchet::FILE_BYTES_MAX);
            complaints.push(Complaint::new(file, 0, what));
        }
    }
    Ok(complaints)
}

pub(super) fn machine_paths(tree: &Tree) -> Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    for file in &tree.files {
        for (i, line) in tree.text(file)?.lines().enumerate() {
            if let Some(home) = machine_path(line) {
                let what = format!("a path of one machine: {home}");
                complaints.push(Complaint::new(file, i + 1, what));
            }
        }
        let name = file.rsplit('/').next().unwrap_or(file);
        if file.contains(".cargo/") && name.starts_with("config") {
            for entry in entries(&tree.text(file)?) {
                if entry.section.starts_with("source") || entry.section.starts_with("registr") {
                    let what = "cargo's own registry is the only one the project names";
                    complaints.push(Complaint::new(file, entry.line, what));
                }
            }
        }
    }
    Ok(complaints)
}

/// A path in someone's home that stands on the line, not as a part of a longer path or address.
fn machine_path(line: &str) -> Option<&'static str> {
    HOMES.into_iter().find(|home| {
        line.match_indices(home).any(|(at, _)| {
            !line[..at].ends_with(|c: char| c.is_alphanumeric() || "./_-{}".contains(c))
        })
    })
}

pub(super) fn links(tree: &Tree) -> Result<Vec<Complaint>> {
    let glossary = "GLOSSARY.md";
    let text = tree.text(glossary)?;
    let terms = terms(&text);
    let mut complaints = Vec::new();
    for pair in terms.windows(2) {
        if pair[0].1.to_lowercase() >= pair[1].1.to_lowercase() {
            let what = format!("`{}` must not stand after `{}`", pair[1].1, pair[0].1);
            complaints.push(Complaint::new(glossary, pair[1].0, what));
        }
    }
    let anchors: BTreeSet<String> = terms.iter().map(|(_, term)| anchor(term)).collect();
    for file in tree.ending(".md") {
        for (line, target) in targets(&tree.text(file)?) {
            if let Some(what) = broken(tree, file, &target, &anchors) {
                complaints.push(Complaint::new(file, line, what));
            }
        }
    }
    Ok(complaints)
}

/// A listing that names its file, in a comment on the line above the fence, shows all of the file
/// but the lesson at its top.
pub(super) fn listings(tree: &Tree) -> Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    for file in tree.ending(".md") {
        for (line, source, listing) in listed(&tree.text(file)?) {
            let code = tree.text(&source).unwrap_or_default();
            if without_lesson(&code) != listing {
                complaints.push(Complaint::new(
                    file,
                    line,
                    format!("this is not what {source} says"),
                ));
            }
        }
    }
    Ok(complaints)
}

/// The listings of a Markdown text that name their file: the line, the file, the listing.
fn listed(text: &str) -> Vec<(usize, String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (i, pair) in lines.windows(2).enumerate() {
        let source = pair[0].strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
        if let (Some(source), true) = (source, pair[1].starts_with("```")) {
            let listing: Vec<&str> =
                lines[i + 2..].iter().take_while(|line| **line != "```").copied().collect();
            found.push((i + 1, source.to_owned(), listing.join("\n")));
        }
    }
    found
}

fn without_lesson(code: &str) -> String {
    let lines = code.lines().skip_while(|line| line.starts_with("//!") || line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// The terms of the glossary, its third-level headings, each with its line.
fn terms(text: &str) -> Vec<(usize, &str)> {
    let lines = text.lines().enumerate();
    lines.filter_map(|(i, line)| Some((i + 1, line.strip_prefix("### ")?))).collect()
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let letters = heading.to_lowercase();
    let kept = letters.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The targets of the links and pictures of a Markdown text, each with its line.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut listing = false;
    for (i, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            listing = !listing;
        } else if !listing {
            for rest in line.split("](").skip(1) {
                if let Some((target, _)) = rest.split_once(')') {
                    found.push((i + 1, target.to_owned()));
                }
            }
        }
    }
    found
}

fn broken(tree: &Tree, file: &str, target: &str, anchors: &BTreeSet<String>) -> Option<String> {
    if target.contains("://") || target.starts_with('#') {
        return None;
    }
    let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    if !tree.root.join(folder).join(path).exists() {
        return Some(format!("the link leads nowhere: {target}"));
    }
    let unknown = path.ends_with("GLOSSARY.md") && !fragment.is_empty();
    (unknown && !anchors.contains(fragment)).then(|| format!("no such term: {fragment}"))
}

pub(super) fn citations(tree: &Tree) -> Result<Vec<Complaint>> {
    if !tree.files.iter().any(|file| file == PAPERS) {
        return Ok(Vec::new());
    }
    let papers = tree.text(PAPERS)?;
    let keys: BTreeSet<&str> = entries(&papers).iter().map(|entry| entry.section).collect();
    let mut complaints = Vec::new();
    for file in tree.ending(".rs").filter(|file| file.starts_with("crates/")) {
        let text = tree.text(file)?;
        for (line, key) in cited(&super::rust::Source::new(&text).comments()) {
            if !keys.contains(key.as_str()) {
                let what = format!("no paper `{key}` in {PAPERS}");
                complaints.push(Complaint::new(file, line, what));
            }
        }
    }
    Ok(complaints)
}

/// The keys of the citations in a text, such as `raft` of `[raft §5.4]`, each with its line.
fn cited(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (i, line) in text.lines().enumerate() {
        for rest in line.split('[').skip(1) {
            let Some((inside, _)) = rest.split_once(']') else { continue };
            let (key, place) = inside.split_once(' ').unwrap_or((inside, ""));
            let places = ["§", "fig.", "alg.", "p.", "table", "doc/"];
            if is_key(key) && (is_dated(key) || places.iter().any(|p| place.starts_with(p))) {
                found.push((i + 1, key.to_owned()));
            }
        }
    }
    found
}

fn is_key(word: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !word.is_empty() && word.chars().all(is_letter)
}

/// Whether the key is an author and a year: a citation without a place, too.
fn is_dated(key: &str) -> bool {
    let (author, year) = key.split_at(key.len().saturating_sub(4));
    author.len() > 2
        && author.chars().all(|c| c.is_ascii_lowercase())
        && year.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_machine_path_from_a_path() {
        let home = concat!("/ho", "me/");
        assert_eq!(machine_path(&format!("see {home}ann/x")), Some(home));
        assert_eq!(machine_path(&format!("\"{home}ann\"")), Some(home));
        assert_eq!(machine_path(&format!("https://example.org{home}page")), None);
        assert_eq!(machine_path(&format!("target{home}")), None);
    }

    #[test]
    fn reads_links_outside_listings() {
        let text = "[a](b.md) and ![c](d.svg)\n```\n[e](f)\n```\n[g](h#i)";
        let expected = [(1, "b.md"), (1, "d.svg"), (5, "h#i")];
        assert_eq!(targets(text), expected.map(|(line, target)| (line, target.to_owned())));
    }

    #[test]
    fn reads_listings_that_name_their_file() {
        let text = "<!-- a.rs -->\n```rust\nfn a() {}\n\nfn b() {}\n```\n```\nother\n```";
        let expected = (1, "a.rs".to_owned(), "fn a() {}\n\nfn b() {}".to_owned());
        assert_eq!(listed(text), [expected]);
        assert_eq!(without_lesson("//! A.\n\nfn a() {}\n\nfn b() {}\n"), listed(text)[0].2);
    }

    #[test]
    fn anchors_are_made_as_markdown_makes_them() {
        assert_eq!(anchor("Indefinite error"), "indefinite-error");
        assert_eq!(anchor("g-set (CRDT)"), "g-set-crdt");
        assert_eq!(terms("# G\n\n### ack\n\ntext\n\n### node\n"), [(3, "ack"), (7, "node")]);
    }

    #[test]
    fn reads_citations_and_leaves_links_alone() {
        let keys = |text: &str| cited(text).into_iter().map(|(_, key)| key).collect::<Vec<_>>();
        assert_eq!(keys("// [raft §5.4.1] Refuse [abd fig. 2]."), ["raft", "abd"]);
        assert_eq!(keys("a crash [rebello2020], torn [abd2 x]"), ["rebello2020"]);
        assert!(keys("//! [`Context`] and [see here](x) and [0; 4] [a b]").is_empty());
    }
}
