//! stateright: its tester tries every order and remembers none, so that many histories take it for
//! ever. Each is judged in a process of its own, which is ended after two seconds.
//!
//! Usage: `peer-stateright FOLDER`, where FOLDER is a checkout of Porcupine. A line of JSON for
//! each log of etcd, as `cargo xtask bench --peers` wants it; none for those that took too long.

use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use splitbrain_check::{Limits, Record, Records, Value};
use splitbrain_core::End;
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

type Outcome<T> = Result<T, Box<dyn Error>>;

const PATIENCE: Duration = Duration::from_secs(2);

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| it != "--quick").collect();
    match &arguments[..] {
        [folder] => all(Path::new(folder)),
        [one, file] if one == "--one" => judge(Path::new(file)),
        _ => Err("usage: peer-stateright FOLDER".into()),
    }
}

fn all(folder: &Path) -> Outcome<()> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join("test_data/jepsen"))?
        .map(|file| Ok(file?.path()))
        .collect::<Outcome<_>>()?;
    files.retain(|file| file.metadata().is_ok_and(|it| it.len() > 0));
    files.sort();
    for file in files {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg("--one").arg(&file).stdout(Stdio::piped()).spawn()?;
        let begun = Instant::now();
        while child.try_wait()?.is_none() && begun.elapsed() < PATIENCE {
            sleep(Duration::from_millis(1));
        }
        if child.try_wait()?.is_none() {
            child.kill()?;
        }
        print!("{}", String::from_utf8(child.wait_with_output()?.stdout)?);
    }
    Ok(())
}

#[derive(Clone, Debug)]
enum Op {
    Read,
    Write(i64),
    Cas(i64, i64),
}

#[derive(Clone, PartialEq, Debug)]
enum Ret {
    Value(Option<i64>),
    Written,
    Swapped(bool),
}

#[derive(Clone, Debug)]
struct Register(Option<i64>);

impl SequentialSpec for Register {
    type Op = Op;
    type Ret = Ret;

    fn invoke(&mut self, op: &Op) -> Ret {
        match *op {
            Op::Read => Ret::Value(self.0),
            Op::Write(value) => {
                self.0 = Some(value);
                Ret::Written
            }
            Op::Cas(from, to) if self.0 == Some(from) => {
                self.0 = Some(to);
                Ret::Swapped(true)
            }
            Op::Cas(..) => Ret::Swapped(false),
        }
    }
}

/// An operation, and its answer if it had one.
fn call(record: &Record) -> Option<(Op, Option<Ret>)> {
    let number = |value: &Value| if let Value::Int(it) = value { Some(*it) } else { None };
    Some(match (&*record.function, &record.asked, record.end) {
        ("read", _, End::Ok) => (Op::Read, Some(Ret::Value(number(&record.answered)))),
        ("write", value, end) => {
            (Op::Write(number(value)?), (end == End::Ok).then_some(Ret::Written))
        }
        ("cas", Value::List(pair), end) => {
            let op = Op::Cas(number(pair.first()?)?, number(pair.get(1)?)?);
            (op, (end != End::Unknown).then_some(Ret::Swapped(end == End::Ok)))
        }
        _ => return None,
    })
}

fn judge(file: &Path) -> Outcome<()> {
    let records: Vec<Record> =
        Records::open(File::open(file)?, Limits::default())?.collect::<Result<_, _>>()?;
    let mut events = Vec::new();
    for (thread, record) in records.iter().enumerate() {
        let Some((op, ret)) = call(record) else { continue };
        events.push((record.invoked.order, thread, Some(op), None));
        if let (Some(ret), Some(end)) = (ret, record.completed) {
            events.push((end.order, thread, None, Some(ret)));
        }
    }
    events.sort_by_key(|(order, ..)| *order);
    let begun = Instant::now();
    let mut tester = LinearizabilityTester::new(Register(None));
    for (_, thread, op, ret) in events {
        if let Some(op) = op {
            tester.on_invoke(thread, op)?;
        }
        if let Some(ret) = ret {
            tester.on_return(thread, ret)?;
        }
    }
    let verdict = if tester.is_consistent() { "valid" } else { "invalid" };
    println!(
        "{{\"bench\":\"linearizability\",\"set\":\"etcd\",\"history\":\"{}\",\
         \"checker\":\"stateright\",\"verdict\":\"{verdict}\",\"ns\":{}}}",
        file.file_stem().unwrap_or_default().to_string_lossy(),
        begun.elapsed().as_nanos()
    );
    Ok(())
}
