//! The project's files: where the root is, and which files belong to the project.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The project, as files.
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    /// All files that are or could be committed, relative to the root, with `/` between folders.
    pub(crate) files: Vec<String>,
}

impl Tree {
    /// The tree that this program was built from.
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("find the workspace above xtask")?
            .to_owned();
        ensure!(root.join("Cargo.lock").is_file(), "{} is not the workspace", root.display());
        let mut files = tracked(&root).map_or_else(|| walked(&root), Ok)?;
        files.retain(|file| root.join(file).is_file());
        files.sort();
        Ok(Self { root, files })
    }

    /// The text of a file; of a file that is not text, what can be read of it.
    pub(crate) fn text(&self, file: &str) -> Result<String> {
        let bytes = fs::read(self.root.join(file)).with_context(|| format!("read {file}"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The files with this ending, such as `.rs`.
    pub(crate) fn ending<'a>(&'a self, end: &'a str) -> impl Iterator<Item = &'a str> {
        self.files.iter().map(String::as_str).filter(move |file| file.ends_with(end))
    }

    /// Cargo, in the root.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        self.program("cargo", arguments)
    }

    /// A program, in the root.
    pub(crate) fn program(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(name);
        command.args(arguments).current_dir(&self.root);
        command
    }
}

/// What git would commit; `None` where there is no git or no repository.
fn tracked(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .ok()?;
    let list = String::from_utf8(output.stdout).ok()?;
    let files: Vec<String> = list.split_terminator('\0').map(str::to_owned).collect();
    (output.status.success() && !files.is_empty()).then_some(files)
}

/// Every file below the root, build output apart: for a source archive without git.
fn walked(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default();
            if path.is_dir() {
                if name != "target" && name != ".git" && name != ".splitbrain" {
                    folders.push(path);
                }
            } else if let Ok(relative) = path.strip_prefix(root) {
                files.push(relative.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_and_the_walk_agree_on_the_sources() {
        let tree = Tree::find().unwrap();
        let walked = walked(&tree.root).unwrap();
        let sources: Vec<&str> = tree.ending(".rs").collect();
        assert!(sources.contains(&"xtask/src/tree.rs"), "{sources:?}");
        for source in sources {
            assert!(walked.iter().any(|file| file == source), "the walk missed {source}");
        }
    }
}
