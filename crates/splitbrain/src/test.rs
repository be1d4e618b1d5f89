//! The `main` of a learner's own binary.

use std::any::type_name;
use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use splitbrain_check::Judge;
use splitbrain_core::{History, Node, Verdict};
use splitbrain_lab::{Plan, Session, runs, write_err, write_out};
use splitbrain_sim::{Hosted, Judging, Recipe, Subject, Variety};

const HELP: &str = "\
Runs this node in many simulated worlds and judges what its clients saw.

usage: [--seeds FIRST..END | --seed N] [--nodes N] [--swarm] [--calm] [--json]
       replay RUN

  --seeds 0..200   the worlds to run, one for each seed (this is the default)
  --seed 17        this world only
  --nodes 3        how many nodes; 5 if not given
  --swarm          every seed draws its own network, faults and sizes
  --calm           a perfect network, and no faults
  --json           the verdict as JSON on standard output
  replay RUN       a kept run again: its number, its folder, a recipe, or latest

exit status: 0 survived, 1 did not, 2 nothing could be judged, 3 could not run
";

/// The node `N` as a program that can be tested, with the judge of its workload.
pub fn subject<N: Node<Api: Judge>>(name: &str) -> impl Subject + use<N> {
    Hosted::<N>::new(name, judging())
}

/// Judges a history, held to the consistency models of these names; what is no such name makes the
/// verdict unknown.
fn judge<W: Judge>(history: &History<W>, names: &[String]) -> Verdict {
    let mut models = Vec::new();
    for name in names {
        match name.parse() {
            Ok(model) => models.push(model),
            Err(why) => return Verdict { undecided: vec![why], ..Verdict::default() },
        }
    }
    if models.is_empty() { W::judge(history) } else { W::judge_as(history, &models) }
}

/// The judge of a workload, and its history files.
pub fn judging<W: Judge>() -> Judging<W> {
    let write = |history: &History<W>| {
        let mut file = Vec::new();
        let written = splitbrain_check::write(history, &mut file);
        written.map_or_else(|error| error.to_string(), |()| String::from_utf8_lossy(&file).into())
    };
    Judging { judge, write }
}

/// Tests the node `N` as the program's arguments say, tells the verdict, and returns the exit
/// status.
pub fn test<N: Node<Api: Judge>>() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = type_name::<N>().rsplit("::").next().unwrap_or("node");
    let name = name.split('<').next().unwrap_or(name);
    match run(&subject::<N>(name), &arguments) {
        Ok(status) => ExitCode::from(status),
        Err(why) => {
            let _ = write_err(&format!("error: {why}\n"));
            ExitCode::from(3)
        }
    }
}

fn run(subject: &dyn Subject, arguments: &[String]) -> Result<u8, String> {
    let asks_help = |argument: &String| argument == "--help" || argument == "-h";
    if arguments.iter().any(asks_help) {
        return write_out(HELP).map(|()| 0).map_err(|error| error.to_string());
    }
    let wanted = Wanted::parse(arguments)?;
    let session = Session { replay: "cargo run -- replay {}".into(), ..Session::here(wanted.json) };
    let report = match wanted.replay {
        Some(name) => {
            let recipe = read_recipe(&session.runs, &name)?;
            session.replay(subject, recipe, 0)
        }
        None => session.campaign(subject, &wanted.plan, &AtomicBool::new(false)),
    };
    let report = report.map_err(|error| error.to_string())?;
    session.tell(&report).map_err(|error| error.to_string())?;
    Ok(report.validity().exit_status())
}

fn read_recipe(folder: &Path, name: &str) -> Result<Recipe, String> {
    let found = runs::find(folder, name).map_err(|error| error.to_string())?;
    let file = if found.is_dir() { found.join("recipe.json") } else { found };
    let text = std::fs::read_to_string(&file)
        .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    Recipe::from_json(&text).map_err(|error| format!("{}: {error}", file.display()))
}

struct Wanted {
    plan: Plan,
    json: bool,
    replay: Option<String>,
}

impl Wanted {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut wanted = Self { plan: Plan::standard(threads), json: false, replay: None };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().ok_or(format!("{argument} needs a value; see --help"));
            match argument.as_str() {
                "--json" => wanted.json = true,
                "--swarm" => wanted.plan.variety = Variety::Swarm,
                "--calm" => wanted.plan.config = wanted.plan.config.calm(),
                "--nodes" => {
                    let nodes = value()?;
                    wanted.plan.config.nodes = nodes
                        .parse()
                        .map_err(|_| format!("--nodes takes a number, not {nodes:?}"))?;
                }
                "--seed" => {
                    let seed = value()?;
                    let seed: u64 =
                        seed.parse().map_err(|_| format!("--seed takes a number, not {seed:?}"))?;
                    wanted.plan.seeds = seed..seed.saturating_add(1);
                }
                "--seeds" => wanted.plan.seeds = seeds(value()?)?,
                "replay" => wanted.replay = Some(value()?.clone()),
                other => return Err(format!("{other:?} is not known; see --help")),
            }
        }
        Ok(wanted)
    }
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let bad = || format!("--seeds takes FIRST..END, such as 0..200, not {text:?}");
    let (first, end) = text.split_once("..").ok_or_else(bad)?;
    let (first, end) = (first.parse().map_err(|_| bad())?, end.parse().map_err(|_| bad())?);
    if first < end { Ok(first..end) } else { Err(bad()) }
}
