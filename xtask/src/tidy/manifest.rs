//! The little of TOML that manifests and lock files use: `[section]` and `key = value` lines.

/// One `key = value` line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry<'a> {
    /// The section, without its brackets; `[[package]]` gives `[package]`.
    pub(super) section: &'a str,
    /// The key as written: `serde`, `version.workspace`.
    pub(super) key: &'a str,
    /// All after the equals sign, without a comment.
    pub(super) value: &'a str,
    /// The comment that ends the line, without its mark; empty for none.
    pub(super) comment: &'a str,
    /// From 1.
    pub(super) line: usize,
}

/// The lines of a file that set something. A value that goes on over several lines is cut after
/// the first.
pub(super) fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut section = "";
    let mut found = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let (content, comment) = split_comment(line);
        let content = content.trim();
        if let Some(inner) = content.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = inner;
        } else if let Some((key, value)) = content.split_once('=') {
            let (key, value) = (key.trim(), value.trim());
            found.push(Entry { section, key, value, comment: comment.trim(), line: i + 1 });
        }
    }
    found
}

/// A line without its comment, and the comment.
fn split_comment(line: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, letter) in line.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '#' if !quoted => return (&line[..at], &line[at + 1..]),
            _ => (),
        }
    }
    (line, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sections_keys_and_comments() {
        let text =
            "[dependencies]\nserde = { version = \"1#2\" } # why\n\n[[package]]\nname = \"x\"";
        let serde = Entry {
            section: "dependencies",
            key: "serde",
            value: "{ version = \"1#2\" }",
            comment: "why",
            line: 2,
        };
        let name =
            Entry { section: "[package]", key: "name", value: "\"x\"", comment: "", line: 5 };
        assert_eq!(entries(text), [serde, name]);
    }
}
