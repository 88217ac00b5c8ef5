//! Prefixes of addresses of both families: where two of them part, and which way an address goes below one.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// An address of either family, kept in no more octets than it has.
pub(super) trait Address: Copy + Eq + Into<IpAddr> {
    /// Bits in one.
    const LEN: u8;

    /// The address at the high end, so that both families' prefixes count from the same bit.
    fn bits(self) -> u128;

    fn from_bits(bits: u128) -> Self;
}

impl Address for Ipv4Addr {
    const LEN: u8 = 32;

    fn bits(self) -> u128 {
        u128::from(self.to_bits()) << 96
    }

    fn from_bits(bits: u128) -> Self {
        Self::from_bits((bits >> 96) as u32)
    }
}

impl Address for Ipv6Addr {
    const LEN: u8 = 128;

    fn bits(self) -> u128 {
        self.to_bits()
    }

    fn from_bits(bits: u128) -> Self {
        Self::from_bits(bits)
    }
}

/// The first `len` bits of an address; the rest are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix<A> {
    pub(super) address: A,
    pub(super) len: u8,
}

impl From<Ipv4Net> for Prefix<Ipv4Addr> {
    fn from(network: Ipv4Net) -> Self {
        Self { address: network.addr(), len: network.prefix_len() }
    }
}

impl From<Ipv6Net> for Prefix<Ipv6Addr> {
    fn from(network: Ipv6Net) -> Self {
        Self { address: network.addr(), len: network.prefix_len() }
    }
}

impl<A: Address> Prefix<A> {
    pub(super) fn network(self) -> IpNet {
        IpNet::new_assert(self.address.into(), self.len)
    }

    pub(super) fn contains(self, address: A) -> bool {
        (self.address.bits() ^ address.bits()).leading_zeros() >= u32::from(self.len)
    }

    /// The longest prefix of both.
    pub(super) fn common(self, other: Self) -> Self {
        let bits = self.address.bits();
        let equal = (bits ^ other.address.bits()).leading_zeros();
        let len = equal.min(self.len.min(other.len).into());
        let mask = u128::MAX.checked_shl(128 - len).unwrap_or(0);
        Self { address: A::from_bits(bits & mask), len: len as u8 }
    }

    /// Which way an address goes below this prefix, which must be shorter than an address.
    pub(super) fn side(self, address: A) -> usize {
        (address.bits() >> (127 - u32::from(self.len)) & 1) as usize
    }
}
