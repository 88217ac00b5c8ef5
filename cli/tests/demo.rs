//! The demo as a user runs it: the built program, its output and its exit status.

use std::process::Command;

/// The headings of the story, in order, and what was verified.
const STORY: [&str; 16] = [
    "Two tunnels on this machine",
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
];

#[test]
fn the_demo_tells_its_story_without_privileges() {
    let demo =
        Command::new(env!("CARGO_BIN_EXE_adit")).args(["demo", "--bytes", "20000000"]).output().unwrap();
    let told = String::from_utf8(demo.stdout).unwrap();
    let complaint = String::from_utf8_lossy(&demo.stderr);
    assert!(demo.status.success(), "{complaint}\n{told}");
    assert!(complaint.is_empty(), "a pipe gets no progress bar: {complaint}");
    let mut rest = told.as_str();
    for part in STORY {
        let at =
            rest.find(part).unwrap_or_else(|| panic!("{part:?} is missing, or out of turn, in:\n{told}"));
        rest = &rest[at + part.len()..];
    }
}
