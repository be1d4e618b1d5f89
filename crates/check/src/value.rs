//! Values as histories hold them: those of EDN and of JSON, with nothing lost.
//!
//! PROBLEM     A history from anywhere has values of any type: numbers, texts, keywords, lists in
//!             sets in maps, numbers too big for any machine word.
//! IDEA        One type for both notations. What is no whole number of 64 bits is kept as it is
//!             written, so that no digit is lost and no float is ever computed.
//! RULES       Equal values are written alike: `1` and `1.0` are different values, and so are
//!             `1.0` and `1.00`. Lists and vectors are the same thing.
//! CAVEATS     Sets and maps stand in the order in which they were written, until
//!             [`Value::canonical`] sorts them.
//! READ NEXT   format.rs → record.rs

use std::fmt;
use std::sync::Arc;

/// A value of a history.
///
/// ```
/// use splitbrain_check::Value;
///
/// let call = Value::List(vec![Value::keyword("append"), Value::text("x"), Value::Int(1)]);
/// assert_eq!(call.to_string(), "[:append \"x\" 1]");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub enum Value {
    /// `nil`, or `null`.
    #[default]
    Nil,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// Any other number, as it is written: `1.5`, `3/4`, `123456789012345678901234567890`.
    Number(Arc<str>),
    /// A text.
    Text(Arc<str>),
    /// A keyword of EDN, without its colon.
    Keyword(Arc<str>),
    /// A symbol or a character of EDN, as it is written: `foo`, `\a`.
    Symbol(Arc<str>),
    /// A list or vector.
    List(Vec<Self>),
    /// A set.
    Set(Vec<Self>),
    /// A map: its keys, each with its value.
    Map(Vec<(Self, Self)>),
    /// A value with a tag of EDN, without its `#`.
    Tagged(Arc<str>, Box<Self>),
}

impl Value {
    /// A text.
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// A keyword; `name` is without the colon.
    pub fn keyword(name: &str) -> Self {
        Self::Keyword(name.into())
    }

    /// Whether it is nothing.
    pub const fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// The characters of a text, keyword or symbol: what a name is, in either notation.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Keyword(text) | Self::Symbol(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is a whole one of 64 bits.
    pub const fn int(&self) -> Option<i64> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }

    /// The items of a list.
    pub fn list(&self) -> Option<&[Self]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// The items of a list or a set.
    pub fn items(&self) -> Option<&[Self]> {
        if let Self::List(items) | Self::Set(items) = self { Some(items) } else { None }
    }

    /// What a map has under this name, whether it is a text or a keyword there.
    pub fn field(&self, name: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(key, _)| key.name() == Some(name)).map(|(_, value)| value)
    }

    /// The same value with sets and maps in order, so that equal ones are alike.
    #[must_use]
    pub fn canonical(self) -> Self {
        let all = |items: Vec<Self>| items.into_iter().map(Self::canonical).collect::<Vec<_>>();
        match self {
            Self::List(items) => Self::List(all(items)),
            Self::Set(items) => {
                let mut items = all(items);
                items.sort_unstable();
                items.dedup();
                Self::Set(items)
            }
            Self::Map(entries) => {
                let canonical = |(key, value): (Self, Self)| (key.canonical(), value.canonical());
                let mut entries: Vec<_> = entries.into_iter().map(canonical).collect();
                entries.sort_unstable();
                Self::Map(entries)
            }
            Self::Tagged(tag, value) => Self::Tagged(tag, Box::new(value.canonical())),
            simple => simple,
        }
    }

    /// About how many bytes it takes, besides itself.
    pub fn heap_bytes(&self) -> u64 {
        let size = size_of::<Self>() as u64;
        let all = |items: &[Self]| items.iter().map(|item| size + item.heap_bytes()).sum::<u64>();
        match self {
            Self::Nil | Self::Bool(_) | Self::Int(_) => 0,
            Self::Number(text) | Self::Text(text) | Self::Keyword(text) | Self::Symbol(text) => {
                text.len() as u64
            }
            Self::List(items) | Self::Set(items) => all(items),
            Self::Map(entries) => {
                let both = |(key, value): &(Self, Self)| key.heap_bytes() + value.heap_bytes();
                entries.iter().map(|entry| 2 * size + both(entry)).sum()
            }
            Self::Tagged(_, value) => size + value.heap_bytes(),
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl<const N: usize> From<[Self; N]> for Value {
    fn from(items: [Self; N]) -> Self {
        Self::List(items.into())
    }
}

/// As EDN.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = |f: &mut fmt::Formatter<'_>, open: &str, items: &[Self], close: char| {
            f.write_str(open)?;
            for (at, item) in items.iter().enumerate() {
                write!(f, "{}{item}", if at > 0 { " " } else { "" })?;
            }
            write!(f, "{close}")
        };
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Number(text) | Self::Symbol(text) => f.write_str(text),
            Self::Text(text) => write_text(f, text),
            Self::Keyword(name) => write!(f, ":{name}"),
            Self::List(items) => all(f, "[", items, ']'),
            Self::Set(items) => all(f, "#{", items, '}'),
            Self::Map(entries) => {
                f.write_str("{")?;
                for (at, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key} {value}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str("}")
            }
            Self::Tagged(tag, value) => write!(f, "#{tag} {value}"),
        }
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    use fmt::Write;

    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}
