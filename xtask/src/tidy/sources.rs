//! Checks of source files: their shape, and the authority they take.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Complaint;
use super::ratchet;
use super::rust::{Source, words};
use crate::tree::Tree;

/// What only the I/O crates may name: sockets, processes, threads, files, the real clock and the
/// environment. Everything below them is a function of its arguments. A name that ends in `::` is
/// that of a module, however it was imported.
const AUTHORITY: [&str; 13] = [
    "std::net",
    "net::",
    "std::process",
    "process::",
    "std::thread",
    "thread::",
    "std::fs",
    "fs::",
    "Instant",
    "SystemTime",
    "env::args",
    "env::var",
    "env::vars",
];

/// The crates that do I/O, and the tools.
const IO_CRATES: [&str; 6] =
    ["crates/maelstrom/", "crates/cli/", "xtask/", "benches/", "peers/", "fuzz/"];

/// Files whose lines have a width: prose and lock files are for other tools to wrap.
const WRAPPED: [&str; 5] = [".rs", ".py", ".rb", ".sh", "/run"];

pub(super) fn authority(tree: &Tree) -> Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    let mut used = BTreeSet::new();
    for file in tree.ending(".rs").filter(|file| is_source_without_io(file)) {
        let granted = ratchet::GRANTS.iter().find(|(path, ..)| *path == file);
        for (line, name) in taken(&Source::new(&tree.text(file)?).code()) {
            if granted.is_some_and(|(_, names, _)| names.contains(&name)) {
                used.insert((file, name));
            } else {
                let what = format!("{name}: only maelstrom, cli and the tools may do I/O");
                complaints.push(Complaint::new(file, line, what));
            }
        }
    }
    for (file, names, _) in ratchet::GRANTS {
        for name in names.iter().filter(|name| !used.contains(&(*file, **name))) {
            let what = format!("the grant of {name} in ratchet.rs is not needed any more");
            complaints.push(Complaint::new(file, 0, what));
        }
    }
    Ok(complaints)
}

/// Whether this is the source of a crate below the I/O crates. Its tests and its examples may read
/// and measure what they like.
fn is_source_without_io(file: &str) -> bool {
    file.contains("/src/") && !IO_CRATES.iter().any(|folder| file.starts_with(folder))
}

/// Each banned name in the code, with its line.
fn taken(code: &str) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for (i, line) in code.lines().enumerate() {
        for name in AUTHORITY {
            if names(line, name) {
                found.push((i + 1, name));
            }
        }
    }
    found
}

/// Whether the line has this name as a whole word; of a module, not as a part of a longer path.
fn names(line: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + name.len()..]);
        let whole = if name.ends_with("::") {
            !before.ends_with("::")
        } else {
            !after.starts_with(is_word)
        };
        whole && !before.ends_with(is_word)
    })
}

pub(super) fn lesson(tree: &Tree) -> Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    for file in tree.ending(".rs") {
        if !tree.text(file)?.starts_with("//! ") {
            let what = "a file opens with `//!`: what it is about, and why";
            complaints.push(Complaint::new(file, 1, what));
        }
    }
    Ok(complaints)
}

pub(super) fn columns(tree: &Tree) -> Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    for file in &tree.files {
        if !WRAPPED.iter().any(|end| file.ends_with(end)) {
            continue;
        }
        let text = tree.text(file)?;
        let widths: Vec<usize> = if file.ends_with(".rs") {
            Source::new(&text).widths()
        } else {
            text.lines().map(|line| line.chars().count()).collect()
        };
        for (i, width) in widths.into_iter().enumerate() {
            if width > ratchet::COLUMNS_MAX {
                let what = format!("{width} columns, {} allowed", ratchet::COLUMNS_MAX);
                complaints.push(Complaint::new(file, i + 1, what));
            }
        }
    }
    Ok(complaints)
}

pub(super) fn function_length(tree: &Tree) -> Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    let mut used = Vec::new();
    for file in tree.ending(".rs") {
        for (name, line, lines) in Source::new(&tree.text(file)?).functions() {
            if lines <= ratchet::FUNCTION_LINES_MAX {
                continue;
            }
            let excuse = ratchet::LONG_FUNCTIONS
                .iter()
                .position(|(f, n, max)| *f == file && *n == name && lines <= *max);
            match excuse {
                Some(excuse) => used.push(excuse),
                None => {
                    let max = ratchet::FUNCTION_LINES_MAX;
                    let what = format!("{name} has {lines} lines, {max} allowed");
                    complaints.push(Complaint::new(file, line, what));
                }
            }
        }
    }
    for (i, (file, name, _)) in ratchet::LONG_FUNCTIONS.iter().enumerate() {
        if !used.contains(&i) {
            let what = format!("the excuse for {name} in ratchet.rs is not needed any more");
            complaints.push(Complaint::new(file, 0, what));
        }
    }
    Ok(complaints)
}

pub(super) fn trailing_space(tree: &Tree) -> Result<Vec<Complaint>> {
    const TEXT: [&str; 7] = [".rs", ".md", ".toml", ".py", ".rb", ".sh", ".ci/run"];
    let mut complaints = Vec::new();
    for file in tree.files.iter().filter(|file| TEXT.iter().any(|end| file.ends_with(end))) {
        let text = tree.text(file)?;
        for (i, line) in text.lines().enumerate() {
            if line.ends_with([' ', '\t', '\r']) {
                complaints.push(Complaint::new(file, i + 1, "space at the end of the line"));
            }
        }
        if !text.is_empty() && !text.ends_with('\n') {
            complaints.push(Complaint::new(file, 0, "no newline at the end of the file"));
        }
    }
    Ok(complaints)
}

pub(super) fn facade(tree: &Tree) -> Result<Vec<Complaint>> {
    let file = "crates/splitbrain/src/lib.rs";
    let exported = exported(&Source::new(&tree.text(file)?).code());
    let (count, max) = (exported.len(), ratchet::FACADE_NAMES_MAX);
    let mut complaints = Vec::new();
    if count > max {
        let what = format!("{count} names, {max} allowed: {}", exported.join(" "));
        complaints.push(Complaint::new(file, 0, what));
    }
    if exported.iter().any(|name| name == "*") {
        complaints.push(Complaint::new(file, 0, "the facade names what it exports: no `*`"));
    }
    Ok(complaints)
}

/// The names that the `pub use` statements of a file export.
fn exported(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for statement in code.split("pub use ").skip(1) {
        let letters: Vec<char> = statement.chars().take_while(|c| *c != ';').collect();
        let words = words(&letters);
        for (i, (at, word)) in words.iter().enumerate() {
            let after: String = letters[at + word.chars().count()..].iter().collect();
            let renamed = words.get(i + 1).is_some_and(|(_, next)| next == "as");
            if !after.trim_start().starts_with("::") && !renamed && word != "as" {
                names.push(word.clone());
            }
        }
        names.extend(letters.iter().filter(|c| **c == '*').map(char::to_string));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_authority_but_not_words_that_contain_it() {
        let check = |code: &str| taken(code).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!(check("use std::net::TcpStream;"), ["std::net"]);
        assert_eq!(check("let now = Instant::now();"), ["Instant"]);
        assert_eq!(check("let now = std::time::Instant::now();"), ["Instant"]);
        assert_eq!(check("thread::spawn(f)"), ["thread::"]);
        assert_eq!(check("use std::{fs, io}; fs::read(path)"), ["fs::"]);
        assert!(check("let x: Instantaneous = my_std::network;").is_empty());
        assert!(check("process: ProcessId").is_empty());
    }

    #[test]
    fn counts_the_names_of_a_facade() {
        let check = |code: &str| exported(code);
        assert_eq!(check("pub use a::{b::C, d::{E, F as G}};\nuse x::Y;"), ["C", "E", "G"]);
        assert_eq!(check("pub use a::b;\npub use c::*;"), ["b", "*"]);
        assert!(check("pub fn f() {}").is_empty());
    }
}
