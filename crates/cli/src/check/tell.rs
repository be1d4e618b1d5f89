//! What is written of a history and its verdict.

use std::path::Path;

use serde_json::json;
use splitbrain_check::object::shown;
use splitbrain_check::show::visible::{count, shown as shown_in, wrapped};
use splitbrain_check::show::{Page, lines, page};
use splitbrain_core::{Finding, OperationId};

use super::Judged;

/// The width of what is written.
const COLUMNS: usize = 80;

impl Judged {
    /// The verdict in one line.
    pub(super) fn summary(&self) -> String {
        let verdict = &self.verdict;
        let why = match (verdict.findings.first(), verdict.undecided.first()) {
            (Some(finding), _) => format!("  {}", finding.id),
            (None, Some(why)) => format!("  {why}"),
            (None, None) => String::new(),
        };
        let operations = count(self.records.len() as u64);
        let validity = verdict.validity().to_string();
        format!("{validity:<8} {operations} operations of {}{why}", self.object.name)
    }

    /// The verdict as text.
    pub(super) fn text(&self, file: Option<&Path>, explain: bool) -> String {
        let verdict = &self.verdict;
        let (validity, operations) = (verdict.validity(), count(self.records.len() as u64));
        let name = file.map_or(String::new(), |file| format!("{}: ", file.display()));
        let mut text =
            format!("{name}{validity}: {operations} operations of {}\n", self.object.name);
        for finding in &verdict.findings {
            let told = format!("{}  {}", finding.id, finding.sentence);
            text += &indented(&wrapped(&told, COLUMNS - 2, 20), "  ");
            if explain {
                text +=
                    &indented(&lines(finding, &|at| shown(&self.records, at), COLUMNS - 4), "    ");
                text += &self.places(finding);
            }
        }
        for why in &verdict.undecided {
            text += &indented(&wrapped(&format!("undecided: {why}"), COLUMNS - 2, 6), "  ");
        }
        for (what, value) in &verdict.remarks {
            if what == "ladder" {
                let cut = |line| format!("{}\n", shown_in(line, COLUMNS));
                text += &value.lines().map(cut).collect::<String>();
                continue;
            }
            // What makes a verdict worth less is told always, the rest when somebody asks.
            let always = what.contains("weak") || what.starts_with("strongest");
            if !explain && !always && what != "assumed" {
                continue;
            }
            text += &indented(&wrapped(&format!("{what}: {value}"), COLUMNS - 2, 6), "  ");
        }
        if let Some(finding) = verdict.findings.first().filter(|_| explain) {
            text += &format!("  splitbrain explain {}: what it means\n", finding.id);
        }
        text
    }

    /// Where in the file the operations of a finding stand.
    fn places(&self, finding: &Finding) -> String {
        let mut lines: Vec<u64> = Vec::new();
        for operation in &finding.operations {
            let Some(record) = self.records.get(operation.index()) else { continue };
            lines.push(record.invoked.line);
            lines.extend(record.completed.map(|moment| moment.line));
        }
        lines.sort_unstable();
        lines.dedup();
        let shown: Vec<String> = lines.iter().take(12).map(u64::to_string).collect();
        match lines.len() {
            0 => String::new(),
            1 => format!("    line {}\n", shown.concat()),
            many if many > 12 => format!("    lines {}, ... ({many} in all)\n", shown.join(", ")),
            _ => format!("    lines {}\n", shown.join(", ")),
        }
    }

    /// The verdict as JSON.
    pub(super) fn json(&self, file: &Path) -> serde_json::Value {
        let verdict = &self.verdict;
        json!({
            "file": file,
            "format": self.format.name(),
            "verdict": verdict.validity(),
            "workload": self.object.name,
            "operations": self.records.len(),
            "findings": verdict.findings,
            "undecided": verdict.undecided,
            "remarks": verdict.remarks,
        })
    }

    /// The verdict as a page of HTML.
    pub(super) fn page(&self, file: &Path) -> String {
        let title = file.display().to_string();
        let what = Page {
            title: &title,
            model: self.object.name,
            operations: self.records.len() as u64,
            verdict: &self.verdict,
        };
        page(&what, &|at: OperationId| shown(&self.records, at))
    }
}

pub(super) fn indented(lines: &[String], by: &str) -> String {
    lines.iter().map(|line| format!("{by}{line}\n")).collect()
}

/// One line for each file.
pub(super) fn table(files: &[(String, String)]) -> String {
    let width = files.iter().map(|(file, _)| file.chars().count()).max().unwrap_or(0).min(36);
    let line = |(file, summary): &(String, String)| {
        let length = file.chars().count();
        let end: String = if length > width {
            std::iter::once('…').chain(file.chars().skip(length - width + 1)).collect()
        } else {
            file.clone()
        };
        let summary = wrapped(summary, COLUMNS - width - 2, 1).concat();
        format!("{end:<width$}  {summary}\n")
    };
    files.iter().map(line).collect()
}
