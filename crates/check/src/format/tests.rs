//! Files of every format, right ones, wrong ones and damaged ones.

use splitbrain_core::{End, ProcessId, Rng};

use super::*;
use crate::Value;

fn read(file: &[u8]) -> (Vec<Record>, Option<FileError>) {
    read_within(file, Limits::default())
}

fn read_within(file: &[u8], limits: Limits) -> (Vec<Record>, Option<FileError>) {
    let mut records = Vec::new();
    let reader = match Records::open(file, limits) {
        Ok(reader) => reader,
        Err(error) => return (records, Some(error)),
    };
    let mut error = None;
    for record in reader {
        match record {
            Ok(record) => records.push(record),
            Err(why) => {
                assert!(error.is_none(), "one error is all there is");
                error = Some(why);
            }
        }
    }
    records.sort_by_key(|record| record.invoked.order);
    (records, error)
}

/// The operations as lines: process, function, what was asked, how it ended, the answer.
fn told(records: &[Record]) -> Vec<String> {
    let line = |record: &Record| {
        let end = match record.end {
            End::Ok => "ok",
            End::Failed => "failed",
            End::Unknown => "unknown",
        };
        format!(
            "{} {} {} {end} {}",
            record.process.0, record.function, record.asked, record.answered
        )
    };
    records.iter().map(line).collect()
}

fn all(file: &str) -> Vec<String> {
    let (records, error) = read(file.as_bytes());
    assert_eq!(error, None, "{file}");
    told(&records)
}

fn error(file: &[u8]) -> String {
    read(file).1.expect("an error").to_string()
}

const EDN: &str = "\
; a comment
{:type :invoke, :f :cas, :value [1 2], :process 0, :time 10, :index 0}
#jepsen.history.Op{:index 1, :type :invoke, :f :read, :value nil, :process 1, :debug {:x #{1}}}
{:type :info :f :kill :process :nemesis :value #_ ignored {:n1 #inst \"2020-01-01\"}}
{:type :ok, :f :read, :value \"a \\\"b\\\" \\u00e9\\n\", :process 1, :final? true}
{:type :fail, :f :cas, :value [1 2], :process 0, :error [:precondition-failed \"no\"]}
{:type :invoke, :f :write :value 123456789012345678901234567890 :process 2}
{:type :info, :f :write :value 1.50M :process 2 :error \\a}
{:type :invoke, :f :read, :process 4}
";

#[test]
fn events_in_edn() {
    let lines = [
        "0 cas [1 2] failed [1 2]",
        "1 read nil ok \"a \\\"b\\\" é\\n\"",
        "2 write 123456789012345678901234567890 unknown 1.50M",
        "4 read nil unknown nil",
    ];
    assert_eq!(all(EDN), lines);
    let (records, _) = read(EDN.as_bytes());
    assert_eq!(records[0].error.to_string(), "[:precondition-failed \"no\"]");
    assert_eq!(records[0].invoked.at_ns, Some(10));
    assert_eq!((records[0].invoked.line, records[1].invoked.line), (2, 3));
    let places: Vec<_> =
        records.iter().map(|r| (r.invoked.order, r.completed.map(|c| c.order))).collect();
    assert_eq!(places, [(0, Some(3)), (1, Some(2)), (4, Some(5)), (6, None)]);
    assert!(records[1].last && !records[0].last);
    assert_eq!(records[2].error, Value::Symbol("\\a".into()));
    for (open, close) in [('[', ']'), ('(', ')')] {
        assert_eq!(all(&format!("\u{feff} {open}{EDN}{close}\n; the end")), lines);
    }
    assert_eq!(all(&EDN.replace('\n', "\r\n")), lines);
    assert_eq!(all("[]"), [""; 0]);
}

#[test]
fn events_in_json() {
    let lines = [r#"0 txn [["append" "x" 1] ["r" 2 nil]] ok [["append" "x" 1] ["r" 2 [1 -3]]]"#];
    let invoke = r#"{"type":"invoke","process":0,"value":[["append","x",1],["r",2,null]]}"#;
    let ok = r#"{"index":1,"value":[["append","x",1],["r",2,[1,-3]]],"type":"ok","process":0}"#;
    assert_eq!(all(&format!("{invoke}\n{ok}")), lines);
    assert_eq!(all(&format!(" [ {invoke} ,\n{ok}\n]\n")), lines);
    let value = |json: &str| {
        let file = format!(r#"[{{"type":"invoke","f":":w","process":0,"value":{json}}}]"#);
        all(&file)[0].replace("0 w ", "").replace(" unknown nil", "")
    };
    for json in ["1.5e+10", "-0.25", "12345678901234567890", "true", "[]", "{}"] {
        assert_eq!(value(json), json);
    }
    assert_eq!(value(r#"{"a":[{"b":null}]}"#), r#"{"a" [{"b" nil}]}"#);
    assert_eq!(value(r#""\ud83e\udde0\/""#), "\"🧠/\"");
}

#[test]
fn lines_of_a_log() {
    let log = "INFO  jepsen.core - Running\nINFO  jepsen.util - 0\t:invoke\t:cas\t[1 2]\n\
               12:30 INFO jepsen.util - 1   :invoke :read   nil\n\
               INFO  jepsen.util - 0\t:info\t:cas\t:timed-out\n\
               INFO  jepsen.util - :nemesis\t:info\t:start\tCut off {:n1 #{:n2}\n\
               INFO  jepsen.util - 1   :ok     :read   3";
    assert_eq!(all(log), ["0 cas [1 2] unknown nil", "1 read nil ok 3"]);
    let (records, _) = read(log.as_bytes());
    assert_eq!(records[0].error, Value::keyword("timed-out"));
    assert_eq!(all(&log.replace('\n', "\r\n")).len(), 2);
    assert_eq!(all("0\t:invoke\t:read\tnil\n"), ["0 read nil unknown nil"]);
}

#[test]
fn our_own_lines() {
    let head = r#"{"format":"splitbrain-history","version":1,"workload":"cas-register"}"#;
    let cas = r#"{"process":3,"node":"n1","request":{"type":"cas","key":"k","from":1,"to":[2]},"invoked":{"order":0,"at_ns":5},"completed":{"order":2},"outcome":{"failed":{"code":22,"text":"no"}},"last":false}"#;
    let read_ok = r#"{"process":1,"request":{"type":"read"},"invoked":{"order":1},"completed":{"order":3},"outcome":{"ok":{"type":"read_ok","value":7}}}"#;
    let file = format!("{head}\n{cas}\n\n{read_ok}\n");
    assert_eq!(all(&file), ["3 cas [1 [2]] failed nil", "1 read nil ok 7"]);
    let (records, _) = read(file.as_bytes());
    assert_eq!(records[0].key, Some(Value::text("k")));
    assert_eq!(records[0].error.to_string(), "[22 \"no\"]");
    let wrong = |from: &str, to: &str| error(file.replace(from, to).as_bytes());
    let cases = [
        ("read_ok", "cas_ok", "line 4, column 1: the answer to \"read\" must have the type"),
        ("\"to\"", "\"two\"", "line 2, column 1: request: the field \"to\" is missing"),
        ("\"cas\"", "\"cat\"", "line 2, column 1: cas-register has no request of type cat; it has"),
        ("\"order\":3", "\"order\":2", "line 4: the order 2 stands in line 2 too"),
        ("\"process\":1", "\"process\":-1", "line 4, column 1: the field \"process\" must be a"),
        ("cas-register", "case", "line 1: there is no workload case; there are echo"),
        (
            "version\":1",
            "version\":2",
            "line 1: this is not the first line of a splitbrain-history",
        ),
    ];
    for (from, to, why) in cases {
        let said = wrong(from, to);
        assert!(said.starts_with(why), "{said}");
    }
}

#[test]
fn says_where_and_what() {
    let cases: [(&[u8], &str); 23] = [
        (b"", "line 1, column 1: the file is empty"),
        (b" \n\n", "line 1, column 1: the file is empty"),
        (b"\x1f\x8b\x08", "line 1, column 1: the file is compressed: unpack it first, with gunzip"),
        (b"PK\x03\x04", "line 1, column 1: this is a zip file"),
        (b"\xff\xfe{\0", "line 1, column 1: the file is UTF-16: convert it"),
        (b"ELF\0", "line 1, column 1: the file is binary"),
        (b"hello", "line 1, column 1: this is no history: one is"),
        (b"{:type :ok\n", "line 1, column 1: the event that begins here is cut off"),
        (b"{:type :invoke :value [1\n[2", "line 2, column 1: what opens here is never closed"),
        (b"{:type :invoke :value \"abc", "line 1, column 23: the text that begins here never ends"),
        (b"{:type :invoke,\n :value ]}", "line 2, column 9: ']' closes nothing that is open"),
        (b"{:type :started}", "line 1, column 8: type is invoke, ok, fail or info, not :started"),
        (b"{:f :read}", "line 1, column 1: the event has no type"),
        (b"{:type :ok :process 1.5}", "line 1, column 21: process is a number, not 1.5"),
        (b"{:type :ok :process -1}", "line 1, column 21: process is a number below"),
        (b"{:type :ok :process 1}", "line 1: process 1 is answered, and had asked nothing"),
        (b"{:type :invoke :f \"\xff\"}", "line 1, column 21: the byte 0xff is not UTF-8"),
        (b"[{:type :invoke}", "line 1, column 17: the file ends before the list of its events"),
        (b"[] 1", "line 1, column 4: something stands after the list of events"),
        (b"[1 2]", "line 1, column 2: an event must stand here"),
        (b"[{\"type\":\"invoke\"} {}]", "line 1, column 20: ',' is missing between two events"),
        (b"{\"type\":\"invoke\",}", "line 1, column 18: the name of a field is missing"),
        (b"{\"type\":\"invoke\",\"value\":01}", "line 1, column 26: this is no value of JSON"),
    ];
    for (file, why) in cases {
        let said = error(file);
        assert!(said.starts_with(why), "{}: {said}", String::from_utf8_lossy(file));
    }
    let twice = "{:type :invoke :process 7}\n{:type :invoke :process 7}";
    assert_eq!(
        error(twice.as_bytes()),
        "line 2: process 7 begins an operation while that of line 1 is open"
    );
    let untold = "{:type :invoke :process 7}\n{:type :ok :proces 7}";
    assert_eq!(error(untold.as_bytes()), "line 2: some events name a process, and some do not");
    let other = "{:type :invoke :f :read :process 7}\n{:type :ok :f :write :process 7}";
    assert!(error(other.as_bytes()).starts_with("line 2: this ends \"write\", and process 7 had"));
}

#[test]
fn what_was_read_before_an_error_is_kept() {
    let file = "{:type :invoke :f :w :value 1 :process 0}\n{:type :ok :f :w :value 1 :process 0}
                {:type :invoke :f :w :value 2 :process 1}\n{:type ))";
    let (records, error) = read(file.as_bytes());
    assert_eq!(told(&records), ["0 w 1 ok 1", "1 w 2 unknown nil"]);
    assert_eq!(error.map(|error| (error.line, error.column)), Some((4, Some(8))));
}

#[test]
fn bounds_what_it_reads() {
    let limits = Limits { line_bytes: 1 << 20, file_bytes: 3 << 20 };
    let long = format!("{{:type :invoke :value \"{}\"}}", "x".repeat(2 << 20));
    let why = read_within(long.as_bytes(), limits).1.expect("an error");
    assert!(why.to_string().contains("the operation is longer than 1048576 bytes"), "{why}");
    let event = "{:type :info :process 1}\n";
    let many = event.repeat((4 << 20) / event.len());
    let why = read_within(many.as_bytes(), limits).1.expect("an error");
    assert!(why.to_string().contains("the file is longer than 3145728 bytes"), "{why}");
    for open in ["[", "{:type :invoke :value ", "(", "#{", "#a ", "[[#_ "] {
        let deep = format!("{{:type :invoke :value {}", open.repeat(100_000));
        assert!(error(deep.as_bytes()).contains("nested more than 100 deep"), "{open}");
    }
    let deep = format!("{{\"type\":\"invoke\",\"value\":{}", "[{\"a\":".repeat(100_000));
    assert!(error(deep.as_bytes()).contains("nested more than 100 deep"));
    let discarded = format!("{{:type :invoke :value {}", "#_ ".repeat(100_000));
    assert!(error(discarded.as_bytes()).contains("the file ends here"));
}

/// However the bytes come, in chunks of any size, the same is read.
#[test]
fn chunks_make_no_difference() {
    struct Slow<'a>(&'a [u8], usize);
    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let count = self.1.min(self.0.len()).min(into.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }
    let pad = format!("{}\n{EDN}", ";".repeat(65_500));
    for cut in 0..120 {
        let file = &pad.as_bytes()[cut..];
        let slow = Records::open(Slow(file, 7 + cut), Limits::default()).expect("a history");
        let records: Vec<_> = slow.map(|record| record.expect("no error")).collect();
        assert_eq!(records.len(), 4, "{cut}");
    }
}

fn samples() -> [String; 4] {
    let ours = r#"{"format":"splitbrain-history","version":1,"workload":"queue"}
{"process":3,"node":"n1","request":{"type":"enqueue","value":1},"invoked":{"order":0,"at_ns":5},"completed":{"order":2,"at_ns":8},"outcome":{"ok":{"type":"enqueue_ok"}},"last":false}
{"process":4,"node":"n1","request":{"type":"dequeue"},"invoked":{"order":3,"at_ns":5},"completed":null,"outcome":"unknown","last":true}
"#;
    let json = r#"[{"type":"invoke","f":"read","value":[1,{"a":"\u00e9"}],"process":0,"index":0},
{"type":"ok","f":"read","value":-1.5,"process":0,"index":1,"time":12}]"#;
    let log =
        "INFO  jepsen.util - 0\t:invoke\t:cas\t[1 2]\nINFO  jepsen.util - 0\t:ok\t:cas\t[1 2]\n";
    [EDN.into(), json.into(), log.into(), ours.into()]
}

#[test]
fn never_panics_on_any_prefix_or_damage() {
    let mut rng = Rng::new(11);
    for sample in samples() {
        let bytes = sample.as_bytes();
        for length in 0..bytes.len() {
            let _ = read(&bytes[..length]);
        }
        for _ in 0..8_000 {
            let mut damaged = bytes.to_vec();
            for _ in 0..rng.between(1, 6) {
                let at = usize::try_from(rng.below(damaged.len() as u64)).unwrap();
                let other = usize::try_from(rng.below(damaged.len() as u64)).unwrap();
                match rng.below(4) {
                    0 => damaged[at] = u8::try_from(rng.below(256)).unwrap(),
                    1 => damaged[at] = bytes[other % bytes.len()],
                    2 => {
                        let end = (at + 1 + other % 9).min(damaged.len() - 1).max(at);
                        damaged.drain(at..end);
                    }
                    _ => {
                        let copied = damaged[at.min(other)..at.max(other)].to_vec();
                        damaged.splice(at..at, copied);
                    }
                }
                damaged.truncate(4_000);
            }
            let (records, error) = read(&damaged);
            if let Some(error) = error {
                assert!(error.line >= 1 && !error.why.is_empty());
                assert!(!error.to_string().contains(['\n', '\x1b']), "{error}");
            }
            for record in records {
                assert!(record.completed.is_none_or(|end| end.order > record.invoked.order));
                let again = Value::parse(&record.asked.to_string());
                assert_eq!(again.as_ref(), Ok(&record.asked));
            }
        }
    }
}

#[test]
fn a_process_may_go_on_after_an_unknown_outcome() {
    let file = "{:type :invoke :f :w :value 1 :process 0}{:type :info :f :w :value 1 :process 0}\
                {:type :invoke :f :w :value 2 :process 0}{:type :ok :f :w :value 2 :process 0}";
    assert_eq!(all(file), ["0 w 1 unknown 1", "0 w 2 ok 2"]);
    assert_eq!(read(file.as_bytes()).0[1].process, ProcessId(0));
}
