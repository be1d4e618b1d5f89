//! What is excused from a rule, and why. Entries go away; new ones need a better reason than haste.

/// Functions longer than [`FUNCTION_LINES_MAX`]: file, name, lines it may have at most.
pub(super) const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[];

/// The length of a function, its signature included.
pub(super) const FUNCTION_LINES_MAX: usize = 60;

/// The width of a line, not counting what stands inside a string literal.
pub(super) const COLUMNS_MAX: usize = 102;

/// The size of any file, in bytes.
pub(super) const FILE_BYTES_MAX: u64 = 1_000_000;

/// How many names the facade may export: what a learner must meet before writing a node.
pub(super) const FACADE_NAMES_MAX: usize = 30;

/// Uses of a banned name below the I/O crates: file, name, reason.
pub(super) const AUTHORITY: &[(&str, &str, &str)] = &[];

/// Words in capitals with hyphens that look like a finding's id and are none.
pub(super) const NOT_FINDINGS: &[&str] = &[];
