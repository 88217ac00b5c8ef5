//! Runs programs to their end, within a bound, and keeps what they said.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, ExitStatus, Stdio};

/// What a program that has ended left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Its output, where nothing but success will do.
    #[track_caller]
    pub(crate) fn success(self) -> String {
        assert!(self.status.success(), "{self:?}");
        self.stdout
    }

    /// What it says about its failure, where nothing but failure will do.
    #[track_caller]
    pub(crate) fn failure(self) -> String {
        assert!(!self.status.success(), "this should have failed: {self:?}");
        self.stderr
    }
}

/// Runs a line of words. No word may hold a space.
#[track_caller]
pub(crate) fn run(line: &str) -> String {
    try_run(line).success()
}

/// Like [`run`], where failing is an answer too.
pub(crate) fn try_run(line: &str) -> Ended {
    finish(bounded().args(line.split_whitespace()))
}

/// A command that is killed after a minute, whose program is the first argument.
pub(crate) fn bounded() -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "60"]);
    command
}

/// Runs a prepared command with nothing on its input.
pub(crate) fn finish(command: &mut Command) -> Ended {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Ended { status: output.status, stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Runs a program with this text on its input.
pub(crate) fn feed(words: &[&str], input: &str) -> Ended {
    let mut child = bounded()
        .args(words.iter().map(OsStr::new))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{words:?}: {error}"));
    if let Some(mut stdin) = child.stdin.take() {
        // A program that refuses early closes its input; what it says about that is in its output.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("{words:?}: {error}"));
    Ended { status: output.status, stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
