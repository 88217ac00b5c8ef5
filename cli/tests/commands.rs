//! Commands as a shell runs them: what they write, and their exit status.

use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};

fn adit(args: &[&str], stdin: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adit"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that does not read may have ended already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(octets: &[u8]) -> &str {
    std::str::from_utf8(octets).unwrap()
}

#[test]
fn keys_go_through_a_pipe() {
    let private_key = adit(&["genkey"], "");
    let public_key = adit(&["pubkey"], text(&private_key.stdout));
    assert!(private_key.status.success() && public_key.status.success());
    assert_eq!((private_key.stdout.len(), public_key.stdout.len()), (45, 45));
    assert_ne!(private_key.stdout, public_key.stdout);
    assert!(private_key.stderr.is_empty(), "a pipe is no file that others may read");
}

#[test]
fn a_failure_is_one_sentence_and_exit_1() {
    let cases: [(&[&str], &str); 6] = [
        (&["strip", "/nonexistent/wg0.conf"], "there is no /nonexistent/wg0.conf"),
        (&["strip", "./wg0"], "there is no ./wg0"),
        (&["pubkey"], "stdin holds no private key"),
        (&["show", "no-such-iface"], "no interface no-such-iface is running here"),
        (&["run", "lo"], "the interface lo exists already"),
        (&["run", "-f", "wg0", "--tun-fd", "999"], "--tun-fd 999: this descriptor is not open"),
    ];
    for (args, sentence) in cases {
        let failed = adit(args, "");
        let said = text(&failed.stderr);
        assert_eq!(failed.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.starts_with(&format!("adit: {sentence}")), "{args:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
        assert!(failed.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn wrong_usage_is_exit_2_but_1_for_the_commands_of_wg() {
    for (args, code) in [(["run", "a/b"], 2), (["demo", "x"], 2), (["genkey", "x"], 1), (["pubkey", "x"], 1)]
    {
        let wrong = adit(&args, "");
        assert_eq!(wrong.status.code(), Some(code), "{args:?}: {}", text(&wrong.stderr));
    }
}

#[test]
fn a_reader_that_leaves_early_hears_no_complaint() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_adit"))
        .args(["demo", "--bytes", "100000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 3];
    demo.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let ended = demo.wait_with_output().unwrap();
    assert_eq!((&first, text(&ended.stderr)), (b"Two", ""));
}
