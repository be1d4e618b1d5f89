//! What is excused from a rule, and why. Entries go away; new ones need a better reason than haste.

/// Functions longer than [`FUNCTION_LINES_MAX`]: file, name, lines it may have at most.
pub(super) const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[
    // A table of events, one row after the other.
    ("crates/lab/tests/pictures/worlds.rs", "busy", 118),
    ("crates/sim/src/shrink.rs", "without_node", 65),
];

/// The length of a function, its signature included.
pub(super) const FUNCTION_LINES_MAX: usize = 60;

/// The width of a line, not counting what stands inside a string literal.
pub(super) const COLUMNS_MAX: usize = 100;

/// The size of any file, in bytes.
pub(super) const FILE_BYTES_MAX: u64 = 1_000_000;

/// How many names the facade may export: what a learner must meet before writing a node.
pub(super) const FACADE_NAMES_MAX: usize = 30;

/// Who may do some I/O below the I/O crates: file, names, reason. All of it is in the two crates
/// that stand between a learner and the engines, and none of it can reach a verdict.
pub(super) const GRANTS: &[(&str, &[&str], &str)] = &[
    (
        "crates/lab/src/campaign.rs",
        &["std::thread", "Instant"],
        "threads share the seeds out; how long it took is told, and decides nothing",
    ),
    (
        "crates/explore/src/search.rs",
        &["std::thread"],
        "threads share the states out; the verdict is the same on any number of them",
    ),
    ("crates/lab/src/runs.rs", &["std::fs", "fs::"], "runs are kept in .splitbrain/runs"),
    ("crates/lab/src/session.rs", &["Instant", "env::var"], "progress and colour of a terminal"),
    (
        "crates/splitbrain/src/test.rs",
        &["std::process", "std::thread", "std::fs", "env::args"],
        "the main function of a learner's program",
    ),
];

/// Words in capitals with hyphens that look like a finding's id and are none.
pub(super) const NOT_FINDINGS: &[&str] = &[
    // Adya's names of consistency models.
    "PL-1", "PL-2", "PL-2L", "PL-3", "PL-3U", "PL-CS", "PL-FCV", "PL-MSR", "PL-SI", "PL-SS",
];
