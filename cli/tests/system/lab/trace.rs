//! strace, attached to every thread of a process that runs.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::NamedTempFile;

use super::wait::{LONG, holds, until};

/// Long enough for a process that was disturbed to go back to sleep.
const REST: Duration = Duration::from_secs(2);

/// A trace that goes on. Dropping it lets the process go.
pub(crate) struct Trace {
    strace: Child,
    file: NamedTempFile,
}

impl Trace {
    /// Attaches to a process. That wakes its threads, which then go to sleep again: what they do for it is in the trace
    /// when this returns.
    pub(crate) fn attach(process: u32) -> Self {
        let file = NamedTempFile::new().expect("a file in the temporary folder");
        let strace = Command::new("strace")
            .args(["-f", "-q", "-p", &process.to_string(), "-o"])
            .arg(file.path())
            .stdin(Stdio::null())
            .spawn()
            .expect("strace");
        let trace = Self { strace, file };
        let threads = || fs::read_dir(format!("/proc/{process}/task")).expect("the process runs").flatten();
        until("strace attaches to every thread", LONG, || {
            let traced = |status: String| !status.contains("TracerPid:\t0\n");
            holds(threads().all(|thread| fs::read_to_string(thread.path().join("status")).is_ok_and(traced)))
        });
        let mut last = None;
        until("the threads sleep again", LONG, || {
            sleep(REST);
            let calls = trace.text();
            let quiet = last.as_ref() == Some(&calls);
            last = Some(calls);
            holds(quiet)
        });
        trace
    }

    /// Every system call so far, one a line.
    pub(crate) fn text(&self) -> String {
        fs::read_to_string(self.file.path()).expect("our own file")
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.strace), Signal::TERM);
        let _ = self.strace.wait();
    }
}
