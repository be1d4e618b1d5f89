//! Our judge of isolation beside AWDIT, on one history: a million reads and writes of 250,000
//! transactions in 50 sessions.
//!
//! AWDIT (PLDI 2025, MIT licence) is in no registry, and we copy nobody's code: whoever wants the
//! comparison builds it and names its program. Both judges read the same file and are measured in
//! the same way: the time that each says it took to judge, without reading, and the most memory
//! that its process had, which is Linux's to tell.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Line;
use crate::tree::Tree;

const LEVELS: [&str; 3] = ["read-committed", "read-atomic", "causal"];

/// Runs both judges on each level, one after the other.
pub(super) fn compare(tree: &Tree, program: &str, quick: bool) -> Result<Vec<Line>> {
    let folder = tree.root.join("target/peers");
    fs::create_dir_all(&folder).context("make target/peers")?;
    let history = folder.join("awdit-history.txt");
    let history = history.to_str().context("the path of target is not text")?;
    let mut build = tree.cargo(&["build", "--quiet", "--release"]);
    build.args(["--package", "splitbrain-check", "--example", "weak"]);
    ensure!(build.status().context("start cargo")?.success(), "the example weak does not build");
    let ours = tree.root.join("target/release/examples/weak");
    let mut write = Command::new(&ours);
    write.args(["--write", history]).args(quick.then_some("--quick"));
    ensure!(write.status().context("start the example weak")?.success(), "no history was written");
    let mut lines = Vec::new();
    for level in LEVELS {
        println!("running awdit and ours: {level}");
        let mut command = Command::new(&ours);
        let said = folder.join("awdit-said.txt");
        let (output, mebibytes) = run(command.args(["--read", history, level]), &said)?;
        let line: Line = serde_json::from_str(&output).context("ours printed no JSON")?;
        let field = |name: &str| line.get(name).cloned().unwrap_or(Value::Null);
        lines.push(figures("splitbrain", level, &field("verdict"), &field("check_ms"), mebibytes));
        let mut command = Command::new(program);
        let (output, mebibytes) = run(command.args(["check", "-i", level, history]), &said)?;
        let verdict = output.lines().find(|line| line.ends_with("onsistent.")).unwrap_or("?");
        let check_ms = output
            .lines()
            .find_map(|line| line.strip_prefix("Done checking: ")?.strip_suffix("ms"))
            .and_then(|number| number.parse::<u64>().ok())
            .context("awdit does not say how long it took")?;
        lines.push(figures("awdit", level, &verdict.into(), &check_ms.into(), mebibytes));
    }
    Ok(lines)
}

fn figures(judge: &str, level: &str, verdict: &Value, check_ms: &Value, mebibytes: u64) -> Line {
    let line = json!({
        "bench": "isolation beside awdit",
        "judge": judge,
        "level": level,
        "verdict": verdict,
        "check_ms": check_ms,
        "peak_mib": mebibytes,
    });
    line.as_object().cloned().unwrap_or_default()
}

/// What the command printed, which it leaves in a file, and the most memory that it had.
fn run(command: &mut Command, said: &Path) -> Result<(String, u64)> {
    const PAUSE: Duration = Duration::from_millis(5);
    let name = format!("{command:?}");
    let output = fs::File::create(said).context("make a file in target/peers")?;
    command.stdout(output).stderr(Stdio::null());
    let mut child = command.spawn().with_context(|| format!("start {name}"))?;
    let status = format!("/proc/{}/status", child.id());
    let mut kibibytes = 0;
    while child.try_wait()?.is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok());
        kibibytes = peak.unwrap_or(0).max(kibibytes);
        std::thread::sleep(PAUSE);
    }
    let text = fs::read_to_string(said).with_context(|| format!("read what {name} printed"))?;
    Ok((text, kibibytes / 1024))
}
