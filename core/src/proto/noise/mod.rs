//! Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s and what WireGuard adds to it: timestamps, macs and cookies
//! (sections 5.4.1 to 5.4.7). Nothing here knows a peer, a socket or a timer.

pub(crate) mod cookie;
pub(crate) mod handshake;
mod symmetric;
pub(crate) mod tai64n;

use blake2::{Blake2s256, Digest};

/// HASH of section 5.4 over the parts, one after the other.
fn hash<const N: usize>(parts: [&[u8]; N]) -> [u8; 32] {
    let mut hasher = Blake2s256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}
