//! ChaCha20-Poly1305 (RFC 8439) for transport data, in place and without associated data. ring where the feature
//! asks for it, RustCrypto's elsewhere; the two must agree, and nobody outside can tell which it is.

use crate::proto::wire::message::TAG_LEN;

/// The tag is wrong: what was received was not sealed with this key and counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAuthentic;

/// Section 5.4.6: 32 bits of zeros, then the counter, little-endian.
fn nonce(counter: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_le_bytes());
    nonce
}

#[cfg(feature = "ring")]
mod imp {
    use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

    use super::{NotAuthentic, TAG_LEN, nonce};

    /// A key made ready. It is not wiped by ring, so it is made anew for each batch and dropped.
    pub(in super::super) struct Cipher(LessSafeKey);

    impl Cipher {
        pub(in super::super) fn new(key: &[u8; 32]) -> Self {
            Self(LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).expect("the key has 32 octets")))
        }

        pub(in super::super) fn seal(&self, counter: u64, payload: &mut [u8]) -> [u8; TAG_LEN] {
            let tag = self
                .0
                .seal_in_place_separate_tag(
                    Nonce::assume_unique_for_key(nonce(counter)),
                    Aad::empty(),
                    payload,
                )
                .expect("a datagram is far below the cipher's 256 GiB");
            let mut octets = [0; TAG_LEN];
            octets.copy_from_slice(tag.as_ref());
            octets
        }

        pub(in super::super) fn open<'d>(
            &self,
            counter: u64,
            sealed: &'d mut [u8],
        ) -> Result<&'d mut [u8], NotAuthentic> {
            self.0
                .open_in_place(Nonce::assume_unique_for_key(nonce(counter)), Aad::empty(), sealed)
                .map_err(|_| NotAuthentic)
        }
    }
}

#[cfg(not(feature = "ring"))]
mod imp {
    use chacha20poly1305::ChaCha20Poly1305;
    use chacha20poly1305::aead::{AeadInOut, KeyInit};

    use super::{NotAuthentic, TAG_LEN, nonce};

    /// A key made ready.
    pub(in super::super) struct Cipher(ChaCha20Poly1305);

    impl Cipher {
        pub(in super::super) fn new(key: &[u8; 32]) -> Self {
            Self(ChaCha20Poly1305::new(key.into()))
        }

        pub(in super::super) fn seal(&self, counter: u64, payload: &mut [u8]) -> [u8; TAG_LEN] {
            self.0
                .encrypt_inout_detached(&nonce(counter).into(), &[], payload.into())
                .expect("a datagram is far below the cipher's 256 GiB")
                .into()
        }

        pub(in super::super) fn open<'d>(
            &self,
            counter: u64,
            sealed: &'d mut [u8],
        ) -> Result<&'d mut [u8], NotAuthentic> {
            let (payload, tag) = sealed.split_last_chunk_mut::<TAG_LEN>().ok_or(NotAuthentic)?;
            self.0
                .decrypt_inout_detached(&nonce(counter).into(), &[], (&mut *payload).into(), (&*tag).into())
                .map_err(|_| NotAuthentic)?;
            Ok(payload)
        }
    }
}

pub(super) use imp::Cipher;
