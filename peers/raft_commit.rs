//! What each Raft is timed on, so that all of them do the same work.
//!
//! Three servers in one process and one thread; messages are moved by hand, nothing is lost, no
//! disk and no clock is touched. A batch of commands of 16 bytes is proposed to the leader, and
//! messages are moved until nobody has anything to say: then the leader must have applied the
//! batch. What is told is the processor time of all three together for one command. It is the
//! thread's own time, so that other programs on the machine disturb it little; the best of a few
//! runs is kept.

use std::time::Instant;

/// How many servers.
pub(crate) const SERVERS: u16 = 3;
/// The bytes of a command.
pub(crate) const PAYLOAD: usize = 16;

/// How many commands are proposed at once.
const BATCHES: [u64; 4] = [1, 16, 256, 1024];

/// A cluster that is timed.
pub(crate) trait Cluster {
    /// A new one, its leader elected.
    fn elected() -> Self;
    /// Commits so many commands, and returns how many messages that took.
    fn commit(&mut self, batch: u64) -> u64;
}

/// Times the cluster at every size of batch and prints a line of JSON for each.
pub(crate) fn measure<C: Cluster>(bench: &str) {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (operations, repetitions) = if quick { (100_000, 1) } else { (1_000_000, 5) };
    for batch in BATCHES {
        let rounds = (operations / batch).max(10);
        let mut best = u64::MAX;
        let mut messages = 0;
        for _ in 0..repetitions {
            let mut cluster = C::elected();
            (0..rounds / 10).for_each(|_| _ = cluster.commit(batch));
            let begun = Clock::read();
            messages = (0..rounds).map(|_| cluster.commit(batch)).sum();
            best = best.min(begun.nanos());
        }
        let commands = rounds * batch;
        println!(
            "{{\"bench\":\"{bench}\",\"batch\":{batch},\"cpu_ns_per_command\":{},\
             \"messages_per_1000\":{}}}",
            best / commands,
            messages * 1_000 / commands,
        );
    }
}

/// The processor time of this thread, where the system tells it; else the time.
enum Clock {
    Cpu(u64),
    Wall(Instant),
}

impl Clock {
    fn read() -> Self {
        cpu().map_or_else(|| Self::Wall(Instant::now()), Self::Cpu)
    }

    fn nanos(&self) -> u64 {
        match self {
            Self::Cpu(begun) => cpu().unwrap_or(*begun) - begun,
            Self::Wall(begun) => u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX),
        }
    }
}

/// Linux counts it in nanoseconds.
fn cpu() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}
