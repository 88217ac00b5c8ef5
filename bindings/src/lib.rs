//! The native interface, for Kotlin, Swift and Python through uniffi. So far it makes keys; configuration and tunnel
//! follow (see README.md beside this crate). Every exported function can throw, and none lets a panic through.

use adit_core::key::{PresharedKey, PrivateKey};
use getrandom::SysRng;
use rand_core::UnwrapErr;

uniffi::setup_scaffolding!();

/// Why a key cannot be used. It never carries the text, which may be a secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum KeyError {
    /// Not 44 characters of padded base64 that stand for 32 octets.
    #[error("a key is 44 characters of base64, ending in '='")]
    InvalidKey,
    /// The system gave no random octets.
    #[error("the system's random source failed")]
    NoRandomness,
}

/// The system's random source, tried once so that using it cannot fail.
fn random_source() -> Result<UnwrapErr<SysRng>, KeyError> {
    getrandom::fill(&mut [0; 1]).map_err(|_| KeyError::NoRandomness)?;
    Ok(UnwrapErr(SysRng))
}

/// A new private key, in base64.
#[uniffi::export]
pub fn generate_private_key() -> Result<String, KeyError> {
    Ok(PrivateKey::generate(&mut random_source()?).to_base64())
}

/// The public key that belongs to a private one, both in base64.
#[uniffi::export]
pub fn public_key(of: &str) -> Result<String, KeyError> {
    let private_key = PrivateKey::from_base64(of).map_err(|_| KeyError::InvalidKey)?;
    Ok(private_key.public_key().to_base64())
}

/// A new preshared key, in base64.
#[uniffi::export]
pub fn generate_preshared_key() -> Result<String, KeyError> {
    Ok(PresharedKey::generate(&mut random_source()?).to_base64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_has_a_public_key() {
        let private_key = generate_private_key().unwrap();
        assert_eq!(public_key(&private_key).unwrap().len(), 44);
        assert_ne!(generate_preshared_key().unwrap(), generate_preshared_key().unwrap());
    }

    #[test]
    fn the_public_key_is_rfc_7748s() {
        // Section 6.1: Alice's keys.
        let private_key = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=";
        assert_eq!(public_key(private_key).unwrap(), "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=");
    }

    #[test]
    fn what_is_no_key_is_an_error_without_the_text() {
        let error = public_key("secret").unwrap_err();
        assert_eq!(error, KeyError::InvalidKey);
        assert!(!error.to_string().contains("secret"));
    }
}
