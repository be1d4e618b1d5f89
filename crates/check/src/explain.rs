//! What each finding means: a page per id, for people.

macro_rules! pages {
    ($($id:literal)*) => {
        /// Every page, in the order of the ids.
        const PAGES: &[(&str, &str)] =
            &[$(($id, include_str!(concat!("explain/", $id, ".md")))),*];
    };
}

pages! {
    "ALWAYS-VIOLATED"
    "AVAILABILITY-LOW"
    "CAUSAL-CYCLE"
    "CAUSAL-DIVERGED"
    "CAUSAL-MEMORY"
    "CAUSAL-STALE"
    "CAUSAL-STALE-INITIAL"
    "COUNTER-IMPOSSIBLE"
    "COUNTER-WRONG"
    "ECHO-WRONG"
    "EVENTUAL-DIVERGED"
    "ID-DUPLICATE"
    "KAFKA-ABORTED-READ"
    "KAFKA-COMMIT-AHEAD"
    "KAFKA-DUPLICATE"
    "KAFKA-INCONSISTENT-OFFSET"
    "KAFKA-INT-NONMONOTONIC-POLL"
    "KAFKA-INT-NONMONOTONIC-SEND"
    "KAFKA-INT-POLL-SKIP"
    "KAFKA-LOST-WRITE"
    "KAFKA-NONMONOTONIC-POLL"
    "KAFKA-NONMONOTONIC-SEND"
    "KAFKA-PHANTOM"
    "KAFKA-POLL-SKIP"
    "KAFKA-PRECOMMITTED-READ"
    "KAFKA-UNSEEN"
    "LIN-INVERSION"
    "LIN-LOST-WRITE"
    "LIN-NO-ORDER"
    "LIN-PHANTOM-READ"
    "LIN-STALE-READ"
    "LIVE-NO-PROGRESS"
    "LIVE-RUNAWAY"
    "NODE-NONDET"
    "NODE-PANIC"
    "NODE-REPLY-TWICE"
    "NODE-REPLY-UNKNOWN"
    "NODE-REPLY-WRONG"
    "PRAM-NO-ORDER"
    "PROTO-EXIT"
    "PROTO-FLOOD"
    "PROTO-MALFORMED"
    "PROTO-NO-INIT"
    "PROTO-REPLY"
    "PROTO-UNKNOWN-DEST"
    "PROTO-YIELD"
    "READ-THIN-AIR"
    "SEQ-NO-ORDER"
    "SESSION-MR"
    "SESSION-MW"
    "SESSION-RYW"
    "SESSION-WFR"
    "SET-DUPLICATED"
    "SET-LOST"
    "SET-PHANTOM"
}

/// The page of a finding: what it means, how it happens, where it bit, what usually fixes it.
/// Markdown.
///
/// ```
/// let page = splitbrain_check::explain("LIN-STALE-READ").expect("there is a page");
/// assert!(page.starts_with("# LIN-STALE-READ: a read of the past"));
/// assert_eq!(splitbrain_check::explain("LIN-STAIL-READ"), None);
/// ```
pub fn explain(id: &str) -> Option<&'static str> {
    let at = PAGES.binary_search_by_key(&id, |(id, _)| id).ok()?;
    Some(PAGES[at].1)
}

/// The ids of all findings of the project, in alphabetical order.
pub fn ids() -> impl ExactSizeIterator<Item = &'static str> {
    PAGES.iter().map(|(id, _)| *id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_and_complete() {
        assert!(ids().is_sorted());
        for id in ids() {
            let page = explain(id).unwrap();
            assert!(page.starts_with(&format!("# {id}: ")), "{id} has a title");
            for part in ["How it happens", "Where it bit", "What usually fixes it"] {
                assert!(page.contains(&format!("\n## {part}\n")), "{id} says: {part}");
            }
            assert_eq!(page.matches("```").count() % 2, 0, "{id} closes its pictures");
            assert!(page.lines().all(|line| line.chars().count() <= 100), "{id} has short lines");
        }
        assert_eq!(explain(""), None);
        assert_eq!(explain("lin-stale-read"), None);
    }
}
