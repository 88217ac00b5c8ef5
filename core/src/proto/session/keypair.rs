//! One session's keys in both directions, with their counter, their replay window and their age. Role and age
//! belong here, not to the peer, who may have three of these.

use core::time::Duration;

use zerocopy::IntoBytes;

use super::aead::Cipher;
use super::replay::ReplayWindow;
use crate::proto::limits::{
    REJECT_AFTER_MESSAGES, REJECT_AFTER_TIME, REKEY_AFTER_MESSAGES, REKEY_AFTER_TIME,
    REKEY_ON_RECEIVE_AFTER_TIME, REKEY_TIMEOUT,
};
use crate::proto::noise::handshake::TransportKeys;
use crate::proto::time::Time;
use crate::proto::wire::message::{ReceiverIndex, TAG_LEN, TRANSPORT_HEADER_LEN, TransportHeader};

/// Which end of the handshake we were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Initiator,
    Responder,
}

/// Why transport data is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The keypair is too old, or the counter too great (section 6.1).
    #[error("a keypair past its time")]
    Expired,
    /// The counter was received before, or is too far behind to tell.
    #[error("a message that was received before")]
    Replayed,
    /// The tag is wrong.
    #[error("a message that was not sealed with this session's key")]
    NotAuthentic,
}

/// A session's keys.
pub(crate) struct Keypair {
    role: Role,
    created: Time,
    local: ReceiverIndex,
    remote: ReceiverIndex,
    keys: TransportKeys,
    next_counter: u64,
    received: ReplayWindow,
}

impl Keypair {
    /// `created`: at the initiator, when the initiation left, so that the initiator's keypair never outlives the
    /// responder's, even where a machine slept before it saw the response; at the responder, when the initiation came.
    ///
    /// `local` is the index that the peer writes to us, `remote` the one that we write to it.
    pub(crate) fn new(
        role: Role,
        created: Time,
        local: ReceiverIndex,
        remote: ReceiverIndex,
        keys: TransportKeys,
    ) -> Self {
        Self { role, created, local, remote, keys, next_counter: 0, received: ReplayWindow::new() }
    }

    /// Whether each end began one of these two handshakes before it knew of the other's.
    pub(crate) fn crosses(&self, other: &Self) -> bool {
        let apart = self.created.since(other.created).max(other.created.since(self.created));
        self.role != other.role && apart < REKEY_TIMEOUT
    }

    pub(crate) fn local(&self) -> ReceiverIndex {
        self.local
    }

    /// Since [`Self::new`]'s `created`.
    pub(crate) fn age(&self, now: Time) -> Duration {
        now - self.created
    }

    /// Whether it may still seal.
    pub(crate) fn can_seal(&self, now: Time) -> bool {
        self.age(now) < REJECT_AFTER_TIME && self.next_counter < REJECT_AFTER_MESSAGES
    }

    /// Whether a new handshake is due, now that it seals: by age only at the initiator, lest both begin one.
    pub(crate) fn wants_rekey_on_send(&self, now: Time) -> bool {
        self.next_counter > REKEY_AFTER_MESSAGES
            || self.role == Role::Initiator && self.age(now) >= REKEY_AFTER_TIME
    }

    /// Whether a new handshake is due, now that something was received.
    pub(crate) fn wants_rekey_on_receive(&self, now: Time) -> bool {
        self.role == Role::Initiator && self.age(now) >= REKEY_ON_RECEIVE_AFTER_TIME
    }

    /// The sending key, made ready.
    pub(crate) fn sealing_key(&self) -> SealingKey {
        SealingKey(Cipher::new(self.keys.sending.as_bytes()))
    }

    /// The receiving key, made ready.
    pub(crate) fn opening_key(&self) -> OpeningKey {
        OpeningKey(Cipher::new(self.keys.receiving.as_bytes()))
    }

    /// Builds a transport message that fills its room: header, `len` octets of payload that `write` writes, zeros up to the
    /// tag, tag. Only where [`Self::can_seal`].
    pub(crate) fn seal(
        &mut self,
        key: &SealingKey,
        len: usize,
        write: impl FnOnce(&mut [u8]),
        room: &mut [u8],
    ) {
        let counter = self.next_counter;
        self.next_counter += 1;
        let (header, room) = room.split_at_mut(TRANSPORT_HEADER_LEN);
        header.copy_from_slice(TransportHeader::new(self.remote, counter).as_bytes());
        let (padded, tag) = room.split_at_mut(room.len() - TAG_LEN);
        write(&mut padded[..len]);
        padded[len..].fill(0);
        tag.copy_from_slice(&key.0.seal(counter, padded));
    }

    /// Opens what follows a transport header, in place, and marks its counter as received.
    pub(crate) fn open<'d>(
        &mut self,
        key: &OpeningKey,
        counter: u64,
        sealed: &'d mut [u8],
        now: Time,
    ) -> Result<&'d mut [u8], OpenError> {
        if self.age(now) >= REJECT_AFTER_TIME || counter >= REJECT_AFTER_MESSAGES {
            return Err(OpenError::Expired);
        }
        if !self.received.is_new(counter) {
            return Err(OpenError::Replayed);
        }
        let payload = key.0.open(counter, sealed).map_err(|_| OpenError::NotAuthentic)?;
        self.received.commit(counter);
        Ok(payload)
    }
}

/// A keypair's sending key, made ready. Not kept beyond a batch: it is not wiped.
pub(crate) struct SealingKey(Cipher);

/// A keypair's receiving key, likewise.
pub(crate) struct OpeningKey(Cipher);

/// Octets that a message with a payload of `padded_len` has on the wire.
pub(crate) const fn sealed_len(padded_len: usize) -> usize {
    TRANSPORT_HEADER_LEN + padded_len + TAG_LEN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::PrivateKey;
    use crate::proto::noise::handshake::{Identity, NamedInitiation, SentInitiation};
    use crate::proto::noise::tai64n::Tai64n;

    const START: Time = Time::from_origin(Duration::from_secs(1));

    /// Both ends of one session, the initiator's first.
    fn session() -> [Keypair; 2] {
        let [us, them, first, second] = [1, 2, 3, 4].map(|octet| PrivateKey::from_bytes(&[octet; 32]));
        let (us, them) = (Identity::new(us), Identity::new(them));
        let static_static = us.private.shared_secret(&them.public).unwrap();
        let timestamp = Tai64n::next(None, Duration::ZERO);
        let [local, remote] = [ReceiverIndex(1), ReceiverIndex(2)];
        let (sent, message) =
            SentInitiation::new(&us, &them.public, &static_static, local, first, timestamp).unwrap();
        let received = NamedInitiation::open(&them, &message).unwrap().authenticate(&static_static).unwrap();
        let (response, their_keys) = received.respond(remote, &second, None).unwrap();
        let our_keys = sent.open(&us, None, &response).unwrap();
        [
            Keypair::new(Role::Initiator, START, local, remote, our_keys),
            Keypair::new(Role::Responder, START, remote, local, their_keys),
        ]
    }

    /// Sends the message of this counter from one end to the other.
    fn pass(sender: &mut Keypair, receiver: &mut Keypair, counter: u64) -> Result<(), OpenError> {
        sender.next_counter = counter;
        let mut message = [0; sealed_len(16)];
        let key = sender.sealing_key();
        sender.seal(&key, 7, |room| room.copy_from_slice(b"payload"), &mut message);
        let key = receiver.opening_key();
        receiver.open(&key, counter, &mut message[TRANSPORT_HEADER_LEN..], START).map(drop)
    }

    #[test]
    fn p21_a_rekey_is_due_after_2_to_the_60_messages_whatever_the_role() {
        for mut keypair in session() {
            keypair.next_counter = REKEY_AFTER_MESSAGES;
            assert!(!keypair.wants_rekey_on_send(START));
            keypair.next_counter += 1;
            assert!(keypair.wants_rekey_on_send(START));
        }
    }

    #[test]
    fn p21_nothing_is_sealed_or_opened_after_2_to_the_64_less_2_to_the_13_less_1_messages() {
        let [mut sender, mut receiver] = session();
        assert_eq!(pass(&mut sender, &mut receiver, REJECT_AFTER_MESSAGES - 1), Ok(()));
        assert!(!sender.can_seal(START));
        assert_eq!(pass(&mut sender, &mut receiver, REJECT_AFTER_MESSAGES), Err(OpenError::Expired));
    }

    #[test]
    fn p21_counters_have_64_bits() {
        let [mut sender, mut receiver] = session();
        for counter in [u64::from(u32::MAX), u64::from(u32::MAX) + 1] {
            assert_eq!(pass(&mut sender, &mut receiver, counter), Ok(()));
        }
        assert_eq!(pass(&mut sender, &mut receiver, 0), Err(OpenError::Replayed));
    }
}
