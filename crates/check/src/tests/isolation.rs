//! Histories of transactions: named ones, those of Elle's own tests, and nonsense. Random ones are
//! held against the definitions in fuzz/txn.rs.

mod elle;
mod named;
mod nonsense;
mod notation;

use splitbrain_core::{Rng, Validity};

use crate::Budget;
use crate::anomaly::{Anomalies, Anomaly};
use crate::consistency::{Boundary, Model};
use crate::isolation::{Assume, Options};
use crate::{list_append, rw_register};

use notation::Kind;

/// A history, and what must be said of it.
struct Case {
    name: &'static str,
    kind: Kind,
    assume: &'static str,
    models: &'static str,
    history: &'static str,
    /// The ids of the findings, `valid` or `unknown`.
    expected: &'static str,
    /// What a sentence of the findings, or what is undecided, says.
    says: &'static str,
}

impl Case {
    const fn lists(name: &'static str, history: &'static str, expected: &'static str) -> Self {
        let models = "strict-serializable";
        Self { name, kind: Kind::Lists, assume: "", models, history, expected, says: "" }
    }

    const fn registers(name: &'static str, history: &'static str, expected: &'static str) -> Self {
        Self { kind: Kind::Registers, ..Self::lists(name, history, expected) }
    }

    const fn models(self, models: &'static str) -> Self {
        Self { models, ..self }
    }

    const fn assume(self, assume: &'static str) -> Self {
        Self { assume, ..self }
    }

    const fn says(self, says: &'static str) -> Self {
        Self { says, ..self }
    }

    fn options(&self) -> Options {
        let assume = Assume {
            writes_follow_reads: self.assume.contains("follow"),
            sequential_keys: self.assume.contains("sequential"),
            linearizable_keys: self.assume.contains("linearizable"),
        };
        let models = self.models.split(' ').map(|name| name.parse::<Model>().unwrap()).collect();
        Options { models, assume, ..Options::default() }
    }

    /// What was said instead.
    fn failure(&self) -> Option<String> {
        let history = notation::history(self.kind, self.history);
        let verdict = match self.kind {
            Kind::Lists => list_append::judge(&history, &self.options()),
            Kind::Registers => rw_register::judge(&history, &self.options()),
        };
        let mut ids: Vec<&str> = verdict.findings.iter().map(|finding| &*finding.id).collect();
        ids.dedup();
        let got = match &ids[..] {
            [] => verdict.validity().to_string(),
            ids => ids.join(" "),
        };
        let told: Vec<_> = verdict.findings.iter().map(|f| (&f.sentence, &f.proof)).collect();
        let sentences = verdict.findings.iter().map(|finding| &finding.sentence);
        let said = sentences.chain(&verdict.undecided).any(|text| text.contains(self.says));
        let right = got == self.expected && (self.says.is_empty() || said);
        (!right).then(|| {
            let undecided = &verdict.undecided;
            format!("{}: {got}, not {} {told:#?} {undecided:?}", self.name, self.expected)
        })
    }
}

/// The named histories that are judged otherwise than expected.
pub(super) fn failures() -> Vec<String> {
    let cases = named::LISTS.iter().chain(named::REGISTERS).chain(elle::CASES);
    let mut failures: Vec<String> = cases.filter_map(Case::failure).collect();
    failures.extend(named::needle().err());
    failures.extend(named::out_of_budget().err());
    failures.extend(named::witnesses().err());
    failures.extend(named::ties().err());
    failures
}

#[test]
fn histories_are_judged_as_told() {
    let failures = failures();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Elle's tests say which models its histories are not.
#[test]
fn the_weakest_violated_models_are_those_that_elle_names() {
    for (found, not) in elle::NOT {
        let found: Anomalies =
            found.split(' ').map(|name| name.parse::<Anomaly>().unwrap()).collect();
        let mut names: Vec<&str> = Boundary::of(found).not.iter().map(|m| m.name()).collect();
        names.sort_unstable();
        assert_eq!(names.join(" "), *not, "{found:?}");
    }
}

/// Whatever is put in, a judge ends, says the same again, and names only what is there.
#[test]
fn nonsense_is_judged_too() {
    let everything =
        Assume { writes_follow_reads: true, sequential_keys: true, linearizable_keys: true };
    let options = Options { assume: everything, ..Options::default() };
    for seed in 0..4_000 {
        let history = nonsense::nonsense(&mut Rng::new(seed));
        for judge in [list_append::judge, rw_register::judge] {
            let verdict = judge(&history, &options);
            assert_eq!(verdict, judge(&history, &options), "seed {seed}");
            for finding in &verdict.findings {
                let exist = finding.operations.iter().all(|id| id.index() < history.len());
                assert!(exist && !finding.operations.is_empty(), "seed {seed}: {finding:?}");
                assert!(crate::explain(&finding.id).is_some(), "{} is explained", finding.id);
            }
        }
    }
}

/// A budget of memory that is too small is told, and nothing is decided.
#[test]
fn a_small_memory_decides_nothing() {
    let history = notation::history(Kind::Lists, "ax1 ry / ay1 rx");
    let budget = Budget { memory_bytes: 100, ..Budget::default() };
    let verdict = list_append::judge(&history, &Options { budget, ..Options::default() });
    assert_eq!(verdict.validity(), Validity::Unknown);
}
