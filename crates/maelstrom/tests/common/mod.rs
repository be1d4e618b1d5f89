//! What the tests of real programs share: finding tools, writing small nodes, looking for orphans.

#![allow(dead_code, reason = "each test file uses its own part")]
#![expect(clippy::disallowed_methods, reason = "these tests run real programs")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Whether `tool` can be run. Where it cannot, the test is skipped, and says so; with
/// `SPLITBRAIN_REQUIRE_TOOLS` set it fails.
pub(crate) fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok_and(|out| out.status.success());
    if !found {
        assert!(std::env::var_os("SPLITBRAIN_REQUIRE_TOOLS").is_none(), "{tool} is not installed");
        eprintln!("skipped: {tool} is not installed");
    }
    found
}

/// A node from `demos/python`.
pub(crate) fn python(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demos/python").join(name)
}

/// A file of this test run alone, which holds a shell script.
///
/// The script begins with a function `init`, which answers the first message as a node must.
pub(crate) fn script(name: &str, body: &str) -> PathBuf {
    const INIT: &str = r##"#!/bin/sh
init() {
    read -r line
    id=${line#*\"msg_id\":}; id=${id%%,*}
    me=${line#*\"node_id\":\"}; me=${me%%\"*}
    say c0 "{\"type\":\"init_ok\",\"in_reply_to\":$id}"
}
say() { printf '{"src":"%s","dest":"%s","body":%s}\n' "$me" "$1" "$2"; }
"##;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("{name}-{}", std::process::id()));
    fs::write(&path, format!("{INIT}{body}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Fails if a process with `mark` among its arguments is still alive after a moment.
pub(crate) fn assert_gone(mark: &str) {
    let alive = || {
        let ps = Command::new("ps").args(["-A", "-o", "stat=,args="]).output().unwrap();
        let text = String::from_utf8_lossy(&ps.stdout).into_owned();
        text.lines()
            .filter(|line| line.contains(mark) && !line.trim_start().starts_with('Z'))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    for _ in 0..100 {
        if alive().is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("left behind: {:?}", alive());
}
