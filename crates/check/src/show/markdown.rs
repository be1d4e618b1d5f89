//! The pages of `explain` as HTML: the little of Markdown that they use.

use super::place::escaped;

/// Headings, paragraphs, lists, code. The page's own title becomes a second-level heading.
pub(super) fn html(markdown: &str) -> String {
    let mut out = String::new();
    let mut open = "";
    let mut code = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            close(&mut out, &mut open);
            out.push_str(if code { "</pre>\n" } else { "<pre>" });
            code = !code;
        } else if code {
            out.push_str(&escaped(line));
            out.push('\n');
        } else if let Some((level, text)) = heading(line) {
            close(&mut out, &mut open);
            out.push_str(&format!("<h{level}>{}</h{level}>\n", inline(text)));
        } else if let Some(item) = line.strip_prefix("- ") {
            if open != "ul" {
                close(&mut out, &mut open);
                out.push_str("<ul>\n");
                open = "ul";
            }
            out.push_str(&format!("<li>{}\n", inline(item)));
        } else if line.trim().is_empty() {
            close(&mut out, &mut open);
        } else {
            if open.is_empty() {
                out.push_str("<p>");
                open = "p";
            }
            out.push_str(&inline(line.trim_start()));
            out.push('\n');
        }
    }
    close(&mut out, &mut open);
    out
}

fn close(out: &mut String, open: &mut &str) {
    if !open.is_empty() {
        out.push_str(&format!("</{open}>\n"));
        *open = "";
    }
}

fn heading(line: &str) -> Option<(usize, &str)> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    (level > 0).then(|| ((level + 2).min(6), text.trim()))
}

/// Code between backquotes, strong text between double asterisks, emphasis between single ones, and
/// the text of links: a page leads nowhere else.
fn inline(text: &str) -> String {
    let mut out = String::new();
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            out.push_str(&format!("<code>{}</code>", escaped(part)));
            continue;
        }
        let strong = paired(&escaped(&without_links(part)), "**", "strong");
        out.push_str(&paired(&strong, "*", "em"));
    }
    out
}

/// Puts what stands between two marks into an element. A mark without a partner stays.
fn paired(text: &str, mark: &str, element: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(mark) {
        let Some((inside, behind)) = after.split_once(mark) else { break };
        out.push_str(&format!("{before}<{element}>{inside}</{element}>"));
        rest = behind;
    }
    out + rest
}

fn without_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        let link = after.split_once("](").and_then(|(label, target)| {
            let (_, behind) = target.split_once(')')?;
            Some((label, behind))
        });
        out.push_str(before);
        match link {
            Some((label, behind)) => {
                out.push_str(label);
                rest = behind;
            }
            None => {
                out.push('[');
                rest = after;
            }
        }
    }
    out + rest
}
