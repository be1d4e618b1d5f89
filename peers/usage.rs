//! What a search costs: each setting in a process of its own, so that its memory can be told.

use std::process::Command;

/// The settings that are measured: clients, and the strategy.
const SETTINGS: [(u16, &str); 5] = [(2, "bfs"), (3, "bfs"), (3, "dfs"), (6, "bfs"), (6, "bfs-2")];
const QUICK: usize = 3;

/// Runs `search` for each setting, and prints what it cost. `search` returns the number of states
/// it looked at and the number of different ones; nothing if it has no such strategy.
pub(crate) fn each(bench: &str, search: impl Fn(u16, &str) -> Option<(u64, u64)>) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [clients, strategy] = arguments.as_slice() {
        let clients = clients.parse().expect("a number of clients");
        let begun = std::time::Instant::now();
        if let Some((states, unique)) = search(clients, strategy) {
            print(bench, clients, strategy, states, unique, begun.elapsed().as_millis());
        }
        return;
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let program = std::env::current_exe().expect("this program has a name");
    for (clients, strategy) in &SETTINGS[..if quick { QUICK } else { SETTINGS.len() }] {
        let status = Command::new(&program)
            .args([&clients.to_string(), *strategy])
            .status()
            .expect("this program can be started");
        assert!(status.success(), "{clients} clients, {strategy}");
    }
}

fn print(bench: &str, clients: u16, strategy: &str, states: u64, unique: u64, wall_ms: u128) {
    let (cpu_ms, peak_kb) = (cpu_ms(), peak_kb());
    let rate = states * 1_000 / cpu_ms.max(1);
    let bytes = peak_kb * 1_024 / unique.max(1);
    println!(
        "{{\"bench\":\"{bench}\",\"model\":\"paxos {clients}\",\"strategy\":\"{strategy}\",\
         \"states\":{states},\"unique\":{unique},\"cpu_ms\":{cpu_ms},\"wall_ms\":{wall_ms},\
         \"peak_kb\":{peak_kb},\"states_per_cpu_s\":{rate},\"bytes_per_unique\":{bytes}}}"
    );
}

/// The processor time of this process, in milliseconds: Linux counts it in hundredths of a second.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let field =
        |nth: usize| after_name.split_whitespace().nth(nth).and_then(|text| text.parse().ok());
    let (user, system): (Option<u64>, Option<u64>) = (field(11), field(12));
    (user.unwrap_or(0) + system.unwrap_or(0)) * 10
}

/// The most memory this process ever had, in KiB.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
