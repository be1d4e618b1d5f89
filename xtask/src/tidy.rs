//! The house rules that no compiler checks, as checks that run in a second.
//!
//! Each check looks at the tree and returns complaints; what is excused stands, with its reason, in
//! [`ratchet`]: an excuse that is no longer needed is itself a complaint, so that the list can only
//! shrink.

mod documents;
mod findings;
mod manifest;
mod manifests;
mod ratchet;
mod rust;
mod sources;

use anyhow::Result;

use crate::tree::Tree;

/// What is wrong, and where: `file:line: rule`.
struct Complaint {
    file: String,
    /// From 1; 0 for the file as a whole.
    line: usize,
    what: String,
}

impl Complaint {
    fn new(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into() }
    }
}

/// A check: its name, and what it finds.
type Check = (&'static str, fn(&Tree) -> Result<Vec<Complaint>>);

const CHECKS: [Check; 16] = [
    ("arrows between crates", manifests::arrows),
    ("light crates stay light", manifests::light),
    ("dependencies say why", manifests::reasons),
    ("lock file", manifests::lock),
    ("authority to do I/O", sources::authority),
    ("files open with a lesson", sources::lesson),
    ("columns", sources::columns),
    ("function length", sources::function_length),
    ("trailing space", sources::trailing_space),
    ("facade size", sources::facade),
    ("file size", documents::size),
    ("machine paths", documents::machine_paths),
    ("links and glossary", documents::links),
    ("listings", documents::listings),
    ("citations", documents::citations),
    ("findings are explained", findings::explained),
];

/// Runs every check and prints what they find; true if that is nothing.
pub(crate) fn run(tree: &Tree, _: &[String]) -> Result<bool> {
    let mut count = 0;
    for (name, check) in CHECKS {
        let complaints = check(tree)?;
        println!("{:<26}{}", name, if complaints.is_empty() { "ok" } else { "FAILED" });
        for Complaint { file, line, what } in &complaints {
            println!("  {file}:{line}: {what}");
        }
        count += complaints.len();
    }
    println!("tidy: {} files, {count} complaints", tree.files.len());
    Ok(count == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_is_tidy() {
        let tree = Tree::find().unwrap();
        for (name, check) in CHECKS {
            let complaints = check(&tree).unwrap();
            let shown: Vec<String> = complaints
                .iter()
                .map(|complaint| {
                    format!("{}:{}: {}", complaint.file, complaint.line, complaint.what)
                })
                .collect();
            assert!(shown.is_empty(), "{name}:\n{}", shown.join("\n"));
        }
    }
}
