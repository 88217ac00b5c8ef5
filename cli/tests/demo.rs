//! The demo as a user runs it: the built program, its output and its exit status.

use std::process::{Command, Output};

fn adit(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_adit")).args(args).output().unwrap()
}

/// The headings of the story, in order, and what was verified.
fn assert_tells_the_story(demo: &Output, opening: &str) {
    let told = String::from_utf8(demo.stdout.clone()).unwrap();
    let complaint = String::from_utf8_lossy(&demo.stderr);
    assert!(demo.status.success(), "{complaint}\n{told}");
    assert!(complaint.is_empty(), "a pipe gets no progress bar: {complaint}");
    let mut rest = told.as_str();
    for part in [
        opening,
        "server.conf",
        "    PrivateKey = (hidden)",
        "client.conf",
        "▄▄▄▄▄",
        "the same configuration",
        "handshake initiation 1 sent",
        "connected",
        "64 bytes from 10.90.0.1: icmp_seq=5 ttl=64 time=",
        "5 packets transmitted, 5 received",
        "20.00 MB in ",
        ", 0 lost, 0 corrupt",
        "interface: server",
        "  latest handshake: ",
        "interface: client",
        "  transfer: ",
    ] {
        let at =
            rest.find(part).unwrap_or_else(|| panic!("{part:?} is missing, or out of turn, in:\n{told}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn two_tunnels_without_privileges() {
    let demo = adit(&["demo", "--bytes", "20000000"]);
    assert_tells_the_story(&demo, "Two tunnels on this machine");
}

#[test]
#[ignore = "needs root, for network namespaces: cargo test -p adit-cli --test demo -- --ignored"]
fn two_interfaces_in_namespaces() {
    let demo = adit(&["demo", "--netns", "--bytes", "20000000"]);
    assert_tells_the_story(&demo, "Two network namespaces");
}
