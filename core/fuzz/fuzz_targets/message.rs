//! Any octets as a datagram: which of the four messages it is, by a second reading of the rule, and that each of them
//! is nothing but its octets.
#![no_main]

use adit_core::proto::wire::message::{Handshake, Message, NotAMessage};
use libfuzzer_sys::fuzz_target;
use zerocopy::IntoBytes;

fuzz_target!(|datagram: &[u8]| {
    let mut copy = datagram.to_vec();
    match Message::parse(&mut copy) {
        Ok(Message::Initiation(initiation)) => {
            assert_eq!(kind(datagram), Some(1));
            assert_eq!(initiation.as_bytes(), datagram);
            assert_eq!(initiation.sender().0, number(datagram, 4));
            assert_macs(&initiation, datagram);
        }
        Ok(Message::Response(response)) => {
            assert_eq!(kind(datagram), Some(2));
            assert_eq!(response.as_bytes(), datagram);
            assert_eq!(
                (response.sender().0, response.receiver().0),
                (number(datagram, 4), number(datagram, 8))
            );
            assert_macs(&response, datagram);
        }
        Ok(Message::CookieReply(reply)) => {
            assert_eq!(kind(datagram), Some(3));
            assert_eq!(reply.as_bytes(), datagram);
            assert_eq!(reply.receiver().0, number(datagram, 4));
        }
        Ok(Message::Transport { receiver, counter, sealed }) => {
            assert_eq!(kind(datagram), Some(4));
            assert_eq!(receiver.0, number(datagram, 4));
            assert_eq!(counter, u64::from(number(datagram, 12)) << 32 | u64::from(number(datagram, 8)));
            assert_eq!(sealed, &datagram[16..]);
        }
        Err(refused) => {
            assert_eq!(kind(datagram), None);
            assert_eq!(refused, NotAMessage { len: datagram.len() });
        }
    }
});

/// The rule of section 5.4 in other words: the first octet, by length; the next three are zero.
fn kind(datagram: &[u8]) -> Option<u8> {
    let first = *datagram.first()?;
    let has_its_length = match first {
        1 => datagram.len() == 148,
        2 => datagram.len() == 92,
        3 => datagram.len() == 64,
        4 => datagram.len() >= 32,
        _ => false,
    };
    (has_its_length && datagram[1..4] == [0; 3]).then_some(first)
}

/// The little-endian number at this place.
fn number(datagram: &[u8], at: usize) -> u32 {
    datagram[at..at + 4].iter().rev().fold(0, |number, octet| number << 8 | u32::from(*octet))
}

/// mac1 and mac2 end the message, and each covers all before it.
fn assert_macs(message: &impl Handshake, datagram: &[u8]) {
    let (before, macs) = datagram.split_at(datagram.len() - 32);
    assert_eq!(message.covered_by_mac1(), before);
    assert_eq!(message.covered_by_mac2(), &datagram[..datagram.len() - 16]);
    assert_eq!((&message.macs().mac1[..], &message.macs().mac2[..]), macs.split_at(16));
}
