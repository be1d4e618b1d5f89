//! The examples of FORMATS.md, and histories that each object must accept and must refuse.

use splitbrain_core::Validity;

use super::*;
use crate::format::{WriteError, workloads, write};
use crate::{Limits, Records};

const FORMATS: &str = include_str!("../../FORMATS.md");

fn read(file: &str) -> (Option<String>, Vec<Record>) {
    let reader = Records::open(file.as_bytes(), Limits::default()).expect("a history");
    let workload = reader.workload().map(String::from);
    let mut records: Vec<_> = reader.map(|record| record.expect("without an error")).collect();
    records.sort_by_key(|record| record.invoked.order);
    (workload, records)
}

/// The blocks of the page in this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let open = format!("```{language}\n");
    let after = FORMATS.split(&open).skip(1);
    after.map(|rest| rest.split("```").next().expect("the first of several")).collect()
}

fn judged(object: &str, initial: &str, records: &[Record]) -> Result<Verdict, FileError> {
    let initial = Value::parse(initial).expect("a value");
    let object = Object::named(object).unwrap_or_else(|| panic!("no object {object}"));
    let budget = Budget::default();
    let (models, assumptions) = (&[], &[]);
    object.judge(&Question { records, initial: &initial, models, assumptions, budget })
}

/// The same, but for lines of the file and for answers that repeat the request.
fn essence(records: &[Record]) -> Vec<Record> {
    let mut records = records.to_vec();
    for record in &mut records {
        record.invoked.line = 0;
        if let Some(completed) = &mut record.completed {
            completed.line = 0;
        }
        if record.answered == record.asked || record.end != splitbrain_core::End::Ok {
            record.answered = Value::Nil;
        }
    }
    records
}

fn written(records: &[Record], format: crate::Format, workload: &str) -> String {
    let mut file = Vec::new();
    write(records, format, workload, &mut file).expect("it has a form");
    String::from_utf8(file).expect("text")
}

#[test]
fn every_workload_has_an_example_that_its_judge_accepts() {
    let mut seen = Vec::new();
    for block in blocks("jsonl") {
        let (workload, records) = read(block);
        let workload = workload.expect("the header names it");
        if let Some(object) = Object::named(&workload) {
            let verdict = judged(object.name, "nil", &records).expect("it means something");
            assert_eq!(verdict.validity(), Validity::Valid, "{workload}: {verdict:?}");
        }
        seen.push(workload);
    }
    assert_eq!(seen, workloads().collect::<Vec<_>>());
}

#[test]
fn our_examples_are_written_as_they_were_read() {
    for block in blocks("jsonl") {
        let (workload, records) = read(block);
        let workload = workload.expect("the header names it");
        assert_eq!(written(&records, crate::Format::Jsonl, &workload), block);
        let (_, again) = read(&written(&records, crate::Format::Edn, &workload));
        let back = written(&again, crate::Format::Jsonl, &workload);
        if workload != "kafka" {
            assert_eq!(essence(&read(&back).1), essence(&records), "{workload}: {back}");
        }
    }
}

#[test]
fn the_other_examples_are_converted_and_back() {
    use crate::Format::{Edn, Json, Jsonl, Log};
    for (language, format, workload) in [
        ("edn", Edn, "cas-register"),
        ("json", Json, "txn-list-append"),
        ("log", Log, "cas-register"),
    ] {
        for block in blocks(language) {
            let records = read(block).1;
            let ours = read(&written(&records, Jsonl, workload)).1;
            let back = read(&written(&ours, format, workload)).1;
            let stripped = |records: &[Record]| {
                let mut records = essence(records);
                records.iter_mut().for_each(|record| record.error = Value::Nil);
                records
            };
            assert_eq!(stripped(&back), stripped(&records), "{language}");
            let edn = read(&written(&records, Edn, workload)).1;
            let same = if format == Json { stripped(&edn) } else { essence(&edn) };
            assert_eq!(same, if format == Json { stripped(&records) } else { essence(&records) });
        }
    }
}

#[test]
fn nothing_is_lost_in_our_own_format() {
    let value = "[nil true -7 1.50M 3/4 :k sym \\a \"t\" #{1 :x} {1 2, \"#set\" [3]} {\"a\" {}} \
                 {\"#set\" 1} #inst \"2020\" (1)]";
    let edn = format!(
        "{{:process 0, :type :invoke, :f :write, :value {value}}}\n\
         {{:process 0, :type :ok, :f :write, :value {value}}}"
    );
    let records = read(&edn).1;
    assert_eq!(
        records[0].asked.to_string(),
        value.replace('(', "[").replace("(1)", "[1]").replace("1)]", "1]]")
    );
    let ours = written(&records, crate::Format::Jsonl, "register");
    assert_eq!(read(&ours).1[0].asked, records[0].asked, "{ours}");
    let mut out = Vec::new();
    let error = write(&records, crate::Format::Jsonl, "queue", &mut out).expect_err("no write");
    assert!(matches!(error, WriteError::Form(ref why) if why.line == 1), "{error}");
}

/// One operation after the other: `process function asked end answered`; `?` is unknown. Operations
/// in one line separated by `|` all begin before any of them ends.
fn history(lines: &str) -> Vec<Record> {
    let mut edn = String::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut ends = String::new();
        for operation in line.split('|') {
            let mut words = operation.trim().splitn(3, ' ');
            let (process, f) = (words.next().expect("process"), words.next().expect("function"));
            let rest = words.next().unwrap_or("nil = nil");
            let (asked, end) = rest.split_once('=').unwrap_or((rest, rest));
            edn += &format!("{{:process {process} :type :invoke :f :{f} :value {asked}}}");
            let kind = match end.trim() {
                "?" => "info",
                end if end.starts_with('!') => "fail",
                _ => "ok",
            };
            let value = match (kind, end.trim().strip_prefix('!')) {
                ("fail", Some(error)) => format!(":error {error}"),
                ("info", _) => String::new(),
                _ => format!(":value {end}"),
            };
            ends += &format!("{{:process {process} :type :{kind} :f :{f} {value}}}");
        }
        edn += &ends;
    }
    read(&edn).1
}

fn check(object: &str, initial: &str, lines: &str, expected: Validity) {
    let verdict = judged(object, initial, &history(lines));
    let verdict = verdict.unwrap_or_else(|why| panic!("{object}: {why}\n{lines}"));
    assert_eq!(verdict.validity(), expected, "{object}: {lines}\n{verdict:?}");
}

#[test]
fn registers() {
    let both = |initial: &str, right: &str, wrong: &str| {
        check("cas-register", initial, right, Validity::Valid);
        check("cas-register", initial, wrong, Validity::Invalid);
    };
    both("nil", "0 write 1\n0 read nil = 1", "0 write 1\n0 read nil = 2");
    both("0", "0 read nil = 0", "0 read nil = 1");
    both("0", "0 write 1\n0 read nil = nil", "0 write 1\n0 read nil = 0");
    both("nil", "0 read nil = nil", "0 write 1\n0 read nil = nil");
    both("nil", "0 write nil\n1 read nil = nil", "0 write nil\n0 write 1\n1 read nil = nil");
    both("0", "0 cas [0 1]\n0 read nil = 1", "0 cas [1 2]");
    both("0", "0 cas [0 1] = ?\n1 read nil = 1", "0 cas [2 1] = ?\n1 read nil = 1");
    both("0", "0 write 3 = ! :x\n1 read nil = 0", "0 write 3 = ! :x\n1 read nil = 3");
    both("0", "0 cas [0 1] = ! :timeout", "0 cas [0 1] = ! :precondition-failed");
    both(
        "nil",
        "0 read nil = ! [:key-does-not-exist \"\"]",
        "0 write 1\n0 read nil = ! [:key-does-not-exist \"\"]",
    );
    both("nil", "0 write 1 | 1 write 2\n0 read nil = 1", "0 write 1\n1 write 2\n0 read nil = 1");
    both("{:a 1}", "0 read nil = {:a 1}", "0 read nil = {:a 2}");
    both("#{1 2}", "0 read nil = #{2 1}", "0 read nil = #{1}");
    // Independent keys.
    both(
        "nil",
        "0 write [:x 1]\n0 read [:y nil] = [:y nil]",
        "0 write [:x 1]\n0 read [:x nil] = [:x nil]",
    );
    both("0", "0 cas [:x [0 1]]\n1 cas [:y [0 1]]", "0 cas [:x [0 1]]\n1 cas [:x [0 1]]");
}

#[test]
fn several_registers() {
    let both = |initial: &str, right: &str, wrong: &str| {
        check("multi-register", initial, right, Validity::Valid);
        check("multi-register", initial, wrong, Validity::Invalid);
    };
    both("0", "0 txn [[:read :x nil]] = [[:read :x 0]]", "0 txn [[:read :x nil]] = [[:read :x 1]]");
    both(
        "{:x 0 :y 1}",
        "0 txn [[:write :x 2] [:write :y 3]]\n0 txn [[:r :x nil] [:r :y nil]] = [[:r :x 2] [:r :y 3]]",
        "0 txn [[:write :x 2] [:write :y 3]]\n0 txn [[:r :x nil] [:r :y nil]] = [[:r :x 2] [:r :y 1]]",
    );
    both(
        "0",
        "0 txn [[:w :x 2] [:w :y 3]] = ?\n0 txn [[:r :x nil]] = [[:r :x 2]]",
        "0 txn [[:w :x 2] [:w :y 3]] = ?\n0 txn [[:r :x nil] [:r :y nil]] = [[:r :x 2] [:r :y 0]]",
    );
}

#[test]
fn collections() {
    let both = |object: &str, right: &str, wrong: &str| {
        check(object, "nil", right, Validity::Valid);
        check(object, "nil", wrong, Validity::Invalid);
    };
    let queued = "0 enqueue 1\n0 enqueue 2\n1 dequeue nil = ";
    both("queue", &format!("{queued}1"), &format!("{queued}2"));
    both("queue", &format!("{queued}?\n0 dequeue nil = 2"), &format!("{queued}nil"));
    both("unordered-queue", &format!("{queued}2"), &format!("{queued}3"));
    both("stack", "0 push 1\n0 push 2\n1 pop nil = 2", "0 push 1\n0 push 2\n1 pop nil = 1");
    both("set", "0 add 1\n0 read nil = #{1}", "0 add 1\n0 read nil = #{}");
    both("set", "0 add 1\n0 remove 1 = true", "0 add 1\n0 remove 2 = true");
    both("set", "0 add 1\n0 contains 1 = true", "0 add 1\n0 contains 1 = false");
    both("counter", "0 add 1 = ?\n0 read nil = 0", "0 add 1\n0 read nil = 0");
    both("log", "0 append :a = 0\n0 read nil = [:a]", "0 append :a = 1\n0 read nil = [:a]");
    both("log", "0 append :a\n0 read 0 = :a", "0 append :a\n0 read 0 = nil");
    both("key-value", "0 append x = nil\n0 get nil = \"x\"", "0 append x = nil\n0 get nil = \"\"");
    both("key-value", "0 get nil = \"\"\n0 put a\n0 get nil = a", "0 put a\n0 get nil = \"\"");
    both("set-full", "0 add 1\n0 read nil = #{1}", "0 add 1\n0 read nil = #{}");
    both(
        "set-full",
        "0 add [7 1]\n0 read [7 nil] = [7 [1]]",
        "0 add [7 1]\n0 read [7 nil] = [7 []]",
    );
    both("pn-counter", "0 add -1\n0 read nil = -1", "0 add -1\n0 read nil = 0");
}

#[test]
fn locks() {
    let both = |object: &str, right: &str, wrong: &str| {
        check(object, "nil", right, Validity::Valid);
        check(object, "nil", wrong, Validity::Invalid);
    };
    both("mutex", "0 acquire\n1 release\n1 acquire", "0 acquire\n1 acquire");
    both("mutex", "0 acquire\n1 acquire nil = ! :held", "0 release");
    both("lock", "0 acquire nil = 1\n0 release\n1 acquire nil = 2", "0 acquire\n1 release");
    both(
        "lock",
        "0 acquire\n0 release\n1 acquire",
        "0 acquire nil = 2\n0 release\n1 acquire nil = 1",
    );
}

#[test]
fn transactions_and_logs() {
    let both = |object: &str, right: &str, wrong: &str| {
        check(object, "nil", right, Validity::Valid);
        check(object, "nil", wrong, Validity::Invalid);
    };
    both(
        "list-append",
        "0 txn [[:append :x 1]]\n1 txn [[:r :x nil]] = [[:r :x [1]]]",
        "0 txn [[:append :x 1]]\n1 txn [[:r :x nil]] = [[:r :x [1 2]]]",
    );
    both(
        "rw-register",
        "0 txn [[:w x 1]]\n1 txn [[:r x nil]] = [[:r x 1]]",
        "0 txn [[:w x 1]] = ! :aborted\n1 txn [[:r x nil]] = [[:r x 1]]",
    );
    let sent = "0 assign [7]\n0 send [[:send 7 :a]] = [[:send 7 [0 :a]]]\n\
                0 send [[:send 7 :b]] = [[:send 7 [1 :b]]]\n";
    both(
        "kafka",
        &format!("{sent}1 poll [[:poll]] = [[:poll {{7 [[0 :a] [1 :b]]}}]]"),
        &format!("{sent}1 poll [[:poll]] = [[:poll {{7 [[0 :a] [1 :c]]}}]]"),
    );
}

#[test]
fn weaker_models() {
    let behind = history("0 write 1\n1 read nil = nil");
    let judged = |object: &str, models: &[&str], initial: &str| {
        let models: Vec<String> = models.iter().map(|name| (*name).into()).collect();
        let initial = Value::parse(initial).expect("a value");
        let (records, assumptions, budget) = (&behind, &[], Budget::default());
        let question =
            Question { records, initial: &initial, models: &models, assumptions, budget };
        Object::named(object).expect("an object").judge(&question).expect("it means something")
    };
    let validity = |models: &[&str]| judged("register", models, "nil").validity();
    assert_eq!(validity(&[]), Validity::Invalid);
    assert_eq!(validity(&["linearizable"]), Validity::Invalid);
    assert_eq!(validity(&["sequential"]), Validity::Valid);
    assert_eq!(validity(&["sequential", "linearizable"]), Validity::Invalid);
    // What registers hold at first stands for nothing; written too, it tells nothing.
    assert_eq!(judged("register", &["causal"], "1").validity(), Validity::Unknown);
    let ladder = judged("ladder", &[], "nil");
    assert!(ladder.remarks.contains(&("strongest".into(), "sequential".into())), "{ladder:?}");
    let object = Object::named("register").expect("an object");
    assert!(object.takes("PRAM") && !object.takes("serializable"));
    let object = Object::named("list-append").expect("an object");
    assert!(object.takes("PL-SI") && object.takes("serializable") && !object.takes("serial"));
}

#[test]
fn says_what_means_nothing() {
    let cases = [
        ("cas-register", "0 write 1\n0 cas 5", "cas takes a list of two values, not 5"),
        ("cas-register", "0 write 1\n0 enqueue 5", "there is no function \"enqueue\" here"),
        ("counter", "0 add 1\n0 add :x", "a counter counts in whole numbers, not :x"),
        ("set", "0 read nil = 7", "a set is a list or set, not 7"),
        ("multi-register", "0 txn 7", "txn takes a list of [:read key value] and"),
        (
            "list-append",
            "0 txn [[:r 1 nil]]\n0 txn [[:w 1 2]]",
            "a transaction is a list of [:append",
        ),
        ("kafka", "0 send 7\n0 poll [[:poll 7]]", "send takes a list of [:send log message]"),
        ("set-full", "0 add 1\n0 add :x", "add :x is no operation of g-set: "),
        ("set-full", "0 add 1\n0 write 1", "the workload has no function \"write\""),
    ];
    for (object, lines, why) in cases {
        let said = judged(object, "nil", &history(lines)).expect_err(lines).to_string();
        assert!(said.starts_with("line 1: ") && said.contains(why), "{said}");
    }
}

#[test]
fn guesses_the_object() {
    let guessed = |lines: &str| guess(&history(lines)).map(|object| object.name);
    assert_eq!(guessed("0 read nil = 1\n0 write 1"), Ok("register"));
    assert_eq!(guessed("0 read nil = 1\n0 cas [1 2]"), Ok("cas-register"));
    assert_eq!(guessed("0 get nil = 1\n0 append a"), Ok("key-value"));
    assert_eq!(guessed("0 acquire"), Ok("mutex"));
    assert_eq!(guessed("0 acquire nil = 7"), Ok("lock"));
    assert_eq!(guessed("0 dequeue nil = 7"), Ok("queue"));
    assert_eq!(guessed("0 add 7\n1 read nil = [7]"), Ok("set-full"));
    assert_eq!(guessed("0 add [0 7]\n1 read [0 nil] = [0 #{7}]"), Ok("set-full"));
    assert_eq!(guessed("0 add 7\n1 read nil = 7"), Ok("counter"));
    assert_eq!(guessed("0 txn [[:read 1 nil]]"), Ok("multi-register"));
    assert_eq!(guessed("0 txn [[:r 1 nil]]\n0 txn [[:append 1 2]]"), Ok("list-append"));
    assert_eq!(guessed("0 txn [[:r 1 nil]]\n0 txn [[:w 1 2]]"), Ok("rw-register"));
    assert_eq!(guessed("0 send [[:send 1 2]]\n0 poll [[:poll]]"), Ok("kafka"));
    let error = guessed("0 read nil = 1").expect_err("anything");
    assert_eq!(error, "the history has reads alone, and they may be of anything");
    let error = guessed("0 transfer 7\n0 read nil = 8").expect_err("a bank");
    assert_eq!(error, "no object is known to have the functions read, transfer");
}

#[test]
fn names_are_unique() {
    let mut names: Vec<&str> =
        OBJECTS.iter().flat_map(|object| [&[object.name], object.aliases].concat()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    let known: Vec<&str> = workloads().collect();
    assert!(OBJECTS.iter().all(|object| known.contains(&object.workload)));
}

#[test]
fn weak_levels_of_transactions_are_decided() {
    let file = "{:process 0, :type :invoke, :f :txn, :value [[:w :x 1] [:w :y 1]]}
                {:process 0, :type :ok, :f :txn, :value [[:w :x 1] [:w :y 1]]}
                {:process 1, :type :invoke, :f :txn, :value [[:r :x nil] [:r :y nil]]}
                {:process 1, :type :ok, :f :txn, :value [[:r :x nil] [:r :y 1]]}";
    let (_, records) = read(file);
    let check = |model: &str, expected: &[&str]| {
        let (models, budget) = ([model.to_owned()], Budget::default());
        let (initial, models, assumptions) = (&Value::Nil, &models[..], &[][..]);
        let question = Question { records: &records, initial, models, assumptions, budget };
        let object = Object::named("rw-register").expect("there is one");
        let verdict = object.judge(&question).expect("it means something");
        let ids: Vec<&str> = verdict.findings.iter().map(|finding| &*finding.id).collect();
        assert_eq!(ids, expected, "{model}: {verdict:?}");
    };
    check("monotonic-atomic-view", &[]);
    check("read-atomic", &["FRACTURED-READ"]);
    check("causal-cerone", &["CAUSAL-NO-ORDER"]);
}
