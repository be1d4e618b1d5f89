//! Each picture beside the one that was read and found good.

use std::path::Path;
use std::time::Duration;

use splitbrain_core::Verdict;
use splitbrain_lab::{
    Colour, Counts, Glyphs, Latency, Metrics, Screen, Step, Story, Style, listing, svg, text,
};

use crate::worlds::{self, World};

#[expect(clippy::disallowed_methods, reason = "UPDATE=1 is how golden files are rewritten")]
fn check(name: &str, picture: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var("UPDATE").is_ok() {
        std::fs::write(&file, picture).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
    assert!(golden == picture, "{name} has changed; UPDATE=1 rewrites it. It is now:\n{picture}");
}

pub(crate) fn screen<'a>(world: &'a World, verdict: &'a Verdict) -> Screen<'a> {
    let step = |command: &str, what: &str| Step { command: command.into(), what: what.into() };
    Screen {
        program: "primary-backup",
        verdict,
        evidence: world.evidence(),
        counts: Counts {
            seed: Some(17),
            worlds: 18,
            worlds_planned: 200,
            operations: (world.trace.operations.len() as u64, 300),
            faults: (world.faults.len() as u64, 9),
            nodes: (3, 3),
        },
        metrics: Some(Metrics {
            operations: 300,
            writes: 120,
            messages: Some(1_812),
            bytes: Some(99_123),
            syncs: Some(120),
            latency: Some(Latency {
                p50: 1_200_000,
                p95: 3_000_000,
                p99: 4_100_000,
                max: 77_000_000,
            }),
            stable: None,
            idle: Some((412, Duration::from_secs(20))),
        }),
        elapsed: Some(Duration::from_millis(310)),
        next: vec![
            step("splitbrain replay latest", "the same run again, with its whole trace"),
            step("splitbrain explain LIN-STALE-READ", "what it means, and what usually fixes it"),
        ],
    }
}

fn pictures(name: &str, world: &World) {
    let verdict = Verdict { findings: world.findings.clone(), ..Verdict::default() };
    let evidence = world.evidence();
    let page = [
        screen(world, &verdict).render(Style::PLAIN),
        listing(&evidence, 30, Style::PLAIN),
        text(&evidence, 30, Style::PLAIN),
    ];
    check(&format!("{name}.txt"), &page.join("\n"));
    check(&format!("{name}.svg"), &svg(&evidence));
}

#[test]
fn a_stale_read() {
    pictures("stale-read", &worlds::stale_read());
}

#[test]
fn a_lost_write() {
    pictures("lost-write", &worlds::lost_write());
}

#[test]
fn a_lost_broadcast() {
    pictures("lost-broadcast", &worlds::lost_broadcast());
}

#[test]
fn as_much_as_a_picture_can_bear() {
    pictures("busy", &worlds::busy());
}

#[test]
fn a_pass_and_a_doubt() {
    let world = World::new(3, 0);
    let mut verdict = Verdict::default();
    verdict.remarks.push(("values read".into(), "117 of 120".into()));
    let mut passed = screen(&world, &verdict);
    passed.program = "majority-register";
    passed.counts = Counts { worlds: 10_000, worlds_planned: 10_000, ..Counts::default() };
    passed.elapsed = Some(Duration::from_millis(12_340));
    let mut doubt = Verdict::default();
    doubt.undecided.push("no element was ever read, so none can be missed".into());
    let mut unknown = screen(&world, &doubt);
    unknown.counts = Counts { worlds: 1, worlds_planned: 200, ..Counts::default() };
    unknown.metrics = None;
    let page = [passed.render(Style::PLAIN), unknown.render(Style::PLAIN)];
    check("pass-and-doubt.txt", &page.join("\n"));
}

#[test]
fn in_ascii_and_in_colour() {
    let world = worlds::stale_read();
    let verdict = Verdict { findings: world.findings.clone(), ..Verdict::default() };
    let ascii = Style { colour: Colour::Never, glyphs: Glyphs::Ascii };
    let page =
        [screen(&world, &verdict).render(ascii), text(&world.evidence(), 30, ascii)].join("\n");
    assert!(page.is_ascii(), "{page}");
    check("stale-read-ascii.txt", &page);
    let ansi = Style { colour: Colour::Ansi, glyphs: Glyphs::Unicode };
    let colourful = screen(&world, &verdict).render(ansi);
    check("stale-read-ansi.txt", &colourful.replace('\x1b', "␛"));
}

/// The sentences of a world's story.
fn told(world: &World) -> Vec<String> {
    Story::tell(&world.evidence(), 5).lines.into_iter().map(|line| line.sentence).collect()
}

#[test]
fn a_story_tells_of_what_came_too_late() {
    assert_eq!(
        told(&worlds::late_copy()),
        [
            "Copy(x, 2) of n1 reaches n2 too late, at 9ms",
            "n1 tells c1 that write x=2 is done",
            "no message can have told n2 of write x=2 by now",
            "n2 answers c2: read x → 1",
        ]
    );
}

#[test]
fn a_story_tells_of_what_came_twice() {
    assert_eq!(
        told(&worlds::counted_twice()),
        [
            "n1 tells c1 that add 1 is done",
            "Add(1) of n1 reaches n2 a second time",
            "n2 answers c2: read → 2",
        ]
    );
}

#[test]
fn a_story_keeps_to_its_length_and_names_its_sources() {
    let world = worlds::stale_read();
    for lines in 0..8 {
        assert!(Story::tell(&world.evidence(), lines).lines.len() <= lines);
    }
    let two = Story::tell(&world.evidence(), 2).lines;
    let sources: Vec<_> = two.iter().map(|line| line.source.as_deref()).collect();
    assert_eq!(sources, [Some("primary.rs:71"), Some("primary.rs:58")]);
}

#[test]
fn without_a_finding_there_is_no_story() {
    let mut world = worlds::stale_read();
    world.findings.clear();
    assert_eq!(Story::tell(&world.evidence(), 5), Story::default());
}
