//! `adit demo --netns`: real interfaces and an unmodified ping, and nothing of it stays, however it ends.

use std::fs;
use std::process::Stdio;

use rustix::process::Signal;

use crate::Case;
use crate::lab::daemon::Daemon;
use crate::lab::needs::{OURS, adit};
use crate::lab::netns::{Netns, unique_interface};
use crate::lab::wait::{LONG, holds, until};

pub(crate) const CASES: &[Case] = &[
    Case { name: "the_demo_in_namespaces_leaves_nothing", needs: OURS, run: to_its_end },
    Case { name: "ctrl_c_ends_the_demo_and_leaves_nothing", needs: OURS, run: || signalled(Signal::INT) },
    Case { name: "sigterm_ends_the_demo_and_leaves_nothing", needs: OURS, run: || signalled(Signal::TERM) },
    Case { name: "a_killed_demo_leaves_nothing", needs: OURS, run: || signalled(Signal::KILL) },
];

/// Marks what the demo starts, which may end up in namespaces without a name.
const MARK: &str = "ADIT_TEST_DEMO";

/// Starts the demo, and gives the mark of its processes.
fn start(netns: &Netns) -> (Daemon, String) {
    let mark = format!("{MARK}={}", unique_interface());
    let mut command = netns.command("env");
    command.arg(&mark).arg(adit()).args(["demo", "--netns", "--bytes", "100000000"]).stdin(Stdio::null());
    (Daemon::spawn(command, netns, "the demo"), mark)
}

fn to_its_end() {
    let netns = Netns::new();
    let (mut demo, mark) = start(&netns);
    let status = demo.ended();
    let log = demo.log();
    assert!(status.success(), "{status}: {log}");
    for verified in ["5 packets transmitted, 5 received", ", 0 lost, 0 corrupt"] {
        assert!(log.contains(verified), "{log}");
    }
    assert_nothing_left(&netns, &mark);
}

fn signalled(signal: Signal) {
    let netns = Netns::new();
    let (mut demo, mark) = start(&netns);
    until("the demo pings", LONG, || holds(demo.log().contains("icmp_seq=1")));
    demo.signal(signal);
    demo.ended();
    assert_nothing_left(&netns, &mark);
}

/// Interfaces would be seen where the demo was started, processes by their mark wherever they are.
#[track_caller]
fn assert_nothing_left(netns: &Netns, mark: &str) {
    until("all processes end", LONG, || holds(marked(mark).is_empty()));
    let links = netns.run("ip -oneline link show");
    assert_eq!(links.lines().count(), 1, "more than the loopback is left: {links}");
}

fn marked(mark: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("/proc is mounted").flatten();
    processes
        .filter(|process| {
            // Others' processes end meanwhile; those have no environment to read.
            let environment = fs::read(process.path().join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes())
        })
        .map(|process| process.file_name().to_string_lossy().into_owned())
        .collect()
}
