//! `cargo xtask bench`: every benchmark of the project, built and run in release, in one table.
//!
//! A benchmark prints a line of JSON per configuration: `{"bench": ..., ...}`. Figures are printed,
//! never asserted: another machine is another speed. With `--peers`, the harnesses in `peers/` run
//! in the same minutes on the same machine, and what is compared is a ratio.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

use crate::plan::seconds;
use crate::tree::Tree;

/// A benchmark of ours: what it measures, and how cargo builds and runs it.
struct Bench {
    title: &'static str,
    run: &'static [&'static str],
}

const OURS: [Bench; 2] = [
    Bench { title: "simulator", run: &["--package", "splitbrain-benches", "--bin", "sim"] },
    Bench {
        title: "stdio host",
        run: &["--package", "splitbrain-maelstrom", "--example", "throughput"],
    },
];

/// A peer: its folder in `peers/`, and the flags its compiler needs.
struct Peer {
    name: &'static str,
    rustflags: &'static str,
}

const PEERS: [Peer; 2] =
    [Peer { name: "turmoil", rustflags: "" }, Peer { name: "madsim", rustflags: "--cfg madsim" }];

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

/// All lines as text: the simulators side by side, then everything else line by line.
fn table(lines: &[Line]) -> String {
    let mut settings: BTreeMap<(u64, u64), BTreeMap<&str, u64>> = BTreeMap::new();
    let mut others = String::new();
    for line in lines {
        let number = |key: &str| line.get(key).and_then(Value::as_u64);
        let bench = line.get("bench").and_then(Value::as_str).unwrap_or("?");
        let column = COLUMNS.iter().find(|(_, name)| *name == bench);
        match (column, number("nodes"), number("latency_ms"), number("messages_per_s")) {
            (Some((_, name)), Some(nodes), Some(latency), Some(rate)) => {
                settings.entry((nodes, latency)).or_default().insert(name, rate);
            }
            _ => others += &describe(bench, line),
        }
    }
    let mut text = String::from("simulators, messages delivered per second on one core\n");
    text += &format!("{:>6}{:>10}", "nodes", "latency");
    for (title, _) in COLUMNS {
        text += &format!("{title:>13}");
    }
    text += &format!("{:>18}\n", "ours / best peer");
    for ((nodes, latency), rates) in &settings {
        text += &format!("{nodes:>6}{:>10}", format!("{latency} ms"));
        for (_, name) in COLUMNS {
            text += &format!("{:>13}", rates.get(name).map_or("-".into(), |rate| grouped(*rate)));
        }
        text += &format!("{:>18}\n", ratio(rates).unwrap_or_else(|| "-".into()));
    }
    if !others.is_empty() {
        text += &format!("\n{others}");
    }
    text
}

/// How many times as fast as the better peer we are, with the trace off.
fn ratio(rates: &BTreeMap<&str, u64>) -> Option<String> {
    let ours = rates.get("sim")?;
    let best = rates.get("turmoil").max(rates.get("madsim"))?;
    let tenths = ours * 10 / best.max(&1);
    Some(format!("{}.{}", tenths / 10, tenths % 10))
}

fn describe(bench: &str, line: &Line) -> String {
    let mut text = bench.to_owned();
    for (key, value) in line.iter().filter(|(key, _)| *key != "bench") {
        let value = value.as_u64().map_or_else(|| value.to_string(), grouped);
        text += &format!("  {key} {value}");
    }
    text + "\n"
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
             stdio  messages_per_s 120,000  nodes 25\n"
        );
    }

    #[test]
    fn without_peers_there_is_no_ratio() {
        assert_eq!(ratio(&BTreeMap::from([("sim", 5)])), None);
        assert_eq!(ratio(&BTreeMap::from([("sim", 5), ("madsim", 2)])).as_deref(), Some("2.5"));
    }
}
