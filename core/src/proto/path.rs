//! Where a datagram comes from or goes to, and what its outer IP header says of congestion.

use core::net::{IpAddr, SocketAddr};

/// Both ends of an outer datagram's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// The peer's address and port.
    pub remote: SocketAddr,
    /// Our address that the peer used, to be answered from; `None` lets the system choose.
    pub local: Option<IpAddr>,
}

impl Path {
    /// A path whose local end the system chooses. An IPv4 address in IPv6's clothes is taken for what it is.
    pub fn to(remote: SocketAddr) -> Self {
        let remote = match remote.ip().to_canonical() {
            IpAddr::V4(ip) => SocketAddr::new(ip.into(), remote.port()),
            IpAddr::V6(_) => remote,
        };
        Self { remote, local: None }
    }
}

/// The congestion field of an IP header (RFC 3168, section 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ecn {
    /// The sender does not speak ECN: 00.
    #[default]
    NotEct,
    /// ECN-capable, codepoint 1: 01.
    Ect1,
    /// ECN-capable, codepoint 0: 10.
    Ect0,
    /// A router met congestion: 11.
    Ce,
}

impl Ecn {
    /// The two low bits of a traffic class octet.
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 0b11 {
            0b00 => Self::NotEct,
            0b01 => Self::Ect1,
            0b10 => Self::Ect0,
            _ => Self::Ce,
        }
    }

    /// The two bits as they stand in the header.
    pub const fn bits(self) -> u8 {
        self as u8
    }
}
