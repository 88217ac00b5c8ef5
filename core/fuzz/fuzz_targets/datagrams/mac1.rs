//! mac1 (section 5.4.4), by which a datagram that was changed gets past the first gate: whoever knows a public key can
//! make it.

use adit_core::key::PublicKey;
use blake2::digest::consts::U16;
use blake2::digest::{Digest, KeyInit, Mac};
use blake2::{Blake2s256, Blake2sMac};

const MACS_LEN: usize = 32;

/// Makes mac1 of a handshake message right. What is too short for macs is left alone.
pub fn fix(message: &mut [u8], receiver: &PublicKey) {
    let Some(covered) = message.len().checked_sub(MACS_LEN) else { return };
    let key = Blake2s256::new().chain_update(b"mac1----").chain_update(receiver.as_bytes()).finalize();
    let (covered, macs) = message.split_at_mut(covered);
    let mac = Blake2sMac::<U16>::new_from_slice(&key).expect("a key of 32 octets").chain_update(covered);
    macs[..16].copy_from_slice(&mac.finalize().into_bytes());
}
