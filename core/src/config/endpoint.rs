//! Endpoints as text: what `wg` takes for an address, and which names can be names at all. Nothing is resolved.

use alloc::string::{String, ToString};
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use core::str::FromStr;

use super::Endpoint;
use super::value::c_number;

/// Why a text is no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Nothing after a last colon.
    #[error("`{0}` has no port: an endpoint is address:port, [IPv6]:port or name:port")]
    MissingPort(String),
    /// Not a port.
    #[error("`{0}` is not a port from 0 to 65535")]
    InvalidPort(String),
    /// Neither an address nor a name that a resolver would look for.
    #[error("`{0}` is neither an IP address nor a host name")]
    InvalidHost(String),
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    /// `IPv4:port`, `[IPv6]:port`, `[IPv6%zone]:port`, `name:port`. As `wg` does, it takes brackets around
    /// anything, and IPv6 without them: the last colon is the port's.
    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let parts = match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']').and_then(|(host, rest)| Some((host, rest.strip_prefix(':')?))),
            None => text.rsplit_once(':'),
        };
        let (host, port) = parts
            .filter(|(_, port)| !port.is_empty())
            .ok_or_else(|| EndpointError::MissingPort(text.to_string()))?;
        let port = port.parse().map_err(|_| EndpointError::InvalidPort(port.to_string()))?;
        parse_host(host, port).ok_or_else(|| EndpointError::InvalidHost(host.to_string()))
    }
}

fn parse_host(host: &str, port: u16) -> Option<Endpoint> {
    let address = |ip: IpAddr| Some(Endpoint::Address(SocketAddr::new(ip, port)));
    if let Ok(ip) = host.parse() {
        return address(ip);
    }
    if let Some((ip, zone)) = host.split_once('%') {
        return parse_zoned(host, ip.parse().ok()?, zone, port);
    }
    if ends_in_number(host) {
        return address(parse_short_ipv4(host)?.into());
    }
    is_host_name(host).then(|| Endpoint::Name { host: host.to_string(), port })
}

/// A zone that is a number is part of the address. One that is an interface's name is only known to the
/// system that has it, and only link-local addresses may have one.
fn parse_zoned(host: &str, ip: Ipv6Addr, zone: &str, port: u16) -> Option<Endpoint> {
    if zone.bytes().all(|byte| byte.is_ascii_digit()) {
        let scope_id = zone.parse().ok()?;
        return Some(Endpoint::Address(SocketAddrV6::new(ip, port, 0, scope_id).into()));
    }
    let is_link_local = ip.is_unicast_link_local() || (ip.segments()[0] & 0xff0f) == 0xff02;
    (is_link_local && is_interface_name(zone)).then(|| Endpoint::Name { host: host.to_string(), port })
}

/// What Linux takes for one: up to 15 octets, no slash, no space.
fn is_interface_name(name: &str) -> bool {
    const LONGEST: usize = 15;
    (1..=LONGEST).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_graphic() && !b"/]%,#".contains(&byte))
}

/// Whether its last part is a number, so that it is an IPv4 address or nothing: no top-level domain is one.
fn ends_in_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())) || c_number(last).is_some()
}

/// The forms of `inet_aton(3)`, which resolvers still take: 127.1, 0x7f000001.
fn parse_short_ipv4(host: &str) -> Option<Ipv4Addr> {
    const MOST_PARTS: usize = 4;
    let (first, last) = host.rsplit_once('.').unwrap_or(("", host));
    let mut address: u32 = 0;
    let mut free_bits: u32 = 32;
    for (index, part) in first.split('.').filter(|_| !first.is_empty()).enumerate() {
        let octet = c_number(part).filter(|octet| *octet <= 255 && index + 1 < MOST_PARTS)?;
        free_bits -= 8;
        address |= octet << free_bits;
    }
    let last = c_number(last).filter(|last| u64::from(*last) < 1 << free_bits)?;
    Some(Ipv4Addr::from(address | last))
}

/// What a resolver asks a name server for: labels of up to 63 letters, digits, `-` and `_`.
fn is_host_name(host: &str) -> bool {
    const LONGEST_NAME: usize = 253;
    const LONGEST_LABEL: usize = 63;
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= LONGEST_NAME && name.split('.').all(is_label)
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        match text.parse::<Endpoint>() {
            Ok(Endpoint::Address(address)) => address.to_string(),
            Ok(Endpoint::Name { host, port }) => alloc::format!("name {host} port {port}"),
            Err(_) => "refused".to_string(),
        }
    }

    #[test]
    fn what_wg_takes_is_taken() {
        for (text, expected) in [
            ("192.0.2.1:51820", "192.0.2.1:51820"),
            ("[2001:db8::1]:51820", "[2001:db8::1]:51820"),
            ("2001:db8::1:51820", "[2001:db8::1]:51820"),
            ("[192.0.2.1]:1", "192.0.2.1:1"),
            ("[fe80::1%2]:1", "[fe80::1%2]:1"),
            ("[fe80::1%eth0]:1", "name fe80::1%eth0 port 1"),
            ("vpn.example.com:51820", "name vpn.example.com port 51820"),
            ("[localhost]:0", "name localhost port 0"),
            ("xn--bcher-kva.example.:1", "name xn--bcher-kva.example. port 1"),
            ("127.1:1", "127.0.0.1:1"),
            ("0x7f.0.01:1", "127.0.0.1:1"),
            ("2130706433:1", "127.0.0.1:1"),
        ] {
            assert_eq!(parsed(text), expected, "{text}");
        }
    }

    #[test]
    fn what_no_resolver_finds_is_refused() {
        for text in [
            "",
            ":",
            ":51820",
            "[]:51820",
            "192.0.2.1",
            "192.0.2.1:",
            "192.0.2.1:x",
            "192.0.2.1:65536",
            "192.0.2.1:-1",
            "192.0.2.400:1",
            "1.2.3.4.5:1",
            "1.2.65536:1",
            "1..2:1",
            "192.0.2.08:1",
            "[2001:db8::1]51820",
            "[2001:db8::1:51820",
            "[2001:db8::1%eth0]:1",
            "[fe80::1%]:1",
            "192.0.2.1%eth0:1",
            "https://vpn.example.com:1",
            "vpn..example:1",
            "-vpn.example:1",
            "vpn_\u{e9}.example:1",
        ] {
            assert_eq!(parsed(text), "refused", "{text}");
        }
    }
}
