//! A verdict as one HTML file that needs nothing else.

use splitbrain_core::{Finding, OperationId, Validity, Verdict};

use super::lines::{self};
use super::place::escaped;
use super::visible::{count, shown};
use super::{Shown, drawing, markdown, theme};

/// More findings than this are counted, not drawn.
const FINDINGS_MAX: usize = 50;

/// What a page shows.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// What was judged: a file's name.
    pub title: &'a str,
    /// As what: `cas-register, linearizable`.
    pub model: &'a str,
    /// How many operations it has.
    pub operations: u64,
    /// What the judges say.
    pub verdict: &'a Verdict,
}

const STYLE: &str = "\
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,\
'Segoe UI',Roboto,sans-serif}
main{max-width:1040px;margin:0 auto;padding:24px 20px 64px}
h1{font-size:24px;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:19px;margin:40px 0 8px}
h3,h4,h5{font-size:16px;margin:20px 0 4px}
.verdict{font-weight:700}
.invalid,.finding{color:var(--bad)}
.valid{color:var(--vote-reply)}
.quiet,summary{color:var(--muted)}
figure{margin:16px 0;overflow-x:auto}
figure svg{display:block;min-width:720px;width:100%;height:auto}
pre{background:var(--grid);padding:12px 14px;overflow-x:auto;border-radius:6px;font:13px/1.45 \
ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
code{background:var(--grid);padding:1px 4px;border-radius:3px}
summary{cursor:pointer;margin:12px 0}
details>*:not(summary){margin-left:14px}
table{border-collapse:collapse}
td{padding:2px 16px 2px 0;vertical-align:top}
";

/// Writes the page.
///
/// ```
/// use splitbrain_check::show::{Page, Shown, page};
/// use splitbrain_core::{End, OperationId, Verdict};
///
/// let verdict = Verdict::default();
/// let show = |_: OperationId| Shown {
///     lane: "c1".into(),
///     text: "read x → 1".into(),
///     invoked: 0,
///     completed: Some(1),
///     end: End::Ok,
/// };
/// let what = Page { title: "a <history>", model: "register", operations: 1, verdict: &verdict };
/// let html = page(&what, &show);
/// assert!(html.starts_with("<!doctype html>") && html.contains("a &lt;history&gt;"));
/// ```
pub fn page(what: &Page<'_>, show: &dyn Fn(OperationId) -> Shown) -> String {
    let Page { title, model, operations, verdict } = what;
    let title = escaped(&shown(title, 200));
    let validity = verdict.validity();
    let mut body = format!(
        "<h1>{title}</h1>\n<p><span class=\"verdict {validity}\">{} {validity}</span> \
         <span class=\"quiet\">{} operations, judged as {}</span></p>\n",
        match validity {
            Validity::Valid => "✓",
            Validity::Invalid => "✗",
            Validity::Unknown => "?",
        },
        count(*operations),
        escaped(&shown(model, 80))
    );
    for why in &verdict.undecided {
        body += &format!("<p>Undecided: {}</p>\n", escaped(&shown(why, 1_000)));
    }
    let mut explained: Vec<&str> = Vec::new();
    for finding in verdict.findings.iter().take(FINDINGS_MAX) {
        body += &section(finding, show, !explained.contains(&&*finding.id));
        explained.push(&finding.id);
    }
    let more = verdict.findings.len().saturating_sub(FINDINGS_MAX);
    if more > 0 {
        body += &format!("<p class=\"quiet\">and {} more findings</p>\n", count(more as u64));
    }
    if !verdict.remarks.is_empty() {
        body += "<h2>Remarks</h2>\n<table>\n";
        for (name, value) in &verdict.remarks {
            let (name, value) = (shown(name, 80), shown(value, 1_000));
            body += &format!("<tr><td>{}<td>{}\n", escaped(&name), escaped(&value));
        }
        body += "</table>\n";
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{validity}: {title}</title>\n<style>\n{}{STYLE}</style>\n\
         <body class=\"sb\"><main>\n{body}</main>\n",
        theme::css(),
    )
}

/// One finding: its sentence, its drawing, its steps, and, where it is the first of its kind, what
/// it means.
fn section(finding: &Finding, show: &dyn Fn(OperationId) -> Shown, explain: bool) -> String {
    let steps = lines::lines(finding, show, 110).join("\n");
    let meaning = crate::explain(&finding.id).filter(|_| explain);
    let meaning = meaning.map_or(String::new(), |page| {
        format!(
            "<details><summary>What {} means</summary>\n{}</details>\n",
            escaped(&shown(&finding.id, 40)),
            markdown::html(page)
        )
    });
    format!(
        "<h2><span class=\"finding\">✗ {}</span></h2>\n<p>{}</p>\n<figure>\n{}</figure>\n\
         <pre>{}</pre>\n{meaning}",
        escaped(&shown(&finding.id, 40)),
        escaped(&shown(&finding.sentence, 2_000)),
        drawing(finding, show),
        escaped(&steps)
    )
}
