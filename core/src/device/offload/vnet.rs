//! The header before each packet of a TUN descriptor that was made with `IFF_VNET_HDR`: `struct virtio_net_hdr` of
//! `linux/virtio_net.h`, in the machine's own order of octets.

/// What the kernel says of a super-packet, and is told of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VnetHeader {
    /// [`VnetHeader::NEEDS_CSUM`], or nothing.
    pub flags: u8,
    /// One of the `GSO_` constants, and perhaps [`VnetHeader::GSO_ECN`].
    pub gso_type: u8,
    /// Octets in all headers of the packet.
    pub hdr_len: u16,
    /// Octets of payload in each segment but the last.
    pub gso_size: u16,
    /// Where in the packet the transport header begins.
    pub csum_start: u16,
    /// Where in the transport header its checksum stands.
    pub csum_offset: u16,
}

impl VnetHeader {
    /// Octets.
    pub const LEN: usize = 10;
    /// The transport checksum is only begun: the field holds the pseudo-header's sum.
    pub const NEEDS_CSUM: u8 = 1;
    /// One packet.
    pub const GSO_NONE: u8 = 0;
    /// TCP over IPv4.
    pub const GSO_TCPV4: u8 = 1;
    /// TCP over IPv6.
    pub const GSO_TCPV6: u8 = 4;
    /// UDP over either.
    pub const GSO_UDP_L4: u8 = 5;
    /// Beside TCP's: CWR is set, which only the first segment keeps.
    pub const GSO_ECN: u8 = 0x80;

    /// As it stands before a packet.
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let [flags, gso_type, h0, h1, g0, g1, s0, s1, o0, o1] = *bytes;
        Self {
            flags,
            gso_type,
            hdr_len: u16::from_ne_bytes([h0, h1]),
            gso_size: u16::from_ne_bytes([g0, g1]),
            csum_start: u16::from_ne_bytes([s0, s1]),
            csum_offset: u16::from_ne_bytes([o0, o1]),
        }
    }

    /// The same, to be written before a packet.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[0] = self.flags;
        bytes[1] = self.gso_type;
        let numbers = [self.hdr_len, self.gso_size, self.csum_start, self.csum_offset];
        for (field, number) in bytes[2..].chunks_exact_mut(2).zip(numbers) {
            field.copy_from_slice(&number.to_ne_bytes());
        }
        bytes
    }
}
