//! The four messages of section 5.4, told apart by type and exact length. All integers are little-endian.

use zerocopy::byteorder::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::key::KEY_LEN;

/// Octets in an AEAD tag.
pub const TAG_LEN: usize = 16;
/// Octets in mac1, in mac2 and in a cookie.
pub const MAC_LEN: usize = 16;
/// Octets in a TAI64N timestamp.
pub const TIMESTAMP_LEN: usize = 12;
/// Octets before the ciphertext of a transport message.
pub const TRANSPORT_HEADER_LEN: usize = size_of::<TransportHeader>();
/// Octets that a transport message adds to its payload.
pub const TRANSPORT_OVERHEAD: usize = TRANSPORT_HEADER_LEN + TAG_LEN;

/// The first four octets as one little-endian number: the type, then three reserved octets of zero.
const INITIATION: u32 = 1;
const RESPONSE: u32 = 2;
const COOKIE_REPLY: u32 = 3;
const TRANSPORT: u32 = 4;

/// Names a handshake or a keypair of the end that drew it, at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReceiverIndex(pub u32);

/// mac1 or mac2.
pub type Mac = [u8; MAC_LEN];

/// The two macs that end both handshake messages (section 5.4.4).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Macs {
    /// Proves knowledge of the receiver's public key.
    pub mac1: Mac,
    /// Proves ownership of the sender's address; zeros when no cookie is held.
    pub mac2: Mac,
}

/// Handshake initiation (section 5.4.2).
#[derive(Clone, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Initiation {
    message_type: U32,
    sender: U32,
    /// The initiator's ephemeral public key.
    pub ephemeral: [u8; KEY_LEN],
    /// The initiator's static public key, sealed.
    pub static_key: [u8; KEY_LEN + TAG_LEN],
    /// The TAI64N timestamp, sealed.
    pub timestamp: [u8; TIMESTAMP_LEN + TAG_LEN],
    /// mac1 and mac2.
    pub macs: Macs,
}

/// Handshake response (section 5.4.3).
#[derive(Clone, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Response {
    message_type: U32,
    sender: U32,
    receiver: U32,
    /// The responder's ephemeral public key.
    pub ephemeral: [u8; KEY_LEN],
    /// The tag of an empty plaintext.
    pub nothing: [u8; TAG_LEN],
    /// mac1 and mac2.
    pub macs: Macs,
}

/// Cookie reply (section 5.4.7).
#[derive(Clone, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct CookieReply {
    message_type: U32,
    receiver: U32,
    /// For XChaCha20-Poly1305.
    pub nonce: [u8; 24],
    /// The cookie, sealed.
    pub cookie: [u8; MAC_LEN + TAG_LEN],
}

/// What comes before the ciphertext of transport data (section 5.4.6).
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct TransportHeader {
    message_type: U32,
    receiver: U32,
    counter: U64,
}

/// A datagram whose type, reserved octets and length are right.
#[derive(Debug)]
pub enum Message<'d> {
    /// Section 5.4.2.
    Initiation(Initiation),
    /// Section 5.4.3.
    Response(Response),
    /// Section 5.4.7.
    CookieReply(CookieReply),
    /// Section 5.4.6.
    Transport {
        /// Ours, that names the keypair.
        receiver: ReceiverIndex,
        /// The nonce.
        counter: u64,
        /// Ciphertext and tag, to be opened in place.
        sealed: &'d mut [u8],
    },
}

/// The datagram is none of the four messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a datagram of {len} octets that is none of the protocol's messages")]
pub struct NotAMessage {
    /// Octets in it.
    pub len: usize,
}

impl<'d> Message<'d> {
    /// Tells a datagram's kind by its first four octets and its length.
    pub fn parse(datagram: &'d mut [u8]) -> Result<Self, NotAMessage> {
        let refused = NotAMessage { len: datagram.len() };
        let (message_type, _) = U32::read_from_prefix(datagram).map_err(|_| refused)?;
        match message_type.get() {
            INITIATION => Initiation::read_from_bytes(datagram).map(Self::Initiation).map_err(|_| refused),
            RESPONSE => Response::read_from_bytes(datagram).map(Self::Response).map_err(|_| refused),
            COOKIE_REPLY => {
                CookieReply::read_from_bytes(datagram).map(Self::CookieReply).map_err(|_| refused)
            }
            TRANSPORT if datagram.len() >= TRANSPORT_OVERHEAD => {
                let (header, sealed) = TransportHeader::mut_from_prefix(datagram).map_err(|_| refused)?;
                let receiver = ReceiverIndex(header.receiver.get());
                Ok(Self::Transport { receiver, counter: header.counter.get(), sealed })
            }
            _ => Err(refused),
        }
    }
}

impl Initiation {
    /// An initiation whose sealed fields and macs are still to be filled.
    pub fn new(sender: ReceiverIndex, ephemeral: [u8; KEY_LEN]) -> Self {
        Self {
            message_type: INITIATION.into(),
            sender: sender.0.into(),
            ephemeral,
            static_key: [0; KEY_LEN + TAG_LEN],
            timestamp: [0; TIMESTAMP_LEN + TAG_LEN],
            macs: Macs::default(),
        }
    }

    /// Names the handshake at the end that sent this.
    pub fn sender(&self) -> ReceiverIndex {
        ReceiverIndex(self.sender.get())
    }
}

impl Response {
    /// A response whose sealed field and macs are still to be filled.
    pub fn new(sender: ReceiverIndex, receiver: ReceiverIndex, ephemeral: [u8; KEY_LEN]) -> Self {
        Self {
            message_type: RESPONSE.into(),
            sender: sender.0.into(),
            receiver: receiver.0.into(),
            ephemeral,
            nothing: [0; TAG_LEN],
            macs: Macs::default(),
        }
    }

    /// Names the keypair at the end that sent this.
    pub fn sender(&self) -> ReceiverIndex {
        ReceiverIndex(self.sender.get())
    }

    /// Names the handshake at the end that receives this.
    pub fn receiver(&self) -> ReceiverIndex {
        ReceiverIndex(self.receiver.get())
    }
}

impl CookieReply {
    /// A whole cookie reply.
    pub fn new(receiver: ReceiverIndex, nonce: [u8; 24], cookie: [u8; MAC_LEN + TAG_LEN]) -> Self {
        Self { message_type: COOKIE_REPLY.into(), receiver: receiver.0.into(), nonce, cookie }
    }

    /// Names the handshake at the end that receives this.
    pub fn receiver(&self) -> ReceiverIndex {
        ReceiverIndex(self.receiver.get())
    }
}

impl TransportHeader {
    /// A whole header.
    pub fn new(receiver: ReceiverIndex, counter: u64) -> Self {
        Self { message_type: TRANSPORT.into(), receiver: receiver.0.into(), counter: counter.into() }
    }
}

/// A handshake message: what mac1 and mac2 cover, and the two themselves.
pub trait Handshake: IntoBytes + Immutable {
    /// The index to which a cookie reply is addressed.
    fn sender(&self) -> ReceiverIndex;
    /// The macs as they stand.
    fn macs(&self) -> &Macs;
    /// The macs, to be filled in.
    fn macs_mut(&mut self) -> &mut Macs;

    /// The octets that mac1 covers: all before it.
    fn covered_by_mac1(&self) -> &[u8] {
        let bytes = self.as_bytes();
        &bytes[..bytes.len() - 2 * MAC_LEN]
    }

    /// The octets that mac2 covers: all before it.
    fn covered_by_mac2(&self) -> &[u8] {
        let bytes = self.as_bytes();
        &bytes[..bytes.len() - MAC_LEN]
    }
}

impl Handshake for Initiation {
    fn sender(&self) -> ReceiverIndex {
        self.sender()
    }

    fn macs(&self) -> &Macs {
        &self.macs
    }

    fn macs_mut(&mut self) -> &mut Macs {
        &mut self.macs
    }
}

impl Handshake for Response {
    fn sender(&self) -> ReceiverIndex {
        self.sender()
    }

    fn macs(&self) -> &Macs {
        &self.macs
    }

    fn macs_mut(&mut self) -> &mut Macs {
        &mut self.macs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn the_sizes_are_the_papers() {
        assert_eq!(size_of::<Initiation>(), 148);
        assert_eq!(size_of::<Response>(), 92);
        assert_eq!(size_of::<CookieReply>(), 64);
        assert_eq!(size_of::<TransportHeader>(), 16);
    }

    #[test]
    fn only_the_exact_length_of_a_type_is_a_message() {
        for (message_type, exact) in
            [(1, Some(148)), (2, Some(92)), (3, Some(64)), (4, None), (0, None), (5, None)]
        {
            for len in [0, 1, 3, 4, 31, 32, 63, 64, 65, 91, 92, 93, 147, 148, 149, 65_507] {
                let mut datagram = vec![0; len];
                if let Some(first) = datagram.first_mut() {
                    *first = message_type;
                }
                let accepted = if message_type == 4 { len >= 32 } else { exact == Some(len) };
                assert_eq!(
                    Message::parse(&mut datagram).is_ok(),
                    accepted,
                    "type {message_type}, {len} octets"
                );
            }
        }
    }

    #[test]
    fn reserved_octets_must_be_zero() {
        for (message_type, len) in [(1, 148), (2, 92), (3, 64), (4, 32)] {
            for reserved in 1..4 {
                let mut datagram = vec![0; len];
                datagram[0] = message_type;
                datagram[reserved] = 1;
                assert_eq!(Message::parse(&mut datagram).err(), Some(NotAMessage { len }));
            }
        }
    }
}
