//! The three kinds of 32-byte keys. Private and preshared keys are wiped when dropped, compared in
//! constant time and hidden by Debug; this room knows nothing of what the keys are used for.

#![forbid(unsafe_code)]

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use base64ct::{Base64, Encoding};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use x25519_dalek::StaticSecret;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Octets in every key of the protocol.
pub const KEY_LEN: usize = 32;

/// Why a text is not a key. It never carries the text, which may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 44 characters of padded base64 that stand for 32 octets.
    #[error("a key is 44 characters of base64, ending in '='")]
    Base64,
    /// Not 64 hexadecimal digits.
    #[error("a key is 64 hexadecimal digits")]
    Hex,
}

/// A Curve25519 private key, clamped as RFC 7748, section 5 asks. In a place of its own, so that whatever it is part of may
/// move, as in a list that grows, and leaves no copy behind.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PrivateKey(Box<[u8; KEY_LEN]>);

/// A Curve25519 public key: the name of a peer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; KEY_LEN]);

/// A symmetric key that two peers share, mixed into their handshakes (section 5.2). In a place of its own, as a private key.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PresharedKey(Box<[u8; KEY_LEN]>);

impl PrivateKey {
    /// A new key from a random source that must be fit for secrets.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        rng.fill_bytes(&mut *bytes);
        Self::from_bytes(&bytes)
    }

    /// Takes 32 octets and clamps them.
    pub fn from_bytes(bytes: &[u8; KEY_LEN]) -> Self {
        let mut key = Self(boxed(bytes));
        key.0[0] &= 248;
        key.0[31] = (key.0[31] & 127) | 64;
        key
    }

    /// The public key that belongs to this one.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(x25519_dalek::PublicKey::from(&StaticSecret::from(*self.0)).to_bytes())
    }

    /// X25519 with another's public key (RFC 7748). `None` when the result is all zeros, as a
    /// low-order point makes it: such a secret would be known to everybody.
    pub fn shared_secret(&self, theirs: &PublicKey) -> Option<Zeroizing<[u8; KEY_LEN]>> {
        let shared = StaticSecret::from(*self.0).diffie_hellman(&x25519_dalek::PublicKey::from(theirs.0));
        shared.was_contributory().then(|| Zeroizing::new(shared.to_bytes()))
    }
}

impl PublicKey {
    /// Takes 32 octets as they came from the wire.
    pub const fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(bytes)
    }
}

impl PresharedKey {
    /// A new key from a random source that must be fit for secrets.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut key = Self(Box::new([0; KEY_LEN]));
        rng.fill_bytes(&mut *key.0);
        key
    }

    /// `None` for 32 zeros, which is how the wire and the UAPI say "no preshared key".
    pub fn from_bytes(bytes: &[u8; KEY_LEN]) -> Option<Self> {
        (!bool::from(bytes.ct_eq(&[0; KEY_LEN]))).then(|| Self(boxed(bytes)))
    }
}

/// A copy in a place of its own, which never was on the stack.
fn boxed(bytes: &[u8; KEY_LEN]) -> Box<[u8; KEY_LEN]> {
    let mut boxed = Box::new([0; KEY_LEN]);
    boxed.copy_from_slice(bytes);
    boxed
}

/// 44 characters of base64 to 32 octets, in constant time.
fn decode_base64(text: &str) -> Result<Zeroizing<[u8; KEY_LEN]>, KeyError> {
    let mut bytes = Zeroizing::new([0; KEY_LEN]);
    match Base64::decode(text, &mut *bytes) {
        Ok(decoded) if decoded.len() == KEY_LEN => Ok(bytes),
        _ => Err(KeyError::Base64),
    }
}

/// 64 hexadecimal digits of either case to 32 octets, in constant time.
fn decode_hex(text: &str) -> Result<Zeroizing<[u8; KEY_LEN]>, KeyError> {
    let mut bytes = Zeroizing::new([0; KEY_LEN]);
    match base16ct::mixed::decode(text, &mut *bytes) {
        Ok(decoded) if decoded.len() == KEY_LEN => Ok(bytes),
        _ => Err(KeyError::Hex),
    }
}

/// What all three kinds of keys share. A preshared key's readers refuse 32 zeros in [`PresharedKey::from_bytes`],
/// so its text forms are optional and stand apart.
macro_rules! key_text {
    ($key:ident) => {
        impl $key {
            /// The 32 octets. Of a secret, take no copy that outlives its use.
            pub fn as_bytes(&self) -> &[u8; KEY_LEN] {
                &self.0
            }

            /// 44 characters of base64, the form of configuration files.
            pub fn to_base64(&self) -> String {
                Base64::encode_string(self.as_bytes())
            }

            /// 64 lower-case hexadecimal digits, the form of the UAPI.
            pub fn to_hex(&self) -> String {
                base16ct::lower::encode_string(self.as_bytes())
            }
        }
    };
}

key_text!(PrivateKey);
key_text!(PublicKey);
key_text!(PresharedKey);

impl PrivateKey {
    /// Reads the form of configuration files and clamps.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        decode_base64(text).map(|bytes| Self::from_bytes(&bytes))
    }

    /// Reads the form of the UAPI and clamps. `None` for 32 zeros: no private key.
    pub fn from_hex(text: &str) -> Result<Option<Self>, KeyError> {
        let bytes = decode_hex(text)?;
        Ok((!bool::from(bytes.ct_eq(&[0; KEY_LEN]))).then(|| Self::from_bytes(&bytes)))
    }
}

impl PublicKey {
    /// Reads the form of configuration files.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        decode_base64(text).map(|bytes| Self(*bytes))
    }

    /// Reads the form of the UAPI.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        decode_hex(text).map(|bytes| Self(*bytes))
    }
}

impl PresharedKey {
    /// Reads the form of configuration files. `None` for 32 zeros: no preshared key.
    pub fn from_base64(text: &str) -> Result<Option<Self>, KeyError> {
        decode_base64(text).map(|bytes| Self::from_bytes(&bytes))
    }

    /// Reads the form of the UAPI. `None` for 32 zeros: no preshared key.
    pub fn from_hex(text: &str) -> Result<Option<Self>, KeyError> {
        decode_hex(text).map(|bytes| Self::from_bytes(&bytes))
    }
}

impl PartialEq for PrivateKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl Eq for PrivateKey {}

impl PartialEq for PresharedKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl Eq for PresharedKey {}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(hidden)")
    }
}

impl fmt::Debug for PresharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresharedKey(hidden)")
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_base64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    const TEXT: &str = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";

    #[test]
    fn base64_and_hex_are_the_same_key() {
        let key = PublicKey::from_base64(TEXT).unwrap();
        assert_eq!(key.to_base64(), TEXT);
        assert_eq!(PublicKey::from_hex(&key.to_hex()), Ok(key));
        assert_eq!(PublicKey::from_hex(&key.to_hex().to_uppercase()), Ok(key));
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        let long = format!("{TEXT}A===");
        // The last character's low bits stand for nothing and must be zero, as `wg` asks.
        let stray_bits = TEXT.replace("Bmk=", "Bml=");
        for text in ["", "=", &TEXT[..43], &long, &stray_bits, "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBm k"]
        {
            assert_eq!(PublicKey::from_base64(text), Err(KeyError::Base64), "{text}");
        }
        assert_eq!(PublicKey::from_hex("00"), Err(KeyError::Hex));
        assert_eq!(PublicKey::from_hex(&"g".repeat(64)), Err(KeyError::Hex));
    }

    #[test]
    fn a_private_key_is_clamped() {
        let key = PrivateKey::from_bytes(&[255; KEY_LEN]);
        assert_eq!((key.0[0], key.0[31]), (248, 127));
        assert_eq!(PrivateKey::from_base64(&key.to_base64()), Ok(key));
    }

    #[test]
    fn debug_hides_secrets() {
        let bytes = [7; KEY_LEN];
        assert_eq!(format!("{:?}", PrivateKey::from_bytes(&bytes)), "PrivateKey(hidden)");
        assert_eq!(format!("{:?}", PresharedKey::from_bytes(&bytes)), "Some(PresharedKey(hidden))");
    }

    #[test]
    fn zeros_mean_no_key() {
        let zeros = "0".repeat(64);
        assert_eq!(PresharedKey::from_hex(&zeros), Ok(None));
        assert_eq!(PrivateKey::from_hex(&zeros), Ok(None));
    }
}
