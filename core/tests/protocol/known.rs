//! An engine whose every random octet is known, and its peer by snow, an independent implementation of Noise.

use std::time::Duration;

use adit_core::key::{PresharedKey, PrivateKey};
use adit_core::proto::outbox::Outbox;
use adit_core::proto::path::Path;
use adit_core::proto::time::{Now, Time};
use adit_core::proto::tunnel::{AllowedIpChange, PeerUpdate, Tunnel};
use rand_chacha::rand_core::{TryCryptoRng, TryRng};
use snow::{Builder, HandshakeState};

use crate::packet::ipv4;

const PATTERN: &str = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
const PROLOGUE: &[u8] = b"WireGuard v1 zx2c4 Jason@zx2c4.com";
pub const OUR_SECRET: [u8; 32] = [0x11; 32];
pub const THEIR_SECRET: [u8; 32] = [0x22; 32];
pub const PRESHARED: [u8; 32] = [0x33; 32];
pub const EPHEMERAL: [u8; 32] = [0x44; 32];
pub const NOW: Now =
    Now { mono: Time::from_origin(Duration::from_secs(5)), unix: Duration::from_secs(1_000) };
/// Of NOW: 2^62 + 10 + 1,000 s, no nanoseconds.
pub const TIMESTAMP: [u8; 12] = [0x40, 0, 0, 0, 0, 0, 0x03, 0xf2, 0, 0, 0, 0];

/// Gives every key that is drawn the same octets, and every index another number.
struct Fixed(u32);

impl TryRng for Fixed {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.0 += 1;
        Ok(self.0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        out.fill(EPHEMERAL[0]);
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

/// Our engine with one peer, whose secret the oracle has.
pub fn engine() -> (Tunnel, Outbox) {
    let mut tunnel = Tunnel::new(Some(PrivateKey::from_bytes(&OUR_SECRET)), Box::new(Fixed(0)));
    let update = PeerUpdate {
        preshared_key: Some(PresharedKey::from_bytes(&PRESHARED)),
        endpoint: Some(endpoint().remote),
        allowed_ips: vec![AllowedIpChange::Add("10.0.0.0/8".parse().unwrap())],
        ..PeerUpdate::default()
    };
    tunnel.upsert_peer(&PrivateKey::from_bytes(&THEIR_SECRET).public_key(), update, NOW);
    (tunnel, Outbox::new(1))
}

/// The peer, by snow, with the same ephemeral key as ours where it must come to the same octets.
pub fn builder(secret: &'static [u8; 32]) -> Builder<'static> {
    Builder::new(PATTERN.parse().unwrap())
        .prologue(PROLOGUE)
        .and_then(|builder| builder.local_private_key(secret))
        .and_then(|builder| builder.psk(2, &PRESHARED))
        .unwrap()
        .fixed_ephemeral_key_for_testing_only(&EPHEMERAL)
}

pub fn initiator(secret: &'static [u8; 32], responder: &[u8; 32]) -> HandshakeState {
    let public = *PrivateKey::from_bytes(responder).public_key().as_bytes();
    builder(secret).remote_public_key(&public).unwrap().build_initiator().unwrap()
}

pub fn endpoint() -> Path {
    Path::to("192.0.2.2:51820".parse().unwrap())
}

pub fn packet() -> Vec<u8> {
    ipv4([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), b"sixteen octets..")
}

/// All datagrams in the outbox.
pub fn sent(out: &mut Outbox) -> Vec<Vec<u8>> {
    let sent = out.transmits().iter().map(|transmit| out.bytes(transmit).to_vec()).collect();
    out.clear();
    sent
}
