//! `cargo xtask bench`: every benchmark of the project, built and run in release, in one table.
//!
//! A benchmark prints a line of JSON per configuration: `{"bench": ..., ...}`. Figures are printed,
//! never asserted: another machine is another speed. With `--peers`, the harnesses in `peers/` run
//! in the same minutes on the same machine, and what is compared is a ratio. Porcupine is such a
//! peer where a checkout of it is named. `--awdit FILE` runs that judge of isolation, a program
//! that was built elsewhere, beside ours on one history.

mod awdit;
mod checkers;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

use checkers::Folders;

use crate::plan::seconds;
use crate::tree::Tree;

/// A benchmark of ours: what it measures, and how cargo builds and runs it.
struct Bench {
    title: &'static str,
    run: &'static [&'static str],
}

const OURS: [Bench; 8] = [
    Bench { title: "simulator", run: &["--package", "splitbrain-benches", "--bin", "sim"] },
    Bench { title: "explorer", run: &["--package", "splitbrain-benches", "--bin", "explore"] },
    Bench {
        title: "stdio host",
        run: &["--package", "splitbrain-maelstrom", "--example", "throughput"],
    },
    Bench { title: "judges", run: &["--package", "splitbrain-check", "--example", "speed"] },
    Bench {
        title: "linearizability",
        run: &["--package", "splitbrain-check", "--example", "linearizability"],
    },
    Bench {
        title: "transactions",
        run: &["--package", "splitbrain-check", "--example", "transactions"],
    },
    Bench { title: "weak models", run: &["--package", "splitbrain-check", "--example", "weak"] },
    Bench { title: "raft", run: &["--package", "splitbrain-benches", "--bin", "raft"] },
];

/// A peer: its folder in `peers/`, and the flags its compiler needs.
struct Peer {
    name: &'static str,
    rustflags: &'static str,
}

const PEERS: [Peer; 5] = [
    Peer { name: "turmoil", rustflags: "" },
    Peer { name: "madsim", rustflags: "--cfg madsim" },
    Peer { name: "raft-rs", rustflags: "" },
    Peer { name: "noraft", rustflags: "" },
    Peer { name: "stateright-explore", rustflags: "" },
];

/// One line of a benchmark's output.
type Line = Map<String, Value>;

/// Runs the benchmarks and prints their figures.
pub(crate) fn run(tree: &Tree, options: &[String]) -> Result<bool> {
    let has = |option: &str| options.iter().any(|given| given == option);
    let (peers, quick) = (has("--peers"), has("--quick"));
    let mut lines = Vec::new();
    for bench in OURS {
        let mut command = tree.cargo(&["run", "--quiet", "--release"]);
        command.args(bench.run).arg("--");
        lines.extend(measure(bench.title, command, quick)?);
    }
    if peers {
        for peer in &PEERS {
            lines.extend(measure(peer.name, build(tree, peer)?, quick)?);
        }
    }
    let folders = Folders::new(options);
    if let Some(ours) = folders.ours(tree) {
        lines.extend(measure("public histories", ours, quick)?);
    }
    if let Some(porcupine) = folders.porcupine(tree)?.filter(|_| peers) {
        lines.extend(measure("Porcupine", porcupine, quick)?);
    }
    if let Some(folder) = folders.stateright().filter(|_| peers) {
        let mut command = build(tree, &Peer { name: "stateright", rustflags: "" })?;
        command.arg(folder);
        lines.extend(measure("stateright", command, quick)?);
    }
    if let Some(at) = options.iter().position(|option| option == "--awdit") {
        let program = options.get(at + 1).context("--awdit takes the program's file")?;
        lines.extend(awdit::compare(tree, program, quick)?);
    }
    print!("\n{}", table(&lines));
    Ok(true)
}

/// Builds a peer's harness, and returns it as a command.
fn build(tree: &Tree, peer: &Peer) -> Result<Command> {
    let target = tree.root.join("target/peers").join(peer.name);
    let manifest = format!("peers/{}/Cargo.toml", peer.name);
    let mut cargo = tree.cargo(&["build", "--quiet", "--release", "--locked"]);
    cargo.args(["--manifest-path", &manifest]).arg("--target-dir").arg(&target);
    if !peer.rustflags.is_empty() {
        cargo.env("RUSTFLAGS", peer.rustflags);
    }
    println!("building peers/{}", peer.name);
    let status = cargo.status().context("start cargo")?;
    ensure!(status.success(), "peers/{} does not build", peer.name);
    Ok(Command::new(target.join("release").join(format!("peer-{}", peer.name))))
}

fn measure(title: &str, mut command: Command, quick: bool) -> Result<Vec<Line>> {
    println!("running {title}");
    if quick {
        command.arg("--quick");
    }
    let begun = Instant::now();
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("start the benchmark {title}"))?;
    ensure!(output.status.success(), "the benchmark {title} failed");
    let text = String::from_utf8(output.stdout).context("its output is not text")?;
    let lines: Vec<Line> = text
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("{title} printed {line}")))
        .collect::<Result<_>>()?;
    println!("  {} figures in {} s", lines.len(), seconds(begun.elapsed()));
    Ok(lines)
}

/// The columns of the simulator's table, and the benchmark that fills each.
const COLUMNS: [(&str, &str); 4] =
    [("trace off", "sim"), ("trace on", "sim_trace"), ("turmoil", "turmoil"), ("madsim", "madsim")];

/// The columns of the table of Rafts, and the benchmark that fills each.
const RAFTS: [(&str, &str); 3] = [("ours", "raft"), ("raft-rs", "raft_rs"), ("noraft", "noraft")];

/// The Rafts side by side: processor time for a committed command, at each size of batch.
fn rafts(times: &BTreeMap<u64, BTreeMap<&str, u64>>) -> String {
    let mut text = String::from("\nrafts, nanoseconds of one core for a committed command\n");
    text += &format!("{:>8}", "batch");
    for (title, _) in RAFTS {
        text += &format!("{title:>10}");
    }
    text += &format!("{:>20}\n", "best peer / ours");
    for (batch, row) in times {
        text += &format!("{batch:>8}");
        for (_, name) in RAFTS {
            text += &format!("{:>10}", row.get(name).map_or("-".into(), |time| grouped(*time)));
        }
        let best = RAFTS[1..].iter().filter_map(|(_, name)| row.get(name)).min();
        let ratio = row.get("raft").zip(best).map(|(ours, best)| best * 10 / ours.max(&1));
        let ratio = ratio.map_or("-".into(), |tenths| format!("{}.{}", tenths / 10, tenths % 10));
        text += &format!("{ratio:>20}\n");
    }
    text
}

/// All lines as text: the simulators side by side, the Rafts side by side, then a table for each
/// other benchmark.
fn table(lines: &[Line]) -> String {
    let mut settings: BTreeMap<(u64, u64), BTreeMap<&str, u64>> = BTreeMap::new();
    let mut times: BTreeMap<u64, BTreeMap<&str, u64>> = BTreeMap::new();
    let mut others: Vec<(&str, Vec<&Line>)> = Vec::new();
    for line in lines {
        let number = |key: &str| line.get(key).and_then(Value::as_u64);
        let bench = line.get("bench").and_then(Value::as_str).unwrap_or("?");
        let column = COLUMNS.iter().find(|(_, name)| *name == bench);
        if let Some((_, name)) = RAFTS.iter().find(|(_, name)| *name == bench)
            && let Some((batch, time)) = number("batch").zip(number("cpu_ns_per_command"))
        {
            times.entry(batch).or_default().insert(name, time);
            continue;
        }
        match (column, number("nodes"), number("latency_ms"), number("messages_per_s")) {
            (Some((_, name)), Some(nodes), Some(latency), Some(rate)) => {
                settings.entry((nodes, latency)).or_default().insert(name, rate);
            }
            _ => match others.last_mut().filter(|(name, _)| *name == bench) {
                Some((_, group)) => group.push(line),
                None => others.push((bench, vec![line])),
            },
        }
    }
    let mut text = simulators(&settings);
    if !times.is_empty() {
        text += &rafts(&times);
    }
    for (bench, group) in others {
        let table = match bench {
            "linearizability" => checkers::table(&group),
            _ => aligned(&group),
        };
        text += &format!("\n{bench}\n{table}");
    }
    text + &explorers(lines)
}

/// How much less than the peer the explorer takes on the same model, a line for each search of the
/// peer's. Where we have no such search it is compared with our search in breadth.
fn explorers(lines: &[Line]) -> String {
    let of = |bench: &str| -> Vec<&Line> {
        let is = |line: &&Line| line.get("bench").and_then(Value::as_str) == Some(bench);
        lines.iter().filter(is).collect()
    };
    let same = |one: &Line, other: &Line, key: &str| one.get(key) == other.get(key);
    let mut text = String::new();
    for peer in of("stateright-explore") {
        let mine: Vec<&Line> =
            of("explore").into_iter().filter(|mine| same(mine, peer, "model")).collect();
        let Some(mine) = mine.iter().find(|mine| same(mine, peer, "strategy")).or(mine.first())
        else {
            continue;
        };
        let times_less = |key: &str| {
            let number = |line: &Line| line.get(key).and_then(Value::as_u64);
            let (mine, theirs) = (number(mine)?.max(1), number(peer)?);
            Some(format!("{}.{}", theirs / mine, theirs * 10 / mine % 10))
        };
        let alike = same(mine, peer, "states") && same(mine, peer, "unique");
        text += &format!(
            "  {:<10} {:<6} processor time / {:>5}   memory / {:>5}   {}\n",
            cell(peer.get("model")),
            cell(peer.get("strategy")),
            times_less("cpu_ms").unwrap_or_else(|| "-".into()),
            times_less("peak_kb").unwrap_or_else(|| "-".into()),
            if alike { "same states" } else { "OTHER STATES" }
        );
    }
    if text.is_empty() { text } else { format!("\nexplorer, against stateright\n{text}") }
}

fn simulators(settings: &BTreeMap<(u64, u64), BTreeMap<&str, u64>>) -> String {
    let mut text = String::from("simulators, messages delivered per second on one core\n");
    text += &format!("{:>6}{:>10}", "nodes", "latency");
    for (title, _) in COLUMNS {
        text += &format!("{title:>13}");
    }
    text += &format!("{:>18}\n", "ours / best peer");
    for ((nodes, latency), rates) in settings {
        text += &format!("{nodes:>6}{:>10}", format!("{latency} ms"));
        for (_, name) in COLUMNS {
            text += &format!("{:>13}", rates.get(name).map_or("-".into(), |rate| grouped(*rate)));
        }
        text += &format!("{:>18}\n", ratio(rates).unwrap_or_else(|| "-".into()));
    }
    text
}

/// Lines of one benchmark as a table: a column for each key of the first.
fn aligned(lines: &[&Line]) -> String {
    let keys: Vec<&String> = lines[0].keys().filter(|key| *key != "bench").collect();
    let header = keys.iter().map(|key| (*key).clone()).collect();
    let cells = |line: &&Line| keys.iter().map(|key| cell(line.get(*key))).collect();
    let rows: Vec<Vec<String>> = [header].into_iter().chain(lines.iter().map(cells)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..keys.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            text += &format!("  {cell:>width$}");
        }
        text.push('\n');
    }
    text
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.as_u64().map_or_else(|| value.to_string(), grouped),
    }
}

/// How many times as fast as the better peer we are, with the trace off.
fn ratio(rates: &BTreeMap<&str, u64>) -> Option<String> {
    let ours = rates.get("sim")?;
    let best = rates.get("turmoil").max(rates.get("madsim"))?;
    let tenths = ours * 10 / best.max(&1);
    Some(format!("{}.{}", tenths / 10, tenths % 10))
}

/// A number with a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(json: &str) -> Line {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn groups_thousands() {
        let check = |number, expected: &str| assert_eq!(grouped(number), expected);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(12_345_678, "12,345,678");
    }

    #[test]
    fn puts_ours_beside_the_peers() {
        let of = |bench: &str, rate: u64| {
            line(&format!(
                r#"{{"bench":"{bench}","nodes":2,"latency_ms":10,"messages_per_s":{rate}}}"#
            ))
        };
        let stdio = line(r#"{"bench":"stdio","nodes":25,"messages_per_s":120000}"#);
        let lines = [of("sim", 9_000_000), of("turmoil", 1_000), of("madsim", 600_000), stdio];
        assert_eq!(
            table(&lines),
            "simulators, messages delivered per second on one core\n \
             nodes   latency    trace off     trace on      turmoil       madsim  ours / best peer\n     \
             2     10 ms    9,000,000            -        1,000      600,000              15.0\n\n\
             stdio\n  messages_per_s  nodes\n         120,000     25\n"
        );
    }

    #[test]
    fn puts_rafts_side_by_side() {
        let of = |bench: &str, time: u64| {
            line(&format!(r#"{{"bench":"{bench}","batch":16,"cpu_ns_per_command":{time}}}"#))
        };
        let text = table(&[of("raft", 100), of("raft_rs", 1_500), of("noraft", 130)]);
        assert!(text.ends_with(
            "   batch      ours   raft-rs    noraft    best peer / ours\n      \
             16       100     1,500       130                 1.3\n"
        ));
    }

    #[test]
    fn puts_the_explorer_against_its_peer() {
        let of = |bench: &str, strategy: &str, cpu: u64, kb: u64| {
            line(&format!(
                r#"{{"bench":"{bench}","model":"m","strategy":"{strategy}","states":9,"unique":5,"cpu_ms":{cpu},"peak_kb":{kb}}}"#
            ))
        };
        let lines = [
            of("explore", "bfs", 10, 100),
            of("stateright-explore", "bfs", 155, 850),
            of("stateright-explore", "dfs", 80, 20),
        ];
        assert_eq!(
            explorers(&lines),
            "\nexplorer, against stateright\n  \
             m          bfs    processor time /  15.5   memory /   8.5   same states\n  \
             m          dfs    processor time /   8.0   memory /   0.2   same states\n"
        );
        assert_eq!(explorers(&lines[..1]), "");
    }

    #[test]
    fn without_peers_there_is_no_ratio() {
        assert_eq!(ratio(&BTreeMap::from([("sim", 5)])), None);
        assert_eq!(ratio(&BTreeMap::from([("sim", 5), ("madsim", 2)])).as_deref(), Some("2.5"));
    }
}
