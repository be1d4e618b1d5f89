//! What each finding means: a page per id, for people.

macro_rules! pages {
    ($($id:literal $(is $base:literal with $kind:literal)?)*) => {
        /// Every page, in the order of the ids.
        const PAGES: &[(&str, &str)] = &[$(($id, pages!(@page $id $($base $kind)?))),*];
    };
    (@page $id:literal) => { include_str!(concat!("explain/", $id, ".md")) };
    // What a session or a clock adds to an anomaly is the same for all of them.
    (@page $id:literal $base:literal $kind:literal) => {
        concat!(
            "# ", $id, ": a ", $base, ", once the order of ", $kind, " counts\n\n",
            include_str!(concat!("explain/shared/", $kind, ".md")),
            include_str!(concat!("explain/", $base, ".md")),
        )
    };
}

pages! {
    "ALWAYS-VIOLATED"
    "AVAILABILITY-LOW"
    "CAUSAL-CYCLE"
    "CAUSAL-DIVERGED"
    "CAUSAL-MEMORY"
    "CAUSAL-NO-ORDER"
    "CAUSAL-STALE"
    "CAUSAL-STALE-INITIAL"
    "COUNTER-IMPOSSIBLE"
    "COUNTER-WRONG"
    "ECHO-WRONG"
    "EVENTUAL-DIVERGED"
    "FRACTURED-READ"
    "G-nonadjacent"
    "G-nonadjacent-process" is "G-nonadjacent" with "process"
    "G-nonadjacent-realtime" is "G-nonadjacent" with "realtime"
    "G-single"
    "G-single-process" is "G-single" with "process"
    "G-single-realtime" is "G-single" with "realtime"
    "G0"
    "G0-process" is "G0" with "process"
    "G0-realtime" is "G0" with "realtime"
    "G1a"
    "G1b"
    "G1c"
    "G1c-process" is "G1c" with "process"
    "G1c-realtime" is "G1c" with "realtime"
    "G2-item"
    "G2-item-process" is "G2-item" with "process"
    "G2-item-realtime" is "G2-item" with "realtime"
    "ID-DUPLICATE"
    "INVARIANT-BROKEN"
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
    "LIN-FALSE-EMPTY"
    "LIN-INVERSION"
    "LIN-LOST-WRITE"
    "LIN-NO-ORDER"
    "LIN-PHANTOM-READ"
    "LIN-QUEUE-ORDER"
    "LIN-STACK-ORDER"
    "LIN-STALE-READ"
    "LIN-TAKEN-TWICE"
    "LIVE-LASSO"
    "LIVE-NO-PROGRESS"
    "LIVE-RUNAWAY"
    "LOCK-TOKEN-ORDER"
    "LOCK-TWO-HOLDERS"
    "NODE-NONDET"
    "NODE-PANIC"
    "NODE-REPLY-TWICE"
    "NODE-REPLY-UNKNOWN"
    "NODE-REPLY-WRONG"
    "NON-MONOTONIC-READ"
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
    "TXN-WRONG-ANSWER"
    "cyclic-versions"
    "dirty-update"
    "duplicate-elements"
    "future-read"
    "garbage-read"
    "incompatible-order"
    "internal"
    "lost-update"
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
