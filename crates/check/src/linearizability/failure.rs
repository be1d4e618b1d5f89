//! What is known of a failure, and the words to tell it.

use splitbrain_core::{OperationId, Time};

use super::Entry;
use crate::spec::Spec;

/// An operation in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Who asked what: `c2's read of x on n3`.
    pub what: String,
    /// What it was answered: `7`. May be empty.
    pub answer: String,
    /// When it was asked, if the history has times.
    pub invoked: Option<Time>,
    /// When it was answered.
    pub completed: Option<Time>,
}

/// The words for what a history is about. Whoever judges has them.
pub trait Words {
    /// The operation of an entry: its place in the history.
    fn id(&self, entry: usize) -> OperationId;

    /// The operation of an entry, in words.
    fn operation(&self, entry: usize) -> Told;

    /// A value.
    fn value(&self, value: u64) -> String {
        value.to_string()
    }

    /// A text.
    fn text(&self, text: &str) -> String {
        const LONG: usize = 60;
        let chars = text.chars().count();
        if chars <= LONG {
            return format!("{text:?}");
        }
        let end: String = text.chars().skip(chars - LONG / 2).collect();
        format!("{chars} characters that end in {end:?}")
    }

    /// A key.
    fn key(&self, key: u64) -> String {
        key.to_string()
    }

    /// Who holds a lock.
    fn holder(&self, holder: u64) -> String {
        format!("holder {holder}")
    }

    /// The part of the object that a spec calls so. May be empty.
    fn part(&self, part: u64) -> String {
        self.key(part)
    }

    /// An operation on the same object as that of `entry` that should have written this value, and
    /// certainly did not happen.
    fn failed_write(&self, _entry: usize, _value: u64) -> Option<OperationId> {
        None
    }
}

impl dyn Words + '_ {
    /// Several values: the first few, and how many more.
    pub fn values(&self, values: &[u64]) -> String {
        const TOLD: usize = 8;
        let told: Vec<String> = values.iter().take(TOLD).map(|value| self.value(*value)).collect();
        match values.len() {
            0..=TOLD => told.join(", "),
            more => format!("{}, and {} more", told.join(", "), more - TOLD),
        }
    }
}

/// A history that no order explains, for whoever names the failure.
pub struct Failure<'a, S: Spec> {
    /// The history of one part of the object.
    pub entries: &'a [Entry<S::Call>],
    /// The entries of which none can be spared: the others may be thought to have happened at any
    /// time.
    pub held: &'a [usize],
    /// The entry at whose return no order is left.
    pub at: usize,
    /// What that part is called. May be empty.
    pub part: &'a str,
    /// The words. Entries have the places that they have here.
    pub words: &'a dyn Words,
}

/// A failure with a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    /// The id of the finding.
    pub id: &'static str,
    /// One plain sentence.
    pub sentence: String,
    /// The entries that show it.
    pub shown: Vec<usize>,
    /// Other operations that show it.
    pub more: Vec<OperationId>,
}

impl<S: Spec> Failure<'_, S> {
    /// The operation of an entry, in words.
    pub fn told(&self, entry: usize) -> Told {
        self.words.operation(entry)
    }

    /// Whether `a` had returned before `b` was asked.
    pub fn precedes(&self, a: usize, b: usize) -> bool {
        self.entries[a].returned.is_some_and(|end| end < self.entries[b].invoked)
    }

    /// A read lacks what had been added before it began, and what nothing takes away: the value of
    /// such a call.
    pub(crate) fn lacks(&self, lacking: impl Fn(&S::Call) -> Option<u64>) -> Option<Named> {
        let before = (0..self.entries.len()).filter(|entry| self.precedes(*entry, self.at));
        let found = |entry: usize| Some((entry, lacking(&self.entries[entry].call)?));
        let (added, value) =
            before.filter_map(found).max_by_key(|(entry, _)| self.held.contains(entry))?;
        let sentence = format!(
            "{} began after {} had returned, yet shows no {}",
            self.told(self.at).what,
            self.told(added).what,
            self.words.value(value)
        );
        let shown = vec![added, self.at];
        Some(Named { id: "LIN-STALE-READ", sentence, shown, more: Vec::new() })
    }

    /// The name for what has no better one.
    pub(super) fn no_order(&self) -> Named {
        const TOLD: usize = 6;
        let told = |entry: &usize| {
            let told = self.told(*entry);
            let answer = match &*told.answer {
                "" => String::new(),
                answer => format!(" = {answer}"),
            };
            format!("{}{answer}{}", told.what, self.when(*entry, &told))
        };
        let mut text: Vec<String> = self.held.iter().take(TOLD).map(told).collect();
        if self.held.len() > TOLD {
            text.push(format!("and {} more", self.held.len() - TOLD));
        }
        let of = match self.part {
            "" => String::new(),
            part => format!(" of the operations on {part}"),
        };
        let sentence = format!("no order{of} explains {}", text.join(", "));
        Named { id: "LIN-NO-ORDER", sentence, shown: self.held.to_vec(), more: Vec::new() }
    }

    fn when(&self, entry: usize, told: &Told) -> String {
        let Some(begun) = told.invoked else { return String::new() };
        match (told.completed, self.entries[entry].returned) {
            (Some(end), Some(_)) => format!(" ({begun} to {end})"),
            _ => format!(" ({begun} to open)"),
        }
    }
}
