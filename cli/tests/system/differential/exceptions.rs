//! The few cases in which we differ from the tools, with the reasons of the table in core/tests/config_oracle.rs. Each
//! comes with the same configuration in plain words, which both must take alike.

use adit_core::config::{Attribute, ConfigError, Reason, parse};

/// Why something is taken otherwise, and the text without it.
type Exception = (&'static str, String);

/// What the tools refuse and we take.
pub(super) fn accepted_by_us_alone(text: &str) -> Option<Exception> {
    let mut reason = None;
    let without_mark = text.strip_prefix('\u{feff}');
    if without_mark.is_some() {
        reason = Some("editors on Windows begin a file with a byte order mark");
    }
    let mut plain = String::new();
    for line in without_mark.unwrap_or(text).split_inclusive('\n') {
        match of_ours(line) {
            Some(why) => reason = Some(why),
            None => plain += line,
        }
    }
    reason.map(|reason| (reason, plain))
}

/// Why this line is ours alone.
fn of_ours(line: &str) -> Option<&'static str> {
    let code = line.split('#').next().unwrap_or(line);
    let (key, value) = code.split_once('=')?;
    let is_space = |letter: char| letter.is_ascii_whitespace() || letter == '\u{b}';
    let (key, value) = (key.trim_matches(is_space).to_lowercase(), value.trim_matches(is_space));
    let is_zero = !value.is_empty() && value.bytes().all(|octet| octet == b'0');
    match key.replace(is_space, "").as_str() {
        "allowedips" if value.is_empty() => Some("the phone apps write an empty AllowedIPs; wg set takes it"),
        "includedapplications" | "excludedapplications" => Some("the phone apps' key"),
        "mtu" if is_zero => Some("the phone apps' way to say that the device chooses"),
        _ => None,
    }
}

/// What the tools take and we refuse.
pub(super) fn refused_by_us_alone(text: &str) -> Option<Exception> {
    let mut plain = text.to_owned();
    let mut reason = None;
    while let Err(error) = parse(&plain) {
        let (why, instead) = of_theirs(&error)?;
        plain.replace_range(error.span, &instead);
        reason = Some(why);
    }
    reason.map(|reason| (reason, plain))
}

/// Why what is refused is the tools' alone, and what they take it for.
fn of_theirs(error: &ConfigError) -> Option<(&'static str, String)> {
    let text = error.text.as_deref()?;
    match (error.key, error.reason) {
        (Some(Attribute::ListenPort), _) => of_a_port(text),
        (Some(Attribute::Endpoint), _) => {
            let (host, port) = text.rsplit_once(':')?;
            of_a_port(port).map(|(why, port)| (why, format!("{host}:{port}")))
        }
        (Some(Attribute::Table), _) => Some((
            "wg-quick passes Table on to ip, which refuses it, but only where it makes a route",
            "auto".into(),
        )),
        (Some(Attribute::Dns), _) if text.contains('%') => {
            Some(("no platform's VPN API takes a zone in DNS", "192.0.2.53".into()))
        }
        (Some(Attribute::Dns), _) => Some((
            "wg-quick hands it to resolvconf as a server's address, and it is none",
            "192.0.2.53".into(),
        )),
        (None, Reason::Syntax) if text.eq_ignore_ascii_case("dns") => {
            Some(("wg-quick takes the key for the value", "DNS = DNS".into()))
        }
        _ => None,
    }
}

/// A port that the system's library knows how to read.
fn of_a_port(text: &str) -> Option<(&'static str, String)> {
    match text {
        "domain" => Some(("there is no /etc/services on a phone", "53".into())),
        "http" => Some(("there is no /etc/services on a phone", "80".into())),
        _ => {
            let number: u64 = text.split_whitespace().collect::<String>().parse().ok()?;
            (number > u16::MAX.into()).then(|| {
                ("glibc cuts a port down to 16 bits; musl refuses it", (number & 0xffff).to_string())
            })
        }
    }
}
