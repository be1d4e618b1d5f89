//! Maelstrom's protocol: one JSON object per line, with `src`, `dest` and `body`
//! [maelstrom doc/protocol.md].
//!
//! PROBLEM     A router sees a hundred thousand lines a second and must understand very little of
//!             each; a person who sent one wrong line must be told exactly what was wrong with it.
//! IDEA        An [`Envelope`] borrows the line it was read from, and leaves the body unread. A
//!             line between two nodes is passed on as it came, byte for byte. The fields of a
//!             [`Head`] are read only where a client or a service must answer.
//! RULES       Whatever a program prints is shown escaped and cut: it may be anything.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What a message looks like, for error texts.
pub const EXAMPLE: &str = r#"{"src":"n1","dest":"n2","body":{"type":"hello"}}"#;

/// A message, borrowed from its line.
#[derive(Deserialize, Debug)]
pub struct Envelope<'a> {
    /// Who says it.
    #[serde(borrow)]
    pub src: Cow<'a, str>,
    /// Who shall hear it.
    #[serde(borrow)]
    pub dest: Cow<'a, str>,
    /// What is said, as JSON that was not looked into.
    #[serde(borrow)]
    pub body: &'a RawValue,
}

/// The fields of a body that mean the same in every workload.
#[derive(Deserialize, Debug)]
pub struct Head<'a> {
    /// What kind of message this is.
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    /// The sender's number for it, if it wants an answer.
    pub msg_id: Option<u64>,
    /// The number of the message that this one answers.
    pub in_reply_to: Option<u64>,
    /// Of an error: the code.
    pub code: Option<u32>,
    /// Of an error: what it says.
    #[serde(borrow)]
    pub text: Option<Cow<'a, str>>,
}

/// The body of the first message that every program gets.
#[derive(Deserialize, serde::Serialize, Debug)]
#[serde(tag = "type", rename = "init")]
pub struct Init {
    /// The number that `init_ok` answers.
    pub msg_id: u64,
    /// The receiver's name.
    pub node_id: String,
    /// The names of all nodes, the receiver among them.
    pub node_ids: Vec<String>,
    /// Whether the runner offers lockstep (see LOCKSTEP.md).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lockstep: bool,
    /// In lockstep: the seed of whatever the program draws at random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// A line that is no message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Malformed {
    /// The line, cut and escaped.
    pub line: String,
    /// What is wrong with it.
    pub why: String,
}

impl Malformed {
    fn new(line: &[u8], why: impl Into<String>) -> Self {
        Self { line: shown(line), why: why.into() }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the line `{}` is not a message: {}; a message looks like {EXAMPLE} (see Maelstrom's \
             doc/protocol.md)",
            self.line, self.why
        )
    }
}

impl std::error::Error for Malformed {}

impl<'a> Envelope<'a> {
    /// Reads a line, without its end.
    ///
    /// # Errors
    /// Says what is wrong with the line.
    pub fn parse(line: &'a [u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(line).map_err(|error| {
            Malformed::new(line, format!("byte {} is not UTF-8", error.valid_up_to() + 1))
        })?;
        let envelope: Self = serde_json::from_str(text).map_err(|error| {
            let hint = match text.trim_start().as_bytes().first() {
                Some(b'{') => "",
                None => " (an empty line)",
                Some(_) => " (was it meant for stderr?)",
            };
            Malformed::new(line, format!("{}{hint}", reason(&error)))
        })?;
        if !envelope.body.get().starts_with('{') {
            return Err(Malformed::new(line, "its `body` is not an object"));
        }
        Ok(envelope)
    }

    /// Reads the fields that an answer or a request must have.
    ///
    /// # Errors
    /// Says what is wrong with the body.
    pub fn head(&self) -> Result<Head<'a>, Malformed> {
        Head::parse(self.body.get())
    }
}

impl<'a> Head<'a> {
    /// Reads the fields that an answer or a request must have.
    ///
    /// # Errors
    /// Says what is wrong with the body.
    pub fn parse(body: &'a str) -> Result<Self, Malformed> {
        serde_json::from_str(body)
            .map_err(|error| Malformed::new(body.as_bytes(), format!("body: {}", reason(&error))))
    }
}

/// The JSON error, with the column counted in the one line there is.
fn reason(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at column ")
}

/// Writes a message as one line.
pub fn write_line(to: &mut Vec<u8>, src: &str, dest: &str, body: &str) {
    for part in [r#"{"src":""#, src, r#"","dest":""#, dest, r#"","body":"#, body, "}\n"] {
        to.extend_from_slice(part.as_bytes());
    }
}

/// `body`, a JSON object with at least one field, with `field` as one more.
#[must_use]
pub fn with_field(mut body: String, field: &str, value: u64) -> String {
    debug_assert!(body.ends_with('}'), "only an object can be given a field: {body}");
    body.pop();
    body.push_str(&format!(",\"{field}\":{value}}}"));
    body
}

/// What a program printed, for people: control characters escaped, and the middle left out if it is
/// long.
pub fn shown(bytes: &[u8]) -> String {
    const HEAD: usize = 240;
    const TAIL: usize = 60;
    let escaped = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            if c.is_control() || is_invisible(c) {
                out.extend(c.escape_default());
            } else {
                out.push(c);
            }
        }
        out
    };
    if bytes.len() <= HEAD + TAIL + 40 {
        return escaped(bytes);
    }
    let (head, tail) = (&bytes[..HEAD], &bytes[bytes.len() - TAIL..]);
    format!("{} … {} ({} bytes in all)", escaped(head), escaped(tail), bytes.len())
}

/// Marks that turn the direction of text or take no room: they could hide what a line really says.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(line: &str) -> String {
        Envelope::parse(line.as_bytes()).unwrap_err().why
    }

    #[test]
    fn borrows_the_line_and_ignores_what_it_does_not_know() {
        let line = br#"{"id":7,"src":"n1", "dest":"c2","body":{"type":"read_ok","in_reply_to":3,"x":[1]}}"#;
        let message = Envelope::parse(line).unwrap();
        assert!(matches!(
            (&message.src, &message.dest),
            (Cow::Borrowed("n1"), Cow::Borrowed("c2"))
        ));
        let head = message.head().unwrap();
        assert_eq!((&*head.kind, head.msg_id, head.in_reply_to), ("read_ok", None, Some(3)));
        assert_eq!(message.body.get(), r#"{"type":"read_ok","in_reply_to":3,"x":[1]}"#);
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(why("hello"), "expected value at column 1 (was it meant for stderr?)");
        assert_eq!(
            why(""),
            "EOF while parsing a value at line 1 column 0 (an empty line)"
                .replace(" at line 1 column ", " at column ")
        );
        assert_eq!(why(r#"{"src":"n1","body":{}}"#), "missing field `dest` at column 22");
        assert_eq!(why(r#"{"src":"n1","dest":"n2","body":[]}"#), "its `body` is not an object");
        assert!(why(r#"{"src":1,"dest":"n2","body":{}}"#).starts_with("invalid type: integer `1`"));
        assert!(Envelope::parse(b"\xff\xfe").unwrap_err().why.contains("byte 1 is not UTF-8"));
        let body = Envelope::parse(br#"{"src":"n1","dest":"c1","body":{}}"#).unwrap();
        assert_eq!(body.head().unwrap_err().why, "body: missing field `type` at column 2");
    }

    #[test]
    fn shows_anything_on_one_short_line() {
        assert_eq!(shown(b"a\x1b[31m\n\xff"), "a\\u{1b}[31m\\n\u{fffd}");
        assert_eq!(shown("\u{202e}txt".as_bytes()), "\\u{202e}txt");
        let long = shown(&[b'x'; 1_000_000]);
        assert!(long.len() < 400 && long.ends_with("(1000000 bytes in all)"), "{long}");
    }

    #[test]
    fn writes_lines_that_it_can_read() {
        let mut line = Vec::new();
        let body = with_field(r#"{"type":"read"}"#.into(), "msg_id", 4);
        write_line(&mut line, "c1", "n1", &body);
        assert_eq!(line.pop(), Some(b'\n'));
        let message = Envelope::parse(&line).unwrap();
        assert_eq!((&*message.src, &*message.dest), ("c1", "n1"));
        assert_eq!(message.head().unwrap().msg_id, Some(4));
    }
}
