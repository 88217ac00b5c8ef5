//! What somebody who knows a public key can make without any private one.

use adit_core::key::PublicKey;
use blake2::digest::consts::U16;
use blake2::digest::{KeyInit, Mac};
use blake2::{Blake2s256, Blake2sMac, Digest};

/// Makes mac1 of a handshake message right for this receiver.
pub fn fix_mac1(message: &mut [u8], receiver: &PublicKey) {
    let key = Blake2s256::new().chain_update(b"mac1----").chain_update(receiver.as_bytes()).finalize();
    let (covered, macs) = message.split_at_mut(message.len() - 32);
    let mac1 = Blake2sMac::<U16>::new_from_slice(&key).unwrap().chain_update(covered).finalize().into_bytes();
    macs[..16].copy_from_slice(&mac1);
}
