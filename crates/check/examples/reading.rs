//! How fast histories are read, in megabytes a second: of a file, or of one that is made here.
//!
//! `cargo run --release -p splitbrain-check --example reading [FILE]`
#![expect(clippy::disallowed_methods, reason = "it measures; no verdict depends on it")]
#![expect(clippy::print_stdout, reason = "it is a program")]

use std::time::Instant;

use splitbrain_check::format::Step;
use splitbrain_check::{Limits, Records};
use splitbrain_core::Rng;

/// A history of list-append transactions as Jepsen would write it, in EDN or in JSON.
fn transactions(count: u32, json: bool) -> Vec<u8> {
    let mut rng = Rng::new(1);
    let mut file = Vec::new();
    for index in 0..count {
        let (process, time) = (index % 20, u64::from(index) * 1_234_567);
        let (key, other) = (rng.below(100), rng.below(100));
        for answered in [false, true] {
            let line = if json {
                let (kind, read) =
                    if answered { ("ok", "[1,2,3,14,15,926,53]") } else { ("invoke", "null") };
                format!(
                    "{{\"type\":\"{kind}\",\"f\":\"txn\",\"value\":[[\"append\",{key},{index}],\
                     [\"r\",{other},{read}]],\"process\":{process},\"time\":{time},\
                     \"index\":{index}}}\n"
                )
            } else {
                let (kind, read) =
                    if answered { ("ok", "[1 2 3 14 15 926 53]") } else { ("invoke", "nil") };
                format!(
                    "{{:type :{kind}, :f :txn, :value [[:append {key} {index}] \
                     [:r {other} {read}]], :process {process}, :time {time}, :index {index}}}\n"
                )
            };
            file.extend_from_slice(line.as_bytes());
        }
    }
    file
}

fn measure(name: &str, file: &[u8]) {
    let mut best = u128::MAX;
    let mut operations = 0_u64;
    for _ in 0..5 {
        let start = Instant::now();
        let mut records = Records::open(file, Limits::default()).expect("a history");
        operations = 0;
        while let Some(step) = records.step().expect("without an error") {
            operations += u64::from(matches!(step, Step::End(_)));
        }
        best = best.min(start.elapsed().as_micros());
    }
    let rate = file.len() as u128 / best.max(1);
    println!(
        "{{\"bench\":\"read\",\"file\":\"{name}\",\"bytes\":{},\"operations\":{operations},\
         \"best_us\":{best},\"mb_per_s\":{rate}}}",
        file.len()
    );
}

fn main() {
    if let Some(path) = std::env::args().nth(1) {
        let file = std::fs::read(&path).expect("the file can be read");
        measure(&path, &file);
        return;
    }
    measure("list-append, EDN", &transactions(200_000, false));
    measure("list-append, JSON", &transactions(200_000, true));
}
