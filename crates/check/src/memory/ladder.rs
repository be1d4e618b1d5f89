//! The ladder: which models a history satisfies, and what breaks the next one.
//!
//! PROBLEM     "It is not linearizable" is a poor answer. What *can* a client rely on?
//! IDEA        Models imply one another. Climb as far as the history lets us, and tell of the first
//!             rung that breaks which operations break it.
//! RULES       What holds of a model holds of all that it implies; what breaks a model breaks all
//!             that imply it. So only a few are judged.
//! CAVEATS     The rungs are no single file: causal memory and causal convergence do not imply one
//!             another, and causal consistency alone does not imply PRAM. Several models may be
//!             strongest.

use std::fmt;

use splitbrain_core::{Validity, Verdict};

use super::{Access, Model, judge};
use crate::budget::Budget;

/// A model, and what was found of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rung {
    /// Which model.
    pub model: Model,
    /// Whether the history satisfies it, and why not.
    pub verdict: Verdict,
    /// Another model, of which the verdict is: a stronger one that holds, or a weaker one that does
    /// not.
    pub follows_from: Option<Model>,
}

/// All models, the strongest first, and what a history makes of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ladder {
    /// In the order of [`Model::ALL`].
    pub rungs: Vec<Rung>,
}

/// Judges a history by every model; each may use the whole budget.
///
/// ```
/// use splitbrain_check::memory::{Access, Model, ladder};
/// use splitbrain_check::spec::RegisterCall::{Read, Write};
/// use splitbrain_check::Budget;
/// use splitbrain_core::{End, ProcessId};
///
/// // c1 writes x=1, and then c2 finds nothing.
/// let access = |process, call, invoked| Access {
///     process: ProcessId(process),
///     key: 0,
///     call,
///     invoked,
///     completed: Some(invoked + 1),
///     end: End::Ok,
///     last: false,
/// };
/// let ladder = ladder(&[access(0, Write(1), 0), access(1, Read(None), 2)], Budget::default());
/// assert_eq!(ladder.strongest(), [Model::Sequential]);
/// ```
pub fn ladder(accesses: &[Access], budget: Budget) -> Ladder {
    let mut verdicts: Vec<Option<(Verdict, Option<Model>)>> = vec![None; Model::ALL.len()];
    let place = |model: Model| Model::ALL.iter().position(|other| *other == model).unwrap_or(0);
    // The strongest first: where it holds, nothing else is left to do. Then from the weakest up.
    let upwards = Model::ALL.iter().rev().filter(|model| **model != Model::Linearizable);
    // Eventual is never taken from another: it is for the last phase to show it.
    for &model in [Model::Eventual, Model::Linearizable].iter().chain(upwards) {
        if verdicts[place(model)].is_some() {
            continue;
        }
        let verdict = judge(accesses, model, budget);
        let validity = verdict.validity();
        for (other, of) in Model::ALL.iter().zip(&mut verdicts) {
            let follows = match validity {
                Validity::Valid => model.implies(*other),
                Validity::Invalid => other.implies(model),
                Validity::Unknown => false,
            };
            if *other == model {
                *of = Some((verdict.clone(), None));
            } else if follows && of.is_none() {
                *of = Some((verdict.clone(), Some(model)));
            }
        }
    }
    let rungs = Model::ALL.iter().zip(verdicts).filter_map(|(model, verdict)| {
        let (verdict, follows_from) = verdict?;
        Some(Rung { model: *model, verdict, follows_from })
    });
    Ladder { rungs: rungs.collect() }
}

impl Ladder {
    /// The models that hold and that no stronger one implies.
    pub fn strongest(&self) -> Vec<Model> {
        let holds = |model: Model| {
            self.rungs
                .iter()
                .any(|rung| rung.model == model && rung.verdict.validity() == Validity::Valid)
        };
        let stronger = |model: Model, other: &Model| *other != model && other.implies(model);
        Model::ALL
            .into_iter()
            .filter(|model| holds(*model))
            .filter(|model| {
                !Model::ALL.iter().any(|other| stronger(*model, other) && holds(*other))
            })
            .collect()
    }

    /// The rungs that break although all that they imply holds, or is not known to break.
    pub fn first_broken(&self) -> impl Iterator<Item = &Rung> {
        self.rungs.iter().filter(|rung| {
            rung.verdict.validity() == Validity::Invalid
                && rung.follows_from.is_none()
                && !self.rungs.iter().any(|weaker| {
                    weaker.model != rung.model
                        && rung.model.implies(weaker.model)
                        && weaker.verdict.validity() == Validity::Invalid
                })
        })
    }
}

impl fmt::Display for Ladder {
    /// A rung a line, the strongest on top, with the reason beside the first that break.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = Model::ALL.iter().map(|model| model.title().chars().count()).max();
        let width = width.unwrap_or(0);
        let told: Vec<Model> = self.first_broken().map(|rung| rung.model).collect();
        for rung in &self.rungs {
            let mark = match rung.verdict.validity() {
                Validity::Valid => '✓',
                Validity::Unknown => '?',
                Validity::Invalid => '✗',
            };
            let finding = rung.verdict.findings.first().filter(|_| told.contains(&rung.model));
            let reason = match (rung.verdict.validity(), finding) {
                (Validity::Invalid, Some(finding)) => {
                    format!("{}: {}", finding.id, finding.sentence)
                }
                (Validity::Unknown, _) => rung.verdict.undecided.join("; "),
                _ => String::new(),
            };
            let title = rung.model.title();
            let line = format!("╟ {mark} ╢ {title:width$}  {reason}");
            writeln!(f, "{}", line.trim_end())?;
        }
        let names: Vec<&str> = self.strongest().iter().map(|model| model.title()).collect();
        match &names[..] {
            [] => writeln!(f, "nothing is known to hold"),
            [one] => writeln!(f, "the strongest that holds: {one}"),
            several => writeln!(f, "the strongest that hold: {}", several.join(", ")),
        }
    }
}
