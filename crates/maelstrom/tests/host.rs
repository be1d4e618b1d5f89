//! The host with real programs: good ones, a buggy one, and every kind of bad one.

#![expect(clippy::disallowed_methods, reason = "these tests run real programs")]
#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{assert_gone, has, python, script};
use splitbrain_check::Judge;
use splitbrain_core::workload::broadcast::Broadcast;
use splitbrain_core::workload::echo::Echo;
use splitbrain_core::workload::g_set::GSet;
use splitbrain_core::workload::kafka::Kafka;
use splitbrain_core::workload::lin_kv::LinKv;
use splitbrain_core::workload::pn_counter::PnCounter;
use splitbrain_core::workload::txn_list_append::TxnListAppend;
use splitbrain_core::workload::txn_rw_register::TxnRwRegister;
use splitbrain_core::workload::unique_ids::UniqueIds;
use splitbrain_core::{EventKind, FaultKind, Finding, Validity};
use splitbrain_maelstrom::{HostError, Interrupt, TestOptions, TestRun, test};

fn options(program: &Path) -> TestOptions {
    TestOptions {
        node_count: 3,
        request_interval: Some(Duration::from_millis(10)),
        time_limit: Duration::from_millis(1_000),
        request_timeout: Some(Duration::from_millis(500)),
        settle_limit: Duration::from_secs(3),
        ..TestOptions::maelstrom(program)
    }
}

/// Runs the test; afterwards no process with the program's path among its arguments may be left.
fn run<W: Judge>(options: &TestOptions) -> Result<TestRun<W>, HostError> {
    let outcome = test::<W>(options, &Interrupt::default(), &mut |_| {});
    assert_gone(&options.program.display().to_string());
    outcome
}

fn ids<W: Judge>(run: &TestRun<W>) -> Vec<&str> {
    run.verdict.findings.iter().map(|finding| &*finding.id).collect()
}

// ---- good programs ----

fn assert_valid<W: Judge>(options: &TestOptions) -> TestRun<W> {
    let run = run::<W>(options).unwrap();
    let verdict = &run.verdict;
    assert_eq!(verdict.validity(), Validity::Valid, "{verdict:?}, stopped: {:?}", run.stopped);
    assert!(run.metrics.outcomes.ok > 30, "{:?}", run.metrics.outcomes);
    run
}

#[test]
fn python_nodes_are_valid_on_a_calm_network() {
    if !has("python3") {
        return;
    }
    let run = assert_valid::<Echo>(&options(&python("echo.py")));
    assert_eq!(run.metrics.traffic.servers(), 0);
    assert!(run.trace.events.iter().any(|it| matches!(it.kind, EventKind::Deliver { .. })));
    assert_valid::<UniqueIds>(&options(&python("unique_ids.py")));
    assert_valid::<GSet>(&options(&python("g_set.py")));
    assert_valid::<PnCounter>(&options(&python("pn_counter.py")));
    let run = assert_valid::<LinKv>(&options(&python("lin_kv.py")));
    assert!(run.metrics.messages_per_operation() >= Some(200), "{:?}", run.metrics);
}

#[test]
fn latency_is_added_between_servers_and_services_only() {
    if !has("python3") {
        return;
    }
    let latency_mean = Duration::from_millis(20);
    let run = assert_valid::<LinKv>(&TestOptions { latency_mean, ..options(&python("lin_kv.py")) });
    let quickest = run.metrics.latencies.values().map(|it| it.p50).min().unwrap();
    assert!(quickest >= 2 * latency_mean, "to the service and back: {quickest:?}");
    let run = assert_valid::<Echo>(&TestOptions { latency_mean, ..options(&python("echo.py")) });
    assert!(run.metrics.latencies["echo"].p50 < latency_mean, "{:?}", run.metrics);
}

fn stormy(program: &str) -> TestOptions {
    TestOptions {
        node_count: 5,
        time_limit: Duration::from_secs(2),
        nemesis: vec![FaultKind::Partition],
        nemesis_interval: Duration::from_millis(400),
        seed: 3,
        ..options(&python(program))
    }
}

#[test]
fn a_broadcast_that_retries_survives_partitions() {
    if has("python3") {
        let run = assert_valid::<Broadcast>(&stormy("broadcast.py"));
        assert!(!run.faults.is_empty());
    }
}

#[test]
fn a_broadcast_that_forgets_loses_values_and_they_are_named() {
    if !has("python3") {
        return;
    }
    let run = run::<Broadcast>(&stormy("broadcast_lossy.py")).unwrap();
    assert_eq!(run.verdict.validity(), Validity::Invalid);
    let finding = run.verdict.findings.iter().find(|it| it.id == "SET-LOST").unwrap();
    let lost: u64 = finding.sentence.split(' ').next().unwrap().parse().unwrap();
    let shown = format!("broadcast {lost}");
    assert!(run.trace.operations.iter().any(|it| it.request == shown), "{finding:?}");
}

/// Two clients at a time, and a network slow enough for them to meet.
fn contended(program: &str) -> TestOptions {
    TestOptions {
        request_interval: Some(Duration::from_millis(8)),
        latency_mean: Duration::from_millis(5),
        time_limit: Duration::from_secs(3),
        ..options(&python(program))
    }
}

#[test]
fn logs_and_tables_in_a_store_are_valid_with_compare_and_set() {
    if has("python3") {
        assert_valid::<Kafka>(&contended("kafka.py"));
        assert_valid::<TxnListAppend>(&contended("txn_list_append.py"));
        assert_valid::<TxnRwRegister>(&contended("txn_rw_register.py"));
    }
}

#[test]
fn without_compare_and_set_messages_and_writes_are_lost_and_named() {
    fn found<W: Judge>(program: &str) -> Vec<Finding> {
        let run = run::<W>(&contended(program)).unwrap();
        assert_eq!(run.verdict.validity(), Validity::Invalid, "{program}");
        run.verdict.findings
    }
    if !has("python3") {
        return;
    }
    let findings = found::<Kafka>("kafka_lossy.py");
    let lost = findings.iter().find(|it| it.id == "KAFKA-LOST-WRITE").expect("a lost message");
    assert!(lost.sentence.contains(" was sent to "), "{lost:?}");
    let findings = found::<TxnListAppend>("txn_list_append_lossy.py");
    assert!(findings.iter().any(|it| it.id == "incompatible-order"), "{findings:?}");
    let findings = found::<TxnRwRegister>("txn_rw_register_lossy.py");
    assert!(findings.iter().any(|it| it.id == "lost-update"), "{findings:?}");
}

#[test]
fn a_node_may_ask_a_service_before_it_answers_init() {
    let program = script(
        "early",
        r#"read -r init
me=${init#*\"node_id\":\"}; me=${me%%\"*}
id=${init#*\"msg_id\":}; id=${id%%,*}
say lin-kv '{"type":"write","key":1,"value":2,"msg_id":1}'
read -r written
say c0 "{\"type\":\"init_ok\",\"in_reply_to\":$id}"
while read -r line; do
    id=${line#*\"msg_id\":}; id=${id%%[,\}]*}
    from=${line#*\"src\":\"}; from=${from%%\"*}
    echo=${line#*\"echo\":\"}; echo=${echo%%\"*}
    say "$from" "{\"type\":\"echo_ok\",\"echo\":\"$echo\",\"in_reply_to\":$id}"
done
"#,
    );
    assert_valid::<Echo>(&options(&program));
}

#[test]
fn killed_and_paused_nodes_come_back() {
    if !has("python3") {
        return;
    }
    let options = TestOptions {
        nemesis: vec![FaultKind::Crash, FaultKind::Pause],
        request_timeout: Some(Duration::from_millis(300)),
        ..stormy("unique_ids.py")
    };
    let run = run::<UniqueIds>(&options).unwrap();
    assert_eq!(run.verdict.validity(), Validity::Valid, "{:?}", run.verdict);
    let count = |wanted: fn(&EventKind) -> bool| {
        run.trace.events.iter().filter(|event| wanted(&event.kind)).count()
    };
    let crashes = count(|kind| matches!(kind, EventKind::Crash { .. }));
    assert!(crashes > 0);
    assert_eq!(count(|kind| matches!(kind, EventKind::Start)), 5 + crashes);
    assert!(count(|kind| matches!(kind, EventKind::Resume)) > 0);
}

#[test]
fn one_of_our_nodes_keeps_its_disk_when_it_is_killed() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("guest-disks");
    std::fs::create_dir_all(&folder).unwrap();
    let options = TestOptions {
        args: vec![folder.into()],
        nemesis: vec![FaultKind::Crash],
        nemesis_interval: Duration::from_millis(200),
        ..options(&example("guest"))
    };
    let run = assert_valid::<UniqueIds>(&options);
    assert!(run.trace.events.iter().any(|it| matches!(it.kind, EventKind::Crash { .. })));
}

/// An example of this crate: cargo builds them along with the tests.
fn example(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join("examples").join(name)
}

// ---- programs that cannot be tested ----

fn error(name: &str, body: &str) -> HostError {
    let program = script(name, body);
    let options = TestOptions { init_limit: Duration::from_millis(500), ..options(&program) };
    run::<Echo>(&options).map(|run| ids(&run).join(" ")).unwrap_err()
}

#[test]
fn a_program_that_is_not_there() {
    let refused = |path: &str| run::<Echo>(&options(Path::new(path))).unwrap_err().to_string();
    assert_eq!(refused("/no/such/node"), "there is no program /no/such/node");
    assert!(refused("/etc/passwd").contains("chmod +x"));
}

#[test]
fn a_program_whose_interpreter_is_missing() {
    let path = script("no-interpreter", "");
    std::fs::write(&path, "#!/no/such/python\n").unwrap();
    let said = run::<Echo>(&options(&path)).unwrap_err().to_string();
    assert!(said.contains("interpreter") && said.contains("/no/such/python"), "{said}");
    std::fs::write(&path, "hello").unwrap();
    let said = run::<Echo>(&options(&path)).unwrap_err().to_string();
    assert!(said.contains("#!/usr/bin/env python3"), "{said}");
}

#[test]
fn a_program_that_exits_at_once() {
    let said = error("exits", "echo 'no config' >&2; exit 3").to_string();
    assert!(said.contains("ended with status 3"), "{said}");
    assert!(said.ends_with("\n    no config"), "{said}");
}

#[test]
fn a_program_that_prints_rubbish() {
    let said = error("rubbish", "printf 'Hello \\033[31mworld\\n'; cat").to_string();
    assert!(said.contains("`Hello \\u{1b}[31mworld`"), "{said}");
    assert!(said.contains("meant for stderr") && said.contains("doc/protocol.md"), "{said}");
    let said = error("endless-rubbish", "exec yes").to_string();
    assert!(said.contains("the line `y`"), "{said}");
}

#[test]
fn a_program_that_prints_a_line_without_end() {
    let program = script("huge", "head -c 1000000000 /dev/zero");
    let error = run::<Echo>(&options(&program)).unwrap_err();
    assert!(matches!(error, HostError::HugeLine { .. }), "{error}");
}

#[test]
fn a_program_that_floods() {
    let body = r#"
long=$(head -c 20000 /dev/zero | tr '\0' x)
exec yes "{\"src\":\"n1\",\"dest\":\"n2\",\"body\":{\"type\":\"$long\"}}""#;
    let program = script("floods", body);
    let error = run::<Echo>(&options(&program)).unwrap_err();
    assert!(matches!(error, HostError::Flood { .. }), "{error}");
}

#[test]
fn a_program_that_closes_its_stdout() {
    let error = error("closes", "exec >&-; sleep 1000");
    assert!(matches!(error, HostError::ClosedOutput { .. }), "{error}");
}

#[test]
fn a_program_that_never_answers() {
    let error = error("silent", "echo waiting >&2; cat > /dev/null").to_string();
    assert!(error.contains("did not answer `init`") && error.contains("waiting"), "{error}");
}

#[test]
fn a_program_that_answers_init_with_something_else() {
    let body = r#"
read -r line
me=n1
say c0 '{"type":"error","code":13,"in_reply_to":1}'
cat > /dev/null"#;
    let error = error("refuses", body).to_string();
    assert!(error.contains("answered `init` with `{\"type\":\"error\""), "{error}");
}

// ---- programs that go wrong later ----

/// The findings of a node that answers `init` and then does `body`, with their sentences.
fn findings(name: &str, body: &str) -> (TestRun<Echo>, String) {
    let program = script(name, &format!("init\n{body}"));
    let options = TestOptions { node_count: 1, ..options(&program) };
    let run = run::<Echo>(&options).unwrap();
    assert_eq!(run.verdict.validity(), Validity::Invalid, "{:?}", run.verdict);
    let told: Vec<_> =
        run.verdict.findings.iter().map(|it| format!("{}: {}", it.id, it.sentence)).collect();
    (run, told.join("\n"))
}

#[test]
fn a_node_that_dies_later_leaves_a_history_and_its_last_words() {
    let (run, told) = findings("dies", "read -r line; echo 'out of luck' >&2; exit 7");
    assert!(told.contains("PROTO-EXIT: n1: it ended with status 7"), "{told}");
    assert!(told.contains("out of luck"), "{told}");
    assert!(!run.history.operations.is_empty());
}

#[test]
fn a_node_that_closes_its_stdout_later_stops_the_test() {
    let (run, told) = findings("closes-later", "read -r line; exec >&-; sleep 1000");
    assert!(told.contains("PROTO-EXIT"), "{told}");
    assert!(matches!(run.stopped, Some(HostError::ClosedOutput { .. })));
}

#[test]
fn wrong_messages_are_named_with_the_line_that_was_printed() {
    let body = r#"
say n9 '{"type":"hello"}'
say c1 '{"type":"hello","in_reply_to":999}'
say c1 '{"type":"hello"}'
say c0 '[1]'
echo debugging
while read -r line; do
    client=${line#*\"src\":\"}; client=${client%%\"*}
    id=${line#*\"msg_id\":}; id=${id%%\}*}
    say "$client" "{\"type\":\"echo\",\"in_reply_to\":$id}"
done"#;
    let (run, told) = findings("wrong", body);
    let all = ids(&run);
    for id in ["PROTO-UNKNOWN-DEST", "PROTO-REPLY", "PROTO-MALFORMED", "NODE-REPLY-WRONG"] {
        assert!(all.contains(&id), "{id} is missing:\n{told}");
    }
    assert!(told.contains("\"n9\"") && told.contains("`debugging`"), "{told}");
    assert!(told.contains("which was never sent"), "{told}");
    assert!(told.contains("expected the type `echo_ok`"), "{told}");
    assert!(told.contains("`body` is not an object"), "{told}");
    let (_, more) = run.verdict.remarks.iter().find(|(what, _)| what.contains("WRONG")).unwrap();
    assert!(more.parse::<u32>().unwrap() > 10, "the others are counted");
    assert!(run.history.operations.len() > 10, "the test went on");
}

#[test]
fn a_node_that_ignores_sigterm_is_killed_and_that_is_said() {
    let body = "trap '' TERM\nwhile :; do read -r line; done";
    let program = script("stubborn", &format!("init\n{body}"));
    let run = run::<Echo>(&TestOptions { node_count: 1, ..options(&program) }).unwrap();
    let remark = run.verdict.remarks.iter().find(|(what, _)| what.contains("SIGTERM"));
    assert_eq!(remark.map(|(_, nodes)| nodes.as_str()), Some("n1"), "{:?}", run.verdict);
}

#[test]
fn a_node_that_cannot_be_reached_for_long_makes_the_test_unavailable() {
    let program = script("deaf", "init\ncat > /dev/null");
    let options = TestOptions {
        availability: Some(splitbrain_core::Ratio(1, 2)),
        settle_limit: Duration::ZERO,
        node_count: 1,
        ..options(&program)
    };
    let run = run::<Echo>(&options).unwrap();
    assert!(ids(&run).contains(&"AVAILABILITY-LOW"), "{:?}", run.verdict);
}

// ---- our own end ----

/// The example `host` with a node that does not end by itself.
fn host_with_stubborn_nodes(name: &str) -> (std::process::Child, String) {
    let program = script(name, "trap '' TERM HUP INT\ninit\nwhile :; do sleep 0.2; done");
    let child = Command::new(example("host")).arg(&program).stdout(Stdio::piped()).spawn().unwrap();
    (child, program.display().to_string())
}

fn wait_for_nodes(mark: &str) {
    for _ in 0..200 {
        let ps = Command::new("ps").args(["-A", "-o", "args="]).output().unwrap();
        let nodes = |text: &str| text.lines().filter(|line| line.contains(mark)).count();
        if nodes(&String::from_utf8_lossy(&ps.stdout)) >= 4 {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the nodes did not start");
}

#[test]
fn no_node_survives_us_being_killed() {
    let (mut host, mark) = host_with_stubborn_nodes("orphan");
    wait_for_nodes(&mark);
    host.kill().unwrap();
    host.wait().unwrap();
    assert_gone(&mark);
}

#[test]
fn ctrl_c_ends_the_test_with_its_verdict() {
    let (host, mark) = host_with_stubborn_nodes("interrupted");
    wait_for_nodes(&mark);
    std::thread::sleep(Duration::from_millis(300));
    Command::new("kill").args(["-INT", &host.id().to_string()]).status().unwrap();
    let output = host.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("the run was interrupted"), "{text}");
    assert_gone(&mark);
}
