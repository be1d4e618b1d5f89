//! Histories of logs: as Maelstrom's clients ask, and as Jepsen's kafka tests write them.
//!
//! Jepsen's operations are lists of acts: `[:send k [offset message]]`, and `[:poll {k [[offset
//! message] ...]}]`, whose reader goes on from where it was. `:assign` and `:subscribe` say which
//! logs a process reads. What else its tests do (`:crash`, `:debug-topic-partitions`) tells
//! nothing.

use splitbrain_core::workload::kafka::Kafka;
use splitbrain_core::{End, Stamp, Time, Verdict};

use super::Question;
use super::typed;
use crate::kafka::{Act, Recording, Start, Step, judge};
use crate::record::{Moment, Record};
use crate::table::Numbers;
use crate::{FileError, Value};

/// Judges the history, in whichever form it is.
pub(super) fn kafka(question: &Question<'_>) -> Result<Verdict, FileError> {
    let acts = |record: &Record| {
        matches!(&*record.function, "assign" | "subscribe" | "txn" | "crash")
            || matches!(&*record.function, "send" | "poll") && record.asked.list().is_some()
    };
    if !question.records.iter().any(acts) {
        return typed::judge::<Kafka>(question);
    }
    let mut names = Names::default();
    let mut steps = Vec::new();
    for record in question.records {
        let refuse = |why| FileError { line: record.invoked.line, column: None, why };
        steps.push(Step {
            process: record.process,
            node: record.node.as_ref().and_then(|node| node.parse().ok()),
            invoked: stamp(record.invoked),
            completed: record.completed.map(stamp),
            end: record.end,
            last: record.last,
            acts: names.acts(record).map_err(refuse)?,
        });
    }
    let told = |names: &Numbers<Value>| names.values().iter().map(Value::to_string).collect();
    let (logs, messages) = (told(&names.logs), told(&names.messages));
    Ok(judge(&Recording { steps, logs, messages }))
}

fn stamp(moment: Moment) -> Stamp {
    let at_ns = moment.at_ns.unwrap_or(u64::from(moment.order));
    Stamp { order: moment.order, at: Time::from_nanos(at_ns) }
}

#[derive(Default)]
struct Names {
    logs: Numbers<Value>,
    messages: Numbers<Value>,
}

impl Names {
    fn acts(&mut self, record: &Record) -> Result<Vec<Act>, String> {
        let answered = record.end == End::Ok || !record.answered.is_nil();
        let value = if answered { &record.answered } else { &record.asked };
        match &*record.function {
            "assign" | "subscribe" if record.end == End::Ok => {
                let logs = value.items().ok_or_else(|| {
                    format!("{} takes a list of logs, not {value}", record.function)
                })?;
                let logs = logs.iter().map(|log| self.logs.number(log)).collect();
                Ok(vec![Act::Assign { logs }])
            }
            "send" | "poll" | "txn" => {
                let wrong = || {
                    let function = &record.function;
                    format!(
                        "{function} takes a list of [:send log message] and [:poll], not {value}"
                    )
                };
                let mut acts = Vec::new();
                for act in value.list().ok_or_else(wrong)? {
                    self.act(act, record.end, &mut acts).ok_or_else(wrong)?;
                }
                Ok(acts)
            }
            "assign" | "subscribe" | "crash" | "debug-topic-partitions" => Ok(Vec::new()),
            other => Err(format!(
                "there is no function {other:?} here; there are send, poll, txn and assign"
            )),
        }
    }

    /// Adds what an act does; nothing if it is none.
    fn act(&mut self, act: &Value, end: End, acts: &mut Vec<Act>) -> Option<()> {
        let words = act.list()?;
        match (words.first()?.name()?, &words[1..]) {
            ("send", [log, sent]) => {
                let (offset, message) = match sent.list() {
                    Some([offset, message]) => (offset.int(), message),
                    _ => (None, sent),
                };
                let offset = offset.and_then(|offset| u64::try_from(offset).ok());
                let (log, message) = (self.logs.number(log), self.messages.number(message));
                acts.push(Act::Send { log, message, offset });
            }
            ("poll", [Value::Map(logs)]) if end == End::Ok => {
                for (log, records) in logs {
                    let log = self.logs.number(log);
                    let shown = records.list()?.iter().map(|pair| self.shown(pair));
                    let shown = shown.collect::<Option<Vec<_>>>()?;
                    acts.push(Act::Poll { log, start: Start::Position, shown });
                }
            }
            ("poll", [] | [Value::Map(_)]) => (),
            _ => return None,
        }
        Some(())
    }

    fn shown(&mut self, pair: &Value) -> Option<(u64, u32)> {
        let [offset, message] = pair.list()? else { return None };
        Some((u64::try_from(offset.int()?).ok()?, self.messages.number(message)))
    }
}
