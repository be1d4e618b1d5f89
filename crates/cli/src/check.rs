//! `splitbrain check`: recorded histories, judged; `splitbrain convert`: written in another format.

mod read;
mod tell;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use serde_json::json;
use splitbrain_check::format::write;
use splitbrain_check::object::{ASSUMPTIONS, OBJECTS, Object, Question, guess};
use splitbrain_check::show::visible::{count, wrapped};
use splitbrain_check::{Budget, FileError, Format, Record, Value};
use splitbrain_core::Verdict;
use splitbrain_lab::{write_err, write_out};

use crate::COULD_NOT_RUN;
use crate::nearest::nearest;
use read::{Stopped, Whole, read};

#[derive(Args, Debug)]
pub(crate) struct Check {
    /// The files, or - for standard input: JSON Lines as runs leave them, events in EDN or JSON as
    /// Jepsen has them, or Jepsen's log
    #[arg(required_unless_present = "list_models", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The object that the history is of; found by content if left out
    #[arg(short, long)]
    model: Option<String>,
    /// The names of all objects
    #[arg(long)]
    list_models: bool,
    /// The consistency models that the history should satisfy, instead of the object's own
    #[arg(short, long, value_delimiter = ',', value_name = "MODELS")]
    consistency_models: Vec<String>,
    /// What may be assumed of the registers of transactions: wfr-keys, sequential-keys,
    /// linearizable-keys
    #[arg(long, value_delimiter = ',', value_parser = assumption, value_name = "WHAT")]
    assume: Vec<String>,
    #[command(flatten)]
    reading: Reading,
    /// How many states a search may look at; beyond, the verdict is unknown
    #[arg(long, default_value_t = Budget::default().states, value_name = "STATES")]
    budget: u64,
    /// What a register holds at first, as in the history: 0, nil, "x"
    #[arg(long, default_value = "nil", value_name = "VALUE")]
    initial: String,
    /// The proof of each finding, step by step
    #[arg(long)]
    explain: bool,
    /// The verdict as JSON on standard output
    #[arg(long, conflicts_with = "explain")]
    json: bool,
    /// The verdict as one page of HTML
    #[arg(long, value_name = "PAGE.html")]
    out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Convert {
    /// The file, or - for standard input
    file: PathBuf,
    /// The format: jsonl, edn, json, log
    #[arg(long, value_parser = format)]
    to: Format,
    /// Where to; standard output if left out
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The object that the history is of; found by content if left out
    #[arg(short, long)]
    model: Option<String>,
    #[command(flatten)]
    reading: Reading,
}

/// How a file is read.
#[derive(Args, Clone, Copy, Debug)]
struct Reading {
    /// How many megabytes of memory the history, and then its judge, may take
    #[arg(long, default_value_t = Budget::default().memory_bytes >> 20, value_name = "MB")]
    memory: u64,
}

fn format(name: &str) -> Result<Format, String> {
    let names = Format::ALL.map(Format::name);
    Format::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| {
        match nearest(name, names) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("one of {}", names.join(", ")),
        }
    })
}

/// Judges the files, and says so.
pub(crate) fn check(options: &Check) -> Result<u8> {
    if options.list_models {
        return list();
    }
    if options.out.is_some() && options.files.len() > 1 {
        bail!("--out takes one file: a page shows one history");
    }
    let model = options.model.as_deref().map(object).transpose()?;
    let initial = Value::parse(&options.initial)
        .map_err(|why| anyhow!("--initial: {:?} is no value: {}", options.initial, why.why))?;
    let several = options.files.len() > 1;
    let (mut status, mut table, mut values) = (0, Vec::new(), Vec::new());
    for file in &options.files {
        let judged = judged(file, model, &initial, options);
        let (of_file, summary) = match &judged {
            Ok(judged) => (judged.verdict.validity().exit_status(), judged.summary()),
            Err(why) => (COULD_NOT_RUN, format!("error    {}", why.root_cause())),
        };
        status = status.max(of_file);
        table.push((file.display().to_string(), summary));
        match &judged {
            Err(why) if options.json => {
                values.push(json!({ "file": file, "error": format!("{why:#}") }));
            }
            Err(why) => write_err(&format!("error: {why:#}\n"))?,
            Ok(judged) if options.json => values.push(judged.json(file)),
            Ok(judged) if several && !options.explain => (),
            Ok(judged) => write_out(&judged.text(several.then_some(file), options.explain))?,
        }
        if let (Ok(judged), Some(out)) = (&judged, &options.out) {
            let written = std::fs::write(out, judged.page(file));
            written.with_context(|| format!("{} cannot be written", out.display()))?;
        }
    }
    if options.json {
        let value = if several { json!(values) } else { values.pop().unwrap_or_default() };
        write_out(&format!("{value:#}\n"))?;
    } else if several {
        write_out(&tell::table(&table))?;
    }
    Ok(status)
}

fn list() -> Result<u8> {
    let line = |object: &Object| format!("{:<16} {}\n", object.name, object.about);
    let mut text: String = OBJECTS.iter().map(line).collect();
    for name in ["register", "list-append"] {
        let models = Object::named(name).map(Object::models).unwrap_or_default().join(", ");
        text += &format!("\n--consistency-models of {name} and its like:\n");
        text += &tell::indented(&wrapped(&models, 76, 20), "  ");
    }
    write_out(&text)?;
    Ok(0)
}

/// Whether a history of the object can be held to these models.
fn takes(object: &Object, models: &[String]) -> Result<()> {
    let names = object.models();
    let Some(wrong) = models.iter().find(|name| !object.takes(name)) else { return Ok(()) };
    if names.is_empty() {
        bail!("{} is judged by its own rule: leave out --consistency-models", object.name);
    }
    match nearest(wrong, names.iter().copied()) {
        Some(near) => bail!("no consistency model {wrong:?}; did you mean {near:?}?"),
        None => bail!("no consistency model {wrong:?}; {} has {}", object.name, names.join(", ")),
    }
}

fn assumption(name: &str) -> Result<String, String> {
    match nearest(name, ASSUMPTIONS) {
        Some(known) if known == name => Ok(name.into()),
        Some(near) => Err(format!("did you mean {near:?}?")),
        None => Err(format!("one of {}", ASSUMPTIONS.join(", "))),
    }
}

/// The object of this name.
fn object(name: &str) -> Result<&'static Object> {
    let names = OBJECTS.iter().flat_map(|object| [&[object.name], object.aliases].concat());
    Object::named(name).ok_or_else(|| match nearest(name, names) {
        Some(near) => anyhow!("no model {name:?}; did you mean {near:?}?"),
        None => anyhow!("no model {name:?} ('splitbrain check --list-models' names all)"),
    })
}

/// A history and what its judge says.
struct Judged {
    object: &'static Object,
    format: Format,
    records: Vec<Record>,
    verdict: Verdict,
}

fn judged(
    file: &Path,
    model: Option<&'static Object>,
    initial: &Value,
    options: &Check,
) -> Result<Judged> {
    let Whole { format, workload, records, stopped } = read(file, options.reading)?;
    let named = |error: FileError| anyhow!("{}: {error}", file.display());
    let of_workload = || workload.as_deref().and_then(Object::named);
    let guessed = || guessed_object(file, &records);
    let object = match (model.or_else(of_workload).map_or_else(guessed, Ok), &stopped) {
        (Ok(object), _) => object,
        (Err(_), Some(Stopped::Error(error))) => bail!("{}: {error}", file.display()),
        (Err(why), _) => return Err(why),
    };
    let memory_bytes = options.reading.memory.saturating_mul(1 << 20);
    let budget = Budget { states: options.budget, memory_bytes };
    takes(object, &options.consistency_models)?;
    let question = Question {
        records: &records,
        initial,
        models: &options.consistency_models,
        assumptions: &options.assume,
        budget,
    };
    let mut verdict = object.judge(&question).map_err(named)?;
    match stopped {
        None => (),
        Some(Stopped::Error(error)) => {
            let before = records.len() as u64;
            if before == 0 {
                return Err(named(error));
            }
            let validity = verdict.validity();
            return Err(anyhow!(
                "{}: {error}; the {} operations before it are {validity}",
                file.display(),
                count(before)
            ));
        }
        Some(Stopped::Memory(megabytes)) => {
            verdict = Verdict::NOTHING;
            verdict.undecided.push(format!(
                "the first {} operations take {megabytes} MB: raise --memory",
                count(records.len() as u64)
            ));
        }
    }
    Ok(Judged { object, format, records, verdict })
}

/// The object that the history seems to be of, where neither the file nor an option names it.
fn guessed_object(file: &Path, records: &[Record]) -> Result<&'static Object> {
    guess(records).map_err(|why| {
        let file = file.display();
        anyhow!("{file}: {why}; name the object with -m ('--list-models' names all)")
    })
}

/// Writes the file in another format.
pub(crate) fn convert(options: &Convert) -> Result<u8> {
    let file = &options.file;
    let Whole { workload, records, stopped, .. } = read(file, options.reading)?;
    match stopped {
        None => (),
        Some(Stopped::Error(error)) => bail!("{}: {error}", file.display()),
        Some(Stopped::Memory(megabytes)) => {
            bail!("{} takes more than {megabytes} MB: raise --memory", file.display())
        }
    }
    let model = options.model.as_deref().map(object).transpose()?;
    let workload = match (model, workload) {
        (Some(object), _) => object.workload.to_string(),
        (None, Some(workload)) => workload,
        (None, None) if options.to == Format::Jsonl => {
            guessed_object(file, &records)?.workload.to_string()
        }
        (None, None) => String::new(),
    };
    let written = match &options.out {
        Some(out) => {
            let cannot = || format!("{} cannot be written", out.display());
            let mut to = io::BufWriter::new(File::create(out).with_context(cannot)?);
            write(&records, options.to, &workload, &mut to)
        }
        None => {
            let mut text = Vec::new();
            let written = write(&records, options.to, &workload, &mut text);
            io::stdout().lock().write_all(&text)?;
            written
        }
    };
    written.map_err(|why| anyhow!("{}: {why}", file.display()))?;
    Ok(0)
}
