//! What two findings look like, and that no text of a file can break out of its place.

use splitbrain_core::{Edge, End, Finding, OperationId, Point, Proof, Refused, Verdict};

use super::{Page, Shown, drawing, lines, page};

fn operation(lane: &str, text: &str, invoked: u32, completed: Option<u32>) -> Shown {
    let end = if completed.is_some() { End::Ok } else { End::Unknown };
    Shown { lane: lane.into(), text: text.into(), invoked, completed, end }
}

/// Two transactions that each read what the other had not yet written.
fn skew() -> (Finding, Vec<Shown>) {
    let operations = vec![
        operation("c1", "x → [], append y 1", 0, Some(3)),
        operation("c2", "y → [], append x 1", 1, Some(2)),
    ];
    let edge = |from, to, why: &str| Edge {
        from: OperationId(from),
        to: OperationId(to),
        kind: "rw".into(),
        why: why.into(),
    };
    let finding = Finding::new("G2-item", "T0 and T1 each read what the other then changed")
        .operations([OperationId(0), OperationId(1)])
        .proof(Proof::Cycle(vec![
            edge(0, 1, "T0 read x before T1 appended 1 to it"),
            edge(1, 0, "T1 read y before T0 appended 1 to it"),
        ]));
    (finding, operations)
}

/// A read of the past.
fn stale() -> (Finding, Vec<Shown>) {
    let operations = vec![
        operation("c1", "write x=1", 0, Some(1)),
        operation("c2", "write x=2", 2, None),
        operation("c1", "read x → 2", 3, Some(4)),
        operation("c3", "read x → 1", 5, Some(6)),
    ];
    let point = |operation, after| Point { operation: OperationId(operation), after };
    let finding = Finding::new("LIN-STALE-READ", "c3 read 1 after c1 had read 2")
        .operations((0..4).map(OperationId))
        .proof(Proof::Stuck {
            order: vec![point(0, 0), point(1, 3), point(2, 3)],
            next: vec![Refused {
                operation: OperationId(3),
                why: "it found 1, and x is 2 since c2's write, which c1 had seen".into(),
            }],
        });
    (finding, operations)
}

fn of(operations: &[Shown]) -> impl Fn(OperationId) -> Shown {
    |id| operations[usize::try_from(id.0).unwrap()].clone()
}

#[test]
fn a_cycle_is_told_step_by_step() {
    let (finding, operations) = skew();
    assert_eq!(
        lines(&finding, &of(&operations), 80),
        [
            "c1  T0 x → [], append y 1 ✓  ├──────────────────────┤",
            "c2  T1 y → [], append x 1 ✓         ├───────┤",
            "each of these came before the next, and the last before the first:",
            "  T0 → T1  rw         T0 read x before T1 appended 1 to it",
            "  T1 → T0  rw         T1 read y before T0 appended 1 to it",
        ]
    );
}

#[test]
fn a_stuck_order_is_told_to_its_end() {
    let (finding, operations) = stale();
    assert_eq!(
        lines(&finding, &of(&operations), 72),
        [
            "c1  write x=1 ✓   ├──┤",
            "c2  write x=2 ?          ├───────────────▷",
            "c1  read x → 2 ✓             ├───┤",
            "c3  read x → 1 ✓                     ├───┤",
            "as far as an order gets:",
            "     1  c1 write x=1",
            "     2  c2 write x=2",
            "     3  c1 read x → 2",
            "and then nothing fits:",
            "  ✗  c3 read x → 1",
            "        it found 1, and x is 2 since c2's write, which c1 had seen",
        ]
    );
}

#[test]
fn drawings_show_points_and_arrows() {
    let (finding, operations) = stale();
    let svg = drawing(&finding, &of(&operations));
    assert_eq!(svg.matches("class=\"point\"").count(), 3);
    assert_eq!(svg.matches("op ok wrong").count(), 1);
    let (finding, operations) = skew();
    let svg = drawing(&finding, &of(&operations));
    assert_eq!(svg.matches("class=\"dep\"").count(), 2);
    assert!(svg.contains(">T0: x → [], append y 1<"), "{svg}");
}

#[test]
fn a_page_needs_nothing_else_and_explains_each_finding_once() {
    let (finding, operations) = stale();
    let verdict = Verdict { findings: vec![finding.clone(), finding], ..Verdict::default() };
    let what = Page { title: "f.edn", model: "register", operations: 4, verdict: &verdict };
    let html = page(&what, &of(&operations));
    assert_eq!(html.matches("<figure>").count(), 2);
    assert_eq!(html.matches("<summary>").count(), 1);
    for asks in ["src=", "href=", "url(http", "@import", "<script"] {
        assert!(!html.contains(asks), "{asks}");
    }
}

/// Texts of files stand where texts stand, and nowhere else.
#[test]
fn hostile_texts_stay_texts() {
    let evil = "\"/></text></svg><script>alert(1)</script>\u{202e}\u{1b}[31m&amp;";
    let (mut finding, mut operations) = stale();
    finding.id = evil.to_owned().into();
    finding.sentence = evil.into();
    for operation in &mut operations {
        operation.lane = evil.into();
        operation.text = evil.repeat(50);
    }
    let verdict = Verdict { findings: vec![finding.clone()], ..Verdict::default() };
    let what = Page { title: evil, model: evil, operations: 4, verdict: &verdict };
    let html = page(&what, &of(&operations));
    assert!(!html.contains("<script>") && !html.contains('\u{202e}') && !html.contains('\u{1b}'));
    for line in lines(&finding, &of(&operations), 80) {
        assert!(super::visible::width(&line) <= 80 && !line.contains('\u{1b}'), "{line}");
    }
}

/// A finding about thousands of operations is shown by its end.
#[test]
fn long_proofs_are_cut() {
    let operations: Vec<Shown> =
        (0..5_000).map(|at| operation("c1", "write x=1", at * 2, Some(at * 2 + 1))).collect();
    let order = (0..5_000).map(|at| Point { operation: OperationId(at), after: at * 2 });
    let finding = Finding::new("LIN-NO-ORDER", "none")
        .operations((0..5_000).map(OperationId))
        .proof(Proof::Stuck { order: order.collect(), next: Vec::new() });
    let svg = drawing(&finding, &of(&operations));
    assert!(svg.len() < 40_000 && svg.contains("4,972 earlier operations left out"), "{svg}");
    let told = lines(&finding, &of(&operations), 80);
    assert!(told.len() < 60, "{} lines", told.len());
}
