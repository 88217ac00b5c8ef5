//! The three kinds of keys as objects. What prints a secret one, a log of a record say, prints that it is hidden.

use std::fmt;
use std::sync::Arc;

use adit_core::key;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use zeroize::Zeroizing;

use crate::caught::{DEFECT, Panicked, caught};

/// Why there is no key. It never carries the text, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum KeysError {
    /// Not 44 characters of padded base64 that stand for 32 octets.
    #[error("a key is 44 characters of base64, ending in '='")]
    InvalidKey,
    /// A preshared key of 32 zeros, which is how the protocol says that there is none.
    #[error("a preshared key of zeros only is no preshared key: leave it out")]
    NoKey,
    /// The system gave no random octets.
    #[error("the system's random source failed")]
    NoRandomness,
    /// A defect of Adit.
    #[error("{reason}")]
    Internal {
        /// One sentence.
        reason: String,
    },
}

impl From<Panicked> for KeysError {
    fn from(_: Panicked) -> Self {
        Self::Internal { reason: DEFECT.to_owned() }
    }
}

impl From<key::KeyError> for KeysError {
    fn from(_: key::KeyError) -> Self {
        Self::InvalidKey
    }
}

/// A private key: who this end is.
#[derive(Debug, PartialEq, Eq, uniffi::Object)]
#[uniffi::export(Debug, Display, Eq)]
pub struct PrivateKey(pub(crate) key::PrivateKey);

/// A public key: the name of a peer.
#[derive(Debug, PartialEq, Eq, Hash, uniffi::Object)]
#[uniffi::export(Debug, Display, Eq, Hash)]
pub struct PublicKey(pub(crate) key::PublicKey);

/// A secret that two peers share besides their keys.
#[derive(Debug, PartialEq, Eq, uniffi::Object)]
#[uniffi::export(Debug, Display, Eq)]
pub struct PresharedKey(pub(crate) key::PresharedKey);

#[uniffi::export]
impl PrivateKey {
    /// Reads the form of configuration files.
    #[uniffi::constructor]
    pub fn from_base64(text: String) -> Result<Self, KeysError> {
        let text = Zeroizing::new(text);
        caught(|| Ok(Self(key::PrivateKey::from_base64(&text)?)))
    }

    /// The secret itself, in base64, in a string that nobody wipes.
    pub fn to_base64(&self) -> Result<String, KeysError> {
        caught(|| Ok(self.0.to_base64()))
    }
}

#[uniffi::export]
impl PublicKey {
    /// Reads the form of configuration files.
    #[uniffi::constructor]
    pub fn from_base64(text: &str) -> Result<Self, KeysError> {
        caught(|| Ok(Self(key::PublicKey::from_base64(text)?)))
    }

    /// 44 characters of base64.
    pub fn to_base64(&self) -> Result<String, KeysError> {
        caught(|| Ok(self.0.to_base64()))
    }
}

#[uniffi::export]
impl PresharedKey {
    /// Reads the form of configuration files.
    #[uniffi::constructor]
    pub fn from_base64(text: String) -> Result<Self, KeysError> {
        let text = Zeroizing::new(text);
        caught(|| key::PresharedKey::from_base64(&text)?.map(Self).ok_or(KeysError::NoKey))
    }

    /// The secret itself, in base64, in a string that nobody wipes.
    pub fn to_base64(&self) -> Result<String, KeysError> {
        caught(|| Ok(self.0.to_base64()))
    }
}

impl fmt::Display for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for PresharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// The system's random source, tried once so that using it cannot fail.
fn random_source() -> Result<UnwrapErr<SysRng>, KeysError> {
    getrandom::fill(&mut [0; 1]).map_err(|_| KeysError::NoRandomness)?;
    Ok(UnwrapErr(SysRng))
}

/// A new private key.
#[uniffi::export]
pub fn generate_private_key() -> Result<Arc<PrivateKey>, KeysError> {
    caught(|| Ok(Arc::new(PrivateKey(key::PrivateKey::generate(&mut random_source()?)))))
}

/// The public key that belongs to a private one.
#[uniffi::export]
pub fn public_key(of: &PrivateKey) -> Result<Arc<PublicKey>, KeysError> {
    caught(|| Ok(Arc::new(PublicKey(of.0.public_key()))))
}

/// A new preshared key.
#[uniffi::export]
pub fn generate_preshared_key() -> Result<Arc<PresharedKey>, KeysError> {
    caught(|| Ok(Arc::new(PresharedKey(key::PresharedKey::generate(&mut random_source()?)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_has_a_public_key() {
        let private_key = generate_private_key().unwrap();
        assert_eq!(public_key(&private_key).unwrap().to_base64().unwrap().len(), 44);
        assert_ne!(generate_preshared_key().unwrap(), generate_preshared_key().unwrap());
    }

    #[test]
    fn the_public_key_is_rfc_7748s() {
        // Section 6.1: Alice's keys.
        let text = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=";
        let private_key = PrivateKey::from_base64(text.to_owned()).unwrap();
        let public_key = public_key(&private_key).unwrap();
        assert_eq!(public_key.to_string(), "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=");
    }

    #[test]
    fn what_is_no_key_is_an_error_without_the_text() {
        let error = PrivateKey::from_base64("secret".to_owned()).unwrap_err();
        assert_eq!(error, KeysError::InvalidKey);
        assert!(!error.to_string().contains("secret"));
        let zeros = format!("{}=", "A".repeat(43));
        assert_eq!(PresharedKey::from_base64(zeros).unwrap_err(), KeysError::NoKey);
    }

    #[test]
    fn a_secret_key_is_not_printed() {
        let private_key = generate_private_key().unwrap();
        let preshared_key = generate_preshared_key().unwrap();
        let printed = format!("{private_key} {private_key:?} {preshared_key} {preshared_key:?}");
        assert!(!printed.contains(&private_key.to_base64().unwrap()[..8]), "{printed}");
        assert!(!printed.contains(&preshared_key.to_base64().unwrap()[..8]), "{printed}");
    }
}
