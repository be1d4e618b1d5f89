//! Builds the mutants: copies of the reference nodes with one patch each, and the list of them.
//!
//! For every `patches/<node>/<mutant>.patch` and `variants/<node>/<variant>.patch` there will be a
//! module in `OUT_DIR`, and an entry in its `registry.rs`. A patch that does not apply fails the
//! build. A file that is no node, or that imports from `super`, is part of a whole: its folder is
//! copied with it.

#[path = "src/patch.rs"]
mod patch;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use patch::Patch;

/// Where the files are that patches change.
const REFERENCE: &str = "../algorithms/src";

fn main() {
    println!("cargo::rerun-if-changed={REFERENCE}");
    println!("cargo::rerun-if-changed=patches");
    println!("cargo::rerun-if-changed=variants");
    println!("cargo::rerun-if-changed=explored");
    if let Err(why) = build() {
        for line in why.lines() {
            println!("cargo::error={line}");
        }
    }
}

fn build() -> Result<(), String> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let mutants = List::read("patches", "Mutant", "mistake", &out)?;
    let variants = List::read("variants", "Variant", "idea", &out)?;
    let explored = List::read("explored", "Mutant", "mistake", &out)?;
    let mut registry = String::new();
    mutants.write(&mut registry, "MUTANTS", "mutants", "Every mutant");
    variants.write(&mut registry, "VARIANTS", "variants", "Every correct variant");
    write(&out.join("registry.rs"), &registry)?;
    let mut registry = String::new();
    explored.write_cases(&mut registry, &mutants);
    write(&out.join("explored.rs"), &registry)
}

/// The patched copies that come from one folder.
struct List {
    kind: &'static str,
    copies: Vec<Copy>,
}

struct Copy {
    /// `broadcast/no-retry`
    name: String,
    /// `broadcast_no_retry`, in `path`.
    module: String,
    path: PathBuf,
    /// The type that implements `Node`.
    node: String,
    summary: String,
    source: String,
    breaks: Vec<String>,
}

impl List {
    fn read(folder: &str, kind: &'static str, summary: &str, out: &Path) -> Result<Self, String> {
        let mut copies = Vec::new();
        for node in entries(Path::new(folder))? {
            for file in entries(&node)? {
                let copy = Copy::make(&file, folder, summary, out);
                copies.push(copy.map_err(|why| format!("{}: {why}", file.display()))?);
            }
        }
        Ok(Self { kind, copies })
    }

    /// The modules, a constant with what is known of each, and a function that makes subjects.
    fn write(&self, to: &mut String, constant: &str, function: &str, doc: &str) {
        let mut modules = String::new();
        let mut known = String::new();
        let mut subjects = String::new();
        for copy in &self.copies {
            let Copy { name, module, path, node, summary, source, breaks } = copy;
            _ = writeln!(modules, "#[path = {path:?}]\npub mod {module};");
            let kind = self.kind;
            _ = writeln!(
                known,
                "Entry {{ name: {name:?}, kind: Kind::{kind}, summary: {summary:?}, \
                 source: {source:?}, breaks: &{breaks:?} }},"
            );
            _ = writeln!(subjects, "subject::<{module}::{node}>({name:?}),");
        }
        _ = write!(
            to,
            "{modules}\n/// {doc}, by node and name.\npub const {constant}: &[Entry] = &[\n{known}];\n\n\
             /// {doc}, to be tested, in the order of [`{constant}`](crate::{constant}).\n\
             pub fn {function}() -> Vec<Box<dyn Subject>> {{\nvec![\n{subjects}]\n}}\n\n"
        );
    }
}

/// The simulated mutants that are explored too.
const EXPLORED_TOO: [&str; 7] = [
    "abd/ack-before-sync",
    "abd/answer-of-an-old-phase",
    "abd/forgets-copies",
    "abd/half-is-enough",
    "abd/no-write-back",
    "abd/older-replaces-newer",
    "abd/returns-before-quorum",
];

impl List {
    /// The modules, a constant with what is known of each, and a function that makes cases; also of
    /// those simulated mutants that are explored too.
    fn write_cases(&self, to: &mut String, simulated: &Self) {
        let (mut modules, mut known, mut cases) = (String::new(), String::new(), String::new());
        for Copy { module, path, .. } in &self.copies {
            _ = writeln!(modules, "#[path = {path:?}]\npub mod {module};");
        }
        let too = |copy: &&Copy| EXPLORED_TOO.contains(&copy.name.as_str());
        for copy in self.copies.iter().chain(simulated.copies.iter().filter(too)) {
            let Copy { name, module, node, summary, source, breaks, .. } = copy;
            _ = writeln!(
                known,
                "Entry {{ name: {name:?}, kind: Kind::Mutant, summary: {summary:?}, \
                 source: {source:?}, breaks: &{breaks:?} }},"
            );
            _ = writeln!(cases, "explored::<{module}::{node}>({name:?}),");
        }
        _ = write!(
            to,
            "{modules}\n/// Every mutant that is explored.\n\
             pub const EXPLORED: &[Entry] = &[\n{known}];\n\n\
             /// Every mutant that is explored, in the order of [`EXPLORED`](crate::EXPLORED).\n\
             pub fn explored_mutants() -> Vec<Box<dyn Case>> {{\nvec![\n{cases}]\n}}\n"
        );
    }
}

impl Copy {
    fn make(file: &Path, folder: &str, summary: &str, out: &Path) -> Result<Self, String> {
        let patch = Patch::parse(&read(file)?)?;
        let name = file
            .strip_prefix(folder)
            .ok()
            .and_then(|name| name.to_str()?.strip_suffix(".patch"))
            .ok_or("a patch is called <node>/<name>.patch")?
            .replace('\\', "/");
        let module = name.replace(['-', '/'], "_");
        let whole = Whole::of(&patch.file)?;
        let path = whole.write(&patch, &out.join(&module))?;
        let engine = if folder == "explored" { "explore" } else { "sim" };
        let breaks: Vec<String> = match folder {
            "variants" => Vec::new(),
            _ => patch.header("breaks")?.split_whitespace().map(String::from).collect(),
        };
        if folder != "variants" && patch.header("engine")? != engine {
            return Err(format!(
                "the header `# engine:` must name the engine that kills it: {engine}"
            ));
        }
        Ok(Self {
            node: whole.node(patch.header("node").ok())?,
            summary: patch.header(summary)?.into(),
            source: patch.header("source")?.into(),
            name,
            module,
            path,
            breaks,
        })
    }
}

/// The source files that make up an algorithm, the root of its modules first.
struct Whole {
    files: Vec<(PathBuf, String)>,
}

impl Whole {
    /// What belongs to the file that a patch changes.
    fn of(file: &str) -> Result<Self, String> {
        let mut paths = vec![PathBuf::from(file)];
        let text = read(&Path::new(REFERENCE).join(file))?;
        if text.contains("use super::") || !text.contains("impl Node for ") {
            let folder = Path::new(file).parent().ok_or("`super` without a folder")?;
            paths = vec![folder.with_extension("rs")];
            let inside = entries(&Path::new(REFERENCE).join(folder))?;
            let names = inside.iter().filter_map(|path| path.file_name());
            paths.extend(names.map(|name| folder.join(name)));
        }
        let text = |path: PathBuf| Ok((path.clone(), read(&Path::new(REFERENCE).join(path))?));
        Ok(Self { files: paths.into_iter().map(text).collect::<Result<_, String>>()? })
    }

    /// Writes all files side by side into `to`, one of them patched. Returns the path of the root.
    fn write(&self, patch: &Patch, to: &Path) -> Result<PathBuf, String> {
        fs::create_dir_all(to).map_err(|error| format!("{}: {error}", to.display()))?;
        let target = |path: &Path| path.file_name().map(|name| to.join(name));
        for (path, text) in &self.files {
            let target = target(path).ok_or("a file without a name")?;
            if path == Path::new(&patch.file) {
                write(&target, &patch.apply(text)?)?;
            } else {
                write(&target, text)?;
            }
        }
        target(&self.files[0].0).ok_or_else(|| "a file without a name".into())
    }

    /// The type that implements `Node`: the one that is asked for, or the only one.
    fn node(&self, wanted: Option<&str>) -> Result<String, String> {
        let lines = self.files.iter().flat_map(|(_, text)| text.lines());
        let nodes: Vec<&str> = lines
            .filter_map(|line| line.strip_prefix("impl Node for ")?.strip_suffix(" {"))
            .filter(|node| wanted.is_none_or(|wanted| wanted == *node))
            .collect();
        match nodes[..] {
            [node] => Ok(node.into()),
            _ => Err(format!("not one `impl Node for ...` in the reference but {nodes:?}")),
        }
    }
}

/// What is in a folder, sorted, so that the registry is the same on every machine.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let list = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    };
    let mut paths = list().map_err(|error| format!("{}: {error}", folder.display()))?;
    paths.sort();
    Ok(paths)
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}
