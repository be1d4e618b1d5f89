//! Whatever the bytes are, reading them as a history in any format ends without a panic; so does
//! judging what was read as any object. What was read is written, and read back the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use splitbrain_check::format::write;
use splitbrain_check::object::{OBJECTS, Question};
use splitbrain_check::{Budget, Format, Limits, Record, Records, Value};

fn read(bytes: &[u8]) -> Vec<Record> {
    let limits = Limits { line_bytes: 1 << 16, file_bytes: 1 << 20 };
    let Ok(records) = Records::open(bytes, limits) else { return Vec::new() };
    let mut records: Vec<Record> = records.filter_map(Result::ok).collect();
    records.sort_by_key(|record| record.invoked.order);
    records
}

/// What an event of EDN tells of each operation.
fn told(records: &[Record]) -> Vec<impl PartialEq + std::fmt::Debug> {
    let told = |record: &Record| (record.process, record.function.clone(), record.end);
    records.iter().map(told).collect()
}

fuzz_target!(|bytes: &[u8]| {
    let records = read(bytes);
    let budget = Budget { states: 1_000, memory_bytes: 16 << 20 };
    let (records_of_question, initial) = (&records[..], &Value::Nil);
    let question =
        Question { records: records_of_question, initial, models: &[], assumptions: &[], budget };
    for object in OBJECTS {
        let _ = object.judge(&question);
    }
    let mut edn = Vec::new();
    write(&records, Format::Edn, "", &mut edn).expect("a vector can be written");
    if records.iter().all(|record| record.function.chars().all(char::is_alphanumeric)) {
        assert_eq!(told(&read(&edn)), told(&records));
    }
});
