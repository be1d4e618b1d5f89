//! Histories of registers, held to the models of a shared memory: one of them, several, or all.
//!
//! CAVEATS     Judges of a shared memory know numbers only. Where values or keys are other than
//!             numbers, a remark says which number stands for which.

use splitbrain_core::{End, Validity, Verdict};

use super::Question;
use super::linearizable::{Registers, register, register_call};
use super::names::{Call, Names};
use crate::memory::{Access, Model, judge, ladder as all_models};
use crate::record::independent;
use crate::spec::RegisterCall;
use crate::{FileError, Value};

/// Judges the history by the models that are asked for; if none is, by linearizability.
pub(super) fn memory(question: &Question<'_>) -> Result<Verdict, FileError> {
    let models: Vec<Model> = question.models.iter().filter_map(|name| named(name)).collect();
    if models.iter().all(|model| *model == Model::Linearizable) {
        return register(question);
    }
    let Accesses { accesses, names, undecided } = accesses(question)?;
    if let Some(why) = undecided {
        return Ok(Verdict { undecided: vec![why], ..Verdict::NOTHING });
    }
    let mut verdict = Verdict::default();
    for model in models {
        let of_model = judge(&accesses, model, question.budget);
        let validity = of_model.validity();
        for finding in of_model.findings {
            if !verdict.findings.contains(&finding) {
                verdict.findings.push(finding);
            }
        }
        let name = model.name();
        verdict.undecided.extend(of_model.undecided.iter().map(|why| format!("{name}: {why}")));
        verdict.remarks.push((name.into(), validity.to_string()));
    }
    verdict.remarks.extend(names.legend());
    Ok(verdict)
}

/// The model of this name.
fn named(name: &str) -> Option<Model> {
    let name = name.to_lowercase();
    Model::ALL.into_iter().find(|model| model.name() == name)
}

/// Judges the history by all models: the verdict says which hold.
pub(super) fn rungs(question: &Question<'_>) -> Result<Verdict, FileError> {
    let Accesses { accesses, names, undecided } = accesses(question)?;
    if let Some(why) = undecided {
        return Ok(Verdict { undecided: vec![why], ..Verdict::NOTHING });
    }
    let ladder = all_models(&accesses, question.budget);
    let mut verdict = Verdict::default();
    for rung in ladder.first_broken() {
        for finding in &rung.verdict.findings {
            if !verdict.findings.contains(finding) {
                verdict.findings.push(finding.clone());
            }
        }
    }
    for rung in &ladder.rungs {
        let validity = rung.verdict.validity();
        verdict.remarks.push((rung.model.name().into(), validity.to_string()));
        if validity == Validity::Unknown && rung.follows_from.is_none() {
            let why = rung.verdict.undecided.join("; ");
            verdict.undecided.push(format!("{}: {why}", rung.model.name()));
        }
    }
    if ladder.strongest().contains(&Model::Linearizable) {
        verdict.undecided.clear();
    }
    let strongest: Vec<&str> = ladder.strongest().into_iter().map(Model::name).collect();
    if !strongest.is_empty() {
        verdict.remarks.push(("strongest".into(), strongest.join(", ")));
    }
    verdict.remarks.push(("ladder".into(), ladder.to_string()));
    verdict.remarks.extend(names.legend());
    Ok(verdict)
}

/// Operations as the judges of a shared memory want them.
struct Accesses {
    accesses: Vec<Access>,
    names: Names,
    /// Why they cannot be had.
    undecided: Option<String>,
}

fn accesses(question: &Question<'_>) -> Result<Accesses, FileError> {
    let keyed = independent(question.records);
    let registers = Registers::of(question);
    let mut names = Names::of_numbers(question.records, keyed);
    let mut accesses = Vec::new();
    // To these judges a register holds nothing at first. What it does hold stands for that, unless
    // somebody writes it too.
    let initial = registers.held(&mut names, question.initial).flatten();
    let mut written = false;
    for record in question.records {
        let (key, call) = Call::new(record, keyed);
        let refuse = |why| FileError { line: record.invoked.line, column: None, why };
        let meant = register_call(&registers, &mut names, call).map_err(refuse)?;
        written |= initial.is_some() && meant.and_then(RegisterCall::written) == initial;
        accesses.push(Access {
            process: record.process,
            key: names.key(key.unwrap_or(&Value::Int(0))),
            // What tells nothing keeps its place: an operation's number is its place.
            call: match meant {
                None => RegisterCall::Read(None),
                Some(RegisterCall::Read(value)) if value == initial => RegisterCall::Read(None),
                Some(call) => call,
            },
            invoked: record.invoked.order,
            completed: record.completed.map(|moment| moment.order),
            end: match record.end {
                _ if meant.is_none() => End::Failed,
                End::Failed => End::Ok,
                end => end,
            },
            last: record.last,
        });
    }
    let why = "the value that registers hold at first is written, too: a read of it tells nothing";
    Ok(Accesses { accesses, names, undecided: written.then(|| why.into()) })
}
