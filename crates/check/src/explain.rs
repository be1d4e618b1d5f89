//! What each finding means: a page per id, for people.

/// Every page, in the order of the ids.
const PAGES: [(&str, &str); 28] = [
    ("ALWAYS-VIOLATED", include_str!("explain/ALWAYS-VIOLATED.md")),
    ("AVAILABILITY-LOW", include_str!("explain/AVAILABILITY-LOW.md")),
    ("COUNTER-IMPOSSIBLE", include_str!("explain/COUNTER-IMPOSSIBLE.md")),
    ("COUNTER-WRONG", include_str!("explain/COUNTER-WRONG.md")),
    ("ECHO-WRONG", include_str!("explain/ECHO-WRONG.md")),
    ("ID-DUPLICATE", include_str!("explain/ID-DUPLICATE.md")),
    ("LIN-INVERSION", include_str!("explain/LIN-INVERSION.md")),
    ("LIN-LOST-WRITE", include_str!("explain/LIN-LOST-WRITE.md")),
    ("LIN-NO-ORDER", include_str!("explain/LIN-NO-ORDER.md")),
    ("LIN-PHANTOM-READ", include_str!("explain/LIN-PHANTOM-READ.md")),
    ("LIN-STALE-READ", include_str!("explain/LIN-STALE-READ.md")),
    ("LIVE-NO-PROGRESS", include_str!("explain/LIVE-NO-PROGRESS.md")),
    ("LIVE-RUNAWAY", include_str!("explain/LIVE-RUNAWAY.md")),
    ("NODE-NONDET", include_str!("explain/NODE-NONDET.md")),
    ("NODE-PANIC", include_str!("explain/NODE-PANIC.md")),
    ("NODE-REPLY-TWICE", include_str!("explain/NODE-REPLY-TWICE.md")),
    ("NODE-REPLY-UNKNOWN", include_str!("explain/NODE-REPLY-UNKNOWN.md")),
    ("NODE-REPLY-WRONG", include_str!("explain/NODE-REPLY-WRONG.md")),
    ("PROTO-EXIT", include_str!("explain/PROTO-EXIT.md")),
    ("PROTO-FLOOD", include_str!("explain/PROTO-FLOOD.md")),
    ("PROTO-MALFORMED", include_str!("explain/PROTO-MALFORMED.md")),
    ("PROTO-NO-INIT", include_str!("explain/PROTO-NO-INIT.md")),
    ("PROTO-REPLY", include_str!("explain/PROTO-REPLY.md")),
    ("PROTO-UNKNOWN-DEST", include_str!("explain/PROTO-UNKNOWN-DEST.md")),
    ("PROTO-YIELD", include_str!("explain/PROTO-YIELD.md")),
    ("SET-DUPLICATED", include_str!("explain/SET-DUPLICATED.md")),
    ("SET-LOST", include_str!("explain/SET-LOST.md")),
    ("SET-PHANTOM", include_str!("explain/SET-PHANTOM.md")),
];

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
