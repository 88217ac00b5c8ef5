//! A daemon's beginning and end: what it makes, with which rights, and that nothing of it stays.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Stdio;

use rustix::process::Signal;

use crate::Case;
use crate::lab::daemon::Kind::{self, Adit, AditOnDescriptor};
use crate::lab::daemon::{Daemon, assert_nothing_left, socket};
use crate::lab::needs::{OURS, adit};
use crate::lab::netns::{Netns, unique_interface};
use crate::lab::wait::{LONG, holds, until};
use crate::lab::wg::Dump;

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "sigterm_ends_it_and_nothing_stays",
        needs: OURS,
        run: || signal_ends_it(Adit, Signal::TERM),
    },
    Case { name: "sigint_ends_it_and_nothing_stays", needs: OURS, run: || signal_ends_it(Adit, Signal::INT) },
    Case {
        name: "sigterm_ends_it_on_a_descriptor_and_nothing_stays",
        needs: OURS,
        run: || signal_ends_it(AditOnDescriptor, Signal::TERM),
    },
    Case { name: "it_ends_when_its_interface_is_deleted", needs: OURS, run: || deletion_ends_it(Adit) },
    Case {
        name: "it_ends_when_the_interface_of_its_descriptor_is_deleted",
        needs: OURS,
        run: || deletion_ends_it(AditOnDescriptor),
    },
    Case { name: "the_socket_is_its_owners_alone", needs: OURS, run: the_socket_is_its_owners_alone },
    Case { name: "a_background_start_returns_when_the_socket_answers", needs: OURS, run: a_background_start },
    Case {
        name: "a_socket_that_a_killed_daemon_left_is_replaced",
        needs: OURS,
        run: a_killed_daemons_socket,
    },
];

fn signal_ends_it(kind: Kind, signal: Signal) {
    let netns = Netns::new();
    let mut daemon = Daemon::start(kind, &netns);
    netns.run(&format!("ip link set {} up", daemon.interface));
    daemon.signal(signal);
    let status = daemon.ended();
    assert!(status.success(), "{status}: {}", daemon.log());
    assert_nothing_left(&netns, &daemon.interface);
}

fn deletion_ends_it(kind: Kind) {
    let netns = Netns::new();
    let mut daemon = Daemon::start(kind, &netns);
    netns.run(&format!("ip link set {} up", daemon.interface));
    netns.run(&format!("ip link delete {}", daemon.interface));
    let status = daemon.ended();
    assert!(status.success(), "{status}: {}", daemon.log());
    assert_nothing_left(&netns, &daemon.interface);
}

fn the_socket_is_its_owners_alone() {
    let netns = Netns::new();
    let daemon = Daemon::start(Adit, &netns);
    let metadata = fs::metadata(socket(&daemon.interface)).expect("the socket is there");
    assert_eq!((metadata.permissions().mode() & 0o777, metadata.uid()), (0o600, 0));
}

fn a_background_start() {
    let netns = Netns::new();
    let interface = unique_interface();
    let start = format!("{} run {interface}", adit().display());
    // The input and output of whoever starts it are not held open: this returns only when they are closed.
    netns.run(&start);
    assert_eq!(Dump::of(&interface).peers, [], "it answers at once");
    assert_eq!(netns.processes().len(), 1, "one process stays");

    let refusal = netns.try_run(&start).failure();
    assert_eq!(refusal.lines().count(), 1, "one sentence: {refusal}");
    assert!(refusal.contains(&interface), "{refusal}");
    Dump::of(&interface);

    netns.run(&format!("ip link delete {interface}"));
    until("the process ends", LONG, || holds(netns.processes().is_empty()));
    assert_nothing_left(&netns, &interface);
}

fn a_killed_daemons_socket() {
    let netns = Netns::new();
    let mut daemon = Daemon::start(Adit, &netns);
    daemon.signal(Signal::KILL);
    daemon.ended();
    assert!(socket(&daemon.interface).exists(), "it had no chance to remove its socket");

    let mut command = netns.command(adit());
    command.args(["run", "-f", &daemon.interface]).stdin(Stdio::null());
    let mut second = Daemon::spawn(command, &netns, &daemon.interface);
    second.await_socket();
    assert_eq!(Dump::of(&daemon.interface).peers, []);
}
