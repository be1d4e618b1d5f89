//! Texts of nodes, made safe to look at.
//!
//! PROBLEM     A node under test names its messages and writes its notes. A terminal obeys escape
//!             sequences, a bidi override turns a line around, a megabyte of text hides the cause.
//! IDEA        Everything passes through [`shown`]: what has no honest glyph of its own is spelled
//!             out (`\u{202e}`), and what is too long is cut with an ellipsis.
//! RULES       No more of a text is read than is shown. Width is counted in terminal columns.
//! CAVEATS     Combining marks are spelled out too: piled up they leave their line.

use std::time::Duration;

use splitbrain_core::Time;

/// The text in at most `columns` columns, with an ellipsis if it was cut.
pub fn shown(text: &str, columns: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    let mut room_for_ellipsis = 0;
    for char in text.chars() {
        let at = out.len();
        spell(char, &mut out);
        used += width(&out[at..]);
        if used > columns {
            out.truncate(room_for_ellipsis);
            if columns > 0 {
                out.push('…');
            }
            return out;
        }
        if used < columns {
            room_for_ellipsis = out.len();
        }
    }
    out
}

/// Appends the character, or its number where it has no glyph of its own.
fn spell(char: char, out: &mut String) {
    match char {
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        _ if char.is_control() || is_invisible(char) => {
            out.push_str(&format!("\\u{{{:x}}}", u32::from(char)));
        }
        _ => out.push(char),
    }
}

/// Characters that change how their neighbours are shown, or show nothing: joiners, direction
/// marks, separators, combining marks, variation selectors, tags, private and unassigned ones at
/// the end of the planes.
const fn is_invisible(char: char) -> bool {
    matches!(char as u32,
        0xAD | 0x300..=0x36F | 0x483..=0x489 | 0x591..=0x5BD | 0x610..=0x61C | 0x64B..=0x65F
        | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF
        | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x20D0..=0x20FF | 0x3164
        | 0xE000..=0xF8FF | 0xFE00..=0xFE0F | 0xFE20..=0xFE2F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFC
        | 0xFFFE..=0xFFFF | 0x1D173..=0x1D17A | 0xE0000..=0x10_FFFF)
}

/// How many columns a terminal gives the character: two to those of East Asia and to pictures.
const fn columns_of(char: char) -> usize {
    match char as u32 {
        0x1100..=0x115F
        | 0x2E80..=0x303E
        | 0x3041..=0xA4CF
        | 0xA960..=0xA97C
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF01..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

/// How many columns a text takes that [`shown`] made.
pub fn width(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// The text on lines of at most `columns` columns, broken between words where that is possible;
/// what does not fit on `lines` lines is cut.
pub fn wrapped(text: &str, columns: usize, lines: usize) -> Vec<String> {
    let text = shown(text, columns * lines);
    let mut out: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let last = out.len() - 1;
        let line = &mut out[last];
        if line.is_empty() {
            line.push_str(word);
        } else if width(line) + 1 + width(word) <= columns {
            line.push(' ');
            line.push_str(word);
        } else {
            out.push(word.into());
        }
    }
    if out.len() > lines {
        out.truncate(lines);
        if let Some(last) = out.last_mut() {
            last.push_str(" …");
        }
    }
    out.into_iter().map(|line| shown(&line, columns)).collect()
}

/// An instant for people, short enough for a column: a tenth of a millisecond is told apart, in the
/// first ten milliseconds a hundredth.
pub fn clock(at: Time) -> String {
    let step = if at.as_millis() < 10 { 10_000 } else { 100_000 };
    let nanos = at.as_nanos();
    if nanos >= 10_000_000_000 {
        // As many decimals as milliseconds have, one unit up.
        return Time::from_nanos(nanos / 1_000).to_string().replace("ms", "s");
    }
    Time::from_nanos(nanos - nanos % step).to_string()
}

/// A span for people: `77ms`, `0.31 s`, `12.3 s`, `2 min 5 s`.
pub fn span(span: Duration) -> String {
    let millis = span.as_millis();
    match millis {
        0..100 => clock(Time::ZERO + span),
        100..10_000 => format!("{}.{:02} s", millis / 1_000, millis / 10 % 100),
        10_000..120_000 => format!("{}.{} s", millis / 1_000, millis / 100 % 10),
        _ => format!("{} min {} s", millis / 60_000, millis / 1_000 % 60),
    }
}

/// A number for people: `10,000`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 message`, `2 messages`.
pub fn plural(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `n1`, `n1 and n2`, `n1, n2 and n3`.
pub fn listed<T: AsRef<str>>(names: &[T]) -> String {
    match names {
        [] => String::new(),
        [one] => one.as_ref().into(),
        [head @ .., last] => {
            let head: Vec<&str> = head.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", head.join(", "), last.as_ref())
        }
    }
}

/// The end of a source position `path/to/file.rs:41` that fits: whole folders are left out first.
pub fn source(position: &str, columns: usize) -> String {
    let mut rest = position;
    loop {
        if width(rest) <= columns {
            return shown(rest, columns);
        }
        match rest.split_once(['/', '\\']) {
            Some((_, shorter)) => rest = shorter,
            None => break,
        }
    }
    // The line's number is at the end: what goes is the beginning.
    let skipped = rest.char_indices().rev().nth(columns.saturating_sub(2));
    format!("…{}", shown(skipped.map_or(rest, |(at, _)| &rest[at..]), columns.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_out_what_a_terminal_would_obey() {
        assert_eq!(shown("a\u{1b}[31mb", 80), "a\\u{1b}[31mb");
        assert_eq!(shown("x\u{202e}y\n", 80), "x\\u{202e}y\\n");
        assert_eq!(shown("\0\u{7f}\u{9b}\u{feff}", 80), "\\u{0}\\u{7f}\\u{9b}\\u{feff}");
        assert_eq!(shown("e\u{301}", 80), "e\\u{301}");
    }

    #[test]
    fn cuts_by_columns() {
        assert_eq!(shown("abcdef", 6), "abcdef");
        assert_eq!(shown("abcdef", 5), "abcd…");
        assert_eq!(shown("日本語", 6), "日本語");
        assert_eq!(shown("日本語", 5), "日本…");
        assert_eq!(shown("日本語", 4), "日…");
        assert_eq!(shown("abc", 0), "");
        assert_eq!(shown("", 0), "");
    }

    #[test]
    fn reads_no_more_than_it_shows() {
        let long = "x".repeat(1 << 20);
        assert_eq!(shown(&long, 3), "xx…");
        assert_eq!(wrapped(&long, 10, 2), ["xxxxxxxxx…"]);
    }

    #[test]
    fn wraps_between_words() {
        assert_eq!(wrapped("one two three", 8, 3), ["one two", "three"]);
        assert_eq!(wrapped("one two three four", 8, 2), ["one two", "three f…"]);
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!(clock(Time::from_nanos(184_123_456)), "184.1ms");
        assert_eq!(clock(Time::from_nanos(4_123_456)), "4.12ms");
        assert_eq!(clock(Time::from_nanos(15_000_000_000)), "15s");
        assert_eq!(clock(Time::from_nanos(15_020_000_000)), "15.02s");
        assert_eq!(span(Duration::from_millis(310)), "0.31 s");
        assert_eq!(span(Duration::from_millis(12_345)), "12.3 s");
        assert_eq!(span(Duration::from_secs(125)), "2 min 5 s");
        assert_eq!([count(7), count(1_000), count(12_345_678)], ["7", "1,000", "12,345,678"]);
        assert_eq!(listed(&["n1", "n2", "n3"]), "n1, n2 and n3");
        assert_eq!(source("crates/algorithms/src/abd.rs:41", 14), "src/abd.rs:41");
        assert_eq!(source("crates/algorithms/src/abd.rs:41", 7), "….rs:41");
    }
}
