//! Why a test could not run.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use splitbrain_core::NodeId;

use crate::protocol::Malformed;

/// Why a test could not run, or not to its end. No process is left behind.
#[derive(Debug)]
pub enum HostError {
    /// There is no such program.
    NoSuchProgram(PathBuf),
    /// The file is there and cannot be executed.
    NotExecutable {
        /// The program.
        program: PathBuf,
        /// Why, and what to do.
        why: String,
    },
    /// A process could not be started or watched, for a reason that is not the program's.
    Io {
        /// What was to be done.
        what: &'static str,
        /// Why it failed.
        error: io::Error,
    },
    /// These options cannot be performed.
    Unsupported(String),
    /// A node ended before it had answered its first messages.
    ExitedAtOnce {
        /// Which node.
        node: NodeId,
        /// How it ended: `status 1`, `signal 9`.
        how: String,
        /// The last lines it wrote to stderr, escaped.
        last_words: Vec<String>,
    },
    /// A node printed something that is no message before it had answered its first messages.
    Rubbish {
        /// Which node.
        node: NodeId,
        /// What it printed, and what is wrong with that.
        malformed: Malformed,
    },
    /// A node did not answer `init`, or the workload's first request.
    NoAnswer {
        /// Which node.
        node: NodeId,
        /// To which message.
        to: String,
        /// How long it was waited for.
        waited: Duration,
        /// The last lines it wrote to stderr, escaped.
        last_words: Vec<String>,
    },
    /// A node answered `init`, or the workload's first request, with something else.
    WrongAnswer {
        /// Which node.
        node: NodeId,
        /// To which message.
        to: String,
        /// The body of the answer, escaped.
        answer: String,
    },
    /// A node printed a line that is longer than any message may be.
    HugeLine {
        /// Which node.
        node: NodeId,
        /// The limit, in bytes.
        limit: usize,
    },
    /// A node has sent far more than anyone can read.
    Flood {
        /// Which node.
        node: NodeId,
        /// How much was on its way when the test was stopped, in bytes.
        bytes: usize,
    },
    /// A node closed its stdout and went on running.
    ClosedOutput {
        /// Which node.
        node: NodeId,
    },
}

impl HostError {
    /// The finding that tells of the same thing, for `splitbrain explain`.
    pub const fn id(&self) -> Option<&'static str> {
        match self {
            Self::Rubbish { .. } | Self::HugeLine { .. } => Some("PROTO-MALFORMED"),
            Self::ExitedAtOnce { .. } | Self::ClosedOutput { .. } => Some("PROTO-EXIT"),
            Self::NoAnswer { .. } => Some("PROTO-NO-INIT"),
            Self::WrongAnswer { .. } => Some("NODE-REPLY-WRONG"),
            Self::Flood { .. } => Some("PROTO-FLOOD"),
            Self::NoSuchProgram(_)
            | Self::NotExecutable { .. }
            | Self::Io { .. }
            | Self::Unsupported(_) => None,
        }
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchProgram(program) => write!(f, "there is no program {}", program.display()),
            Self::NotExecutable { program, why } => {
                write!(f, "{} cannot be executed: {why}", program.display())
            }
            Self::Io { what, error } => write!(f, "could not {what}: {error}"),
            Self::Unsupported(why) => f.write_str(why),
            Self::ExitedAtOnce { node, how, last_words } => {
                write!(f, "{node} ended with {how} before it had answered its first message")?;
                words(f, last_words)
            }
            Self::Rubbish { node, malformed } => write!(f, "{node}: {malformed}"),
            Self::NoAnswer { node, to, waited, last_words } => {
                write!(
                    f,
                    "{node} did not answer `{to}` within {waited:?}: expected \
                     {{\"src\":\"{node}\",\"dest\":\"c0\",\"body\":{{\"type\":\"{to}_ok\",\
                     \"in_reply_to\":...}}}} (see Maelstrom's doc/protocol.md). Does it flush its \
                     stdout after each line?"
                )?;
                words(f, last_words)
            }
            Self::WrongAnswer { node, to, answer } => {
                write!(f, "{node} answered `{to}` with `{answer}`, not with `{to}_ok`")
            }
            Self::HugeLine { node, limit } => write!(
                f,
                "{node} printed a line of more than {} MiB; a message is one line (see Maelstrom's \
                 doc/protocol.md)",
                limit >> 20
            ),
            Self::Flood { node, bytes } => write!(
                f,
                "{node} floods the network: {} MiB of its messages wait to be read by others",
                bytes >> 20
            ),
            Self::ClosedOutput { node } => {
                write!(f, "{node} closed its stdout and went on running: it can say nothing more")
            }
        }
    }
}

fn words(f: &mut fmt::Formatter<'_>, last_words: &[String]) -> fmt::Result {
    if last_words.is_empty() {
        return f.write_str("\n    (nothing on stderr)");
    }
    f.write_str("\n    its last words on stderr:")?;
    last_words.iter().try_for_each(|line| write!(f, "\n    {line}"))
}

impl std::error::Error for HostError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            Self::Rubbish { malformed, .. } => Some(malformed),
            _ => None,
        }
    }
}
