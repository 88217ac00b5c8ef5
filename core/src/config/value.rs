//! The values of the language, one function a kind: text to types, by the rules of `wg` and `wg-quick`. Where
//! a value stands, and under which key, is not known here. A command line takes the same values one by one, so
//! those of `wg` are public; [`Attribute::expected`](super::Attribute::expected) says what each of them takes.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};
use core::num::{NonZeroU16, NonZeroU32};

use ipnet::{IpNet, Ipv4Net};

use super::error::Reason;
use super::span::is_space;
use super::{AllowedIp, AllowedIpChange, Endpoint, Table};
use crate::key::{PresharedKey, PrivateKey, PublicKey};

/// 32 zeros: no key.
const NO_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// PrivateKey; 32 zeros are no key.
pub fn private_key(text: &str) -> Result<Option<PrivateKey>, Reason> {
    if text == NO_KEY {
        return Ok(None);
    }
    PrivateKey::from_base64(text).map(Some).map_err(|_| Reason::InvalidKey)
}

/// PublicKey.
pub fn public_key(text: &str) -> Result<PublicKey, Reason> {
    PublicKey::from_base64(text).map_err(|_| Reason::InvalidKey)
}

/// PresharedKey; 32 zeros are no key.
pub fn preshared_key(text: &str) -> Result<Option<PresharedKey>, Reason> {
    PresharedKey::from_base64(text).map_err(|_| Reason::InvalidKey)
}

/// Decimal digits only, up to `max`.
fn number(text: &str, max: u32) -> Result<u32, Reason> {
    radix_number(text, 10).filter(|number| *number <= max).ok_or(Reason::InvalidNumber)
}

/// Digits only: a sign, which Rust would take, is refused.
fn radix_number(digits: &str, radix: u32) -> Option<u32> {
    let has_digits_only = digits.chars().all(|digit| digit.is_digit(radix));
    has_digits_only.then(|| u32::from_str_radix(digits, radix).ok()).flatten()
}

/// ListenPort; 0 lets the system choose.
pub fn listen_port(text: &str) -> Result<Option<NonZeroU16>, Reason> {
    // A resolver reads it for `wg`, and takes a plus sign. So does Rust.
    text.parse().map(NonZeroU16::new).map_err(|_| Reason::InvalidNumber)
}

/// FwMark: `off`, or a number, decimal or after `0x`.
pub fn fwmark(text: &str) -> Result<Option<NonZeroU32>, Reason> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    let mark = match text.strip_prefix("0x") {
        Some(digits) => radix_number(digits, 16).ok_or(Reason::InvalidNumber)?,
        None => number(text, u32::MAX)?,
    };
    Ok(NonZeroU32::new(mark))
}

/// PersistentKeepalive: `off`, or seconds.
pub fn keepalive(text: &str) -> Result<Option<NonZeroU16>, Reason> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    number(text, u16::MAX.into()).map(|seconds| NonZeroU16::new(seconds as u16))
}

/// Empty is as good as absent, for `wg-quick`, for which `ip` reads it; 0 is the apps' way to say it.
pub(super) fn mtu(text: &str) -> Result<Option<NonZeroU16>, Reason> {
    if text.is_empty() {
        return Ok(None);
    }
    let octets = ip_number(text).and_then(|octets| u16::try_from(octets).ok());
    octets.map(NonZeroU16::new).ok_or(Reason::InvalidNumber)
}

/// `ip route` reads it for `wg-quick`: it knows numbers as C writes them, and the names of three tables.
pub(super) fn table(text: &str) -> Result<Table, Reason> {
    match text {
        "" | "auto" => return Ok(Table::Auto),
        "off" => return Ok(Table::Off),
        // The numbers are the kernel's, from linux/rtnetlink.h.
        "default" => return Ok(Table::Number(253)),
        "main" => return Ok(Table::Number(254)),
        "local" => return Ok(Table::Number(255)),
        _ => {}
    }
    ip_number(text).map(Table::Number).ok_or(Reason::InvalidNumber)
}

/// A number as C writes it: 0x for hexadecimal, 0 for octal.
pub(super) fn c_number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    radix_number(digits, radix)
}

/// A number as `ip` reads it for `wg-quick`: a plus sign is as good as none.
fn ip_number(text: &str) -> Option<u32> {
    c_number(text.strip_prefix('+').unwrap_or(text))
}

pub(super) fn boolean(text: &str) -> Result<bool, Reason> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Ok(true),
        _ if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(Reason::InvalidValue),
    }
}

/// An address with or without a prefix length, as `ip` reads it for `wg-quick`: a netmask is as good, and of IPv4 the
/// last zeros may be missing.
pub(super) fn address(text: &str) -> Result<IpNet, Reason> {
    if text.contains(':') {
        return network(text);
    }
    let (ip, length) = match text.split_once('/') {
        Some((ip, length)) => (ip, Some(length)),
        None => (text, None),
    };
    let ip = ip_address(ip).ok_or(Reason::InvalidValue)?;
    let Some(length) = length else { return Ok(IpAddr::V4(ip).into()) };
    let network = match ip_number(length) {
        Some(length) => u8::try_from(length).ok().and_then(|length| Ipv4Net::new(ip, length).ok()),
        None => ip_address(length).and_then(|mask| Ipv4Net::with_netmask(ip, mask).ok()),
    };
    network.map(IpNet::V4).ok_or(Reason::InvalidValue)
}

/// An IPv4 address as `ip` reads it: up to four numbers as C writes them, and zeros after them.
fn ip_address(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    for (index, part) in text.split('.').enumerate() {
        *octets.get_mut(index)? = u8::try_from(ip_number(part)?).ok()?;
    }
    Some(octets.into())
}

/// An address, alone or with a prefix length; host bits are kept.
fn network(text: &str) -> Result<IpNet, Reason> {
    let (ip, length) = match text.split_once('/') {
        Some((ip, length)) => (ip, Some(length)),
        None => (text, None),
    };
    let ip: IpAddr = ip.parse().map_err(|_| Reason::InvalidValue)?;
    let Some(length) = length else { return Ok(ip.into()) };
    let length = number(length, 128).map_err(|_| Reason::InvalidValue)?;
    IpNet::new(ip, length as u8).map_err(|_| Reason::InvalidValue)
}

/// One element of AllowedIPs, with or without `+` or `-` before it.
pub(super) fn allowed_ip(text: &str) -> Result<AllowedIp, Reason> {
    let (change, text) = match text.split_at_checked(1) {
        Some(("+", rest)) => (AllowedIpChange::Add, rest),
        Some(("-", rest)) => (AllowedIpChange::Remove, rest),
        _ => (AllowedIpChange::Listed, text),
    };
    network(text).map(|network| AllowedIp { network, change })
}

/// AllowedIPs as `wg set` takes them: any space is ignored, and empty is none.
pub fn allowed_ips(text: &str) -> Result<Vec<AllowedIp>, Reason> {
    let text: String = text.chars().filter(|letter| !is_space(*letter)).collect();
    if text.is_empty() { Ok(Vec::new()) } else { text.split(',').map(allowed_ip).collect() }
}

/// One element of DNS.
pub(super) enum Dns {
    Server(IpAddr),
    Search(String),
}

/// What `wg-quick` takes for an address must be one; all else is a search domain.
pub(super) fn dns(text: &str) -> Result<Dns, Reason> {
    if looks_like_address(text) {
        return text.parse().map(Dns::Server).map_err(|_| Reason::InvalidValue);
    }
    Ok(Dns::Search(text.to_string()))
}

/// `wg-quick`'s own test.
pub(super) fn looks_like_address(text: &str) -> bool {
    text.contains(':') || text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// The name of an application's package.
pub(super) fn application(text: &str) -> Result<String, Reason> {
    if text.contains(is_space) { Err(Reason::InvalidValue) } else { Ok(text.to_string()) }
}

/// Endpoint.
pub fn endpoint(text: &str) -> Result<Endpoint, Reason> {
    text.parse().map_err(|_| Reason::InvalidValue)
}
