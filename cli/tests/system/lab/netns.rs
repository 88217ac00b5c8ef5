//! Network namespaces, and cables between them.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::command::{self, Ended, finish, run, try_run};
use super::wait::{LONG, holds, until, within};

/// What every name begins with that these tests leave on the machine if they are killed.
const PREFIX: &str = "adit-test-";

/// Where `ip netns exec` finds files that replace those of `/etc` in one namespace.
const ETC: &str = "/etc/netns";

/// A namespace of the network. Clones name the same one; the last one deletes it and ends what runs in it.
#[derive(Clone)]
pub(crate) struct Netns(Arc<Handle>);

struct Handle {
    name: String,
}

impl Netns {
    /// A fresh one with nothing but its loopback.
    pub(crate) fn new() -> Self {
        let name = format!("{PREFIX}{}-{}", std::process::id(), next());
        run(&format!("ip netns add {name}"));
        let netns = Self(Arc::new(Handle { name }));
        netns.run("ip link set lo up");
        netns
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// Runs a line of words in it.
    #[track_caller]
    pub(crate) fn run(&self, line: &str) -> String {
        self.try_run(line).success()
    }

    /// Like [`Netns::run`], where failing is an answer too.
    pub(crate) fn try_run(&self, line: &str) -> Ended {
        finish(command::bounded().args(self.enter()).args(line.split_whitespace()))
    }

    /// A program that is to live in it for longer. The process is the program's own.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let [ip, netns, exec, name] = self.enter();
        let mut command = Command::new(ip);
        command.args([netns, exec, name]).arg(program);
        command
    }

    /// Lets what starts in it from now on find this name at this address.
    pub(crate) fn knows(&self, name: &str, address: &str) {
        let folder = Path::new(ETC).join(self.name());
        fs::create_dir_all(&folder).expect("root writes to /etc");
        fs::write(folder.join("hosts"), format!("127.0.0.1 localhost\n{address} {name}\n"))
            .expect("our own folder");
    }

    fn enter(&self) -> [&str; 4] {
        ["ip", "netns", "exec", self.name()]
    }

    /// Runs a function on a thread that sees this namespace's network.
    pub(crate) fn inside<T: Send>(&self, function: impl FnOnce() -> T + Send) -> T {
        let namespace =
            File::open(Path::new("/var/run/netns").join(self.name())).expect("the namespace's file");
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                move_into_link_name_space(
                    std::os::fd::AsFd::as_fd(&namespace),
                    Some(LinkNameSpaceType::Network),
                )
                .expect("root may enter a namespace");
                function()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Whether it has an interface of this name.
    pub(crate) fn has_interface(&self, interface: &str) -> bool {
        self.try_run(&format!("ip link show dev {interface}")).status.success()
    }

    /// The processes that live in it.
    pub(crate) fn processes(&self) -> Vec<String> {
        run(&format!("ip netns pids {}", self.name())).lines().map(str::to_owned).collect()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let processes = || try_run(&format!("ip netns pids {}", self.name)).stdout;
        for signal in ["TERM", "KILL"] {
            processes().lines().for_each(|process| drop(try_run(&format!("kill -{signal} {process}"))));
            if within(Duration::from_secs(5), || holds(processes().is_empty())).is_some() {
                break;
            }
        }
        try_run(&format!("ip netns delete {}", self.name));
        // Most have none.
        let _ = fs::remove_dir_all(Path::new(ETC).join(&self.name));
        // Fails, as it should, while other namespaces have theirs.
        let _ = fs::remove_dir(ETC);
    }
}

/// An end of a cable: the interface's name and the addresses it gets.
pub(crate) struct Plug<'a> {
    pub netns: &'a Netns,
    pub interface: &'a str,
    pub v4: &'a str,
    pub v6: &'a str,
}

/// Joins two namespaces. IPv6 passes about two seconds later: [`await_ping`] waits for it.
pub(crate) fn cable(left: &Plug<'_>, right: &Plug<'_>, mtu: u16) {
    run(&format!(
        "ip link add {} netns {} mtu {mtu} type veth peer name {} netns {} mtu {mtu}",
        left.interface,
        left.netns.name(),
        right.interface,
        right.netns.name()
    ));
    for Plug { netns, interface, v4, v6 } in [left, right] {
        netns.run(&format!("ip address add {v4}/24 dev {interface}"));
        netns.run(&format!("ip address add {v6}/64 dev {interface} nodad"));
        netns.run(&format!("ip link set {interface} up"));
    }
}

/// Waits until an address answers.
pub(crate) fn await_ping(from: &Netns, address: &str) {
    until(&format!("{address} answers"), LONG, || {
        holds(from.try_run(&format!("ping -c 1 -W 1 {address}")).status.success())
    });
}

/// Pings an address five times and wants every answer. Each goes alone: of several, ping waits for the last only about
/// as long as the others took, which on a busy machine is a matter of luck.
#[track_caller]
pub(crate) fn ping(from: &Netns, address: &str) {
    for _ in 0..5 {
        from.run(&format!("ping -c 1 -W 10 {address}"));
    }
}

/// A name for an interface, unlike any other's: a daemon's UAPI socket is found by it on the whole machine.
pub(crate) fn unique_interface() -> String {
    format!("adt{:x}n{:x}", std::process::id(), next())
}

fn next() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Deletes what tests left behind that were killed.
pub(crate) fn sweep() {
    let namespaces = try_run("ip netns list").stdout;
    let files = fs::read_dir(ETC).into_iter().flatten().flatten();
    let names = namespaces.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned);
    for name in names.chain(files.filter_map(|entry| entry.file_name().into_string().ok())) {
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            drop(Handle { name });
        }
    }
}
