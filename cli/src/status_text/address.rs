//! Addresses as the system's library writes them for `wg`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// As getnameinfo writes it: a link-local address's zone by its name, where the interface is still there.
pub(super) fn endpoint_text(endpoint: SocketAddr) -> String {
    let SocketAddr::V6(v6) = endpoint else {
        return endpoint.to_string();
    };
    let zone = match v6.scope_id() {
        0 => String::new(),
        index => format!("%{}", zone_name(v6.ip(), index)),
    };
    format!("[{}{zone}]:{}", ip_text(IpAddr::V6(*v6.ip())), v6.port())
}

fn zone_name(address: &Ipv6Addr, index: u32) -> String {
    let name = address.is_unicast_link_local().then(|| nix::net::if_::if_indextoname(index).ok()).flatten();
    let name = name.and_then(|name| name.into_string().ok());
    // nix 0.31 gives an empty name, and no error, for an index that no interface has.
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| index.to_string())
}

/// `address/length`.
pub(super) fn network_text(network: &IpNet) -> String {
    format!("{}/{}", ip_text(network.addr()), network.prefix_len())
}

/// As inet_ntop writes it: unlike Rust's, it ends IPv4-compatible addresses (RFC 4291, section 2.5.5.1) in dots.
pub(super) fn ip_text(address: IpAddr) -> String {
    match address {
        IpAddr::V6(v6) => match (v6.segments(), v6.to_ipv4()) {
            ([0, 0, 0, 0, 0, 0, high, _], Some(v4)) if high != 0 => format!("::{v4}"),
            _ => v6.to_string(),
        },
        IpAddr::V4(v4) => v4.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_the_system_writes_them() {
        let ip = |text: &str| ip_text(text.parse().unwrap());
        for text in ["10.0.0.1", "fd00::1", "::", "::1", "::ffff:10.0.0.1", "::10.0.0.1"] {
            assert_eq!(ip(text), text);
        }
        assert_eq!(endpoint_text("[fe80::1%7654321]:1".parse().unwrap()), "[fe80::1%7654321]:1");
        assert_eq!(endpoint_text("[2001:db8::1]:1".parse().unwrap()), "[2001:db8::1]:1");
    }
}
