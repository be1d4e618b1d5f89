//! Boxes, lines and the room that texts take, in whole pixels.

/// A box on the page.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// Its left edge.
    pub x: i64,
    /// Its upper edge.
    pub y: i64,
    /// How far it reaches to the right.
    pub width: i64,
    /// How far it reaches down.
    pub height: i64,
}

impl Area {
    /// Whether the boxes share a pixel.
    pub const fn overlaps(self, other: Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }

    /// Whether the segment comes into the box, judged at sixteen points along it.
    pub fn is_crossed(self, ((x0, y0), (x1, y1)): Segment) -> bool {
        (0..=16).any(|step| {
            let (x, y) = (x0 + (x1 - x0) * step / 16, y0 + (y1 - y0) * step / 16);
            (self.x..self.x + self.width).contains(&x)
                && (self.y..self.y + self.height).contains(&y)
        })
    }
}

/// A pixel: to the right, and down.
pub type Point = (i64, i64);
/// A line from one pixel to another.
pub type Segment = (Point, Point);

/// Places for a text near a point on a lane: above it, then below.
pub fn around(x: i64, y: i64, width: i64) -> [Point; 4] {
    [(x + 6, y - 6), (x + 6, y + 16), (x - width - 6, y - 6), (x - width - 6, y + 16)]
}

/// About how wide a text is in pixels, at this size: there is no font to ask.
pub fn text_width(text: &str, size: i64) -> i64 {
    let hundredths: i64 = text
        .chars()
        .map(|char| match char {
            ' ' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | 'i' | 'j' | 'l' => 32,
            'f' | 'r' | 't' | '-' | '/' | '(' | ')' | '[' | ']' | '{' | '}' | '"' | 'I' => 42,
            'm' | 'w' | 'M' | 'W' | '@' | '%' => 92,
            'A'..='Z' | '→' | '✓' | '✗' | '…' | '⋯' => 72,
            '\0'..='~' => 60,
            _ => 100,
        })
        .sum();
    hundredths * size / 100 + 1
}

/// How many characters of this size have room.
pub fn columns(pixels: i64, size: i64) -> usize {
    usize::try_from(pixels * 100 / (size * 58)).unwrap_or(0).max(1)
}

/// A count as a number of pixels.
pub fn wide(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(0)
}

/// The text as it may stand in XML, between tags or in an attribute. What XML cannot carry was
/// spelled out before: every text comes through [`shown`](super::visible::shown).
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(char),
        }
    }
    out
}
