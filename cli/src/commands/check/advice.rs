//! What to write instead of what is wrong: the words under a faulty text, and the help below them.

use std::net::IpAddr;

use adit_core::config::{Attribute, ConfigError, Endpoint, EndpointError, Reason, Section};

use crate::report::{Finding, Severity};

/// An error of this text, with its advice.
pub(super) fn of_error(error: &ConfigError, text: &str) -> Finding {
    let faulty = &text[error.span.clone()];
    let mut error = error.clone();
    // A line that lacks its `=` may have one at the end of a key.
    if matches!(error.reason, Reason::UnknownAttribute { .. }) && first_word(faulty).is_some() {
        error.reason = Reason::Syntax;
    }
    let is_like_key = error.text.is_none();
    let (label, help) = match error.reason {
        Reason::InvalidKey => of_key(faulty),
        _ if is_like_key && error.key.is_some() => ("this looks like a key", None),
        Reason::InvalidNumber => of_number(faulty),
        Reason::InvalidValue => of_value(error.key, faulty),
        Reason::MissingAttribute => (
            "its PublicKey is missing",
            Some(
                "add a line `PublicKey = ...` to it, with what `adit pubkey` says at the other end"
                    .to_owned(),
            ),
        ),
        Reason::MissingSection => ("no section has begun yet", of_missing_section(faulty)),
        Reason::UnknownAttribute { .. } if is_like_key => {
            ("not known here", Some("if it is the rest of the line above, write both in one line".to_owned()))
        }
        Reason::UnknownAttribute { nearest } => ("not known here", of_unknown(error.section, nearest)),
        Reason::UnknownSection => ("no such section", of_unknown_section(faulty)),
        Reason::Syntax => of_syntax(faulty),
        Reason::Duplicate => ("the other one stands above", Some("keep one of the two lists".to_owned())),
        Reason::Encoding => ("not text", None),
    };
    if matches!(error.reason, Reason::InvalidKey | Reason::InvalidNumber | Reason::InvalidValue) {
        // It is drawn below the sentence.
        error.text = None;
    }
    let place = Some((error.span.clone(), label.to_owned()));
    Finding { severity: Severity::Error, sentence: error.fault().to_string(), help, place }
}

/// The key whose name a text begins with, if more follows than its name.
fn first_word(faulty: &str) -> Option<Attribute> {
    let (name, _) = faulty.split_once(|letter: char| !letter.is_ascii_alphanumeric())?;
    Attribute::find(name)
}

type Advice = (&'static str, Option<String>);

/// Of a secret nothing is said but how long it is.
fn of_key(faulty: &str) -> Advice {
    const LETTERS: usize = 44;
    let letters = faulty.chars().filter(|letter| !letter.is_whitespace()).count();
    let help = match letters {
        0 => "write the key behind the `=`; `adit genkey` makes one".to_owned(),
        _ if faulty.starts_with(['"', '\'']) => "write the key without quotation marks".to_owned(),
        LETTERS => "a letter of it is wrong; copy it again".to_owned(),
        _ => format!("it has {letters} characters; copy it again, with the `=` at its end"),
    };
    (if letters == 0 { "the key is missing" } else { "not a key" }, Some(help))
}

fn of_number(faulty: &str) -> Advice {
    let is_number = !faulty.is_empty() && faulty.bytes().all(|octet| octet.is_ascii_digit());
    let label = match faulty {
        "" => "nothing is here",
        _ if is_number => "too large",
        _ => "not a number",
    };
    (label, None)
}

fn of_value(key: Option<Attribute>, faulty: &str) -> Advice {
    match key {
        Some(Attribute::Endpoint) => ("not an endpoint", of_endpoint(faulty)),
        Some(Attribute::AllowedIps) if faulty.is_empty() => {
            ("nothing between the commas", Some("take the comma away, or write a network there".to_owned()))
        }
        Some(Attribute::AllowedIps) => ("not a network", of_network(faulty)),
        Some(Attribute::Address | Attribute::Dns) => ("not an address", of_network(faulty)),
        Some(Attribute::SaveConfig) if faulty.is_empty() => ("nothing is here", None),
        Some(Attribute::SaveConfig) => ("neither true nor false", None),
        Some(Attribute::IncludedApplications | Attribute::ExcludedApplications) => {
            ("not one package name", Some("write commas between package names".to_owned()))
        }
        _ => ("not such a value", None),
    }
}

fn of_endpoint(faulty: &str) -> Option<String> {
    let help = match faulty.parse::<Endpoint>() {
        _ if faulty.contains("://") => "write the name and the port alone, without `https://` or the like",
        Err(EndpointError::MissingPort(_)) => "the port is missing: add it, as in `:51820`",
        Err(EndpointError::InvalidPort(_)) => "behind the last `:` must stand the port, a number up to 65535",
        Err(EndpointError::InvalidHost(_)) => {
            "what stands before the port is neither an IP address nor a host's name"
        }
        Ok(_) => return None,
    };
    Some(help.to_owned())
}

fn of_network(faulty: &str) -> Option<String> {
    let (address, length) = faulty.split_once('/').unwrap_or((faulty, ""));
    if let Some(bits) = length.parse().ok().and_then(|mask| ipnet::ipv4_mask_to_prefix(mask).ok()) {
        return Some(format!("write the netmask as a number of bits: {address}/{bits}"));
    }
    let is_number = length.bytes().all(|octet| octet.is_ascii_digit());
    let has_letters = faulty.contains(|letter: char| letter.is_ascii_alphabetic());
    let help = match address.parse() {
        _ if faulty.contains(char::is_whitespace) => "write commas between networks",
        Ok(IpAddr::V4(_)) if is_number => "behind the `/` must stand a number from 0 to 32",
        Ok(IpAddr::V6(_)) if is_number => "behind the `/` must stand a number from 0 to 128",
        Err(_) if has_letters && !faulty.contains(':') => "names are not looked up here: write the address",
        Err(_) if !has_letters => "an IPv4 address is four numbers up to 255 with dots between them",
        _ => return None,
    };
    Some(help.to_owned())
}

fn of_missing_section(faulty: &str) -> Option<String> {
    let section = match Attribute::nearest(faulty) {
        Some(key) if key.belongs_to(Section::Interface) => "[Interface]",
        Some(_) => "[Peer]",
        None => "[Interface] or [Peer]",
    };
    Some(format!("write {section} in a line above"))
}

/// The nearest key is in the sentence already.
fn of_unknown(section: Option<Section>, nearest: Option<Attribute>) -> Option<String> {
    let section = section.filter(|_| nearest.is_none())?;
    let keys: Vec<_> =
        Attribute::ALL.into_iter().filter(|key| key.belongs_to(section)).map(Attribute::name).collect();
    let section = if section == Section::Interface { "[Interface]" } else { "a [Peer]" };
    Some(format!("{section} may have {}", keys.join(", ")))
}

fn of_unknown_section(faulty: &str) -> Option<String> {
    let name = faulty.trim_start_matches('[').to_ascii_lowercase();
    match name.chars().next() {
        Some('p') => Some("did you mean [Peer]?".to_owned()),
        Some('i') => Some("did you mean [Interface]?".to_owned()),
        _ => None,
    }
}

fn of_syntax(faulty: &str) -> Advice {
    let (label, help) = match first_word(faulty) {
        Some(key) if faulty[key.name().len()..].trim_start().starts_with(':') => {
            ("no `=` behind the name", format!("write `{key} = ...` instead of `{key}: ...`"))
        }
        Some(key) => ("no `=` behind the name", format!("write `{key} = ...`")),
        None if faulty.starts_with('[') => {
            ("not closed", "nothing but a comment may stand behind [Interface] or [Peer]".to_owned())
        }
        None if faulty.starts_with([';', '/']) => ("not a comment", "comments begin with `#`".to_owned()),
        None => return ("not understood", None),
    };
    (label, Some(help))
}
