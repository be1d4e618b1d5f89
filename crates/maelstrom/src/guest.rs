//! The guest: one of our nodes as a program on stdin and stdout, so that Maelstrom, or our own
//! [`host`](crate::host), can run it.
//!
//! IDEA        A line is an input, an effect is a line or a timer: the same node that the simulator
//!             runs, on a real clock. Where the runner offers [lockstep](crate::lockstep), on the
//!             runner's.
//! RULES       A message between nodes is `{"type": LABEL, "message": M}`, with `M` as serde writes
//!             it and the label for people only. Whatever else comes from a name that is not a
//!             node's is a request of the workload.
//!             Notes, roles and assertions go to stderr; an assertion that fails ends the process
//!             with status 1.
//! CAVEATS     The disk is in memory and dies with the process, unless a folder is given. There,
//!             each sync writes all of the disk anew: right, and too slow for a large log.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use splitbrain_core::workload::Workload;
use splitbrain_core::{
    Choices, Context, Disk, Effect, ErrorCode, Key, Node, NodeId, Request, RequestId, Response,
    Rng, Time, Wal,
};

use crate::protocol::{Envelope, Head, Init, Malformed, shown, write_line};

/// A disk that can be kept in a file.
pub trait Stored: Disk {
    /// All of it, as bytes.
    fn save(&self) -> Vec<u8>;
    /// What [`save`](Self::save) saved.
    ///
    /// # Errors
    /// When the bytes are not understood.
    fn load(bytes: &[u8]) -> Result<Self, String>;
}

impl Stored for () {
    fn save(&self) -> Vec<u8> {
        Vec::new()
    }
    fn load(_: &[u8]) -> Result<Self, String> {
        Ok(())
    }
}

impl<Register, Entry> Stored for Wal<Register, Entry>
where
    Self: Disk,
    Register: Serialize + DeserializeOwned,
    Entry: Serialize + DeserializeOwned,
{
    fn save(&self) -> Vec<u8> {
        serde_json::to_vec(&(self.get(), self.log())).unwrap_or_default()
    }

    fn load(bytes: &[u8]) -> Result<Self, String> {
        let (register, log): (Register, Vec<Entry>) =
            serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let mut wal = Self::default();
        log.into_iter().for_each(|entry| wal.append(entry));
        wal.set(register);
        wal.sync(wal.unsynced());
        Ok(wal)
    }
}

/// Runs the node `N` until `input` ends. `folder` keeps the disk, if given.
///
/// # Errors
/// When `output` or the disk's file cannot be written, or the file cannot be read.
pub fn run<N>(
    input: impl BufRead + Send + 'static,
    output: impl Write,
    folder: Option<&Path>,
) -> io::Result<()>
where
    N: Node<Api: Workload, Disk: Stored>,
    N::Message: Serialize + DeserializeOwned,
{
    let lines = read_lines(input);
    let mut guest: Guest<N, _> = Guest::new(output, folder.map(Path::to_owned));
    loop {
        let line = match guest.patience() {
            Some(patience) => match lines.recv_timeout(patience) {
                Ok(line) => Some(line),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            },
            None => match lines.recv() {
                Ok(line) => Some(line),
                Err(_) => return Ok(()),
            },
        };
        match line {
            Some(line) => guest.hear(&line)?,
            None => guest.fire_timers()?,
        }
        guest.output.flush()?;
    }
}

/// Reads in a thread of its own: only a channel can be waited for with a limit.
fn read_lines(mut input: impl BufRead + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = sync_channel(1_024);
    std::thread::spawn(move || {
        let mut line = Vec::new();
        while input.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            if sender.send(std::mem::take(&mut line)).is_err() {
                break;
            }
        }
    });
    receiver
}

/// A node and the little that keeps it alive.
struct Guest<N: Node, O> {
    output: O,
    folder: Option<PathBuf>,
    names: Vec<String>,
    cx: Option<Context<N>>,
    node: Option<N>,
    clock: Clock,
    /// The time of the last line, in milliseconds.
    told_ms: u64,
    timers: Timers<N::Timer>,
    /// Requests that wait for their answer, by their place among all requests.
    asked: BTreeMap<u32, (String, u64)>,
    requests: u32,
    rng: Rng,
}

/// Where the time comes from.
enum Clock {
    Real(Instant),
    /// From the runner's lines.
    Virtual,
}

/// Armed timers, by when they expire and by what they are.
struct Timers<T> {
    due: BTreeSet<(Time, T)>,
    armed: BTreeMap<T, Time>,
}

impl<T: Ord + Clone> Timers<T> {
    fn arm(&mut self, timer: T, at: Time) {
        self.cancel(&timer);
        self.due.insert((at, timer.clone()));
        self.armed.insert(timer, at);
    }

    fn cancel(&mut self, timer: &T) {
        if let Some(at) = self.armed.remove(timer) {
            self.due.remove(&(at, timer.clone()));
        }
    }

    fn next(&self) -> Option<Time> {
        self.due.first().map(|(at, _)| *at)
    }

    fn expire(&mut self, now: Time) -> Option<T> {
        self.next().filter(|at| *at <= now)?;
        let (_, timer) = self.due.pop_first()?;
        self.armed.remove(&timer);
        Some(timer)
    }
}

/// The body of a message between nodes, as it is read.
#[derive(Deserialize)]
struct Said<M> {
    message: M,
}

impl<N, O: Write> Guest<N, O>
where
    N: Node<Api: Workload, Disk: Stored>,
    N::Message: Serialize + DeserializeOwned,
{
    fn new(output: O, folder: Option<PathBuf>) -> Self {
        Self {
            output,
            folder,
            names: Vec::new(),
            cx: None,
            node: None,
            clock: Clock::Real(Instant::now()),
            told_ms: 0,
            timers: Timers { due: BTreeSet::new(), armed: BTreeMap::new() },
            asked: BTreeMap::new(),
            requests: 0,
            rng: Rng::new(entropy()),
        }
    }

    fn now(&self) -> Time {
        match self.clock {
            Clock::Real(started) => Time::ZERO + started.elapsed(),
            Clock::Virtual => Time::ZERO + Duration::from_millis(self.told_ms),
        }
    }

    /// How long to wait for a line before a timer expires. In lockstep the runner wakes us.
    fn patience(&self) -> Option<Duration> {
        match self.clock {
            Clock::Real(_) => self.timers.next().map(|at| at - self.now()),
            Clock::Virtual => None,
        }
    }

    fn hear(&mut self, line: &[u8]) -> io::Result<()> {
        #[derive(Deserialize)]
        struct Clocked {
            now_ms: Option<u64>,
        }
        // Only lines of a runner that offers lockstep have the time.
        let clocked = serde_json::from_slice::<Clocked>(line);
        self.told_ms = clocked.ok().and_then(|line| line.now_ms).unwrap_or(self.told_ms);
        self.fire_timers()?;
        let understood = Envelope::parse(line).and_then(|envelope| {
            let head = envelope.head()?;
            Ok((envelope, head))
        });
        match understood {
            Ok((envelope, head)) => self.handle(&envelope, &head)?,
            Err(malformed) => self.complain(&malformed)?,
        }
        if let Clock::Virtual = self.clock {
            let wake_ms = self.timers.next().map(|at| at.as_nanos().div_ceil(1_000_000));
            let line = json!({"body": {"type": "yield", "wake_ms": wake_ms}});
            writeln!(self.output, "{line}")?;
        }
        Ok(())
    }

    #[expect(clippy::unused_self, reason = "reads like the other answers to a line")]
    fn complain(&self, malformed: &Malformed) -> io::Result<()> {
        writeln!(io::stderr(), "{malformed}")
    }

    fn handle(&mut self, envelope: &Envelope<'_>, head: &Head<'_>) -> io::Result<()> {
        let body = envelope.body.get();
        let sender = self.names.iter().position(|name| *name == envelope.src);
        match (&*head.kind, sender) {
            ("wake", None) => Ok(()),
            ("init", None) => match serde_json::from_str::<Init>(body) {
                Ok(init) => self.init(init, &envelope.src),
                Err(error) => writeln!(io::stderr(), "init: {error}"),
            },
            (_, Some(from)) => match serde_json::from_str::<Said<N::Message>>(body) {
                Ok(Said { message }) => {
                    let from = NodeId(u16::try_from(from).unwrap_or(u16::MAX));
                    self.step(|node, cx| node.on_message(cx, from, message))
                }
                Err(error) => writeln!(io::stderr(), "{}: {error}", shown(body.as_bytes())),
            },
            (_, None) => self.request(envelope, head),
        }
    }

    fn init(&mut self, init: Init, host: &str) -> io::Result<()> {
        let me = init.node_ids.iter().position(|name| *name == init.node_id).unwrap_or(0);
        let count = u16::try_from(init.node_ids.len()).unwrap_or(u16::MAX);
        let id = NodeId(u16::try_from(me).unwrap_or(u16::MAX));
        self.names = init.node_ids;
        let mut answer = json!({"type": "init_ok", "in_reply_to": init.msg_id});
        if init.lockstep {
            answer["lockstep"] = true.into();
            self.clock = Clock::Virtual;
            self.rng = Rng::new(init.seed.unwrap_or(0));
        }
        let disk = match self.file().map(fs::read) {
            Some(Ok(bytes)) => N::Disk::load(&bytes).map_err(io::Error::other)?,
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => N::Disk::default(),
        };
        let choices = Choices::Random(Key::new(self.rng.next_u64()), 0);
        self.cx = Some(Context::boot(id, count, disk, choices));
        self.say(host, &answer.to_string())?;
        self.start()
    }

    fn start(&mut self) -> io::Result<()> {
        self.wind();
        self.node = self.cx.as_mut().map(N::start);
        self.perform()
    }

    fn request(&mut self, envelope: &Envelope<'_>, head: &Head<'_>) -> io::Result<()> {
        let (Some(msg_id), Some(_)) = (head.msg_id, &self.node) else {
            return writeln!(io::stderr(), "nobody waits for an answer to {}", envelope.body.get());
        };
        let request: Request<N> = match self.read_request(envelope.body.get()) {
            Ok(request) => request,
            Err(error) => {
                let code = ErrorCode::NOT_SUPPORTED.0;
                let text = format!("not a request of {}: {error}", N::Api::NAME);
                let body =
                    json!({"type": "error", "in_reply_to": msg_id, "code": code, "text": text});
                return self.say(&envelope.src, &body.to_string());
            }
        };
        let sequence = self.requests;
        self.requests += 1;
        self.asked.insert(sequence, (envelope.src.clone().into_owned(), msg_id));
        let client = envelope.src.strip_prefix('c').and_then(|number| number.parse().ok());
        let id = RequestId { client: client.unwrap_or(u32::MAX), sequence };
        self.step(|node, cx| node.on_request(cx, id, request))
    }

    /// Reads a request. Maelstrom may number its nodes from n0; ours are n1, n2, ...
    fn read_request(&self, body: &str) -> Result<Request<N>, serde_json::Error> {
        if self.names.first().is_none_or(|name| name == "n1") {
            return serde_json::from_str(body);
        }
        serde_json::from_value(renamed(serde_json::from_str(body)?, &self.names))
    }

    /// Runs a handler, if the node has started, and does what it asked for.
    fn step(&mut self, handler: impl FnOnce(&mut N, &mut Context<N>)) -> io::Result<()> {
        self.wind();
        if let (Some(node), Some(cx)) = (&mut self.node, &mut self.cx) {
            handler(node, cx);
        }
        self.perform()
    }

    fn wind(&mut self) {
        let now = self.now();
        let wall = match self.clock {
            Clock::Real(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Clock::Virtual => now - Time::ZERO,
        };
        if let Some(cx) = &mut self.cx {
            cx.wind(now, Time::ZERO + wall);
        }
    }

    fn fire_timers(&mut self) -> io::Result<()> {
        let now = self.now();
        while let Some(timer) = self.timers.expire(now) {
            self.step(|node, cx| node.on_timer(cx, timer))?;
        }
        Ok(())
    }

    fn perform(&mut self) -> io::Result<()> {
        let Some(cx) = &mut self.cx else { return Ok(()) };
        for effect in std::mem::take(cx.effects()) {
            match effect {
                Effect::Send { to, message, .. } => {
                    let body = json!({"type": label(&message), "message": message});
                    let to = self.names.get(to.index()).cloned().unwrap_or_else(|| to.to_string());
                    self.say(&to, &body.to_string())?;
                }
                Effect::Reply { request, answer, .. } => self.answer(request, answer)?,
                Effect::SetTimer { timer, low, high } => {
                    let after = Duration::from_nanos(self.rng.between(low, high));
                    self.timers.arm(timer, self.now() + after);
                }
                Effect::CancelTimer(timer) => self.timers.cancel(&timer),
                Effect::Sync { writes } => self.sync(writes)?,
                Effect::Note(text) => writeln!(io::stderr(), "{text}")?,
                Effect::Role(name) => writeln!(io::stderr(), "is now {name}")?,
                Effect::Reached(name) => writeln!(io::stderr(), "reached: {name}")?,
                // A process knows only what it said itself.
                Effect::Write { .. } | Effect::Agree { .. } => {}
                Effect::Violated(name) => {
                    self.output.flush()?;
                    return Err(io::Error::other(format!("this must always hold: {name}")));
                }
            }
        }
        Ok(())
    }

    fn answer(
        &mut self,
        request: RequestId,
        answer: Result<Response<N>, (ErrorCode, String)>,
    ) -> io::Result<()> {
        let Some((client, msg_id)) = self.asked.remove(&request.sequence) else {
            return writeln!(io::stderr(), "request {request:?} was answered before");
        };
        let mut body = match answer {
            Ok(response) => serde_json::to_value(response)?,
            Err((code, text)) => json!({"type": "error", "code": code.0, "text": text}),
        };
        body["in_reply_to"] = msg_id.into();
        self.say(&client, &body.to_string())
    }

    fn say(&mut self, to: &str, body: &str) -> io::Result<()> {
        let me = self.cx.as_ref().map_or(NodeId(0), Context::id);
        let mut line = Vec::with_capacity(body.len() + 48);
        write_line(&mut line, self.names.get(me.index()).map_or("?", |name| name), to, body);
        self.output.write_all(&line)
    }

    fn file(&self) -> Option<PathBuf> {
        let name = self.names.get(self.cx.as_ref().map_or(0, |cx| cx.id().index()));
        Some(self.folder.as_ref()?.join(format!("{}.disk", name?)))
    }

    /// Makes the oldest unsynced writes durable: a new file takes the place of the old one whole.
    fn sync(&mut self, writes: u32) -> io::Result<()> {
        let file = self.file();
        let Some(cx) = &mut self.cx else { return Ok(()) };
        if let Some(file) = file {
            // What a crash would leave at this moment; later writes are not synced yet.
            let mut durable = cx.disk.clone();
            durable.crash(writes, false);
            let fresh = file.with_extension("new");
            let mut out = File::create(&fresh)?;
            out.write_all(&durable.save())?;
            out.sync_all()?;
            fs::rename(&fresh, &file)?;
            File::open(file.parent().unwrap_or(Path::new(".")))?.sync_all()?;
        }
        cx.disk.sync(writes);
        Ok(())
    }
}

/// The first word of the message: the name of its variant.
fn label(message: &impl std::fmt::Debug) -> String {
    let text = format!("{message:?}");
    let word: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if word.is_empty() { "message".into() } else { word }
}

/// The same JSON with the nodes under our names for them.
fn renamed(value: Value, names: &[String]) -> Value {
    let name = |text: String| match names.iter().position(|name| *name == text) {
        Some(at) => NodeId(u16::try_from(at).unwrap_or(u16::MAX)).to_string(),
        None => text,
    };
    match value {
        Value::String(text) => Value::String(name(text)),
        Value::Array(items) => items.into_iter().map(|item| renamed(item, names)).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, item)| (name(key), renamed(item, names)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other,
    }
}

/// A seed that is not the same in two processes.
fn entropy() -> u64 {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let key = Key::new(u64::try_from(nanos & u128::from(u64::MAX)).unwrap_or(0));
    key.derive(u64::from(std::process::id())).at(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_are_keyed_by_value() {
        let mut timers = Timers { due: BTreeSet::new(), armed: BTreeMap::new() };
        let at = Time::from_nanos;
        timers.arm("a", at(5));
        timers.arm("b", at(3));
        timers.arm("a", at(9));
        timers.arm("c", at(4));
        timers.cancel(&"c");
        assert_eq!(timers.next(), Some(at(3)));
        assert_eq!((timers.expire(at(8)), timers.expire(at(8))), (Some("b"), None));
        assert_eq!(timers.expire(at(9)), Some("a"));
    }

    #[test]
    fn a_disk_survives_in_its_file() {
        let mut disk: Wal<u64, String> = Wal::default();
        disk.append("a".into());
        disk.set(7);
        disk.sync(2);
        assert_eq!(Wal::load(&disk.save()), Ok(disk));
        assert!(<Wal<u64, String>>::load(b"[1").is_err());
    }

    #[test]
    fn nodes_may_be_numbered_from_zero() {
        let names = ["n0".to_owned(), "n1".to_owned()];
        let topology = json!({"topology": {"n0": ["n1"], "n1": ["n0"]}});
        let ours = json!({"topology": {"n1": ["n2"], "n2": ["n1"]}});
        assert_eq!(renamed(topology, &names), ours);
    }
}
