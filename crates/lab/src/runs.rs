//! The folder of runs: what a run leaves behind for people and for replay.
//!
//! `.splitbrain/runs/0001-abd/` holds `recipe.json` (shrunk, if it failed), `recipe-found.json` (as
//! it was drawn), `verdict.json`, `history.jsonl`, `trace.jsonl`, `story.txt` and `diagram.svg`;
//! `latest` names the newest. Nothing is ever written anywhere else.

use std::fs;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use crate::diagram::svg;
use crate::evidence::Evidence;
use crate::story::listing;
use crate::style::Style;

/// The folder that holds all runs, from the folder the program was started in.
pub const RUNS: &str = ".splitbrain/runs";
/// The name under which the newest run can be found.
pub const LATEST: &str = "latest";

/// What is to be kept of a run. What there is none of is left out.
#[derive(Clone, Copy, Default, Debug)]
pub struct Keep<'a> {
    /// The recipe that gives the run again.
    pub recipe: Option<&'a str>,
    /// The recipe as it was drawn, before it was shrunk.
    pub recipe_found: Option<&'a str>,
    /// The verdict as JSON.
    pub verdict: &'a str,
    /// The history as a file.
    pub history: Option<&'a str>,
    /// The trace, and what is wrong in it.
    pub evidence: Option<Evidence<'a>>,
}

/// Events beyond this many are left out of `story.txt`; the trace has them all.
const LISTING_LINES: usize = 2_000;

/// Makes a new folder for a run, under the first free number, and makes it the latest.
///
/// # Errors
/// When it cannot be made.
pub fn new_folder(runs: &Path, name: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(runs)?;
    let number = |entry: io::Result<fs::DirEntry>| {
        let name = entry.ok()?.file_name();
        name.to_str()?.split('-').next()?.parse::<u32>().ok()
    };
    let mut next = fs::read_dir(runs)?.filter_map(number).max().unwrap_or(0) + 1;
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    let name: String = name.chars().map(plain).take(40).collect();
    loop {
        let folder = runs.join(format!("{next:04}-{name}"));
        match fs::create_dir(&folder) {
            Ok(()) => {
                point_latest(runs, &folder);
                return Ok(folder);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => next += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Without links the newest run is still the one with the highest number.
fn point_latest(runs: &Path, folder: &Path) {
    #[cfg(unix)]
    if let Some(name) = folder.file_name() {
        let latest = runs.join(LATEST);
        let _ = fs::remove_file(&latest);
        let _ = std::os::unix::fs::symlink(name, latest);
    }
    #[cfg(not(unix))]
    let _ = (runs, folder);
}

/// Takes back a folder that came to nothing.
pub fn discard(runs: &Path, folder: &Path) {
    let _ = fs::remove_dir_all(folder);
    match find(runs, LATEST) {
        Ok(newest) if newest.starts_with(runs) => point_latest(runs, &newest),
        _ => {
            let _ = fs::remove_file(runs.join(LATEST));
        }
    }
}

/// Finds a run: a folder, a number, a name, or `latest`.
///
/// # Errors
/// When there is none.
pub fn find(runs: &Path, wanted: &str) -> io::Result<PathBuf> {
    if wanted.contains(['/', '\\']) && Path::new(wanted).exists() {
        return Ok(wanted.into());
    }
    let mut folders: Vec<PathBuf> = match fs::read_dir(runs) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
        Err(_) => Vec::new(),
    };
    folders.retain(|folder| folder.file_name().is_some_and(|name| name != LATEST));
    folders.sort();
    let name =
        |folder: &PathBuf| folder.file_name().and_then(|name| name.to_str()).map(String::from);
    let number = format!("{wanted:0>4}-");
    let found = if wanted == LATEST {
        folders.last()
    } else {
        let fits = |folder: &&PathBuf| {
            name(folder).is_some_and(|name| name == wanted || name.starts_with(&number))
        };
        folders.iter().find(fits)
    };
    if let Some(folder) = found {
        return Ok(folder.clone());
    }
    if Path::new(wanted).exists() {
        return Ok(wanted.into());
    }
    let last = folders.iter().rev().take(3).filter_map(name).collect::<Vec<_>>().join(", ");
    let hint = if last.is_empty() {
        format!("there are no runs in {} yet", runs.display())
    } else {
        format!("the newest in {} are {last}", runs.display())
    };
    Err(io::Error::new(io::ErrorKind::NotFound, format!("no run {wanted:?}: {hint}")))
}

/// Writes what is to be kept into the folder.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path, keep: &Keep<'_>) -> io::Result<()> {
    fs::write(folder.join("verdict.json"), keep.verdict)?;
    let texts = [
        ("recipe.json", keep.recipe),
        ("recipe-found.json", keep.recipe_found),
        ("history.jsonl", keep.history),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            fs::write(folder.join(name), text)?;
        }
    }
    if let Some(evidence) = &keep.evidence {
        evidence.trace.write(BufWriter::new(fs::File::create(folder.join("trace.jsonl"))?))?;
        let story = listing(evidence, LISTING_LINES, Style::PLAIN);
        fs::write(folder.join("story.txt"), story)?;
        fs::write(folder.join("diagram.svg"), svg(evidence))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_numbered_found_and_taken_back() {
        let runs = std::env::temp_dir().join("splitbrain-runs-of-the-unit-test");
        let _ = fs::remove_dir_all(&runs);
        let first = new_folder(&runs, "a/b").expect("a folder can be made");
        let second = new_folder(&runs, "abd").expect("a folder can be made");
        assert_eq!(first, runs.join("0001-a-b"));
        let found = |wanted| find(&runs, wanted).ok();
        assert_eq!((found("latest"), found("2")), (Some(second.clone()), Some(second.clone())));
        assert_eq!((found("0001-a-b"), found("1")), (Some(first.clone()), Some(first.clone())));
        let error = find(&runs, "7").expect_err("there are two runs").to_string();
        assert!(error.contains("0002-abd, 0001-a-b"), "{error}");
        discard(&runs, &second);
        assert_eq!(found("latest"), Some(first.clone()));
        #[cfg(unix)]
        assert_eq!(fs::read_link(runs.join(LATEST)).ok(), Some("0001-a-b".into()));
        discard(&runs, &first);
        assert_eq!(found("latest"), None);
        assert!(!runs.join(LATEST).is_symlink());
        fs::remove_dir_all(&runs).expect("the folder was made");
    }
}
