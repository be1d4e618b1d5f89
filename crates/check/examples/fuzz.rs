//! Compares every judge with its definition on random histories, for as long as you like.
//!
//! ```text
//! cargo run --release -p splitbrain-check --example fuzz -- --histories 1000000 --only lin
//! ```
//!
//! `--histories` is shared out among the models; `--only` names those that begin so; `--seed` draws
//! others. The status is 1 if any two algorithms disagree.
#![expect(clippy::disallowed_methods, reason = "it tells how long it took; nothing depends on it")]
#![expect(clippy::print_stdout, reason = "it is a program")]

use std::process::ExitCode;
use std::time::Instant;

use splitbrain_check::fuzz::{Model, models};
use splitbrain_core::Rng;

fn main() -> Result<ExitCode, String> {
    let (mut histories, mut seed, mut only) = (100_000_u64, 1_u64, String::new());
    let mut options = std::env::args().skip(1);
    while let Some(option) = options.next() {
        let value = options.next().ok_or_else(|| format!("{option} needs a value"))?;
        let number = || value.parse().map_err(|_| format!("{option} needs a number, not {value}"));
        match &*option {
            "--histories" => histories = number()?,
            "--seed" => seed = number()?,
            "--only" => only = value,
            _ => return Err(format!("there is no option {option}")),
        }
    }
    let chosen: Vec<&Model> = models(&only).collect();
    if chosen.is_empty() {
        return Err(format!("no model begins with {only}"));
    }
    let share = histories.div_ceil(chosen.len() as u64);
    let mut agreed = true;
    for model in chosen {
        let begun = Instant::now();
        match (model.run)(&mut Rng::new(seed), share) {
            Ok(tally) => println!(
                "{:24} {:>10} histories agree, {:>9} invalid, {:>9} also without a search, {} s",
                model.name,
                tally.histories,
                tally.invalid,
                tally.fast,
                begun.elapsed().as_secs()
            ),
            Err(wrong) => {
                agreed = false;
                println!("{:24} DISAGREES, seed {seed}: {wrong}", model.name);
            }
        }
    }
    Ok(if agreed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
