//! Offload of inner TCP and UDP: super-packets that the kernel hands out are split into the packets they stand for,
//! and neighbours that arrive are merged into one write. Octets in, octets out: knows neither descriptors nor the tunnel.
//!
//! Both directions keep to one rule: what was merged, split again, is what there was before, octet for octet.

mod candidate;
mod checksum;
mod merge;
mod split;
mod vnet;

/// What is done in one go for several packets or datagrams, where the system can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offload {
    /// At the TUN descriptor: super-packets where it has a vnet header; elsewhere on Linux, neighbouring segments of TCP
    /// written as one packet, which may be longer than the MTU. Darwin is not known to take those, and gets none.
    pub tun: bool,
    /// On the network: runs of datagrams in one send and one receive.
    pub udp: bool,
}

impl Default for Offload {
    /// All of it.
    fn default() -> Self {
        Self { tun: true, udp: true }
    }
}

pub use merge::{Form, MAX_PARTS, Merger, Write};
pub use split::{BadSuperPacket, Segment, SuperPacket};
pub use vnet::VnetHeader;

/// What can be split and merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Tcp,
    Udp,
}

impl Transport {
    /// IANA's protocol number.
    const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }

    /// Where in its header the checksum stands.
    const fn checksum_at(self) -> usize {
        match self {
            Self::Tcp => 16,
            Self::Udp => 6,
        }
    }
}

/// IPv4's header without options (RFC 791).
const IPV4_HEADER_LEN: usize = 20;
/// IPv6's header without extensions (RFC 8200).
const IPV6_HEADER_LEN: usize = 40;
/// TCP's header without options (RFC 9293).
const TCP_HEADER_LEN: usize = 20;
/// UDP's header (RFC 768).
const UDP_HEADER_LEN: usize = 8;

/// Where TCP's flags stand in its header, and those that matter here.
const TCP_FLAGS_AT: usize = 13;
const FIN: u8 = 0x01;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;
const CWR: u8 = 0x80;

/// Octets in TCP's header by its data offset; the offset stands in its 13th octet.
fn tcp_header_len(offset: u8) -> usize {
    usize::from(offset >> 4) * 4
}

fn is_ipv4(packet: &[u8]) -> bool {
    packet[0] >> 4 == 4
}

/// Writes the packet's length into its IP header, and what follows from it. IPv4 counts all of the packet, IPv6 what comes
/// after its header. `headers` is the whole IP header at least.
fn set_ip_len(headers: &mut [u8], packet_len: usize) {
    let counted = if is_ipv4(headers) { packet_len } else { packet_len - IPV6_HEADER_LEN };
    let counted = u16::try_from(counted).expect("callers keep packets below 64 KiB").to_be_bytes();
    if !is_ipv4(headers) {
        headers[4..6].copy_from_slice(&counted);
        return;
    }
    headers[2..4].copy_from_slice(&counted);
    let header_len = ipv4_header_len(headers[0]);
    let header = &mut headers[..header_len];
    header[10..12].fill(0);
    let checksum = checksum::Sum::of(header).checksum();
    header[10..12].copy_from_slice(&checksum);
}

/// Octets in IPv4's header by its first octet.
fn ipv4_header_len(first: u8) -> usize {
    usize::from(first & 0xf) * 4
}

/// The sum of the pseudo-header (RFC 9293, section 3.1; RFC 8200, section 8.1). `transport_len`: octets from the transport
/// header on.
fn pseudo_header(headers: &[u8], transport: Transport, transport_len: usize) -> checksum::Sum {
    let addresses = if is_ipv4(headers) { 12..20 } else { 8..40 };
    let len = u16::try_from(transport_len).expect("callers keep packets below 64 KiB");
    checksum::Sum::of(&headers[addresses]).and_number(transport.number().into()).and_number(len)
}
