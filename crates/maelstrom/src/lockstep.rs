//! Lockstep: processes in the simulator's time.
//!
//! PROBLEM     A program on a real clock fails once, and never again.
//! IDEA        A program that takes its time from its messages, and says when it is done with one,
//!             is a function with a pipe at each end. The simulator can call it: then every fault,
//!             replay and shrinking are had for nothing, in any language.
//! RULES       The protocol is LOCKSTEP.md. One line goes in, lines come out up to the yield; what
//!             the program wants to be woken for is the one timer it has.
//! CAVEATS     No disk: a crash loses everything. A crash in the middle of a handler is a crash in
//!             the middle of its messages.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Deserialize;
use splitbrain_core::workload::{Topology, Workload};
use splitbrain_core::{
    Described, DiskLoss, Fingerprint, Key, MessageText, NodeId, OperationId, ProcessId, RequestId,
    Stamp, Time, Verdict,
};
use splitbrain_sim::{
    Act, Ask, Clients, Clocks, Cluster, Failure, Input, Judging, Latency, Planned, Recipe,
    RecipeError, Slot, Subject,
};

use crate::answer;
use crate::host::HostError;
use crate::host::process::{Process, Program, Watchdog};
use crate::host::seat::Words;
use crate::protocol::{Envelope, Head, Init, shown, with_field};
use crate::service::{Service, Services};

/// How long a program may take over one line, in real time.
const YIELD_MAX: Duration = Duration::from_secs(10);
/// No line is longer, and no more is printed in answer to one line.
const ANSWER_MAX: usize = 16 << 20;
/// The timer that wakes the program; the others are answers of services.
const WAKE: Slot = 0;
/// The number of our own messages to a node.
const INIT_ID: u64 = 1;
const SETUP_ID: u64 = 2;

/// A program in lockstep, as a subject of the simulator.
#[derive(Debug)]
pub struct Lockstep<W: Workload> {
    program: Program,
    name: String,
    judging: Judging<W>,
    /// The folder for what each node writes to stderr, if it is to be kept. One run at a time then.
    pub log_dir: Option<PathBuf>,
}

impl<W: Workload> Lockstep<W> {
    /// The program, if it agrees to lockstep: it is started once, to ask.
    ///
    /// # Errors
    /// When it cannot be started, or does not agree.
    pub fn new(program: &Path, args: &[OsString], judging: Judging<W>) -> Result<Self, HostError> {
        let found = Program::find(program, args)?.with(&[("PYTHONHASHSEED", "0")]);
        let mut seat = Seat::new(None);
        let mut watchdog = Watchdog::start()?;
        let talker = Talker::start(&found, &mut watchdog)?;
        seat.talker = Some(talker);
        let init = init_line(NodeId(0), 1, 0, 0);
        let asked = seat.exchange(&init).map_err(|failure| {
            HostError::Unsupported(format!(
                "{} does not speak lockstep (see crates/maelstrom/LOCKSTEP.md): {failure}",
                program.display()
            ))
        });
        drop(seat);
        drop(watchdog);
        asked?;
        let name = program.display().to_string();
        Ok(Self { program: found, name, judging, log_dir: None })
    }
}

impl<W: Workload> Subject for Lockstep<W> {
    fn name(&self) -> &str {
        &self.name
    }

    fn workload(&self) -> &'static str {
        W::NAME
    }

    fn cluster(&self, recipe: &Recipe) -> Result<Box<dyn Cluster>, RecipeError> {
        let broken = |error: HostError| RecipeError::Config(error.to_string());
        let key = recipe.key().derive(PROCESSES);
        let seats = NodeId::all(recipe.config.nodes).map(|node| {
            let log = self.log_dir.as_ref().map(|folder| {
                std::fs::create_dir_all(folder)?;
                File::create(folder.join(format!("{node}.log")))
            });
            let log = log.transpose().map_err(|error| {
                RecipeError::Config(format!("could not make the log of {node}: {error}"))
            })?;
            Ok(Seat::new(log))
        });
        Ok(Box::new(Processes {
            program: self.program.clone(),
            watchdog: Watchdog::start().map_err(broken)?,
            seats: seats.collect::<Result<_, RecipeError>>()?,
            clients: Clients::new(recipe, self.judging, &[])?,
            messages: BTreeMap::new(),
            next_message: 0,
            services: Services::new(key.derive(0).rng()),
            latency: recipe.config.links.latency,
            topology: recipe.config.topology,
            key: key.derive(1),
        }))
    }
}

/// The streams of randomness of processes and services; the simulator's own have small numbers.
const PROCESSES: u64 = 1_000;

/// A cluster of processes in lockstep.
struct Processes<W: Workload> {
    program: Program,
    // Before the watchdog: what is dropped first needs no watching.
    seats: Vec<Seat>,
    watchdog: Watchdog,
    clients: Clients<W>,
    /// Bodies of messages on their way.
    messages: BTreeMap<Slot, String>,
    next_message: Slot,
    services: Services,
    latency: Latency,
    topology: Topology,
    key: Key,
}

/// One node: its process while it is up, and what outlives it.
struct Seat {
    talker: Option<Talker>,
    words: Words,
    boots: u64,
    /// What it was last told the time is, and when it wants to be woken.
    told_ms: u64,
    wake_ms: u64,
    /// Answers of services that are on their way.
    answers: BTreeMap<Slot, (Service, String)>,
}

/// A process that answers each line up to a yield.
struct Talker {
    process: Process,
    /// What was read and not yet understood.
    heard: Vec<u8>,
}

/// What a program printed in answer to one line.
struct Yielded {
    lines: Vec<String>,
    wake_ms: Option<u64>,
}

fn protocol(id: &'static str, sentence: impl Into<String>) -> Failure {
    Failure::Protocol(id, sentence.into())
}

impl<W: Workload> Processes<W> {
    fn count(&self) -> u16 {
        u16::try_from(self.seats.len()).unwrap_or(u16::MAX)
    }

    /// Starts a node's process; returns the line that introduces it.
    fn start(&mut self, node: NodeId, now_ms: u64) -> Result<String, Failure> {
        let talker = Talker::start(&self.program, &mut self.watchdog)
            .map_err(|error| protocol("PROTO-EXIT", error.to_string()))?;
        let count = self.count();
        let seat = &mut self.seats[node.index()];
        seat.talker = Some(talker);
        seat.boots += 1;
        let seed = self.key.derive(u64::from(node.0)).at(seat.boots) >> 16;
        Ok(init_line(node, count, now_ms, seed))
    }

    /// The line that an input is for the program; `None` if there is nothing to say.
    fn line(&mut self, node: NodeId, input: Input, now_ms: u64) -> Result<Option<String>, Failure> {
        let say = |src: &str, body: &str| Ok(Some(line(src, node, now_ms, body)));
        match input {
            Input::Start => self.start(node, now_ms).map(Some),
            Input::Setup => match W::setup(node, self.count(), self.topology) {
                Some(request) => say("c0", &with_id(&request, SETUP_ID)),
                None => Ok(None),
            },
            Input::Request(operation) => {
                let client = self.clients.history().operations[operation.index()].process;
                let request = self.clients.request(operation);
                say(&client.to_string(), &with_id(request, u64::from(operation.0) + 1))
            }
            Input::Message { from, message, keep } => {
                let body = match keep {
                    true => self.messages.get(&message).cloned(),
                    false => self.messages.remove(&message),
                };
                body.map_or(Ok(None), |body| say(&from.to_string(), &body))
            }
            Input::Timer(WAKE) => say("c0", r#"{"type":"wake"}"#),
            Input::Timer(slot) => match self.seats[node.index()].answers.remove(&slot) {
                Some((service, body)) => say(service.name(), &body),
                None => Ok(None),
            },
        }
    }

    /// What one line of a program asks for.
    fn act(&mut self, node: NodeId, line: &str) -> Result<Option<Act>, Failure> {
        let malformed = |error: crate::protocol::Malformed| {
            protocol("PROTO-MALFORMED", format!("{node}: {error}"))
        };
        let envelope = Envelope::parse(line.as_bytes()).map_err(malformed)?;
        let body = envelope.body.get();
        if let Ok(to) = envelope.dest.parse::<NodeId>() {
            return Ok(Some(self.send(to, body)));
        }
        if let Some(service) = Service::named(&envelope.dest) {
            let answer = self.services.handle(service, &envelope.src, body);
            return Ok(Some(self.answer_later(node, service, answer)));
        }
        let head = envelope.head().map_err(malformed)?;
        if envelope.dest == "c0" {
            let expected = match head.in_reply_to {
                Some(INIT_ID) => "init_ok",
                _ => return Ok(None),
            };
            return if head.kind == expected {
                Ok(None)
            } else {
                Err(protocol(
                    "NODE-REPLY-WRONG",
                    format!("{node}: it answered `init` with `{}`", shown(body.as_bytes())),
                ))
            };
        }
        self.reply(node, &envelope.dest, &head, body).map(Some)
    }

    fn send(&mut self, to: NodeId, body: &str) -> Act {
        let (hash, _) = Fingerprint::of(body);
        let message = self.next_message;
        self.next_message += 1;
        self.messages.insert(message, body.into());
        Act::Send { to, message, hash, bytes: body.len() as u64, source: None }
    }

    /// A service answers after the time of two messages. Its answer is a timer of the node: a crash
    /// loses it.
    fn answer_later(&mut self, node: NodeId, service: Service, answer: String) -> Act {
        let answers = &mut self.seats[node.index()].answers;
        let timer = (WAKE + 1..).find(|slot| !answers.contains_key(slot)).unwrap_or(Slot::MAX);
        answers.insert(timer, (service, answer));
        let (low, high) = (self.latency.floor(), self.latency.bound());
        Act::SetTimer { timer, low: low.saturating_mul(2), high: high.saturating_mul(2) }
    }

    fn reply(
        &mut self,
        node: NodeId,
        dest: &str,
        head: &Head<'_>,
        body: &str,
    ) -> Result<Act, Failure> {
        let operations = &self.clients.history().operations;
        let number = head.in_reply_to.and_then(|id| id.checked_sub(1));
        let asked = number.and_then(|id| operations.get(usize::try_from(id).ok()?));
        let (Some(number), Some(asked)) = (number, asked) else {
            let known = dest.strip_prefix('c').is_some_and(|rest| rest.parse::<u32>().is_ok());
            let id = if known { "PROTO-REPLY" } else { "PROTO-UNKNOWN-DEST" };
            let what = shown(body.as_bytes());
            let sentence = if known {
                format!("{node}: its message to {dest} answers nothing: `{what}`")
            } else {
                format!("{node}: it sent `{what}` to {dest:?}, and there is no such node")
            };
            return Err(protocol(id, sentence));
        };
        if asked.process.to_string() != dest {
            let client = asked.process;
            let sentence =
                format!("{node}: it answers message {} of {client} to {dest}", number + 1);
            return Err(protocol("PROTO-REPLY", sentence));
        }
        let answer = answer::read::<W>(&asked.request, head, body)
            .map_err(|why| protocol("NODE-REPLY-WRONG", format!("{node}: {why}")))?;
        let (hash, _) = Fingerprint::of(body);
        let sequence = u32::try_from(number).unwrap_or(u32::MAX);
        let request = RequestId { client: asked.process.0, sequence };
        let (answer, kind) = self.clients.keep(answer);
        Ok(Act::Reply { request, answer, kind, hash, source: None })
    }
}

/// A line for the program.
fn line(src: &str, dest: NodeId, now_ms: u64, body: &str) -> String {
    format!("{{\"src\":\"{src}\",\"dest\":\"{dest}\",\"now_ms\":{now_ms},\"body\":{body}}}\n")
}

fn with_id(request: &impl serde::Serialize, msg_id: u64) -> String {
    with_field(serde_json::to_string(request).unwrap_or_else(|_| "{}".into()), "msg_id", msg_id)
}

fn init_line(node: NodeId, count: u16, now_ms: u64, seed: u64) -> String {
    let init = Init {
        msg_id: INIT_ID,
        node_id: node.to_string(),
        node_ids: NodeId::all(count).map(|node| node.to_string()).collect(),
        lockstep: true,
        seed: Some(seed),
    };
    line("c0", node, now_ms, &serde_json::to_string(&init).unwrap_or_default())
}

impl Seat {
    const fn new(log: Option<File>) -> Self {
        Self {
            talker: None,
            words: Words::new(log),
            boots: 0,
            told_ms: 0,
            wake_ms: 0,
            answers: BTreeMap::new(),
        }
    }

    /// What the time is, for the program. A wake comes when the program's clock shows what it asked
    /// for: a drifting clock may be a rounding error short of that.
    fn tell(&mut self, input: Input, now: Time) -> u64 {
        let asked = if input == Input::Timer(WAKE) { self.wake_ms } else { 0 };
        self.told_ms = self.told_ms.max(now.as_millis()).max(asked);
        self.told_ms
    }

    /// Says one line to the program, and hears it out.
    fn exchange(&mut self, line: &str) -> Result<Yielded, Failure> {
        let Some(talker) = &mut self.talker else {
            return Err(protocol("PROTO-EXIT", "it is not running"));
        };
        talker.exchange(line.as_bytes(), &mut self.words).map_err(|silence| match silence {
            Silence::Ended(how) => {
                let words = self.words.last();
                let words = match &*words {
                    [] => "it wrote nothing to stderr".into(),
                    lines => format!("its last words on stderr: {}", lines.join(" / ")),
                };
                protocol("PROTO-EXIT", format!("it ended with {how}; {words}"))
            }
            Silence::Refused => protocol(
                "PROTO-YIELD",
                "it answered `init` without `\"lockstep\":true`: it runs in real time only",
            ),
            Silence::TooLong => protocol(
                "PROTO-YIELD",
                format!(
                    "it did not yield within {} s of `{}`",
                    YIELD_MAX.as_secs(),
                    line.trim_end()
                ),
            ),
            Silence::TooMuch => protocol(
                "PROTO-FLOOD",
                format!("it printed more than {} MiB in answer to one line", ANSWER_MAX >> 20),
            ),
            Silence::AfterYield(line) => protocol(
                "PROTO-YIELD",
                format!("it went on printing after its yield: `{}`", shown(&line)),
            ),
            Silence::BadYield(line, why) => protocol(
                "PROTO-YIELD",
                format!(
                    "its yield `{}` is not one: {why}; expected \
                     {{\"body\":{{\"type\":\"yield\",\"wake_ms\":180}}}}, or null",
                    shown(&line)
                ),
            ),
        })
    }
}

/// Why a program was not heard out.
enum Silence {
    Refused,
    Ended(String),
    TooLong,
    TooMuch,
    AfterYield(Vec<u8>),
    BadYield(Vec<u8>, String),
}

impl Talker {
    fn start(program: &Program, watchdog: &mut Watchdog) -> Result<Self, HostError> {
        Ok(Self { process: Process::spawn(program, watchdog)?, heard: Vec::new() })
    }

    fn exchange(&mut self, line: &[u8], words: &mut Words) -> Result<Yielded, Silence> {
        if !self.heard.is_empty() {
            return Err(Silence::AfterYield(std::mem::take(&mut self.heard)));
        }
        let deadline = Instant::now() + YIELD_MAX;
        let (mut unsaid, mut searched) = (line, 0);
        let mut lines = Vec::new();
        loop {
            self.wait(!unsaid.is_empty(), deadline.saturating_duration_since(Instant::now()));
            words.read(&mut self.process.stderr, |_| {});
            if let Some(pipe) = self.process.stdin.as_mut().filter(|_| !unsaid.is_empty()) {
                // A program that does not read has ended, or is too slow: both are noticed below.
                unsaid = &unsaid[pipe.write(unsaid).unwrap_or(0)..];
            }
            let open = self.read();
            while let Some(end) = self.heard[searched..].iter().position(|byte| *byte == b'\n') {
                let rest = self.heard.split_off(searched + end + 1);
                let mut line = std::mem::replace(&mut self.heard, rest);
                line.pop();
                searched = 0;
                if let Some(wake_ms) = read_yield(&line)? {
                    return Ok(Yielded { lines, wake_ms });
                }
                if refuses(&line) {
                    return Err(Silence::Refused);
                }
                lines.push(String::from_utf8_lossy(&line).into_owned());
            }
            searched = self.heard.len();
            if self.heard.len() + lines.iter().map(String::len).sum::<usize>() > ANSWER_MAX {
                return Err(Silence::TooMuch);
            }
            if !open {
                return Err(self.ended(words, deadline));
            }
            if Instant::now() >= deadline {
                return Err(Silence::TooLong);
            }
        }
    }

    /// Waits until a pipe is ready.
    fn wait(&self, to_say: bool, patience: Duration) {
        let mut fds = Vec::with_capacity(3);
        if let Some(pipe) = self.process.stdin.as_ref().filter(|_| to_say) {
            fds.push(PollFd::new(pipe.as_fd(), PollFlags::POLLOUT));
        }
        if let Some(pipe) = &self.process.stdout {
            fds.push(PollFd::new(pipe.as_fd(), PollFlags::POLLIN));
        }
        if let Some(pipe) = &self.process.stderr {
            fds.push(PollFd::new(pipe.as_fd(), PollFlags::POLLIN));
        }
        let millis = u16::try_from(patience.as_millis()).unwrap_or(u16::MAX);
        // An interrupted wait is a short wait.
        poll(&mut fds, PollTimeout::from(millis)).ok();
    }

    /// Reads what there is; says whether there can be more.
    fn read(&mut self) -> bool {
        let Some(pipe) = &mut self.process.stdout else { return false };
        let mut chunk = [0; 16 << 10];
        loop {
            match pipe.read(&mut chunk) {
                Ok(length) if length > 0 => {
                    self.heard.extend_from_slice(&chunk[..length]);
                    if length < chunk.len() {
                        return true;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Ok(_) | Err(_) => {
                    self.process.stdout = None;
                    return false;
                }
            }
        }
    }

    /// Its stdout has ended: how has the program?
    fn ended(&mut self, words: &mut Words, deadline: Instant) -> Silence {
        loop {
            words.read(&mut self.process.stderr, |_| {});
            if let Some(how) = self.process.ended() {
                return Silence::Ended(how);
            }
            if Instant::now() >= deadline {
                return Silence::TooLong;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Whether a program answers `init`, and says nothing of lockstep: it will never yield.
fn refuses(line: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        #[serde(default)]
        lockstep: bool,
    }
    let body = Envelope::parse(line).map(|envelope| envelope.body.get());
    let answer = body.ok().and_then(|body| serde_json::from_str::<Answer<'_>>(body).ok());
    answer.is_some_and(|answer| answer.kind == "init_ok" && !answer.lockstep)
}

/// The time to wake at, if the line is a yield.
fn read_yield(line: &[u8]) -> Result<Option<Option<u64>>, Silence> {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
    }
    #[derive(Deserialize)]
    struct Wake {
        wake_ms: Option<u64>,
    }
    #[derive(Deserialize)]
    struct Line<B> {
        body: B,
    }
    match serde_json::from_slice::<Line<Kind<'_>>>(line) {
        Ok(Line { body: Kind { kind: "yield" } }) => {}
        _ => return Ok(None),
    }
    match serde_json::from_slice::<Line<Wake>>(line) {
        Ok(Line { body: Wake { wake_ms } }) => Ok(Some(wake_ms)),
        Err(error) => Err(Silence::BadYield(line.into(), error.to_string())),
    }
}

impl<W: Workload> Cluster for Processes<W> {
    fn handle(
        &mut self,
        node: NodeId,
        input: Input,
        clocks: Clocks,
        acts: &mut Vec<Act>,
    ) -> Result<(), Failure> {
        let now_ms = self.seats[node.index()].tell(input, clocks.now);
        let Some(line) = self.line(node, input, now_ms)? else { return Ok(()) };
        let named = |failure| match failure {
            Failure::Protocol(id, sentence) if !sentence.starts_with(&node.to_string()) => {
                Failure::Protocol(id, format!("{node}: {sentence}"))
            }
            other => other,
        };
        let Yielded { lines, wake_ms } = self.seats[node.index()].exchange(&line).map_err(named)?;
        for line in &lines {
            acts.extend(self.act(node, line)?);
        }
        self.seats[node.index()].wake_ms = wake_ms.unwrap_or(0);
        acts.push(match wake_ms {
            None => Act::CancelTimer(WAKE),
            Some(wake_ms) => {
                let wake = Time::ZERO + Duration::from_millis(wake_ms);
                let after = wake.as_nanos().saturating_sub(clocks.now.as_nanos());
                Act::SetTimer { timer: WAKE, low: after, high: after }
            }
        });
        Ok(())
    }

    fn has_setup(&self) -> bool {
        W::setup(NodeId(0), self.count(), self.topology).is_some()
    }

    fn synced(&mut self, _: NodeId, _: u32) {}

    fn crash(&mut self, node: NodeId, _: u32, _: DiskLoss) -> u32 {
        let seat = &mut self.seats[node.index()];
        if let Some(mut talker) = seat.talker.take() {
            talker.process.kill();
            self.watchdog.release(talker.process.group());
        }
        seat.answers.clear();
        0
    }

    fn rot(&mut self, _: NodeId, _: u64) {}

    fn copy(&mut self, message: Slot) -> Slot {
        let Some(body) = self.messages.get(&message).cloned() else { return message };
        let copy = self.next_message;
        self.next_message += 1;
        self.messages.insert(copy, body);
        copy
    }

    fn forget(&mut self, message: Slot) {
        self.messages.remove(&message);
    }

    fn message(&self, message: Slot) -> MessageText {
        let Some(body) = self.messages.get(&message) else { return MessageText::default() };
        let label = Head::parse(body).map_or_else(|_| "message".into(), |it| it.kind.into_owned());
        MessageText { label, body: body.clone() }
    }

    fn answer(&self, answer: Slot) -> MessageText {
        self.clients.answer(answer)
    }

    fn timer(&self, node: NodeId, timer: Slot) -> String {
        match self.seats[node.index()].answers.get(&timer) {
            Some((service, _)) => format!("answer of {}", service.name()),
            None => "wake".into(),
        }
    }

    fn invoke(
        &mut self,
        ask: Ask<'_>,
        node: NodeId,
        process: ProcessId,
        invoked: Stamp,
    ) -> Option<OperationId> {
        self.clients.invoke(ask, node, process, invoked)
    }

    fn complete(&mut self, operation: OperationId, at: Stamp, answer: Option<Slot>) {
        self.clients.complete(operation, at, answer);
    }

    fn has_follow_up(&self, operation: OperationId) -> bool {
        self.clients.has_follow_up(operation)
    }

    fn is_query(&self, operation: OperationId) -> bool {
        self.clients.is_query(operation)
    }

    fn operation(&self, operation: OperationId) -> Described {
        self.clients.describe(operation)
    }

    fn request(&self, planned: &Planned) -> Option<serde_json::Value> {
        serde_json::to_value(self.clients.request_of(planned)?).ok()
    }

    fn judge(&self) -> Verdict {
        self.clients.judge()
    }

    fn history(&self) -> String {
        self.clients.write()
    }
}
