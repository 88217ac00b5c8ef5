//! A daemon that runs one interface in a namespace: adit on its own interface, adit on a descriptor that is
//! handed in, or wireguard-go.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::netns::{Netns, unique_interface};
use super::wait::{LONG, holds, until, within};
use super::{needs, tun};

/// Which program, on which kind of interface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// `adit run`, which makes the interface itself.
    Adit,
    /// `adit run --tun-fd`, with a plain TUN descriptor.
    AditOnDescriptor,
    /// The first with these options of `adit run`.
    AditWith(&'static [&'static str]),
    /// The second with these.
    AditOnDescriptorWith(&'static [&'static str]),
    /// The foreign peer, on its own interface.
    WireguardGo,
}

/// A running daemon. Dropping it ends it.
pub(crate) struct Daemon {
    pub interface: String,
    pub netns: Netns,
    child: Child,
    log: File,
}

impl Daemon {
    /// Starts one and waits until its UAPI socket answers.
    pub(crate) fn start(kind: Kind, netns: &Netns) -> Self {
        Self::start_as(kind, netns, &unique_interface())
    }

    /// The same under a name of the caller's.
    pub(crate) fn start_as(kind: Kind, netns: &Netns, interface: &str) -> Self {
        let mut daemon = Self::spawn(command(kind, netns, interface), netns, interface);
        daemon.await_socket();
        daemon
    }

    /// Waits until the UAPI socket answers. Fails if the daemon ends before.
    pub(crate) fn await_socket(&mut self) {
        let socket = socket(&self.interface);
        until(&format!("{} answers", socket.display()), LONG, || {
            if let Some(status) = self.child.try_wait().expect("our child") {
                panic!("the daemon has ended with {status}: {}", self.log());
            }
            holds(UnixStream::connect(&socket).is_ok())
        });
    }

    /// Starts a command that is expected to become a daemon, and waits for nothing.
    pub(crate) fn spawn(mut command: Command, netns: &Netns, interface: &str) -> Self {
        let log = tempfile::tempfile().expect("a file in the temporary folder");
        let writer = || Stdio::from(log.try_clone().expect("a second handle of our file"));
        let child = command.stdout(writer()).stderr(writer()).spawn().expect("ip, of iproute2");
        Self { interface: interface.to_owned(), netns: netns.clone(), child, log }
    }

    /// What it has printed.
    pub(crate) fn log(&mut self) -> String {
        let mut text = String::new();
        self.log.rewind().expect("a file can be rewound");
        self.log.read_to_string(&mut text).expect("the daemon's output is text");
        text
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // A process that has ended is no failure: the caller waits for its end.
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// Waits for the daemon's own end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        until("the daemon ends", LONG, || self.child.try_wait().expect("our child"))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        if within(LONG, || self.child.try_wait().ok().flatten()).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            println!("-- output of {}:\n{log}", self.interface);
        }
    }
}

/// Where a daemon's UAPI socket is.
pub(crate) fn socket(interface: &str) -> PathBuf {
    Path::new("/var/run/wireguard").join(format!("{interface}.sock"))
}

/// A daemon's socket out of sight, so that nobody who asks every interface wakes it. Dropping this puts it back.
pub(crate) struct HiddenSocket {
    shown: PathBuf,
    hidden: PathBuf,
}

impl HiddenSocket {
    pub(crate) fn of(daemon: &Daemon) -> Self {
        let shown = socket(&daemon.interface);
        let hidden = shown.with_extension("hidden");
        fs::rename(&shown, &hidden).expect("the socket is there");
        Self { shown, hidden }
    }
}

impl Drop for HiddenSocket {
    fn drop(&mut self) {
        let _ = fs::rename(&self.hidden, &self.shown);
    }
}

/// Fails unless neither socket nor interface of this name is there, nor a process in the namespace.
#[track_caller]
pub(crate) fn assert_nothing_left(netns: &Netns, interface: &str) {
    assert!(!socket(interface).exists(), "{} is left behind", socket(interface).display());
    assert!(!netns.has_interface(interface), "the interface {interface} is left behind");
    assert_eq!(netns.processes(), Vec::<String>::new(), "processes are left behind");
}

fn command(kind: Kind, netns: &Netns, interface: &str) -> Command {
    match kind {
        Kind::Adit => command(Kind::AditWith(&[]), netns, interface),
        Kind::AditWith(options) => {
            let mut command = netns.command(needs::adit());
            command.args(["run", "-f"]).args(options).arg(interface).stdin(Stdio::null());
            command
        }
        Kind::AditOnDescriptor => command(Kind::AditOnDescriptorWith(&[]), netns, interface),
        Kind::AditOnDescriptorWith(options) => {
            // The descriptor goes in as the shell's input, and on from there under a number of its own.
            let mut command = netns.command("sh");
            command
                .args(["-c", "exec \"$0\" run -f --tun-fd 3 \"$@\" 3<&0 0</dev/null"])
                .arg(needs::adit())
                .args(options)
                .arg(interface)
                .stdin(Stdio::from(tun::open(netns, interface)));
            command
        }
        Kind::WireguardGo => {
            let mut command = netns.command(needs::wireguard_go().expect("the test says that it needs it"));
            command.args(["-f", interface]).stdin(Stdio::null());
            command
        }
    }
}
