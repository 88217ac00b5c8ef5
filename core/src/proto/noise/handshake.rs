//! Both roles of the handshake, a type for each state (sections 5.4.2 to 5.4.5). Every step takes what it needs and
//! returns the next state or an error; none changes anything in place.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::symmetric::{NotAuthentic, SymmetricState};
use super::tai64n::Tai64n;
use crate::key::{KEY_LEN, PresharedKey, PrivateKey, PublicKey};
use crate::proto::wire::message::{Initiation, ReceiverIndex, Response, TIMESTAMP_LEN};

/// A Diffie-Hellman result.
pub(crate) type SharedSecret = Zeroizing<[u8; KEY_LEN]>;

/// Why a handshake message is dropped. The sender is told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// A tag is wrong: another key, another preshared key, or tampering.
    #[error("a handshake message that was not sealed for us")]
    NotAuthentic,
    /// A public key of low order, whose shared secret everybody knows.
    #[error("a public key of low order")]
    LowOrder,
}

impl From<NotAuthentic> for HandshakeError {
    fn from(NotAuthentic: NotAuthentic) -> Self {
        Self::NotAuthentic
    }
}

/// Who we are: a key pair, and so the public key is computed once.
pub(crate) struct Identity {
    pub(crate) private: PrivateKey,
    pub(crate) public: PublicKey,
}

impl Identity {
    pub(crate) fn new(private: PrivateKey) -> Self {
        let public = private.public_key();
        Self { private, public }
    }
}

/// One direction's key; wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct TransportKey([u8; KEY_LEN]);

impl TransportKey {
    pub(crate) fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

/// What a finished handshake gives both ends, seen from one of them.
pub(crate) struct TransportKeys {
    pub(crate) sending: TransportKey,
    pub(crate) receiving: TransportKey,
}

/// An initiation of ours that waits for its response. Opening a response leaves it usable, so that a forged one
/// does no harm.
pub(crate) struct SentInitiation {
    index: ReceiverIndex,
    ephemeral: PrivateKey,
    state: SymmetricState,
}

impl SentInitiation {
    /// Section 5.4.2, without the macs. Fails when the peer's static key is of low order.
    pub(crate) fn new(
        us: &Identity,
        peer: &PublicKey,
        static_static: &SharedSecret,
        index: ReceiverIndex,
        ephemeral: PrivateKey,
        timestamp: Tai64n,
    ) -> Result<(Self, Initiation), HandshakeError> {
        let mut state = SymmetricState::new(peer);
        let mut message = Initiation::new(index, *ephemeral.public_key().as_bytes());

        state.mix_hash(&message.ephemeral);
        state.mix_key(&message.ephemeral);
        state.mix_key(&*ephemeral.shared_secret(peer).ok_or(HandshakeError::LowOrder)?);
        state.encrypt_and_hash(us.public.as_bytes(), &mut message.static_key);
        state.mix_key(static_static);
        state.encrypt_and_hash(timestamp.as_bytes(), &mut message.timestamp);

        Ok((Self { index, ephemeral, state }, message))
    }

    /// Ours, to which the response is addressed.
    pub(crate) fn index(&self) -> ReceiverIndex {
        self.index
    }

    /// Section 5.4.3, the receiving side.
    pub(crate) fn open(
        &self,
        us: &Identity,
        preshared_key: Option<&PresharedKey>,
        response: &Response,
    ) -> Result<TransportKeys, HandshakeError> {
        let mut state = self.state.clone();
        let theirs = PublicKey::from_bytes(response.ephemeral);

        state.mix_hash(&response.ephemeral);
        state.mix_key(&response.ephemeral);
        state.mix_key(&*self.ephemeral.shared_secret(&theirs).ok_or(HandshakeError::LowOrder)?);
        state.mix_key(&*us.private.shared_secret(&theirs).ok_or(HandshakeError::LowOrder)?);
        mix_preshared_key(&mut state, preshared_key);
        state.decrypt_and_hash(&response.nothing, &mut [])?;

        let [sending, receiving] = &*state.split();
        Ok(TransportKeys { sending: TransportKey(*sending), receiving: TransportKey(*receiving) })
    }
}

/// An initiation whose sender has a name, but is not yet proven to be who it says.
pub(crate) struct NamedInitiation<'m> {
    message: &'m Initiation,
    state: SymmetricState,
    initiator: PublicKey,
}

impl<'m> NamedInitiation<'m> {
    /// Section 5.4.2, the receiving side, as far as the initiator's static key.
    pub(crate) fn open(us: &Identity, message: &'m Initiation) -> Result<Self, HandshakeError> {
        let mut state = SymmetricState::new(&us.public);
        let ephemeral = PublicKey::from_bytes(message.ephemeral);

        state.mix_hash(&message.ephemeral);
        state.mix_key(&message.ephemeral);
        state.mix_key(&*us.private.shared_secret(&ephemeral).ok_or(HandshakeError::LowOrder)?);
        let mut initiator = [0; KEY_LEN];
        state.decrypt_and_hash(&message.static_key, &mut initiator)?;

        Ok(Self { message, state, initiator: PublicKey::from_bytes(initiator) })
    }

    /// Who says to be calling.
    pub(crate) fn initiator(&self) -> &PublicKey {
        &self.initiator
    }

    /// The rest of the initiation, which only the named peer can have sealed.
    pub(crate) fn authenticate(
        mut self,
        static_static: &SharedSecret,
    ) -> Result<ReceivedInitiation, HandshakeError> {
        self.state.mix_key(static_static);
        let mut timestamp = [0; TIMESTAMP_LEN];
        self.state.decrypt_and_hash(&self.message.timestamp, &mut timestamp)?;

        Ok(ReceivedInitiation {
            state: self.state,
            initiator: self.initiator,
            ephemeral: PublicKey::from_bytes(self.message.ephemeral),
            sender: self.message.sender(),
            timestamp: Tai64n::from_bytes(timestamp),
        })
    }
}

/// An initiation that is authentic. It may still be a replay: that, its timestamp says.
pub(crate) struct ReceivedInitiation {
    state: SymmetricState,
    initiator: PublicKey,
    ephemeral: PublicKey,
    sender: ReceiverIndex,
    timestamp: Tai64n,
}

impl ReceivedInitiation {
    /// To be compared with the greatest one accepted from this peer.
    pub(crate) fn timestamp(&self) -> Tai64n {
        self.timestamp
    }

    /// Names the handshake at the initiator.
    pub(crate) fn sender(&self) -> ReceiverIndex {
        self.sender
    }

    /// Section 5.4.3, without the macs.
    pub(crate) fn respond(
        mut self,
        index: ReceiverIndex,
        ephemeral: &PrivateKey,
        preshared_key: Option<&PresharedKey>,
    ) -> Result<(Response, TransportKeys), HandshakeError> {
        let mut message = Response::new(index, self.sender, *ephemeral.public_key().as_bytes());
        let state = &mut self.state;

        state.mix_hash(&message.ephemeral);
        state.mix_key(&message.ephemeral);
        state.mix_key(&*ephemeral.shared_secret(&self.ephemeral).ok_or(HandshakeError::LowOrder)?);
        state.mix_key(&*ephemeral.shared_secret(&self.initiator).ok_or(HandshakeError::LowOrder)?);
        mix_preshared_key(state, preshared_key);
        state.encrypt_and_hash(&[], &mut message.nothing);

        let [receiving, sending] = &*state.split();
        Ok((message, TransportKeys { sending: TransportKey(*sending), receiving: TransportKey(*receiving) }))
    }
}

/// Without a preshared key, 32 zeros are mixed in (section 5.2).
fn mix_preshared_key(state: &mut SymmetricState, preshared_key: Option<&PresharedKey>) {
    state.mix_key_and_hash(preshared_key.map_or(&[0; KEY_LEN], PresharedKey::as_bytes));
}
