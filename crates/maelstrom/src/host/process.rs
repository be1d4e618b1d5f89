//! Real processes: started, signalled, and never left behind.
//!
//! RULES       Each node runs in a process group of its own, so that a signal reaches it and all
//!             its children, and Ctrl-C on the terminal reaches only us. A group dies with its
//!             [`Process`] value, however that is dropped.
//!             If we are killed before we can drop anything, the [`Watchdog`] sees its pipe end and
//!             kills the groups.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::HostError;

/// A program that can be started many times.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    path: PathBuf,
    args: Vec<OsString>,
    settings: &'static [(&'static str, &'static str)],
}

impl Program {
    /// Finds the program: a path, or else a name to look up in PATH.
    pub(crate) fn find(program: &Path, args: &[OsString]) -> Result<Self, HostError> {
        let found = |path: PathBuf| Self { path, args: args.to_vec(), settings: &[] };
        let metadata = match program.metadata() {
            Ok(metadata) => metadata,
            Err(_) if program.components().count() == 1 => {
                return in_path(program)
                    .map(found)
                    .ok_or_else(|| HostError::NoSuchProgram(program.into()));
            }
            Err(_) => return Err(HostError::NoSuchProgram(program.into())),
        };
        let bad =
            |why: &str| Err(HostError::NotExecutable { program: program.into(), why: why.into() });
        if metadata.is_dir() {
            return bad("it is a folder");
        }
        if metadata.permissions().mode() & 0o111 == 0 {
            return bad(&format!("it lacks the permission; try `chmod +x {}`", program.display()));
        }
        // A bare name would be looked up in PATH; an absolute path is what was meant.
        match program.canonicalize() {
            Ok(path) => Ok(found(path)),
            Err(error) => bad(&error.to_string()),
        }
    }

    /// The same program, with these variables in its environment.
    pub(crate) const fn with(mut self, settings: &'static [(&'static str, &'static str)]) -> Self {
        self.settings = settings;
        self
    }

    fn refuse(&self, error: io::Error) -> HostError {
        let why = match (error.kind(), error.raw_os_error()) {
            (io::ErrorKind::NotFound, _) => {
                format!(
                    "the interpreter that its first line names is missing{}",
                    self.interpreter()
                )
            }
            (_, Some(code)) if code == nix::errno::Errno::ENOEXEC as i32 => {
                "it is neither a program nor a script; a script begins with a line like \
                 `#!/usr/bin/env python3`"
                    .into()
            }
            (io::ErrorKind::PermissionDenied, _) => error.to_string(),
            _ => return HostError::Io { what: "start the program", error },
        };
        HostError::NotExecutable { program: self.path.clone(), why }
    }

    fn interpreter(&self) -> String {
        let mut start = [0; 200];
        let read =
            File::open(&self.path).and_then(|mut file| io::Read::read(&mut file, &mut start));
        let line = read.ok().and_then(|length| start[..length].split(|byte| *byte == b'\n').next());
        line.filter(|line| line.starts_with(b"#!"))
            .map_or_else(String::new, |line| format!(": `{}`", crate::protocol::shown(line)))
    }
}

fn in_path(name: &Path) -> Option<PathBuf> {
    let executable = |path: &PathBuf| {
        path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(executable)
}

/// A running program, in a process group of its own, behind three pipes that never block.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    group: Pid,
    reaped: Option<ExitStatus>,
    /// The pipes; `None` once closed.
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<ChildStdout>,
    pub(crate) stderr: Option<ChildStderr>,
}

impl Process {
    /// Starts the program.
    pub(crate) fn spawn(program: &Program, watchdog: &mut Watchdog) -> Result<Self, HostError> {
        let mut child = Command::new(&program.path)
            .args(&program.args)
            .envs(program.settings.iter().copied())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| program.refuse(error))?;
        let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        // From here on the value's drop kills the group, whatever fails.
        let process = Self { child, group, reaped: None, stdin, stdout, stderr };
        let failed = |error| HostError::Io { what: "set up a node's pipes", error };
        watchdog.guard(group).map_err(failed)?;
        unblock(process.stdin.as_ref()).map_err(failed)?;
        unblock(process.stdout.as_ref()).map_err(failed)?;
        unblock(process.stderr.as_ref()).map_err(failed)?;
        Ok(process)
    }

    /// The process group, as the watchdog knows it.
    pub(crate) const fn group(&self) -> Pid {
        self.group
    }

    /// Signals the whole group. A group that is gone already does not mind.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.reaped.is_none() {
            killpg(self.group, signal).ok();
        }
    }

    /// How the program ended, if it did: `status 1`, `signal 9`. Whatever it left behind in its
    /// group is killed.
    pub(crate) fn ended(&mut self) -> Option<String> {
        if self.reaped.is_none() {
            self.reaped = self.child.try_wait().ok().flatten();
            if self.reaped.is_some() {
                killpg(self.group, Signal::SIGKILL).ok();
            }
        }
        self.reaped.map(describe)
    }

    /// Kills the group and waits until the program is gone.
    pub(crate) fn kill(&mut self) {
        if self.reaped.is_none() {
            killpg(self.group, Signal::SIGKILL).ok();
            self.reaped = self.child.wait().ok();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (None, Some(signal)) => {
            let name = Signal::try_from(signal).map_or("?", Signal::as_str);
            format!("signal {signal} ({name})")
        }
        (None, None) => status.to_string(),
    }
}

fn unblock(pipe: Option<&impl AsFd>) -> io::Result<()> {
    if let Some(pipe) = pipe {
        fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    }
    Ok(())
}

/// Asks processes to end, waits a little, and kills those that did not. Returns the positions of
/// those that had to be killed.
pub(crate) fn stop_all(processes: &mut [(usize, Process)], grace: Duration) -> Vec<usize> {
    for (_, process) in &mut *processes {
        process.stdin = None;
        process.signal(Signal::SIGTERM);
        process.signal(Signal::SIGCONT);
    }
    let deadline = Instant::now() + grace;
    loop {
        let running = |(_, process): &mut (usize, Process)| process.ended().is_none();
        let stubborn: Vec<usize> =
            processes.iter_mut().filter_map(|entry| running(entry).then_some(entry.0)).collect();
        if stubborn.is_empty() || Instant::now() >= deadline {
            processes.iter_mut().for_each(|(_, process)| process.kill());
            return stubborn;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Kills the nodes if we die without being able to.
///
/// A shell that waits for its stdin to end. Each line it gets is the whole list of process groups
/// that run now, so that it never kills one that ended and whose number was given to a stranger.
#[derive(Debug)]
pub(crate) struct Watchdog {
    shell: Child,
    groups: BTreeSet<i32>,
}

const WATCH: &str = "trap '' HUP INT TERM
while read -r line; do groups=$line; done
for group in $groups; do kill -9 -$group; done";

impl Watchdog {
    pub(crate) fn start() -> Result<Self, HostError> {
        let shell = Command::new("/bin/sh")
            .args(["-c", WATCH])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| HostError::Io { what: "start /bin/sh as a watchdog", error })?;
        Ok(Self { shell, groups: BTreeSet::new() })
    }

    fn guard(&mut self, group: Pid) -> io::Result<()> {
        self.groups.insert(group.as_raw());
        self.tell()
    }

    /// The group is gone.
    pub(crate) fn release(&mut self, group: Pid) {
        self.groups.remove(&group.as_raw());
        // A watchdog that cannot be told is gone itself, and does no harm.
        self.tell().ok();
    }

    fn tell(&mut self) -> io::Result<()> {
        let mut line: String = self.groups.iter().map(|group| format!("{group} ")).collect();
        line.push('\n');
        match &mut self.shell.stdin {
            Some(pipe) => pipe.write_all(line.as_bytes()),
            None => Ok(()),
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shell.stdin = None;
        self.shell.wait().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, watchdog: &mut Watchdog) -> Process {
        let args = ["-c".into(), script.into()];
        Process::spawn(&Program::find(Path::new("/bin/sh"), &args).unwrap(), watchdog).unwrap()
    }

    /// Whether the group has no process left, but perhaps dead ones that nobody has buried.
    fn is_gone(group: Pid) -> bool {
        let lives = || {
            let ps = Command::new("ps").args(["-A", "-o", "pgid=,stat="]).output().unwrap();
            String::from_utf8(ps.stdout).unwrap().lines().any(|line| {
                let mut fields = line.split_whitespace();
                let (of, state) = (fields.next().unwrap(), fields.next().unwrap());
                of == group.to_string() && !state.starts_with('Z')
            })
        };
        (0..50).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            !lives()
        })
    }

    #[test]
    fn a_dropped_process_takes_its_children_along() {
        let mut watchdog = Watchdog::start().unwrap();
        let process = sh("sleep 1000 & sleep 1000", &mut watchdog);
        let group = process.group();
        drop(process);
        assert!(is_gone(group));
    }

    #[test]
    fn the_watchdog_kills_what_we_leave() {
        let mut watchdog = Watchdog::start().unwrap();
        let mut process = sh("trap '' TERM HUP INT; while :; do sleep 1; done", &mut watchdog);
        drop(watchdog);
        assert!((0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(5));
            process.ended().is_some()
        }));
        assert_eq!(process.ended().unwrap(), "signal 9 (SIGKILL)");
    }

    #[test]
    fn who_ignores_sigterm_is_killed() {
        let mut watchdog = Watchdog::start().unwrap();
        let mut all = vec![
            (0, sh("cat", &mut watchdog)),
            (1, sh("trap '' TERM; while :; do sleep 0.05; done", &mut watchdog)),
        ];
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(stop_all(&mut all, Duration::from_millis(200)), [1]);
        assert!(is_gone(all[1].1.group()));
    }

    #[test]
    fn says_why_a_program_cannot_be_started() {
        let find = |name: &str| Program::find(Path::new(name), &[]).unwrap_err().to_string();
        assert_eq!(find("/no/such"), "there is no program /no/such");
        assert_eq!(find("no-such-program"), "there is no program no-such-program");
        assert_eq!(find("/"), "/ cannot be executed: it is a folder");
        assert!(find("/etc/passwd").contains("chmod +x /etc/passwd"));
        assert!(Program::find(Path::new("sh"), &[]).is_ok());
    }
}
