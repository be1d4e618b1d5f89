//! Findings made visible: as lines for a terminal, as a drawing, as a page.
//!
//! PROBLEM     "Not serializable" convinces nobody. A colleague wants to see who read what, and
//!             which step was impossible.
//! IDEA        A finding carries its proof as data. From it come the same few things each time: the
//!             operations that matter, drawn on a line for each client; the order that got stuck,
//!             or the cycle that closes; and a plain sentence for each step.
//! RULES       The same verdict gives the same bytes. What came from a file is escaped. A page
//!             needs nothing else: no script, no font, no request. Nothing is told by colour alone.
//! CAVEATS     Of many operations the last ones are drawn, and the drawing says so. Places are
//!             ranks, not times: a history need not have times.
//! READ NEXT   lines.rs → drawing.rs → page.rs

mod drawing;
mod lines;
mod markdown;
mod page;
pub mod place;
pub mod theme;
pub mod visible;

use std::collections::BTreeSet;

use splitbrain_core::{End, Finding, OperationId, Proof};

pub use drawing::drawing;
pub use lines::lines;
pub use page::{Page, page};

/// An operation, or a transaction, as it is shown.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Shown {
    /// Who asked: `c1`.
    pub lane: String,
    /// What was asked, and what was answered: `read x → 3`.
    pub text: String,
    /// When it was asked: its place in the order of all requests and answers.
    pub invoked: u32,
    /// When it was answered or given up; `None` if neither happened.
    pub completed: Option<u32>,
    /// How it ended.
    pub end: End,
}

/// More operations than this are not drawn.
const DRAWN_MAX: usize = 28;

/// The operations that a finding is about, in the order in which they were asked: those that it
/// names, and those of its proof. Of a long order only the end matters.
fn matter(finding: &Finding) -> Vec<OperationId> {
    let mut matter: BTreeSet<OperationId> = finding.operations.iter().copied().collect();
    match &finding.proof {
        Some(Proof::Cycle(edges)) => matter.extend(edges.iter().flat_map(|e| [e.from, e.to])),
        Some(Proof::Stuck { next, .. }) => matter.extend(next.iter().map(|next| next.operation)),
        None => (),
    }
    matter.into_iter().collect()
}

/// What a transaction of a cycle is called, `T7`: by its place in the history, as in the sentences
/// that judges write.
fn cycle_name(finding: &Finding, operation: OperationId) -> Option<String> {
    let Some(Proof::Cycle(edges)) = &finding.proof else { return None };
    edges.iter().any(|edge| edge.from == operation).then(|| format!("T{}", operation.0))
}

#[cfg(test)]
mod tests;
