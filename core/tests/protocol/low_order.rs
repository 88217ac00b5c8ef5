//! Behaviour 11: points of low order, with which every private key gives the same secret, zeros, that everybody knows.

use adit_core::key::{PrivateKey, PublicKey};
use adit_core::proto::tunnel::{AllowedIpChange, HandshakeError, PeerUpdate, Rejected};
use blake2::{Blake2s256, Digest};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use hkdf::SimpleHkdf;

use crate::strangers::fix_mac1;
use crate::world::{A, B, Kind, World, secs};

/// Every encoding of a point of Curve25519 whose order divides 8, 0, 1, two of order 8, p - 1, p and p + 1, with the
/// unused high bit clear and set.
fn points() -> Vec<[u8; 32]> {
    let near_p = |low: u8| {
        let mut point = [0xff; 32];
        (point[0], point[31]) = (low, 0x7f);
        point
    };
    let of_order_8 = [
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ];
    let mut points = vec![[0; 32], [0; 32], near_p(0xec), near_p(0xed), near_p(0xee)];
    points[1][0] = 1;
    points.extend(of_order_8.map(|hex| *PublicKey::from_hex(hex).unwrap().as_bytes()));
    let with_high_bit = points.clone().into_iter().map(|mut point| {
        point[31] |= 0x80;
        point
    });
    points.into_iter().chain(with_high_bit).collect()
}

const REFUSED: Option<Result<(), Rejected>> = Some(Err(Rejected::Handshake(HandshakeError::LowOrder)));

#[test]
fn p11_a_peer_whose_key_is_of_low_order_is_sent_nothing() {
    let mut world = World::pair(11);
    let low_order = PublicKey::from_bytes([0; 32]);
    let update = PeerUpdate {
        endpoint: Some("192.0.2.9:9".parse().unwrap()),
        persistent_keepalive: Some(std::num::NonZeroU16::new(1)),
        ..PeerUpdate::default()
    };
    world.ends[A].tunnel.upsert_peer(&low_order, update, world.now);
    world.advance(secs(100));
    assert!(world.kinds_from(A).is_empty(), "nothing is sealed with a secret that everybody knows");
    let everything = AllowedIpChange::Add("10.0.0.8/29".parse().unwrap());
    let update = PeerUpdate { allowed_ips: vec![everything], ..PeerUpdate::default() };
    world.ends[A].tunnel.upsert_peer(&low_order, update, world.now);
    world.try_send(A, &World::packet(A, 8, b"nobody would ever take it")).unwrap();
    assert!(world.kinds_from(A).is_empty());
}

#[test]
fn p11_an_initiation_with_an_ephemeral_key_of_low_order_is_refused() {
    let mut world = World::pair(1_111);
    let good = world.send_lost(A, B, b"hello").1;
    world.sent();
    for point in points() {
        let mut bad = good.bytes.clone();
        bad[8..40].copy_from_slice(&point);
        fix_mac1(&mut bad, &world.ends[B].key);
        assert_eq!(world.inject(B, &bad, good.from), Ok(None));
        assert_eq!(world.handle_handshake(B), REFUSED, "{point:x?}");
    }
    assert!(world.sent().is_empty());
}

#[test]
fn p11_a_response_with_an_ephemeral_key_of_low_order_is_refused_and_the_true_one_taken() {
    let mut world = World::pair(111_111);
    world.drop_next_of(B, Kind::Response);
    world.send(A, B, b"hello");
    world.settle();
    let good = world.sent().into_iter().find(|sent| sent.kind() == Kind::Response).unwrap();
    for point in points() {
        let mut bad = good.bytes.clone();
        bad[12..44].copy_from_slice(&point);
        fix_mac1(&mut bad, &world.ends[A].key);
        assert_eq!(world.inject(A, &bad, good.from), Ok(None));
        assert_eq!(world.handle_handshake(A), REFUSED, "{point:x?}");
    }
    assert!(world.sent().is_empty());
    assert_eq!(world.inject(A, &good.bytes, good.from), Ok(None));
    assert_eq!(world.handle_handshake(A), Some(Ok(())));
}

/// A forger's handshake, who needs no private key: every step of Noise, as far as an initiation.
struct Forger {
    chaining_key: [u8; 32],
    hash: [u8; 32],
}

impl Forger {
    fn mix_hash(&mut self, data: &[u8]) {
        self.hash = Blake2s256::new().chain_update(self.hash).chain_update(data).finalize().into();
    }

    fn mix_key(&mut self, input: &[u8; 32]) -> [u8; 32] {
        let mut outputs = [0; 64];
        let kdf = SimpleHkdf::<Blake2s256>::new(Some(&self.chaining_key), input);
        kdf.expand(&[], &mut outputs).unwrap();
        self.chaining_key.copy_from_slice(&outputs[..32]);
        outputs[32..].try_into().unwrap()
    }

    fn seal(&mut self, key: [u8; 32], plaintext: &[u8]) -> Vec<u8> {
        let mut sealed = plaintext.to_vec();
        let cipher = ChaCha20Poly1305::new(&key.into());
        let tag =
            cipher.encrypt_inout_detached(&[0; 12].into(), &self.hash, (&mut sealed[..]).into()).unwrap();
        sealed.extend(tag);
        self.mix_hash(&sealed);
        sealed
    }
}

/// An initiation in the name of a point of low order: the secret that it shares with the responder is zeros.
fn forged_initiation(responder: &PublicKey, point: &[u8; 32]) -> Vec<u8> {
    let chaining_key: [u8; 32] = Blake2s256::digest(b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s").into();
    let mut forger = Forger { chaining_key, hash: chaining_key };
    forger.mix_hash(b"WireGuard v1 zx2c4 Jason@zx2c4.com");
    forger.mix_hash(responder.as_bytes());
    let ephemeral = PrivateKey::from_bytes(&[9; 32]);
    let public = ephemeral.public_key();
    forger.mix_hash(public.as_bytes());
    forger.mix_key(public.as_bytes());
    let key = forger.mix_key(&ephemeral.shared_secret(responder).unwrap());
    let static_key = forger.seal(key, point);
    let key = forger.mix_key(&[0; 32]);
    let timestamp = forger.seal(key, &[0x40; 12]);
    let mut message =
        [&[1, 0, 0, 0, 5, 5, 5, 5], &public.as_bytes()[..], &static_key, &timestamp, &[0; 32]].concat();
    fix_mac1(&mut message, responder);
    message
}

#[test]
fn p11_nobody_is_let_in_by_the_name_of_a_peer_whose_key_is_of_low_order() {
    for point in points() {
        let mut world = World::strangers(2, 11_111);
        let peer = PublicKey::from_bytes(point);
        world.ends[B].tunnel.upsert_peer(&peer, PeerUpdate::default(), world.now);
        let forged = forged_initiation(&world.ends[B].key, &point);
        assert_eq!(world.inject(B, &forged, "203.0.113.1:7".parse().unwrap()), Ok(None));
        assert_eq!(world.handle_handshake(B), REFUSED, "{point:x?}");
        assert!(world.sent().is_empty());
    }
}
