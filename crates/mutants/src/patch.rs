//! Patches: how one bug is planted in a copy of a source file.
//!
//! PROBLEM     A planted bug must be easy to read, must not leave a switch in the reference, and
//!             must not rot unnoticed when the reference changes.
//! IDEA        A patch file: headers that say what the bug is, then hunks as in a unified diff but
//!             without line numbers. The old lines of a hunk say where it applies.
//! RULES       1. The old lines of each hunk occur in the file exactly once: no fuzz, no offsets.
//!             2. A patch changes one to ten lines; a replaced line counts once.
//!             3. Whatever is wrong is an error that names the patch and the hunk.

/// The most lines a patch may change.
const CHANGED_LINES_MAX: usize = 10;

/// A patch, read and not yet applied.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Patch {
    /// The file it changes, from its `--- file` line.
    pub(crate) file: String,
    headers: Vec<(String, String)>,
    hunks: Vec<Hunk>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Hunk {
    old: Vec<String>,
    new: Vec<String>,
    /// Of the old lines, how many go; of the new ones, how many come.
    removed: usize,
    added: usize,
}

impl Patch {
    /// Reads a patch: `# key: value` lines, `--- file`, and hunks that begin with `@@`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut patch = Self { file: String::new(), headers: Vec::new(), hunks: Vec::new() };
        for (number, line) in (1..).zip(text.lines()) {
            let place = |why: &str| format!("line {number}: {why}: {line:?}");
            if let Some(hunk) = patch.hunks.last_mut().filter(|_| !line.starts_with("@@")) {
                hunk.take(line).map_err(|why| place(&why))?;
            } else if let Some(header) = line.strip_prefix("# ") {
                let pair = header.split_once(": ").ok_or_else(|| place("not `# key: value`"))?;
                patch.headers.push((pair.0.into(), pair.1.trim().into()));
            } else if let Some(file) = line.strip_prefix("--- ") {
                patch.file = file.trim().into();
            } else if line.starts_with("@@") {
                patch.hunks.push(Hunk::default());
            } else if !line.is_empty() {
                return Err(place("neither a header, nor `--- file`, nor `@@`"));
            }
        }
        patch.check()?;
        Ok(patch)
    }

    fn check(&self) -> Result<(), String> {
        if self.file.is_empty() {
            return Err("there is no `--- file` line".into());
        }
        let changed: usize = self.hunks.iter().map(|hunk| hunk.removed.max(hunk.added)).sum();
        if changed == 0 || changed > CHANGED_LINES_MAX {
            return Err(format!("{changed} changed lines; allowed are 1 to {CHANGED_LINES_MAX}"));
        }
        Ok(())
    }

    /// The value of the header `key`.
    pub(crate) fn header(&self, key: &str) -> Result<&str, String> {
        let mut found = self.headers.iter().filter(|(name, _)| name == key);
        match (found.next(), found.next()) {
            (Some((_, value)), None) if !value.is_empty() => Ok(value),
            (Some(_), _) => Err(format!("the header `# {key}:` is empty or there twice")),
            (None, _) => Err(format!("the header `# {key}: ...` is missing")),
        }
    }

    /// The text with every hunk applied.
    pub(crate) fn apply(&self, text: &str) -> Result<String, String> {
        let mut lines: Vec<String> = text.lines().map(String::from).collect();
        for (number, hunk) in (1..).zip(&self.hunks) {
            let length = hunk.old.len();
            let at = hunk.place(&lines).map_err(|why| format!("hunk {number} {why}"))?;
            lines.splice(at..at + length, hunk.new.iter().cloned());
        }
        lines.push(String::new());
        Ok(lines.join("\n"))
    }
}

impl Hunk {
    /// Takes a line of the hunk. An empty line stands for an empty line of context.
    fn take(&mut self, line: &str) -> Result<(), String> {
        let mut rest = line.chars();
        let sign = rest.next().unwrap_or(' ');
        let rest = rest.as_str();
        if !matches!(sign, ' ' | '-' | '+') {
            return Err("a line of a hunk begins with a space, `-` or `+`".into());
        }
        if sign != '+' {
            self.old.push(rest.into());
            self.removed += usize::from(sign == '-');
        }
        if sign != '-' {
            self.new.push(rest.into());
            self.added += usize::from(sign == '+');
        }
        Ok(())
    }

    /// Where in `lines` the old lines are.
    fn place(&self, lines: &[String]) -> Result<usize, String> {
        if self.old.is_empty() {
            return Err("has neither context nor removed lines, so it fits nowhere".into());
        }
        let mut places =
            (0..lines.len()).filter(|at| lines[*at..].starts_with(&self.old)).map(|at| at + 1);
        match (places.next(), places.next()) {
            (Some(line), None) => Ok(line - 1),
            (Some(one), Some(other)) => {
                Err(format!("is ambiguous: it fits at line {one} and at line {other}"))
            }
            (None, _) => Err(format!("does not apply: nowhere are the lines\n{self}")),
        }
    }
}

impl std::fmt::Display for Hunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.old.iter().try_for_each(|line| writeln!(f, "  | {line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "one\ntwo\n\nthree\ntwo\nfour\n";

    fn patch(hunks: &str) -> Result<Patch, String> {
        Patch::parse(&format!("# breaks: SET-LOST\n# mistake: m: n\n--- a/b.rs\n{hunks}"))
    }

    fn applied(hunks: &str) -> Result<String, String> {
        patch(hunks).and_then(|patch| patch.apply(SOURCE))
    }

    #[test]
    fn headers_and_file_are_read() {
        let patch = patch("@@\n-one\n").unwrap();
        assert_eq!((patch.file.as_str(), patch.header("mistake")), ("a/b.rs", Ok("m: n")));
        assert!(patch.header("source").unwrap_err().contains("missing"));
    }

    #[test]
    fn every_hunk_is_applied() {
        let text = applied("@@\n-one\n+1\n two\n\n@@ here\n two\n-four\n+4\n+5\n").unwrap();
        assert_eq!(text, "1\ntwo\n\nthree\ntwo\n4\n5\n");
    }

    #[test]
    fn what_does_not_fit_exactly_once_is_refused() {
        for (hunks, why) in [
            ("@@\n-one\n@@\n-five\n", "hunk 2 does not apply"),
            ("@@\n-on\n", "hunk 1 does not apply"),
            ("@@\n-two\n", "hunk 1 is ambiguous: it fits at line 2 and at line 5"),
            ("@@\n+new\n", "hunk 1 has neither context nor removed lines"),
        ] {
            let error = applied(hunks).unwrap_err();
            assert!(error.contains(why), "{hunks:?}: {error}");
        }
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        for (text, why) in [
            ("# breaks SET-LOST\n", "line 1: not `# key: value`"),
            ("@@\n-one\n", "no `--- file` line"),
            ("--- a\nrubbish\n", "line 2: neither a header"),
            ("--- a\n@@\n one\n", "0 changed lines"),
            ("--- a\n@@\n*one\n", "line 3: a line of a hunk begins with"),
            ("--- a\n@@\nédouard\n", "line 3: a line of a hunk begins with"),
        ] {
            let error = Patch::parse(text).unwrap_err();
            assert!(error.contains(why), "{text:?}: {error}");
        }
        let long = format!("--- a\n@@\n one\n{}", "+x\n".repeat(11));
        assert!(Patch::parse(&long).unwrap_err().contains("11 changed lines"));
    }
}
