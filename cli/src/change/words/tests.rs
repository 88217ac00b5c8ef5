//! Lines of `wg set`, what they ask for, and how they are refused.

use adit_core::key::PublicKey;
use adit_core::uapi::write_set;

use super::*;

const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

fn read(line: &[&str]) -> Result<Set, WordsError> {
    from_words(&line.iter().map(OsString::from).collect::<Vec<_>>())
}

/// What a line asks for, with a number for the peer's key.
fn asked(line: &[&str]) -> Vec<String> {
    let text = write_set(&read(line).unwrap()).to_string();
    let text = text.replace(&PublicKey::from_bytes([1; 32]).to_hex(), "1");
    text.lines().skip(1).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn an_interfaces_settings_come_first() {
    assert_eq!(asked(&["listen-port", "51820", "fwmark", "0xca6c"]), ["listen_port=51820", "fwmark=51820"]);
    assert_eq!(asked(&["listen-port", "0", "fwmark", "off"]), ["listen_port=0", "fwmark=0"]);
    let no_key = format!("private_key={}", "0".repeat(64));
    assert_eq!(asked(&["private-key", "/dev/null"]), [no_key]);
}

#[test]
fn a_peers_settings_follow_its_key() {
    assert_eq!(asked(&["peer", KEY]), ["public_key=1"]);
    assert_eq!(
        asked(&["peer", KEY, "endpoint", "[2001:db8::1]:1", "persistent-keepalive", "off", "peer", KEY]),
        ["public_key=1", "endpoint=[2001:db8::1]:1", "persistent_keepalive_interval=0", "public_key=1"]
    );
    assert_eq!(asked(&["peer", KEY, "remove"]), ["public_key=1", "remove=true"]);
    // Who is removed has no settings.
    assert_eq!(
        asked(&["peer", KEY, "allowed-ips", "10.0.0.0/8", "remove", "persistent-keepalive", "1"]),
        ["public_key=1", "remove=true"]
    );
}

#[test]
fn allowed_ips_replace_unless_one_has_a_prefix() {
    let asked = |networks: &str| asked(&["peer", KEY, "allowed-ips", networks])[1..].join(" ");
    assert_eq!(asked("10.0.0.0/8"), "replace_allowed_ips=true allowed_ip=10.0.0.0/8");
    assert_eq!(asked(""), "replace_allowed_ips=true");
    assert_eq!(
        asked(" 10.0.0.0 / 8 , ::1"),
        "replace_allowed_ips=true allowed_ip=10.0.0.0/8 allowed_ip=::1/128"
    );
    assert_eq!(asked("+10.0.0.0/8"), "allowed_ip=10.0.0.0/8");
    assert_eq!(asked("10.0.0.0/8,-10.1.0.0/16"), "allowed_ip=10.0.0.0/8 allowed_ip=-10.1.0.0/16");
}

#[test]
fn the_last_allowed_ips_say_whether_they_replace() {
    let line = ["peer", KEY, "allowed-ips", "+10.0.0.0/8", "allowed-ips", "10.1.0.0/16"];
    assert_eq!(
        asked(&line)[1..],
        ["replace_allowed_ips=true", "allowed_ip=10.0.0.0/8", "allowed_ip=10.1.0.0/16"]
    );
}

#[test]
fn a_refusal_names_the_word() {
    for (line, part) in [
        (&["colour", "blue"][..], "`colour` is no setting of an interface"),
        (&[""], "an empty word is no setting of an interface"),
        (&["peer", KEY, "listen-port", "1"], "`listen-port` is no setting of a peer"),
        (&["endpoint", "192.0.2.1:1"], "`endpoint` is no setting of an interface"),
        (&["peer"], "`peer` is the last word"),
        (&["listen-port"], "`listen-port` is the last word"),
        (&["peer", KEY, "preshared-key"], "`preshared-key` is the last word"),
        (&["listen-port", "65536"], "`listen-port` must be a port from 0 to 65535, not `65536`"),
        (&["fwmark", "on"], "`fwmark` must be"),
        (&["peer", "short"], "`peer` must be 44 characters of base64, ending in `=`, not `short`"),
        (&["peer", KEY, "endpoint", "192.0.2.1"], "not `192.0.2.1`"),
        (&["peer", KEY, "persistent-keepalive", "65536"], "not `65536`"),
        (&["peer", KEY, "allowed-ips", "10.0.0.0/33"], "not `10.0.0.0/33`"),
        (&["private-key", "/nonexistent"], "`private-key`: cannot read the key in /nonexistent"),
    ] {
        let refused = read(line).unwrap_err().to_string();
        assert!(refused.contains(part), "{line:?}: {refused}");
    }
}

#[test]
fn no_refusal_repeats_a_key() {
    let part = &KEY[..41];
    for line in [
        &[KEY][..],
        &["peer", KEY, KEY],
        &["private-key", KEY],
        &["private-key", part],
        &["peer", KEY, "preshared-key", part],
        &["listen-port", KEY],
        &["peer", KEY, "allowed-ips", KEY],
        &["peer", KEY, "endpoint", KEY],
    ] {
        let refused = read(line).unwrap_err().to_string();
        assert!(!refused.contains(&KEY[..8]), "{line:?}: {refused}");
    }
}
