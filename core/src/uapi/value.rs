//! The values of the protocol's lines, one function a kind. Which key takes which kind is not known here.

use alloc::string::String;
use core::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use core::num::{NonZeroU16, NonZeroU32};

use ipnet::IpNet;

use super::{AllowedIpChange, Reason, ZoneLookup};

/// Nanoseconds in a second.
const NANOS: u32 = 1_000_000_000;

/// A number of decimal digits only, up to `max`: `wg` takes no sign and no space.
pub(super) fn number(value: &str, max: u64) -> Result<u64, Reason> {
    let refused = || Reason::Number { value: harmless(value), max };
    if !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused());
    }
    value.parse().ok().filter(|number| *number <= max).ok_or_else(refused)
}

pub(super) fn port(value: &str) -> Result<u16, Reason> {
    Ok(number(value, u16::MAX.into())? as u16)
}

pub(super) fn keepalive(value: &str) -> Result<Option<NonZeroU16>, Reason> {
    port(value).map(NonZeroU16::new)
}

pub(super) fn fwmark(value: &str) -> Result<Option<NonZeroU32>, Reason> {
    Ok(NonZeroU32::new(number(value, u32::MAX.into())? as u32))
}

/// Nanoseconds within a second.
pub(super) fn nanoseconds(value: &str) -> Result<u32, Reason> {
    Ok(number(value, u64::from(NANOS) - 1)? as u32)
}

/// `true` is the only value that a switch takes.
pub(super) fn switch(value: &str) -> Result<(), Reason> {
    if value == "true" { Ok(()) } else { Err(Reason::Switch { value: harmless(value) }) }
}

pub(super) fn protocol_version(value: &str) -> Result<(), Reason> {
    if value == "1" { Ok(()) } else { Err(Reason::ProtocolVersion { value: harmless(value) }) }
}

/// `IPv4:port`, `[IPv6]:port` or `[IPv6%zone]:port`, the zone a number or a name.
pub(super) fn endpoint(value: &str, zones: ZoneLookup) -> Result<SocketAddr, Reason> {
    if let Ok(address) = value.parse() {
        return Ok(address);
    }
    zoned_endpoint(value, zones).ok_or_else(|| Reason::Endpoint { value: harmless(value) })
}

fn zoned_endpoint(value: &str, zones: ZoneLookup) -> Option<SocketAddr> {
    let (host, port) = value.strip_prefix('[')?.split_once("]:")?;
    let (address, zone) = host.split_once('%')?;
    let address: Ipv6Addr = address.parse().ok()?;
    let port = self::port(port).ok()?;
    let scope_id = zones(zone)?;
    Some(SocketAddrV6::new(address, port, 0, scope_id).into())
}

/// `address/length`, host bits kept.
pub(super) fn network(value: &str) -> Result<IpNet, Reason> {
    let refused = || Reason::AllowedIp { value: harmless(value) };
    let (address, length) = value.split_once('/').ok_or_else(refused)?;
    let address: IpAddr = address.parse().map_err(|_| refused())?;
    let length = number(length, 128).map_err(|_| refused())?;
    IpNet::new(address, length as u8).map_err(|_| refused())
}

/// A network, with the prefix that newer tools send: `-` takes it away, `+` or nothing adds it.
pub(super) fn allowed_ip_change(value: &str) -> Result<AllowedIpChange, Reason> {
    if let Some(network) = value.strip_prefix('-') {
        return self::network(network).map(AllowedIpChange::Remove);
    }
    network(value.strip_prefix('+').unwrap_or(value)).map(AllowedIpChange::Add)
}

/// A refused value for an error, unless it is as long as a key: then somebody mixed up two lines.
fn harmless(value: &str) -> String {
    const SHORTEST_KEY: usize = 43;
    if value.len() < SHORTEST_KEY || value.contains([':', '.']) {
        value.into()
    } else {
        "(a long value)".into()
    }
}
