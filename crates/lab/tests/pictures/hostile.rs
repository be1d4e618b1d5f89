//! Texts that mean harm, and traces that make no sense: every picture stays a picture.

use splitbrain_core::{Finding, OperationId, Verdict};
use splitbrain_lab::{Colour, Glyphs, Style, listing, svg, text};

use crate::golden::screen;
use crate::worlds::{self, World};

/// Columns on a terminal, for the few wide characters that the hostile texts have.
fn columns(line: &str) -> usize {
    line.chars().map(|char| if ('\u{2e80}'..'\u{a000}').contains(&char) { 2 } else { 1 }).sum()
}

fn assert_is_safe(text: &str) {
    for char in text.chars().filter(|char| *char != '\n') {
        assert!(!char.is_control(), "{char:?} in {text:?}");
        let hidden = ['\u{202e}', '\u{2066}', '\u{2028}', '\u{feff}', '\u{301}', '\u{ffff}'];
        assert!(!hidden.contains(&char), "{char:?} in {text:?}");
    }
}

fn assert_fits(text: &str, lines: usize) {
    assert_is_safe(text);
    assert!(text.lines().count() <= lines, "more than {lines} lines:\n{text}");
    for line in text.lines() {
        assert!(columns(line) <= 80, "{} columns: {line}", columns(line));
    }
}

/// A reader of XML that knows what a diagram may contain, and nothing else.
fn assert_is_picture(svg: &str) {
    const ELEMENTS: [&str; 12] = [
        "svg", "title", "desc", "style", "defs", "pattern", "rect", "line", "path", "circle", "g",
        "text",
    ];
    const ATTRIBUTES: [&str; 21] = [
        "xmlns",
        "class",
        "width",
        "height",
        "viewBox",
        "role",
        "id",
        "patternUnits",
        "patternTransform",
        "x",
        "y",
        "x1",
        "y1",
        "x2",
        "y2",
        "cx",
        "cy",
        "r",
        "rx",
        "d",
        "",
    ];
    assert_is_safe(svg);
    let mut open: Vec<&str> = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        assert_is_text(&rest[..start]);
        let end = rest[start..].find('>').expect("every tag ends") + start;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
            continue;
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(ELEMENTS.contains(&name), "<{tag}>");
        let is_empty = attributes.ends_with('/');
        let parts: Vec<&str> = attributes.trim_end_matches('/').split('"').collect();
        assert!(parts.len() % 2 == 1, "<{tag}>");
        for pair in parts.chunks(2) {
            let name = pair[0].trim().trim_end_matches('=');
            assert!(ATTRIBUTES.contains(&name), "{name:?} in <{tag}>");
            assert_is_text(pair.get(1).unwrap_or(&""));
        }
        if !is_empty {
            open.push(name);
        }
    }
    assert_eq!((open.len(), rest.trim()), (0, ""));
}

/// Text or a value: every ampersand begins an entity that XML knows.
fn assert_is_text(text: &str) {
    for part in text.split('&').skip(1) {
        let known = ["amp;", "lt;", "gt;", "quot;", "#39;"];
        assert!(known.iter().any(|entity| part.starts_with(entity)), "&{part}");
    }
}

fn assert_all(world: &World) {
    let verdict = Verdict { findings: world.findings.clone(), ..Verdict::default() };
    let evidence = world.evidence();
    assert_fits(&screen(world, &verdict).render(Style::PLAIN), 24);
    assert_fits(&listing(&evidence, 40, Style::PLAIN), 41);
    assert_fits(&text(&evidence, 40, Style::PLAIN), 42);
    let ascii = Style { colour: Colour::Never, glyphs: Glyphs::Ascii };
    let page = screen(world, &verdict).render(ascii) + &text(&evidence, 40, ascii);
    assert_fits(&page, 24 + 42);
    assert!(page.is_ascii());
    let picture = svg(&evidence);
    assert_is_picture(&picture);
    assert_eq!(svg(&evidence), picture, "the same trace gives the same bytes");
    assert!(picture.len() < 1 << 20, "{} bytes", picture.len());
}

#[test]
fn senseless_traces_are_drawn() {
    for seed in 0..150 {
        assert_all(&worlds::wild(seed));
    }
}

#[test]
fn honest_traces_are_drawn() {
    for world in [
        worlds::stale_read(),
        worlds::lost_write(),
        worlds::lost_broadcast(),
        worlds::busy(),
        worlds::late_copy(),
        worlds::counted_twice(),
        World::new(1, 0),
        World::new(200, 30),
    ] {
        assert_all(&world);
    }
}

#[test]
fn a_megabyte_is_cut() {
    let mut world = worlds::stale_read();
    for filling in ["x", "日", "\u{202e}", "\x1b[31m", "<&\"'>"] {
        let long = filling.repeat((1 << 20) / filling.len());
        for message in &mut world.trace.messages {
            message.body.clone_from(&long);
            message.label.clone_from(&long);
        }
        world.trace.texts.iter_mut().for_each(|text| text.clone_from(&long));
        world.trace.lanes[1].name.clone_from(&long);
        world.trace.operations[1].request.clone_from(&long);
        world.trace.operations[2].answer.clone_from(&long);
        world.findings = vec![Finding::new("LIN-STALE-READ", &*long).operations([OperationId(2)])];
        assert_all(&world);
    }
}

#[test]
fn an_empty_run_is_drawn() {
    let mut world = World::new(1, 0);
    world.trace = splitbrain_core::Trace::default();
    world.findings.push(Finding::new("AVAILABILITY", "nothing was answered"));
    assert_all(&world);
}
