//! Any octets as an inner packet, with the congestion field of an outer one: addresses, length and what comes of both
//! congestion fields, by a second reading of the headers' layouts and by the table of RFC 6040.
#![no_main]

use std::net::IpAddr;

use adit_core::proto::path::Ecn;
use adit_core::proto::wire::ip::{Inner, decapsulate_ecn};
use adit_fuzz::reference;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // The outer field comes first, then the packet.
    let Some((outer, packet)) = input.split_first() else { return };
    let outer = Ecn::from_bits(*outer);
    let parsed = Inner::parse(packet);
    assert_eq!(parsed, read(packet));
    let Some(inner) = parsed else { return };

    let mut marked = packet.to_vec();
    let accepted = decapsulate_ecn(&mut marked, inner.ecn, outer);
    match reference::combined_ecn(inner.ecn, outer) {
        Some(ecn) => {
            assert!(accepted, "{:?} in {outer:?}", inner.ecn);
            assert_eq!(Inner::parse(&marked), Some(Inner { ecn, ..inner }));
            assert!(reference::only_ecn_differs(packet, &marked), "{marked:x?} of {packet:x?}");
        }
        None => {
            assert!(!accepted, "{:?} in {outer:?}", inner.ecn);
            assert_eq!(marked, packet);
        }
    }
});

/// RFC 791, section 3.1, and RFC 8200, section 3, octet by octet.
fn read(packet: &[u8]) -> Option<Inner> {
    let pair = |at: usize| usize::from(packet[at]) << 8 | usize::from(packet[at + 1]);
    let v4 = |at: usize| <[u8; 4]>::try_from(&packet[at..at + 4]).map(IpAddr::from).ok();
    let v6 = |at: usize| <[u8; 16]>::try_from(&packet[at..at + 16]).map(IpAddr::from).ok();
    match packet.first()? & 0xf0 {
        0x40 if packet.len() >= 20 && pair(2) >= 20 => {
            Some(Inner { source: v4(12)?, destination: v4(16)?, len: pair(2), ecn: reference::ecn(packet) })
        }
        0x60 if packet.len() >= 40 => Some(Inner {
            source: v6(8)?,
            destination: v6(24)?,
            len: 40 + pair(4),
            ecn: reference::ecn(packet),
        }),
        _ => None,
    }
}
