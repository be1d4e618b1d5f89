//! `cargo xtask concordance`: from a section of a paper to our lines, their tests and their
//! mutants.
//!
//! PROBLEM     Who knows a paper wants to see where a rule is in the code, and what would notice if
//!             it were gone.
//! IDEA        The code cites sections where they act; tests are named after sections, or cite them
//!             too; mutants name their source. So the table makes itself.
//! RULES       A section that the code cites has a test, or the chore fails. A test belongs to
//!             section 5.4.1 if its name begins with `s5_4_1_`, or if `[raft §5.4.1]` stands above
//!             or in it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::tree::Tree;

/// An algorithm that is read beside its papers.
struct Work {
    /// Its files begin so.
    code: &'static str,
    /// So do those of its tests.
    tests: &'static str,
    /// And those of its mutants.
    mutants: &'static str,
    /// Its papers' keys.
    papers: &'static [&'static str],
}

const WORKS: [Work; 1] = [Work {
    code: "crates/algorithms/src/raft",
    tests: "crates/algorithms/tests/paper_tests/raft",
    mutants: "crates/mutants/patches/raft",
    papers: &["raft", "thesis"],
}];

/// A section or a figure of a paper: `raft §5.4.1`.
type Place = String;

/// What belongs to a place.
#[derive(Default, Debug, PartialEq, Eq)]
struct Row {
    lines: Vec<String>,
    tests: BTreeSet<String>,
    mutants: BTreeSet<String>,
}

/// Prints the table; false if a section that is cited has no test.
pub(crate) fn run(tree: &Tree, _: &[String]) -> Result<bool> {
    let mut whole = true;
    for work in &WORKS {
        let rows = rows(tree, work)?;
        print!("{}", table(&rows));
        for (place, row) in rows.iter().filter(|(_, row)| row.tests.is_empty()) {
            println!("no test for {place}, cited by {}", row.lines.join(", "));
            whole = false;
        }
    }
    Ok(whole)
}

fn rows(tree: &Tree, work: &Work) -> Result<BTreeMap<Place, Row>> {
    let mut rows: BTreeMap<Place, Row> = BTreeMap::new();
    let files = |begin: &'static str, end: &'static str| {
        tree.ending(end).filter(move |file| file.starts_with(begin))
    };
    for file in files(work.code, ".rs") {
        let name = file.strip_prefix("crates/algorithms/src/").unwrap_or(file);
        for (number, line) in (1..).zip(tree.text(file)?.lines()) {
            for place in cited(line, work.papers) {
                rows.entry(place).or_default().lines.push(format!("{name}:{number}"));
            }
        }
    }
    for file in files(work.tests, ".rs") {
        for test in tests(&tree.text(file)?, work.papers) {
            for (place, row) in &mut rows {
                if test.covers(place) {
                    row.tests.insert(test.name.clone());
                }
            }
        }
    }
    for file in files(work.mutants, ".patch") {
        let text = tree.text(file)?;
        let source = text.lines().find_map(|line| line.strip_prefix("# source: "));
        let name = file.rsplit('/').next().and_then(|name| name.strip_suffix(".patch"));
        if let (Some(row), Some(name)) = (source.and_then(|place| rows.get_mut(place)), name) {
            row.mutants.insert(name.to_owned());
        }
    }
    Ok(rows)
}

/// The places that a line cites: of `[raft §5.2, §5.4]` both.
fn cited(line: &str, papers: &[&str]) -> Vec<Place> {
    let mut places = Vec::new();
    for rest in line.split('[').skip(1) {
        let Some((inside, _)) = rest.split_once(']') else { continue };
        let Some((key, list)) = inside.split_once(' ') else { continue };
        if papers.contains(&key) {
            let known = |place: &&str| place.ends_with(|c: char| c.is_ascii_digit());
            places.extend(list.split(", ").filter(known).map(|place| format!("{key} {place}")));
        }
    }
    places
}

/// A test, and what it says it is about.
struct Test {
    name: String,
    /// `5.4.1`, from its name.
    section: String,
    cites: BTreeSet<Place>,
}

impl Test {
    fn covers(&self, place: &str) -> bool {
        let section = place.split_once('§').map(|(_, section)| section);
        self.cites.contains(place) || section == Some(self.section.as_str())
    }
}

/// The tests of a file. What is cited between two tests belongs to the second.
fn tests(text: &str, papers: &[&str]) -> Vec<Test> {
    let mut tests: Vec<Test> = Vec::new();
    let (mut is_test, mut above) = (false, BTreeSet::new());
    for line in text.lines() {
        above.extend(cited(line, papers));
        is_test |= line == "#[test]";
        if let Some(rest) = line.strip_prefix("fn ").filter(|_| is_test) {
            let name = rest.split('(').next().unwrap_or(rest).to_owned();
            let section = section(&name);
            tests.push(Test { name, section, cites: std::mem::take(&mut above) });
            is_test = false;
        } else if line.starts_with('}') {
            let inside = std::mem::take(&mut above);
            if let Some(test) = tests.last_mut() {
                test.cites.extend(inside);
            }
        }
    }
    tests
}

/// `5.4.1` of `s5_4_1_refuses`.
fn section(name: &str) -> String {
    let numbers = name.strip_prefix('s').unwrap_or("").split('_');
    let is_number = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    numbers.take_while(is_number).collect::<Vec<_>>().join(".")
}

/// The rows as a table in Markdown.
fn table(rows: &BTreeMap<Place, Row>) -> String {
    let list = |items: &BTreeSet<String>| items.iter().cloned().collect::<Vec<_>>().join(", ");
    let mut text = String::from("| place | lines | tests | mutants |\n|---|---|---|---|\n");
    let mut places: Vec<(&Place, &Row)> = rows.iter().collect();
    places.sort_by_key(|(place, _)| order(place));
    for (place, Row { lines, tests, mutants }) in places {
        let lines = lines.join(", ");
        text += &format!("| {place} | {lines} | {} | {} |\n", list(tests), list(mutants));
    }
    text
}

/// By paper, then by the numbers of the section: 5.4 before 5.10.
fn order(place: &str) -> (String, Vec<u32>) {
    let (key, place) = place.split_once(' ').unwrap_or((place, ""));
    let numbers = place.split(|c: char| !c.is_ascii_digit());
    (key.to_owned(), numbers.filter_map(|number| number.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_citations() {
        let places = cited(
            "// [raft §5.2, §5.4] and [thesis fig. 3], [abd §3] [raft §...]",
            &["raft", "thesis"],
        );
        assert_eq!(places, ["raft §5.2", "raft §5.4", "thesis fig. 3"]);
    }

    #[test]
    fn a_test_belongs_to_the_section_of_its_name_and_to_what_it_cites() {
        let text = "/// [raft fig. 8]\n#[test]\nfn s5_4_2_only() {\n    // [raft §5.3]\n}\n\n\
                    fn helper() {}\n\n#[test]\nfn other() {\n}\n";
        let found = tests(text, &["raft"]);
        let names: Vec<&str> = found.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names, ["s5_4_2_only", "other"]);
        for (place, covered) in [
            ("raft §5.4.2", true),
            ("raft fig. 8", true),
            ("raft §5.3", true),
            ("raft §5.4", false),
        ] {
            assert_eq!(found[0].covers(place), covered, "{place}");
        }
        assert!(!found[1].covers("raft §5.3"));
    }

    #[test]
    fn sections_are_in_the_order_of_their_numbers() {
        assert!(order("raft §5.4.2") < order("raft §5.10"));
        assert!(order("raft §8") < order("thesis §3.10"));
        assert_eq!(section("s10_2_1_a_leader"), "10.2.1");
        assert_eq!(section("lab_3a"), "");
    }
}
