//! Histories of a workload's own types, made of records.

use std::collections::BTreeMap;

use splitbrain_core::{History, Operation, OperationId, Verdict};

use super::Question;
use super::names::Call;
use crate::format::{forms, our_line};
use crate::record::{Record, independent};
use crate::{FileError, Judge, Value};

/// Judges the history as one of the workload; each key alone, where it has independent ones.
pub(super) fn judge<W: Judge>(question: &Question<'_>) -> Result<Verdict, FileError> {
    if !independent(question.records) {
        return Ok(W::judge(&history::<W>(question.records)?));
    }
    let mut keys: BTreeMap<Value, Vec<usize>> = BTreeMap::new();
    for (at, record) in question.records.iter().enumerate() {
        let key = Call::new(record, true).0.cloned().unwrap_or_default();
        keys.entry(key.canonical()).or_default().push(at);
    }
    let mut verdict = Verdict::default();
    for (key, places) in keys {
        let record = |at: &usize| without_key(&question.records[*at]);
        let records: Vec<Record> = places.iter().map(record).collect();
        let mut of_key = W::judge(&history::<W>(&records)?);
        for finding in &mut of_key.findings {
            finding.sentence = format!("key {key}: {}", finding.sentence);
            for operation in &mut finding.operations {
                let place = places.get(operation.index()).copied().unwrap_or_default();
                *operation = OperationId(u32::try_from(place).unwrap_or(u32::MAX));
            }
        }
        for text in &mut of_key.undecided {
            *text = format!("key {key}: {text}");
        }
        of_key.remarks.clear();
        verdict.merge(of_key);
    }
    Ok(verdict)
}

/// The same operation on an object without keys.
fn without_key(record: &Record) -> Record {
    let call = Call::new(record, true).1;
    let (asked, answered) = (call.asked.clone(), call.answered.clone());
    Record { key: None, asked, answered, ..record.clone() }
}

/// The records as operations of the workload.
fn history<W: Judge>(records: &[Record]) -> Result<History<W>, FileError> {
    let forms = forms(W::NAME).unwrap_or_default();
    let last = last_read(records);
    let mut history = History::default();
    for (at, record) in records.iter().enumerate() {
        let mut record = record.clone();
        // What the workload's types demand and other formats do not tell decides nothing.
        record.node.get_or_insert_with(|| "n1".into());
        record.invoked.at_ns.get_or_insert(u64::from(record.invoked.order));
        if let Some(completed) = &mut record.completed {
            completed.at_ns.get_or_insert(u64::from(completed.order));
        }
        record.last |= last == Some(at);
        let refuse = |why| FileError { line: record.invoked.line, column: None, why };
        let line = our_line(&record, forms, false).map_err(refuse)?;
        let operation: Operation<W> = serde_json::from_str(&line).map_err(|why| {
            let why = why.to_string();
            let what = why.split(" at line ").next().unwrap_or_default();
            let asked = super::names::described(&record);
            refuse(format!("{asked} is no operation of {}: {what}", W::NAME))
        })?;
        history.operations.push(operation);
    }
    Ok(history)
}

/// If no operation belongs to a last phase, the last read that was answered stands for one, as
/// Jepsen's set checker has it.
fn last_read(records: &[Record]) -> Option<usize> {
    if records.iter().any(|record| record.last) {
        return None;
    }
    let is_read =
        |record: &Record| &*record.function == "read" && record.end == splitbrain_core::End::Ok;
    records.iter().rposition(is_read)
}
