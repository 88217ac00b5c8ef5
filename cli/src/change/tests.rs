//! What files and running devices ask for, in the words of the protocol.

use adit_core::config::parse;
use adit_core::key::{PresharedKey, PublicKey};
use adit_core::uapi::{PeerStatus, write_set};

use super::*;

/// A file's change, line by line, with numbers for the peers' keys.
fn lines(set: Set) -> Vec<String> {
    let mut text = write_set(&set).to_string();
    for octet in 1..=9 {
        text = text.replace(&key(octet).to_hex(), &octet.to_string());
    }
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn key(octet: u8) -> PublicKey {
    PublicKey::from_bytes([octet; 32])
}

/// A file with these lines, in which `<1>` is a peer's key.
fn file(text: &str) -> Parsed {
    let mut text = text.to_owned();
    for octet in 1..=9 {
        text = text.replace(&format!("<{octet}>"), &key(octet).to_base64());
    }
    parse(&text).unwrap()
}

const NO_KEY: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn setconf_takes_away_what_a_file_does_not_say() {
    let set = setting(&file("[Peer]\nPublicKey = <1>\nAllowedIPs = 10.0.0.0/8")).unwrap();
    let private_key = format!("private_key={NO_KEY}");
    assert_eq!(
        lines(set),
        [
            "set=1",
            &private_key,
            "listen_port=0",
            "fwmark=0",
            "replace_peers=true",
            "public_key=1",
            "replace_allowed_ips=true",
            "allowed_ip=10.0.0.0/8",
        ]
    );
}

#[test]
fn addconf_says_what_the_file_says() {
    assert_eq!(lines(adding(&file("")).unwrap()), ["set=1"]);
    let set = adding(&file("[Interface]\nFwMark = off\n[Peer]\nPublicKey = <1>\nPersistentKeepalive = off"));
    assert_eq!(
        lines(set.unwrap()),
        ["set=1", "fwmark=0", "public_key=1", "persistent_keepalive_interval=0", "replace_allowed_ips=true"]
    );
}

#[test]
fn the_last_line_of_allowed_ips_says_whether_they_replace() {
    for (text, expected) in [
        ("AllowedIPs = +10.0.0.0/8", &["allowed_ip=10.0.0.0/8"][..]),
        ("AllowedIPs = 10.0.0.0/8, -10.1.0.0/16", &["allowed_ip=10.0.0.0/8", "allowed_ip=-10.1.0.0/16"]),
        (
            "AllowedIPs = -10.1.0.0/16\nAllowedIPs = 10.0.0.0/8",
            &["replace_allowed_ips=true", "allowed_ip=-10.1.0.0/16", "allowed_ip=10.0.0.0/8"],
        ),
        (
            "AllowedIPs = 10.0.0.0/8\nAllowedIPs = +10.1.0.0/16",
            &["allowed_ip=10.0.0.0/8", "allowed_ip=10.1.0.0/16"],
        ),
        ("AllowedIPs = +10.0.0.0/8\nAllowedIPs =", &["replace_allowed_ips=true", "allowed_ip=10.0.0.0/8"]),
    ] {
        let set = adding(&file(&format!("[Peer]\nPublicKey = <1>\n{text}"))).unwrap();
        assert_eq!(lines(set)[2..], *expected, "{text}");
    }
}

#[test]
fn a_peer_that_is_named_twice_is_what_both_say() {
    let set = setting(&file(
        "[Peer]\nPublicKey = <1>\nPersistentKeepalive = 25\n[Peer]\nPublicKey = <1>\nEndpoint = 192.0.2.1:1",
    ));
    assert_eq!(
        lines(set.unwrap())[5..],
        [
            "public_key=1",
            "persistent_keepalive_interval=25",
            "replace_allowed_ips=true",
            "public_key=1",
            "endpoint=192.0.2.1:1",
            "replace_allowed_ips=true",
        ]
    );
}

fn running(octet: u8) -> PeerStatus {
    PeerStatus {
        public_key: key(octet),
        preshared_key: PresharedKey::from_bytes(&[9; 32]),
        endpoint: None,
        last_handshake: None,
        rx_bytes: 0,
        tx_bytes: 0,
        persistent_keepalive: std::num::NonZeroU16::new(25),
        allowed_ips: Vec::new(),
    }
}

#[test]
fn syncconf_removes_whom_the_file_does_not_name_and_what_it_does_not_say() {
    let peers = vec![running(1), running(2)];
    let status = DeviceStatus { private_key: None, listen_port: 1, fwmark: None, peers };
    let text =
        "[Peer]\nPublicKey = <3>\n[Peer]\nPublicKey = <2>\n[Peer]\nPublicKey = <2>\nEndpoint = 192.0.2.1:1";
    let set = syncing(&file(text), &status).unwrap();
    let preshared_key = format!("preshared_key={NO_KEY}");
    assert_eq!(
        lines(set)[4..],
        [
            "public_key=1",
            "remove=true",
            "public_key=3",
            "replace_allowed_ips=true",
            "public_key=2",
            &preshared_key,
            "persistent_keepalive_interval=0",
            "replace_allowed_ips=true",
            "public_key=2",
            "endpoint=192.0.2.1:1",
            "replace_allowed_ips=true",
        ]
    );
}
