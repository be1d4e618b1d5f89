//! Rust source as a tidy check sees it: which letters are code, which are comment, which are text
//! of a literal. A full parser is not needed to count columns and find names.

/// What a letter of a source file belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    Code,
    Comment,
    /// Inside a string or character literal, the quotes not included.
    Literal,
}

/// A source file, letter by letter.
pub(super) struct Source {
    letters: Vec<char>,
    classes: Vec<Class>,
}

impl Source {
    pub(super) fn new(text: &str) -> Self {
        let letters: Vec<char> = text.chars().collect();
        let mut classes = Vec::with_capacity(letters.len());
        while classes.len() < letters.len() {
            let (opening, class, inside, closing) = run(&letters, classes.len());
            classes.extend(std::iter::repeat_n(Class::Code, opening));
            classes.extend(std::iter::repeat_n(class, inside));
            classes.extend(std::iter::repeat_n(Class::Code, closing));
        }
        classes.truncate(letters.len());
        Self { letters, classes }
    }

    /// The text with everything but this class blanked; lines and columns stay where they are.
    fn only(&self, class: Class) -> String {
        let pairs = self.letters.iter().zip(&self.classes);
        pairs.map(|(&c, &of)| if of == class || c == '\n' { c } else { ' ' }).collect()
    }

    /// The code without comments and without what stands inside literals.
    pub(super) fn code(&self) -> String {
        self.only(Class::Code)
    }

    /// The comments, doc comments included.
    pub(super) fn comments(&self) -> String {
        self.only(Class::Comment)
    }

    /// The literals, each with its line, from 1.
    pub(super) fn literals(&self) -> Vec<(usize, String)> {
        let mut found: Vec<(usize, String)> = Vec::new();
        let (mut line, mut inside) = (1, false);
        for (&letter, &class) in self.letters.iter().zip(&self.classes) {
            match (class == Class::Literal, inside) {
                (true, true) => found.last_mut().expect("inside one").1.push(letter),
                (true, false) => found.push((line, letter.to_string())),
                (false, _) => (),
            }
            inside = class == Class::Literal;
            line += usize::from(letter == '\n');
        }
        found
    }

    /// The width of each line, not counting what stands inside literals.
    pub(super) fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0];
        for (&letter, &class) in self.letters.iter().zip(&self.classes) {
            if letter == '\n' {
                widths.push(0);
            } else if class != Class::Literal {
                *widths.last_mut().expect("starts with one") += 1;
            }
        }
        widths
    }

    /// Every function: its name, its first line from 1, and how many lines it has.
    pub(super) fn functions(&self) -> Vec<(String, usize, usize)> {
        let code: Vec<char> = self.code().chars().collect();
        let mut found = Vec::new();
        for (at, word) in words(&code) {
            if word != "fn" {
                continue;
            }
            let name: String = code[at + 2..]
                .iter()
                .skip_while(|c| c.is_whitespace())
                .take_while(|c| is_word(**c))
                .collect();
            if let (false, Some(end)) = (name.is_empty(), body_end(&code, at)) {
                let line = 1 + code[..at].iter().filter(|c| **c == '\n').count();
                let length = 1 + code[at..end].iter().filter(|c| **c == '\n').count();
                found.push((name, line, length));
            }
        }
        found
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The words of the code, each with its place.
pub(super) fn words(code: &[char]) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    for (at, &letter) in code.iter().enumerate() {
        if is_word(letter) {
            match found.last_mut() {
                Some((start, word)) if *start + word.chars().count() == at => word.push(letter),
                _ => found.push((at, letter.to_string())),
            }
        }
    }
    found
}

/// Where the body of the function that starts at `start` ends; `None` for one without a body.
fn body_end(code: &[char], start: usize) -> Option<usize> {
    let mut depth = 0_u32;
    let mut brackets = 0_i32;
    for (offset, letter) in code[start..].iter().enumerate() {
        match letter {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            ';' if depth == 0 && brackets == 0 => return None,
            '{' => depth += 1,
            '}' if depth <= 1 => return Some(start + offset),
            '}' => depth -= 1,
            _ => (),
        }
    }
    None
}

/// What begins at `at`: how many letters of code open it, the class and number of those inside, and
/// how many of code close it.
fn run(letters: &[char], at: usize) -> (usize, Class, usize, usize) {
    let rest = &letters[at..];
    match rest {
        ['/', '/', ..] => (0, Class::Comment, until(rest, &['\n']), 0),
        ['/', '*', ..] => (0, Class::Comment, block_comment(rest), 0),
        ['"', ..] => (1, Class::Literal, escaped(&rest[1..], '"'), 1),
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => (1, Class::Literal, escaped(&rest[1..], '\''), 1),
        ['r', '"' | '#', ..] if begins_word(letters, at) => {
            let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
            if rest.get(1 + hashes) != Some(&'"') {
                return (1 + hashes, Class::Code, 0, 0); // r#name
            }
            let mut end = vec!['"'];
            end.extend(std::iter::repeat_n('#', hashes));
            (2 + hashes, Class::Literal, until(&rest[2 + hashes..], &end), 1 + hashes)
        }
        _ => (1, Class::Code, 0, 0),
    }
}

/// Whether the `r` at `at` opens a raw string: as a word of its own, or as that of `br`.
fn begins_word(letters: &[char], at: usize) -> bool {
    let is_word_at = |place: Option<usize>| place.is_some_and(|place| is_word(letters[place]));
    match at.checked_sub(1) {
        Some(before) if letters[before] == 'b' => !is_word_at(before.checked_sub(1)),
        before => !is_word_at(before),
    }
}

/// How many letters come before `end`, or all of them.
fn until(letters: &[char], end: &[char]) -> usize {
    letters.windows(end.len()).position(|window| window == end).unwrap_or(letters.len())
}

/// How many letters come before the closing `quote` that no backslash escapes.
fn escaped(letters: &[char], quote: char) -> usize {
    let mut at = 0;
    while at < letters.len() && letters[at] != quote {
        at += if letters[at] == '\\' { 2 } else { 1 };
    }
    at.min(letters.len())
}

/// The length of a block comment, nested ones included.
fn block_comment(letters: &[char]) -> usize {
    let (mut at, mut depth) = (0, 0_u32);
    while at < letters.len() {
        match letters[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_code_from_comments_and_literals() {
        let check = |text: &str, code: &str| assert_eq!(Source::new(text).code(), code, "{text}");
        check("a // b\nc", "a     \nc");
        check("a /* b /* c */ d */ e", "a                   e");
        check(r#"f("x // y", 'z')"#, r#"f("      ", ' ')"#);
        check(r#""\"" fn"#, r#""  " fn"#);
        check(r#"'\'' 'life "#, r#"'  ' 'life "#);
        check("r#\"a\"b\"# c", "r#\"   \"# c");
        check("br\"\\\" c r#type for\"x\"", "br\" \" c r#type for\" \"");
        check("\"never closed", "\"            ");
        check("/* never closed", "               ");
    }

    #[test]
    fn finds_literals_and_their_lines() {
        let source = Source::new("a(\"one\")\n// \"two\"\nb('3')");
        assert_eq!(source.literals(), [(1, "one".into()), (3, "3".into())]);
    }

    #[test]
    fn does_not_count_literals_as_width() {
        assert_eq!(Source::new("x = \"12345\"; // 67\n").widths(), [13, 0]);
    }

    #[test]
    fn measures_functions() {
        let check = |text: &str, expected: &[(&str, usize, usize)]| {
            let found = Source::new(text).functions();
            let found: Vec<_> = found.iter().map(|(n, l, c)| (n.as_str(), *l, *c)).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("fn a() {}", &[("a", 1, 1)]);
        check("\nfn a(\n  x: [u8; 2],\n) {\n  if x {}\n}\n", &[("a", 2, 5)]);
        check("trait T { fn a();\n fn b() { c() } }", &[("b", 2, 1)]);
        check("let f: fn(u8) = g; // fn z() {}", &[]);
        check("fn a() {\n  fn b() {\n  }\n}", &[("a", 1, 4), ("b", 2, 2)]);
    }
}
