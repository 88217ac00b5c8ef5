//! The congestion field of inner packets by a second reading of its rules: slow, plain, and sharing nothing with the
//! engine.

use adit_core::proto::path::Ecn;

/// RFC 6040, section 4.2, figure 4: what the inner packet has at the tunnel's end; `None`, it is dropped.
pub fn combined_ecn(inner: Ecn, outer: Ecn) -> Option<Ecn> {
    use Ecn::{Ce, Ect0, Ect1, NotEct};
    // One row for each inner field, one column for each outer: Not-ECT, ECT(0), ECT(1), CE.
    let row = match inner {
        NotEct => [Some(NotEct), Some(NotEct), Some(NotEct), None],
        Ect0 => [Some(Ect0), Some(Ect0), Some(Ect1), Some(Ce)],
        Ect1 => [Some(Ect1), Some(Ect1), Some(Ect1), Some(Ce)],
        Ce => [Some(Ce); 4],
    };
    row[match outer {
        NotEct => 0,
        Ect0 => 1,
        Ect1 => 2,
        Ce => 3,
    }]
}

/// The congestion field of a packet: the low bits of the traffic class, which IPv6 keeps across two octets.
pub fn ecn(packet: &[u8]) -> Ecn {
    let class = if packet[0] >> 4 == 6 { packet[0] << 4 | packet[1] >> 4 } else { packet[1] };
    [Ecn::NotEct, Ecn::Ect1, Ecn::Ect0, Ecn::Ce][usize::from(class % 4)]
}

/// Whether two packets are the same but for the congestion field and for IPv4's checksum, which has followed it: it is as
/// right or wrong as it was.
pub fn only_ecn_differs(before: &[u8], after: &[u8]) -> bool {
    let is_checksum_kept = before[0] >> 4 == 6 || header_sum(before) == header_sum(after);
    without_ecn(before) == without_ecn(after) && is_checksum_kept
}

/// The packet with zeros for the congestion field and for what depends on it.
fn without_ecn(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    if packet[0] >> 4 == 6 {
        packet[1] &= !0x30;
    } else {
        packet[1] &= !0b11;
        packet[10..12].fill(0);
    }
    packet
}

/// The one's complement sum of an IPv4 header without its options: 0 and 0xffff are the same.
fn header_sum(packet: &[u8]) -> u32 {
    packet[..20].chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum::<u32>() % 0xffff
}
