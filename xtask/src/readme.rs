//! The README shows what the program prints, and this checks that it still does.
//!
//! A block fenced as `console` is a script: a line `$ command` is run without a shell, the lines
//! after it are what it must print, and `$ echo $?` asks for its exit status. Three dots stand for
//! whatever differs from machine to machine: within a line for any text, alone for any lines.

use anyhow::{Context, Result, ensure};

use crate::tree::Tree;

const ANYTHING: &str = "...";

/// One command of the README.
#[derive(Default, PartialEq, Eq, Debug)]
struct Example {
    command: String,
    output: Vec<String>,
    status: i32,
}

/// Runs the examples of the README; true if each prints what is shown.
pub(crate) fn check(tree: &Tree) -> Result<bool> {
    let examples = examples(&tree.text("README.md")?)?;
    ensure!(!examples.is_empty(), "README.md has no block fenced as `console`");
    let mut all_well = true;
    for example in &examples {
        println!("$ {}", example.command);
        let (output, status) = perform(tree, example)?;
        let matched = matches_lines(&example.output, &output.lines().collect::<Vec<_>>());
        if !matched {
            println!("README.md shows other output. This was printed:\n{output}");
        }
        if status != example.status {
            println!("README.md says exit status {}; it was {status}", example.status);
        }
        all_well &= matched && status == example.status;
    }
    Ok(all_well)
}

fn perform(tree: &Tree, example: &Example) -> Result<(String, i32)> {
    let words: Vec<&str> = example.command.split_whitespace().collect();
    let (program, arguments) = words.split_first().context("an empty command")?;
    let output = tree
        .program(program, arguments)
        .env("NO_COLOR", "1")
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("start `{}`", example.command))?;
    let status = output.status.code().context("it was ended by a signal")?;
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), status))
}

fn examples(text: &str) -> Result<Vec<Example>> {
    let mut found: Vec<Example> = Vec::new();
    let mut lines = text.lines();
    while lines.any(|line| line == "```console") {
        let mut asked_status = false;
        for line in lines.by_ref().take_while(|line| *line != "```") {
            if line == "$ echo $?" {
                asked_status = true;
            } else if let Some(command) = line.strip_prefix("$ ") {
                found.push(Example { command: command.to_owned(), ..Example::default() });
                asked_status = false;
            } else {
                let example = found.last_mut().context("a `console` block begins with `$ `")?;
                match asked_status {
                    true => example.status = line.parse().context("a status after `echo $?`")?,
                    false => example.output.push(line.to_owned()),
                }
            }
        }
    }
    Ok(found)
}

fn matches_lines(expected: &[String], actual: &[&str]) -> bool {
    let Some((first, rest)) = expected.split_first() else {
        return actual.is_empty();
    };
    if first.trim() == ANYTHING {
        return (0..=actual.len()).any(|skipped| matches_lines(rest, &actual[skipped..]));
    }
    actual.split_first().is_some_and(|(line, others)| {
        matches_line(first.trim_end(), line.trim_end()) && matches_lines(rest, others)
    })
}

fn matches_line(expected: &str, actual: &str) -> bool {
    let Some((before, after)) = expected.split_once(ANYTHING) else {
        return expected == actual;
    };
    actual.strip_prefix(before).is_some_and(|rest| {
        rest.char_indices()
            .map(|(at, _)| at)
            .chain([rest.len()])
            .any(|at| matches_line(after, &rest[at..]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_commands_outputs_and_statuses() {
        let text = "a\n```console\n$ one x\nout\n$ echo $?\n1\n$ two\n```\n```text\n$ three\n```\n";
        let one = Example { command: "one x".into(), output: vec!["out".into()], status: 1 };
        let two = Example { command: "two".into(), ..Example::default() };
        assert_eq!(examples(text).unwrap(), [one, two]);
        assert!(examples("```console\nout\n```").is_err());
    }

    #[test]
    fn dots_stand_for_what_differs() {
        let check = |expected: &str, actual: &str| {
            let expected: Vec<String> = expected.lines().map(str::to_owned).collect();
            matches_lines(&expected, &actual.lines().collect::<Vec<_>>())
        };
        assert!(check("took ... s", "took 0.8 s"));
        assert!(check("a ... b ... c", "a 1 b 2 b 3 c"));
        assert!(check("a\n...\nz", "a\nb\nc\nz"));
        assert!(check("a\n...\nz", "a\nz"));
        assert!(!check("took ... s", "took 0.8 ms!"));
        assert!(!check("a\n...\nz", "a\nb"));
        assert!(!check("a", "a\nb"));
        assert!(!check("a", ""));
    }
}
