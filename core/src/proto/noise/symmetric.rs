//! The symmetric state of a Noise handshake (The Noise Protocol Framework, section 5.2): a chaining key, a
//! transcript hash and the key that the last mixing gave.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::hash;
use crate::key::{KEY_LEN, PublicKey};
use crate::proto::wire::message::TAG_LEN;

/// Section 5.4: CONSTRUCTION and IDENTIFIER.
const CONSTRUCTION: &[u8] = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
const IDENTIFIER: &[u8] = b"WireGuard v1 zx2c4 Jason@zx2c4.com";

/// The tag is wrong: what was received was not sealed with the key that this transcript gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAuthentic;

/// Mixed forward by each token of a handshake; wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct SymmetricState {
    chaining_key: [u8; 32],
    hash: [u8; 32],
    key: [u8; KEY_LEN],
}

impl SymmetricState {
    /// Where every handshake with this responder begins.
    pub(super) fn new(responder: &PublicKey) -> Self {
        let chaining_key = hash([CONSTRUCTION]);
        let identified = hash([&chaining_key, IDENTIFIER]);
        Self { chaining_key, hash: hash([&identified, responder.as_bytes()]), key: [0; KEY_LEN] }
    }

    pub(super) fn mix_hash(&mut self, data: &[u8]) {
        self.hash = hash([&self.hash, data]);
    }

    pub(super) fn mix_key(&mut self, input: &[u8; KEY_LEN]) {
        let [chaining_key, key] = &*self.derive(input);
        self.chaining_key = *chaining_key;
        self.key = *key;
    }

    /// The token `psk`: the middle output goes into the transcript.
    pub(super) fn mix_key_and_hash(&mut self, input: &[u8; KEY_LEN]) {
        let [chaining_key, for_hash, key] = &*self.derive(input);
        self.chaining_key = *chaining_key;
        self.key = *key;
        self.mix_hash(for_hash);
    }

    /// Seals `plaintext` into `sealed`, which is a tag longer.
    pub(super) fn encrypt_and_hash(&mut self, plaintext: &[u8], sealed: &mut [u8]) {
        let (ciphertext, tag) = sealed.split_at_mut(plaintext.len());
        ciphertext.copy_from_slice(plaintext);
        let sealed_tag = self
            .cipher()
            .encrypt_inout_detached(&Nonce::default(), &self.hash, ciphertext.into())
            .expect("a handshake's fields are far below the cipher's 256 GiB");
        tag.copy_from_slice(&sealed_tag);
        self.mix_hash(sealed);
    }

    /// Opens `sealed` into `plaintext`, which is a tag shorter.
    pub(super) fn decrypt_and_hash(
        &mut self,
        sealed: &[u8],
        plaintext: &mut [u8],
    ) -> Result<(), NotAuthentic> {
        let (ciphertext, tag) = sealed.split_last_chunk::<TAG_LEN>().ok_or(NotAuthentic)?;
        plaintext.copy_from_slice(ciphertext);
        self.cipher()
            .decrypt_inout_detached(&Nonce::default(), &self.hash, plaintext.into(), tag.into())
            .map_err(|_| NotAuthentic)?;
        self.mix_hash(sealed);
        Ok(())
    }

    /// The initiator's sending key and its receiving key (section 5.4.5).
    pub(super) fn split(&self) -> Zeroizing<[[u8; KEY_LEN]; 2]> {
        self.derive(&[])
    }

    /// KDF of section 5.4, which is HKDF (RFC 5869) with an empty info. Written out, because the hkdf and hmac crates leave
    /// what the transport keys follow from on the stack.
    fn derive<const N: usize>(&self, input: &[u8]) -> Zeroizing<[[u8; 32]; N]> {
        let pseudorandom_key = hmac(&self.chaining_key, [input, &[]]);
        let mut outputs = Zeroizing::new([[0; 32]; N]);
        for number in 0..N {
            let (before, after) = outputs.split_at_mut(number);
            let last = before.last().map_or(&[][..], |last| last);
            after[0] = *hmac(&pseudorandom_key, [last, &[number as u8 + 1]]);
        }
        outputs
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&self.key.into())
    }
}

/// Octets that BLAKE2s takes at a time.
const BLOCK_LEN: usize = 64;

/// HMAC (RFC 2104) over the parts, one after the other.
fn hmac(key: &[u8; 32], [first, second]: [&[u8]; 2]) -> Zeroizing<[u8; 32]> {
    let padded = |pad: u8| {
        let mut block = Zeroizing::new([pad; BLOCK_LEN]);
        block.iter_mut().zip(key).for_each(|(octet, key)| *octet ^= key);
        block
    };
    let inner = Zeroizing::new(hash([&*padded(0x36), first, second]));
    Zeroizing::new(hash([&*padded(0x5c), &*inner]))
}
