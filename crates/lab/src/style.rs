//! How a text looks on a terminal: lines of inked pieces, written with colour or without.

use splitbrain_check::show::visible::{shown, width};

/// How texts are written: the caller knows the terminal, this crate does not ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// Whether colours are written.
    pub colour: Colour,
    /// Which characters may be used.
    pub glyphs: Glyphs,
}

impl Style {
    /// Without colour, in Unicode: for files and tests.
    pub const PLAIN: Self = Self { colour: Colour::Never, glyphs: Glyphs::Unicode };
}

/// Whether colours are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Colour {
    /// None.
    Never,
    /// As ANSI escape sequences.
    Ansi,
}

/// Which characters may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Glyphs {
    /// Arrows, lines and marks of Unicode.
    Unicode,
    /// ASCII only, one character for one, so that columns stay aligned.
    Ascii,
}

/// The widest line that is ever written.
pub(crate) const COLUMNS: usize = 80;

/// What a piece of text means; colour follows from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ink {
    /// Nothing special.
    Plain,
    /// What the eye should find first.
    Strong,
    /// What is there for reference.
    Dim,
    /// Loss, crash, what is wrong.
    Bad,
    /// What is right.
    Good,
    /// Something to type.
    Command,
}

impl Ink {
    const fn ansi(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\x1b[1m",
            Self::Dim => "\x1b[2m",
            Self::Bad => "\x1b[1;31m",
            Self::Good => "\x1b[1;32m",
            Self::Command => "\x1b[36m",
        }
    }
}

/// One line of inked pieces.
#[derive(Clone, Default, Debug)]
pub(crate) struct Line(Vec<(Ink, String)>);

impl Line {
    /// An indented line.
    pub(crate) fn indented(columns: usize) -> Self {
        Self::default().then(Ink::Plain, " ".repeat(columns))
    }

    /// The line, and then this.
    #[must_use]
    pub(crate) fn then(mut self, ink: Ink, text: impl Into<String>) -> Self {
        self.0.push((ink, text.into()));
        self
    }

    /// The line, filled with blanks up to this column; at least one.
    #[must_use]
    pub(crate) fn up_to(self, column: usize) -> Self {
        let blanks = column.saturating_sub(self.width()).max(1);
        self.then(Ink::Plain, " ".repeat(blanks))
    }

    /// The line, and this at the right edge. The line is cut where it would run into it.
    #[must_use]
    pub(crate) fn flush_right(self, ink: Ink, text: String) -> Self {
        if text.is_empty() {
            return self;
        }
        let column = COLUMNS.saturating_sub(width(&text));
        self.cut(column.saturating_sub(2)).up_to(column).then(ink, text)
    }

    /// How many columns it takes.
    pub(crate) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| width(text)).sum()
    }

    /// The line in at most so many columns.
    #[must_use]
    pub(crate) fn cut(mut self, columns: usize) -> Self {
        if self.width() <= columns {
            return self;
        }
        let mut room = columns;
        for (_, text) in &mut self.0 {
            *text = shown(text, room);
            room -= width(text);
        }
        self
    }

    /// Appends the line, never wider than a screen and without blanks at its end.
    fn write(self, style: Style, out: &mut String) {
        let mut pieces = self.cut(COLUMNS).0;
        while let Some((_, last)) = pieces.last_mut() {
            last.truncate(last.trim_end().len());
            if !last.is_empty() {
                break;
            }
            pieces.pop();
        }
        for (ink, text) in pieces {
            let start = match style.colour {
                Colour::Ansi if !text.trim().is_empty() => ink.ansi(),
                Colour::Ansi | Colour::Never => "",
            };
            out.push_str(start);
            match style.glyphs {
                Glyphs::Unicode => out.push_str(&text),
                Glyphs::Ascii => text.chars().for_each(|char| ascii(char, out)),
            }
            if !start.is_empty() {
                out.push_str("\x1b[0m");
            }
        }
        out.push('\n');
    }
}

/// All lines as one text.
pub(crate) fn write(lines: impl IntoIterator<Item = Line>, style: Style) -> String {
    let mut out = String::new();
    for line in lines {
        line.write(style, &mut out);
    }
    out
}

fn ascii(char: char, out: &mut String) {
    let near = match char {
        ' '..='~' => char,
        '─' | '╌' | '·' | '–' => '-',
        '│' => '|',
        '├' | '┤' | '✓' | '●' => '+',
        '→' | '▶' | '⇨' | '▷' => '>',
        '◀' | '←' | '◁' => '<',
        '✗' | '×' => 'x',
        '┆' | '⌁' => ':',
        '…' => '~',
        '◷' => '@',
        '⤓' => '_',
        '‖' => '=',
        '↻' => '^',
        _ => '?',
    };
    out.push(near);
    if width(char.encode_utf8(&mut [0; 4])) == 2 {
        out.push(near);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_trims_and_colours() {
        let line = Line::indented(2).then(Ink::Bad, "✗ lost").then(Ink::Plain, "   ");
        let text = |style| write([line.clone()], style);
        assert_eq!(text(Style::PLAIN), "  ✗ lost\n");
        assert_eq!(text(Style { glyphs: Glyphs::Ascii, ..Style::PLAIN }), "  x lost\n");
        assert_eq!(
            text(Style { colour: Colour::Ansi, ..Style::PLAIN }),
            "  \x1b[1;31m✗ lost\x1b[0m\n"
        );
        let long = Line::default().then(Ink::Plain, "x".repeat(100)).then(Ink::Bad, "y");
        assert_eq!(write([long], Style::PLAIN), format!("{}…\n", "x".repeat(79)));
    }

    #[test]
    fn the_right_edge_is_the_last_column() {
        let line = Line::default().then(Ink::Plain, "x".repeat(90));
        let text = write([line.flush_right(Ink::Dim, "end".into())], Style::PLAIN);
        assert_eq!(width(text.trim_end()), COLUMNS);
        assert!(text.ends_with("…  end\n"), "{text}");
    }
}
