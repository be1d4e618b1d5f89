//! Why one operation had to come before another, step by step; and the shortest such reason.

use std::borrow::Cow;
use std::collections::VecDeque;

use splitbrain_core::{Edge, Proof};

use super::readings::Readings;
use super::sessions::{INITIAL, Sessions};
use crate::cases::operation_id;

/// Why an operation comes before another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    /// Its session did it first.
    Session,
    /// The other read what it had written.
    ReadFrom,
    /// The other wrote what this read should have found, had it come later.
    Replaced,
    /// This reader found the other's value, though it had this one's write before it.
    Older {
        /// The reader.
        reader: u32,
    },
}

/// One operation before another, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Step {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) why: Why,
}

/// The shortest way from one node to another, or from a node round to itself. What a session did in
/// a row counts as one step, and that as none. `more` adds steps to those of the sessions.
pub(crate) fn shortest(
    sessions: &Sessions,
    from: u32,
    to: u32,
    more: impl Fn(u32, &mut dyn FnMut(u32, Why)),
) -> Option<Vec<Step>> {
    let mut came: Vec<Option<Step>> = vec![None; sessions.len()];
    let mut settled = vec![false; sessions.len()];
    let mut queue = VecDeque::from([(from, None)]);
    let mut start = true;
    while let Some((node, step)) = queue.pop_front() {
        if start {
            start = false;
        } else if std::mem::replace(&mut settled[node as usize], true) {
            continue;
        } else {
            came[node as usize] = step;
            if node == to {
                return Some(path(sessions, &came, from, to));
            }
        }
        more(node, &mut |to, why| {
            if !settled[to as usize] {
                queue.push_back((to, Some(Step { from: node, to, why })));
            }
        });
        if let Some(next) = sessions.next(node)
            && !settled[next as usize]
        {
            queue.push_front((next, Some(Step { from: node, to: next, why: Why::Session })));
        }
    }
    None
}

/// The way back from `to`, forwards, with what a session did in a row as one step.
fn path(sessions: &Sessions, came: &[Option<Step>], from: u32, to: u32) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut at = to;
    while let Some(step) = came[at as usize] {
        at = step.from;
        match steps.last_mut() {
            Some(later) if later.why == Why::Session && step.why == Why::Session => {
                later.from = step.from;
            }
            _ => steps.push(step),
        }
        if at == from || steps.len() > sessions.len() {
            break;
        }
    }
    steps.reverse();
    steps
}

/// The steps of the causal order, for [`shortest`]: from a write to whoever reads it.
pub(crate) fn causal_steps(sessions: &Sessions) -> impl Fn(u32, &mut dyn FnMut(u32, Why)) + '_ {
    |node, visit| {
        for reader in sessions.readers(node) {
            visit(*reader, Why::ReadFrom);
        }
    }
}

/// A cycle as proof, each step in words.
pub(crate) fn cycle(readings: &Readings<'_>, steps: &[Step]) -> Proof {
    Proof::Cycle(steps.iter().map(|step| edge(readings, step)).collect())
}

fn edge(readings: &Readings<'_>, step: &Step) -> Edge {
    let id = |node: u32| operation_id(readings.sessions.operation(node));
    Edge {
        from: id(step.from),
        to: id(step.to),
        kind: Cow::Borrowed(match step.why {
            Why::Session => "process",
            Why::ReadFrom => "wr",
            Why::Replaced => "rw",
            Why::Older { .. } => "ww",
        }),
        why: words(readings, step),
    }
}

/// A step in words.
pub(crate) fn words(readings: &Readings<'_>, step: &Step) -> String {
    let (from, to) = (readings.words(step.from), readings.words(step.to));
    match step.why {
        Why::Session => format!("{from} came before {to} in one session"),
        Why::ReadFrom => format!("{to} found what {from} had written"),
        Why::Replaced => format!("{from} found what {to} replaced"),
        Why::Older { reader } => {
            let reader = readings.words(reader);
            format!("{reader} had {from} before it and found {to}, so that is the newer one")
        }
    }
}

/// All steps in words, one after the other.
pub(crate) fn chain(readings: &Readings<'_>, steps: &[Step]) -> String {
    let told: Vec<String> = steps.iter().map(|step| words(readings, step)).collect();
    told.join(", and ")
}

/// Every node that the steps speak of, by its place in the history, in order.
pub(crate) fn operations(readings: &Readings<'_>, steps: &[Step]) -> Vec<usize> {
    let mut shown: Vec<usize> = Vec::new();
    for step in steps {
        let reader = match step.why {
            Why::Older { reader } => Some(reader),
            Why::Session | Why::ReadFrom | Why::Replaced => None,
        };
        for node in [step.from, step.to].into_iter().chain(reader) {
            shown.push(readings.sessions.operation(node));
            // A read is shown with the write whose value it had found.
            let writers = readings.sessions.reads(node).iter().map(|read| read.writer);
            let writers = writers.filter(|writer| *writer != INITIAL);
            shown.extend(writers.map(|writer| readings.sessions.operation(writer)));
        }
    }
    shown.sort_unstable();
    shown.dedup();
    shown
}
