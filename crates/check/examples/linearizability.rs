//! Judges folders of public histories, and says how long that takes: a line of JSON for each file,
//! as `cargo xtask bench --peers` wants it.
//!
//! `--porcupine FOLDER` names a checkout of Porcupine, `--knossos FOLDER` one of Knossos. Without
//! either, large histories are made and judged. What is judged is read or made first; only the
//! judging is timed.
#![expect(clippy::disallowed_methods, reason = "it measures; no verdict depends on it")]
#![expect(clippy::print_stdout, reason = "it is a program")]
#![expect(clippy::unnecessary_wraps, reason = "one of the readers may fail: all have its type")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use splitbrain_check::linearizability::{Answer, Entry, search};
use splitbrain_check::spec::{
    Access, KeyValue, KeyValueCall, Keyed, KeyedCall, MultiRegister, Mutex, MutexCall, Register,
    RegisterCall, Spec,
};
use splitbrain_check::{Budget, Limits, Record, Records, Value};
use splitbrain_core::{End, Rng};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut options = std::env::args().skip(1).filter(|option| option != "--quick").peekable();
    if options.peek().is_none() {
        large();
    }
    while let Some(option) = options.next() {
        match &*option {
            "--porcupine" => {
                let folder = PathBuf::from(options.next().ok_or("--porcupine needs a folder")?);
                folder_of(&folder.join("test_data/jepsen"), "log", etcd)?;
                folder_of(&folder.join("test_data/kv"), "txt", key_value)?;
            }
            "--knossos" => {
                let folder = PathBuf::from(options.next().ok_or("--knossos needs a folder")?);
                for kind in ["good", "bad"] {
                    folder_of(&folder.join("data/cas-register").join(kind), "edn", cas_register)?;
                }
                folder_of(&folder.join("data/multi-register/good"), "edn", multi_register)?;
                folder_of(&folder.join("data/mutex/bad"), "edn", mutex)?;
            }
            other => return Err(format!("there is no option {other}").into()),
        }
    }
    Ok(())
}

/// Judges every file of a folder that ends so, in the order of their names.
fn folder_of(folder: &Path, ends: &str, judge: fn(&str, &[Record]) -> Outcome<()>) -> Outcome<()> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|file| Ok(file?.path())).collect::<Outcome<_>>()?;
    files.retain(|file| file.extension().is_some_and(|end| end == ends));
    files.sort();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let records = if std::fs::metadata(&file)?.len() == 0 {
            Vec::new()
        } else {
            Records::open(File::open(&file)?, Limits::default())?.collect::<Result<_, _>>()?
        };
        judge(&name, &records)?;
    }
    Ok(())
}

/// Judges a history several times, and prints the least time.
fn measure<S: Spec>(set: &str, name: &str, spec: &S, entries: &[Entry<S::Call>]) {
    const TIMES: u32 = 5;
    let once = || {
        let begun = Instant::now();
        let judged = search(spec, entries, Budget::default());
        (begun.elapsed(), judged)
    };
    let (mut least, judged) = once();
    for _ in 1..TIMES {
        if least < Duration::from_secs(1) {
            least = least.min(once().0);
        }
    }
    let verdict = match judged.answer {
        Answer::Linearizable => "valid",
        Answer::NotLinearizable { .. } => "invalid",
        Answer::Unknown(_) => "unknown",
    };
    println!(
        "{{\"bench\":\"linearizability\",\"set\":\"{set}\",\"history\":\"{name}\",\
         \"checker\":\"splitbrain\",\"operations\":{},\"verdict\":\"{verdict}\",\
         \"configurations\":{},\"ns\":{}}}",
        entries.len(),
        judged.configurations,
        least.as_nanos()
    );
}

/// When an operation was asked and answered; nothing if it failed.
fn entry<Call>(record: &Record, call: Call) -> Entry<Call> {
    let returned = record.completed.filter(|_| record.end != End::Unknown);
    Entry { call, invoked: record.invoked.order, returned: returned.map(|moment| moment.order) }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(value) => u64::try_from(*value).ok(),
        _ => None,
    }
}

fn pair(value: &Value) -> Option<(u64, u64)> {
    match value {
        Value::List(values) => Some((number(values.first()?)?, number(values.get(1)?)?)),
        _ => None,
    }
}

/// A million operations by fifty clients on a thousand keys, each value written once.
fn large() {
    let mut held = vec![None; KEYS];
    let registers = made(|key, value, writes| {
        if writes {
            held[key] = Some(value);
            return RegisterCall::Write(value);
        }
        RegisterCall::Read(held[key])
    });
    measure("made", "registers", &Keyed(Register::default()), &registers);
    let mut held: Vec<String> = vec![String::new(); KEYS];
    let texts = made(|key, value, writes| {
        if !writes {
            return KeyValueCall::Get(Some((*held[key]).into()));
        }
        let piece = format!("{value};");
        if value.is_multiple_of(64) {
            held[key].clone_from(&piece);
            return KeyValueCall::Put(piece.into());
        }
        held[key] += &piece;
        KeyValueCall::Append(piece.into())
    });
    measure("made", "texts", &Keyed(KeyValue { initial: Some("".into()) }), &texts);
}

const KEYS: usize = 1_000;

/// What the clients of a single copy see: `act` is what happens on a key, with a new value, and
/// whether it is a write. One operation in a hundred is never answered.
fn made<Call>(mut act: impl FnMut(usize, u64, bool) -> Call) -> Vec<Entry<KeyedCall<Call>>> {
    const OPERATIONS: usize = 1_000_000;
    const CLIENTS: usize = 50;
    let mut rng = Rng::new(1);
    let mut below = |bound: usize| usize::try_from(rng.below(bound as u64)).unwrap_or(0);
    let mut entries: Vec<Entry<KeyedCall<Call>>> = Vec::with_capacity(OPERATIONS);
    // When each client asked, and then also what took effect.
    let mut open: Vec<Option<(u32, Option<KeyedCall<Call>>)>> =
        (0..CLIENTS).map(|_| None).collect();
    for place in 0.. {
        if entries.len() == OPERATIONS {
            break;
        }
        let client = below(CLIENTS);
        open[client] = match open[client].take() {
            None => Some((place, None)),
            Some((invoked, None)) => {
                let key = below(KEYS);
                let call = act(key, u64::from(place), below(2) == 0);
                Some((invoked, Some(KeyedCall { key: key as u64, call })))
            }
            Some((invoked, Some(call))) => {
                let returned = (below(100) > 0).then_some(place);
                entries.push(Entry { call, invoked, returned });
                None
            }
        };
    }
    entries
}

/// Porcupine's reading: a compare-and-set that failed found another value, or none.
fn etcd(name: &str, records: &[Record]) -> Outcome<()> {
    let call = |record: &Record| match (&*record.function, record.end) {
        ("read", End::Ok) => Some(RegisterCall::Read(number(&record.answered))),
        ("write", _) => Some(RegisterCall::Write(number(&record.asked)?)),
        ("cas", End::Failed) => Some(RegisterCall::Refused(pair(&record.asked)?.0)),
        ("cas", _) => pair(&record.asked).map(|(from, to)| RegisterCall::Cas { from, to }),
        _ => None,
    };
    let entries: Vec<_> =
        records.iter().filter_map(|record| Some(entry(record, call(record)?))).collect();
    if entries.is_empty() {
        return Ok(()); // A file without operations: Porcupine leaves it out too.
    }
    measure("etcd", name, &Register::default(), &entries);
    Ok(())
}

/// Knossos's reading: what failed did not happen, and a read of nil tells nothing.
fn cas_register(name: &str, records: &[Record]) -> Outcome<()> {
    let call = |record: &Record| match (&*record.function, record.end) {
        (_, End::Failed) => None,
        ("read", End::Ok) => Some(RegisterCall::Read(Some(number(&record.answered)?))),
        ("write", _) => Some(RegisterCall::Write(number(&record.asked)?)),
        ("cas", _) => pair(&record.asked).map(|(from, to)| RegisterCall::Cas { from, to }),
        _ => None,
    };
    let entries: Vec<_> =
        records.iter().filter_map(|record| Some(entry(record, call(record)?))).collect();
    measure("knossos", name, &Register { initial: Some(0) }, &entries);
    Ok(())
}

fn mutex(name: &str, records: &[Record]) -> Outcome<()> {
    let call = |record: &Record| match (&*record.function, record.end) {
        (_, End::Failed) => None,
        ("acquire", _) => Some(MutexCall::Acquire),
        ("release", _) => Some(MutexCall::Release),
        _ => None,
    };
    let entries: Vec<_> =
        records.iter().filter_map(|record| Some(entry(record, call(record)?))).collect();
    measure("knossos", name, &Mutex, &entries);
    Ok(())
}

fn multi_register(name: &str, records: &[Record]) -> Outcome<()> {
    let mut keys: Vec<Value> = Vec::new();
    let mut entries = Vec::new();
    for record in records {
        let told = if record.end == End::Ok { &record.answered } else { &record.asked };
        let Value::List(told) = told else { continue };
        let mut call = Vec::new();
        for access in told {
            let Value::List(access) = access else { return Err("an access is no list".into()) };
            let [function, key, value] = &access[..] else { return Err("not three".into()) };
            let key = match keys.iter().position(|known| known == key) {
                Some(at) => at as u64,
                None => {
                    keys.push(key.clone());
                    keys.len() as u64 - 1
                }
            };
            match (&*function.to_string(), number(value)) {
                (":read", Some(value)) => call.push(Access::Read { key, value: Some(value) }),
                (":write", Some(value)) => call.push(Access::Write { key, value }),
                _ => (),
            }
        }
        if record.end != End::Failed {
            entries.push(entry(record, call));
        }
    }
    let initial: BTreeMap<u64, u64> = (0..keys.len() as u64).map(|key| (key, 0)).collect();
    measure("knossos", name, &MultiRegister { initial }, &entries);
    Ok(())
}

/// Porcupine's reading: a missing key holds the empty text.
fn key_value(name: &str, records: &[Record]) -> Outcome<()> {
    let mut keys: Vec<&Value> = Vec::new();
    let mut entries = Vec::new();
    for record in records {
        let key = record.key.as_ref().ok_or("an operation without a key")?;
        let key = match keys.iter().position(|known| *known == key) {
            Some(at) => at as u64,
            None => {
                keys.push(key);
                keys.len() as u64 - 1
            }
        };
        let text = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            _ => "".into(),
        };
        let call = match (&*record.function, record.end) {
            ("get", End::Ok) => KeyValueCall::Get(Some(text(&record.answered))),
            ("put", _) => KeyValueCall::Put(text(&record.asked)),
            ("append", _) => KeyValueCall::Append(text(&record.asked)),
            _ => continue,
        };
        entries.push(entry(record, KeyedCall { key, call }));
    }
    measure("kv", name, &Keyed(KeyValue { initial: Some("".into()) }), &entries);
    Ok(())
}
