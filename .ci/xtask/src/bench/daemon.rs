//! A daemon of any implementation, and other processes that end with what they are for.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use super::implementation::{Implementation, Kind, Start};
use super::netns::Netns;
use super::plain_tun;
use super::wait::{holds, until};
use crate::error::Error;

/// The number that the first end's daemon finds its descriptor under; the second's has the next. boringtun calls its
/// interface by it, so that they must differ.
const DESCRIPTOR: u32 = 3;

/// A daemon that runs one interface.
pub(super) struct Daemon {
    /// What the kernel calls the interface.
    pub interface: String,
    /// What `wg` calls it.
    pub configured_as: String,
    // It ends before its socket goes.
    running: Running,
    socket: Socket,
}

impl Daemon {
    /// Of the first end, 0, or of the second; what it says goes to the end of a file.
    pub(super) fn start(
        who: &Implementation,
        kind: Kind,
        end: u32,
        netns: &Netns,
        log: &Path,
    ) -> Result<Self, Error> {
        let interface = unique_interface();
        let failed = |error| Error::File { path: log.display().to_string(), error };
        let log = File::options().create(true).append(true).open(log).map_err(failed)?;
        let second_log = log.try_clone().map_err(failed)?;
        let program = who.program.to_string_lossy();
        let (mut command, start) = match kind {
            Kind::Own => {
                let mut command = netns.process(&program);
                command.stdin(Stdio::null());
                (command, who.name.start(&interface, None))
            }
            Kind::Plain => {
                let number = DESCRIPTOR + end;
                let mut command = with_descriptor(netns, &program, number);
                command.stdin(plain_tun::open(&netns.file(), &interface)?);
                (command, who.name.start(&interface, Some(number)))
            }
        };
        let Start { arguments: [before, after], variables, interface: configured_as } = start;
        command.args(before).arg(&configured_as).args(after).envs(variables);
        command.stdout(log).stderr(second_log);
        let running = Running::spawn(who.name.text(), &mut command)?;
        let socket = Socket::of(&configured_as);
        Ok(Self { interface, configured_as, running, socket })
    }

    pub(super) fn process(&self) -> u32 {
        self.running.0.id()
    }

    /// Takes its socket out of sight for good, so that nobody on this machine who asks every interface wakes it.
    pub(super) fn hide(&mut self) -> Result<(), Error> {
        let hidden = self.socket.0.with_extension("hidden");
        fs::rename(&self.socket.0, &hidden)
            .map_err(|error| Error::File { path: self.socket.0.display().to_string(), error })?;
        self.socket.0 = hidden;
        Ok(())
    }

    /// Waits until `wg` can talk to it.
    pub(super) fn await_socket(&mut self) -> Result<(), Error> {
        let socket = &self.socket.0;
        until(&format!("{}", socket.display()), || {
            if let Ok(Some(status)) = self.running.0.try_wait() {
                return Err(Error::Ended { status });
            }
            holds(UnixStream::connect(socket).is_ok())
        })
    }
}

/// Where `wg` finds a daemon. gotatun leaves it behind, so that dropping this removes it.
struct Socket(PathBuf);

impl Socket {
    fn of(interface: &str) -> Self {
        Self(Path::new("/var/run/wireguard").join(format!("{interface}.sock")))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Most daemons have removed it.
        let _ = fs::remove_file(&self.0);
    }
}

/// A program whose input, a descriptor, goes on under a number of its own.
fn with_descriptor(netns: &Netns, program: &str, number: u32) -> Command {
    let mut shell = netns.process("sh");
    shell.args(["-c", &format!("exec \"$0\" \"$@\" {number}<&0 0</dev/null"), program]);
    shell
}

/// A process that is asked to end when this is dropped.
pub(super) struct Running(Child);

impl Running {
    pub(super) fn spawn(program: &str, command: &mut Command) -> Result<Self, Error> {
        command.spawn().map(Self).map_err(|error| Error::started(program, error))
    }

    /// What it writes, if that is a pipe.
    pub(super) fn output(&mut self) -> Option<&mut ChildStdout> {
        self.0.stdout.as_mut()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already is left alone: its number may be another's.
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        if until("the end", || Ok(self.0.try_wait().ok().flatten())).is_err() {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// Unlike any other's on this machine: sockets of daemons are found by it, in whichever namespace they are.
fn unique_interface() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("adb{:x}n{:x}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
