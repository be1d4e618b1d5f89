//! Processes in the simulator's time: every run can be had again, and finds what the real network
//! finds.

#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod common;

use std::path::Path;

use common::{assert_gone, has, python, script};
use splitbrain_check::Judge;
use splitbrain_core::workload::Workload;
use splitbrain_core::workload::broadcast::Broadcast;
use splitbrain_core::workload::echo::Echo;
use splitbrain_core::workload::lin_kv::LinKv;
use splitbrain_core::workload::unique_ids::UniqueIds;
use splitbrain_core::{FaultKind, Validity, ms};
use splitbrain_maelstrom::Lockstep;
use splitbrain_sim::{Config, Detail, Judging, Recipe, Run, run};

fn judging<W: Judge>() -> Judging<W> {
    let write = |history: &_| serde_json::to_string(history).unwrap_or_default();
    Judging { judge: |history, _| W::judge(history), write }
}

fn lockstep<W: Judge>(program: &Path) -> Lockstep<W> {
    Lockstep::new(program, &[], judging()).unwrap()
}

/// No crashes: these programs keep everything in memory.
fn config() -> Config {
    let faults = [FaultKind::Partition, FaultKind::Link, FaultKind::Pause, FaultKind::Slow].into();
    let duration = ms(4_000);
    Config { nodes: 3, clients: 3, operations: 40, duration, faults, ..Config::standard() }
}

fn world<W: Judge>(subject: &Lockstep<W>, config: Config, seed: u64) -> Run {
    let recipe = Recipe::draw("program", <W as Workload>::NAME, config, seed);
    run(subject, &recipe, Detail::Full).unwrap()
}

#[test]
fn a_run_of_processes_can_be_repeated() {
    if !has("python3") {
        return;
    }
    let subject = lockstep::<Broadcast>(&python("broadcast.py"));
    let once = world(&subject, config(), 7);
    let again = world(&subject, config(), 7);
    assert_eq!(once.digest, again.digest);
    assert_eq!(once.trace, again.trace);
    assert_eq!(once.verdict.validity(), Validity::Valid, "{:?}", once.verdict);
    assert_ne!(once.digest, world(&subject, config(), 8).digest);
    assert_gone("broadcast.py-lockstep");
}

#[test]
fn the_planted_bug_is_found_in_virtual_time() {
    if !has("python3") {
        return;
    }
    let subject = lockstep::<Broadcast>(&python("broadcast_lossy.py"));
    let found = (0..10).any(|seed| {
        let config = Config { faults: [FaultKind::Partition].into(), ..config() };
        let run = world(&subject, config, seed);
        run.verdict.findings.iter().any(|finding| finding.id == "SET-LOST")
    });
    assert!(found);
}

#[test]
fn services_and_crashes_work_in_lockstep() {
    if !has("python3") {
        return;
    }
    let faults = [FaultKind::Crash, FaultKind::Pause, FaultKind::Clock];
    let config = Config { faults: faults.into(), ..config() };
    let run = world(&lockstep::<LinKv>(&python("lin_kv.py")), config.clone(), 1);
    assert_eq!(run.verdict.validity(), Validity::Valid, "{:?}", run.verdict);
    let ids = lockstep::<UniqueIds>(&python("unique_ids.py"));
    for seed in 0..3 {
        let run = world(&ids, config.clone(), seed);
        assert_eq!(run.verdict.validity(), Validity::Valid, "{:?}", run.verdict);
    }
}

#[test]
fn a_program_that_does_not_agree_is_refused_at_once() {
    let program = script("realtime", "init\ncat > /dev/null");
    let error = Lockstep::<Echo>::new(&program, &[], judging()).unwrap_err().to_string();
    assert!(error.contains("real time only") && error.contains("LOCKSTEP.md"), "{error}");
    let program = script("gone", "exit 4");
    let error = Lockstep::<Echo>::new(&program, &[], judging()).unwrap_err().to_string();
    assert!(error.contains("ended with status 4"), "{error}");
}

/// A lockstep echo in shell, with `wrong` in place of what follows an answer.
fn echo(name: &str, wrong: &str) -> Run {
    let body = format!(
        r#"
yield_() {{ echo '{{"body":{{"type":"yield","wake_ms":null}}}}'; }}
read -r line
me=n1
say c0 '{{"type":"init_ok","in_reply_to":1,"lockstep":true}}'
yield_
while read -r line; do
    client=${{line#*\"src\":\"}}; client=${{client%%\"*}}
    id=${{line#*\"msg_id\":}}; id=${{id%%\}}*}}
    echo=${{line#*\"echo\":\"}}; echo=${{echo%%\"*}}
    say "$client" "{{\"type\":\"echo_ok\",\"echo\":\"$echo\",\"in_reply_to\":$id}}"
    {wrong}
done"#
    );
    let subject = lockstep::<Echo>(&script(name, &body));
    let config = Config { nodes: 1, clients: 1, operations: 5, ..config().calm() };
    world(&subject, config, 0)
}

#[test]
fn what_a_program_does_wrong_is_named() {
    assert_eq!(echo("right", "yield_").verdict.validity(), Validity::Valid);
    let told = |name: &str, wrong: &str| {
        let run = echo(name, wrong);
        let told: Vec<_> =
            run.verdict.findings.iter().map(|it| format!("{} {}", it.id, it.sentence)).collect();
        told.join("\n")
    };
    let dies = told("dies", "echo bad luck >&2; exit 5");
    assert!(dies.contains("PROTO-EXIT") && dies.contains("bad luck"), "{dies}");
    let bad = told("bad-yield", r#"echo '{"body":{"type":"yield","wake_ms":"soon"}}'"#);
    assert!(bad.contains("PROTO-YIELD") && bad.contains("soon"), "{bad}");
    let rubbish = told("rubbish", "echo hello; yield_");
    assert!(rubbish.contains("PROTO-MALFORMED") && rubbish.contains("`hello`"), "{rubbish}");
    let stray = told("stray", r#"say c1 '{"type":"echo_ok","in_reply_to":77}'; yield_"#);
    assert!(stray.contains("PROTO-REPLY"), "{stray}");
}
