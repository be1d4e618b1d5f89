//! A plan: steps in order, each timed, stopping at the first that fails.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// One thing to do, and what to do about it when it fails.
pub(crate) struct Step<'a> {
    pub(crate) name: &'static str,
    pub(crate) action: Action<'a>,
    /// Advice for whoever sees this step fail.
    pub(crate) remedy: &'static str,
}

/// How a step is done.
pub(crate) enum Action<'a> {
    /// A program, whose exit status is the outcome.
    Run(Command),
    /// A function; true is success.
    Call(Box<dyn FnOnce() -> Result<bool> + 'a>),
}

/// Does the steps in order and prints a table of their times; true if all of them passed.
pub(crate) fn follow(title: &str, steps: Vec<Step<'_>>) -> Result<bool> {
    let count = steps.len();
    println!("{title}: {count} steps");
    for (i, step) in steps.iter().enumerate() {
        println!("  {:>2} {:<12}{}", i + 1, step.name, step.action.describe());
    }
    let started = Instant::now();
    let mut times: Vec<(&str, Duration)> = Vec::new();
    let mut failed = None;
    for (i, step) in steps.into_iter().enumerate() {
        println!("\n[{}/{count}] {}: {}", i + 1, step.name, step.action.describe());
        let begun = Instant::now();
        let passed = step.action.perform()?;
        times.push((step.name, begun.elapsed()));
        if !passed {
            failed = Some((step.name, step.remedy));
            break;
        }
    }
    print!("\n{}", table(&times, count, started.elapsed()));
    match failed {
        None => println!("{title}: passed"),
        Some((name, remedy)) => println!("{title}: {name} failed. {remedy}"),
    }
    Ok(failed.is_none())
}

fn table(times: &[(&str, Duration)], planned: usize, total: Duration) -> String {
    let mut text = format!("{:<12}{:>10}\n", "step", "seconds");
    for (name, time) in times {
        text += &format!("{name:<12}{:>10}\n", seconds(*time));
    }
    text += &format!("{:<12}{:>10}", "in all", seconds(total));
    match planned - times.len() {
        0 => text + "\n",
        left => text + &format!("   {left} steps not reached\n"),
    }
}

/// A time as seconds with one decimal.
pub(crate) fn seconds(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

impl Action<'_> {
    fn describe(&self) -> String {
        match self {
            Self::Call(_) => "(in this program)".to_owned(),
            Self::Run(command) => {
                let words = [command.get_program()].into_iter().chain(command.get_args());
                let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
                let set: Vec<_> = command
                    .get_envs()
                    .filter_map(|(name, value)| {
                        Some(format!("{}='{}' ", name.to_str()?, value?.to_str()?))
                    })
                    .collect();
                format!("{}{}", set.concat(), words.join(" "))
            }
        }
    }

    fn perform(self) -> Result<bool> {
        match self {
            Self::Call(function) => function(),
            Self::Run(mut command) => {
                let program = command.get_program().to_string_lossy().into_owned();
                let status = command.status().with_context(|| format!("start `{program}`"))?;
                Ok(status.success())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn stops_at_the_first_failure() {
        let done = RefCell::new(Vec::new());
        let log = &done;
        let step = |name, passes| Step {
            name,
            action: Action::Call(Box::new(move || {
                log.borrow_mut().push(name);
                Ok(passes)
            })),
            remedy: "",
        };
        let steps = vec![step("one", true), step("two", false), step("three", true)];
        assert!(!follow("test", steps).unwrap());
        assert_eq!(*done.borrow(), ["one", "two"]);
    }

    #[test]
    fn the_table_says_what_was_not_reached() {
        let times = [("format", Duration::from_millis(1_250))];
        let text = table(&times, 3, Duration::from_millis(1_349));
        assert_eq!(
            text,
            "step           seconds\n\
             format             1.3\n\
             in all             1.3   2 steps not reached\n"
        );
    }

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let mut command = Command::new("cargo");
        command.args(["doc", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
        let shown = Action::Run(command).describe();
        assert_eq!(shown, "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }
}
