//! `adit show` and `showconf` say what `wg show` and `wg showconf` say, byte for byte.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::Case;
use crate::lab::command::{bounded, run, try_run};
use crate::lab::daemon::Daemon;
use crate::lab::daemon::Kind::{Adit, WireguardGo};
use crate::lab::needs::{FOREIGN, OURS, adit};
use crate::lab::netns::{Netns, unique_interface};
use crate::lab::tunnel::{Family, Lab, RIGHT, Tunnel};
use crate::lab::wait::{LONG, until};
use crate::lab::wg::{self, Dump, Keys};

pub(crate) const CASES: &[Case] = &[
    Case { name: "show_equals_wg_show_while_a_tunnel_runs", needs: OURS, run: while_a_tunnel_runs },
    Case { name: "show_equals_wg_show_for_every_kind_of_setting", needs: OURS, run: every_kind_of_setting },
    Case { name: "show_equals_wg_show_for_a_foreign_daemon", needs: FOREIGN, run: a_foreign_daemon },
    Case { name: "show_refuses_as_wg_show_does", needs: OURS, run: refusals },
    Case { name: "show_as_json_has_the_same", needs: OURS, run: as_json },
    Case { name: "show_watches_until_nobody_reads_or_the_interface_is_gone", needs: OURS, run: watching },
];

/// The last words of `wg show wg0 WORD`.
const FIELDS: [&str; 13] = [
    "",
    "public-key",
    "private-key",
    "listen-port",
    "fwmark",
    "peers",
    "preshared-keys",
    "endpoints",
    "allowed-ips",
    "latest-handshakes",
    "transfer",
    "persistent-keepalive",
    "dump",
];

/// Compares two answers between which `wg` itself has not changed its own: times since and counters move.
#[track_caller]
fn assert_same(words: &str) {
    let (wg, ours) = until("wg says the same twice", LONG, || {
        let before = run(&format!("wg {words}"));
        let ours = run(&format!("{} {words}", adit().display()));
        let after = run(&format!("wg {words}"));
        (before == after).then_some((after, ours))
    });
    assert_eq!(ours, wg, "{words}");
}

/// All that can be asked of an interface.
#[track_caller]
fn assert_all_same(interface: &str) {
    for field in FIELDS {
        assert_same(&format!("show {interface} {field}"));
    }
    assert_same(&format!("showconf {interface}"));
}

fn while_a_tunnel_runs() {
    let lab = Lab::new();
    let Tunnel { left, right } = Tunnel::new(&lab, Adit, Adit, Family::V6);
    left.ping(RIGHT.inside(Family::V4));
    for interface in [left.interface(), right.interface(), "all"] {
        FIELDS.iter().for_each(|field| assert_same(&format!("show {interface} {field}")));
    }
    assert_same("show");
    assert_same("show interfaces");
}

/// Peers of every kind.
fn settings() -> String {
    let mut text = format!(
        "[Interface]\nPrivateKey = {}\nListenPort = 51820\nFwMark = 0xca6c\n",
        Keys::generate().private
    );
    for settings in [
        "",
        "AllowedIPs = 10.0.0.0/8, ::/0, 192.0.2.1/32, ::ffff:10.0.0.1/128, ::1.2.3.4/128",
        "Endpoint = [2001:db8::1]:51820\nPersistentKeepalive = 25",
        "Endpoint = 192.0.2.1:1\nPersistentKeepalive = 1\nAllowedIPs = 0.0.0.0/0",
        "Endpoint = [fe80::1%1]:1",
        "PersistentKeepalive = 3661",
    ] {
        text += &format!("[Peer]\nPublicKey = {}\n{settings}\n", Keys::generate().public);
    }
    text + &format!(
        "[Peer]\nPublicKey = {}\nPresharedKey = {}\n",
        Keys::generate().public,
        wg::preshared_key()
    )
}

fn every_kind_of_setting() {
    let netns = Netns::new();
    let daemon = Daemon::start(Adit, &netns);
    assert_all_same(&daemon.interface);
    wg::setconf(&daemon.interface, &settings());
    assert_all_same(&daemon.interface);
    assert_same("show all dump");
}

/// One peer, since wireguard-go tells several in another order each time.
fn a_foreign_daemon() {
    let netns = Netns::new();
    let daemon = Daemon::start(WireguardGo, &netns);
    assert_all_same(&daemon.interface);
    let text = format!(
        "[Interface]\nPrivateKey = {}\nListenPort = 51820\nFwMark = 0xca6c\n[Peer]\nPublicKey = {}\n\
         PresharedKey = {}\nAllowedIPs = 10.0.0.0/8, ::/0\nEndpoint = [fe80::1%1]:1\nPersistentKeepalive = 25\n",
        Keys::generate().private,
        Keys::generate().public,
        wg::preshared_key()
    );
    wg::setconf(&daemon.interface, &text);
    assert_all_same(&daemon.interface);
    assert_same("show all dump");
}

fn refusals() {
    let netns = Netns::new();
    let daemon = Daemon::start(Adit, &netns);
    let (interface, nowhere) = (&daemon.interface, unique_interface());
    for words in [
        format!("show {interface} colour"),
        format!("show {interface} dump dump"),
        format!("show {nowhere}"),
        format!("show {nowhere} dump"),
        "show interfaces dump".into(),
        "show a/b".into(),
        "showconf".into(),
        format!("showconf {nowhere}"),
        format!("showconf {interface} {interface}"),
    ] {
        let wg = try_run(&format!("wg {words}"));
        let ours = try_run(&format!("{} {words}", adit().display()));
        assert_eq!(ours.status.code(), wg.status.code(), "{words}: {ours:?} {wg:?}");
        assert_eq!((ours.stdout.as_str(), ours.stderr.is_empty()), ("", false), "{words}");
    }
}

fn as_json() {
    let netns = Netns::new();
    let daemon = Daemon::start(Adit, &netns);
    let interface = &daemon.interface;
    wg::setconf(interface, &settings());
    let ours = |words: &str| -> serde_json::Value {
        let text = run(&format!("{} show {words} --json", adit().display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    assert_eq!(ours("interfaces"), serde_json::json!([interface]));
    assert_eq!(ours("all"), ours(interface));

    let json = &ours(interface)[interface];
    let dump = Dump::of(interface);
    assert_eq!(json["privateKey"], dump.private_key);
    assert_eq!(json["publicKey"], dump.public_key);
    assert_eq!(json["listenPort"], 51820);
    assert_eq!(json["fwmark"], 0xca6c);
    for peer in &dump.peers {
        let said = &json["peers"][&peer.public_key];
        let text = |name: &str| said[name].as_str().unwrap_or("(none)").to_owned();
        assert_eq!(text("presharedKey"), peer.preshared_key);
        assert_eq!(text("endpoint"), peer.endpoint);
        let keepalive = said["persistentKeepalive"].as_u64().map_or("off".into(), |it| it.to_string());
        assert_eq!(keepalive, peer.keepalive);
        let networks: Vec<_> =
            said["allowedIps"].as_array().into_iter().flatten().filter_map(|it| it.as_str()).collect();
        let networks = if networks.is_empty() { "(none)".into() } else { networks.join(",") };
        assert_eq!(networks, peer.allowed_ips);
    }
    assert_eq!(json["peers"].as_object().map(serde_json::Map::len), Some(dump.peers.len()));
}

/// `adit show WORDS --watch`, into a pipe.
fn watch(words: &[&str]) -> Command {
    let mut command = bounded();
    command.arg(adit()).arg("show").args(words).arg("--watch").stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn watching() {
    let netns = Netns::new();
    let daemon = Daemon::start(Adit, &netns);
    let interface = daemon.interface.clone();

    // A reader that leaves ends it, silently.
    let mut child = watch(&[&interface, "fwmark"]).spawn().expect("timeout, of coreutils");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut line = || lines.next().expect("a line").expect("text");
    assert_eq!((line(), line()), ("off".into(), String::new()));
    wg::set(&interface, "fwmark 7");
    until("it says what is new", LONG, || (line() == "0x7").then_some(()));
    drop(lines);
    let said = child.wait_with_output().expect("our child");
    assert_eq!(String::from_utf8_lossy(&said.stderr), "");

    // So does Ctrl-C.
    let mut child = watch(&["all", "--json"]).spawn().expect("timeout, of coreutils");
    let process = Pid::from_child(&child);
    let mut reader = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut text = String::new();
    for _ in 0..2 {
        text.clear();
        reader.read_line(&mut text).expect("text");
        let json: serde_json::Value = serde_json::from_str(&text).expect("a line is a document");
        assert_eq!(json[&interface]["fwmark"], 7);
    }
    kill_process(process, Signal::INT).expect("our child");
    until("it has ended", LONG, || (reader.read_line(&mut text).expect("text") == 0).then_some(()));
    child.wait().expect("our child");

    // The interface's end is its end, and told.
    let child = watch(&[&interface, "fwmark"]).spawn().expect("timeout, of coreutils");
    drop(daemon);
    let output = child.wait_with_output().expect("our child");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&interface), "{output:?}");
}
