//! Behaviours 6 and 18: cookies, by code of our own that shares nothing with the engine's but the primitives.

use std::net::SocketAddr;

use adit_core::key::PublicKey;
use adit_core::proto::tunnel::Rejected;
use blake2::digest::Mac;
use blake2::digest::consts::U16;
use blake2::{Blake2s256, Blake2sMac, Digest};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};

use crate::load::{bogus_initiation, flood};
use crate::world::{A, B, Kind, World, millis};

type Cookie = [u8; 16];

/// Seals the cookie replies of whoever has this public key.
fn cipher(responder: &PublicKey) -> XChaCha20Poly1305 {
    let key = Blake2s256::new().chain_update(b"cookie--").chain_update(responder.as_bytes()).finalize();
    XChaCha20Poly1305::new(&key)
}

/// mac1 of a handshake message.
fn mac1(message: &[u8]) -> &[u8] {
    &message[message.len() - 32..message.len() - 16]
}

/// What mac2 of a handshake message must be.
fn mac2(cookie: &Cookie, message: &[u8]) -> [u8; 16] {
    let mac = <Blake2sMac<U16> as blake2::digest::KeyInit>::new_from_slice(cookie).unwrap();
    mac.chain_update(&message[..message.len() - 16]).finalize().into_bytes().into()
}

/// The cookie in a reply to this message.
fn open(reply: &[u8], responder: &PublicKey, message: &[u8]) -> Cookie {
    let nonce: [u8; 24] = reply[8..32].try_into().unwrap();
    let mut cookie: Cookie = reply[32..48].try_into().unwrap();
    let tag: [u8; 16] = reply[48..].try_into().unwrap();
    cipher(responder)
        .decrypt_inout_detached(&nonce.into(), mac1(message), (&mut cookie[..]).into(), &tag.into())
        .expect("it answers this message");
    cookie
}

/// A handshake message for B, which is under load, with the mac2 that B asks whoever is there to add.
pub fn prove(world: &mut World, message: &[u8], from: SocketAddr) -> Vec<u8> {
    world.sent();
    assert_eq!(world.inject(B, message, from), Err(Rejected::Challenged));
    let reply = world.sent().remove(0);
    assert_eq!((reply.kind(), reply.to), (Kind::CookieReply, from));
    assert_eq!(reply.bytes[4..8], message[4..8], "addressed to the sender's index");
    let cookie = open(&reply.bytes, &world.ends[B].key, message);
    let mut proven = message.to_vec();
    let at = proven.len() - 16;
    let mac2 = mac2(&cookie, message);
    proven[at..].copy_from_slice(&mac2);
    proven
}

#[test]
fn p18_the_oracle_opens_the_engine_s_cookie_and_its_mac2_is_taken() {
    let mut world = World::pair(618);
    flood(&mut world);
    let bogus = bogus_initiation(&world);
    let from = "203.0.113.1:7".parse().unwrap();
    let proven = prove(&mut world, &bogus, from);
    assert_eq!(world.inject(B, &proven, from), Ok(None));
    let mut wrong = proven;
    wrong[140] ^= 1;
    assert_eq!(world.inject(B, &wrong, from), Err(Rejected::Challenged));
}

#[test]
fn p18_the_engine_opens_the_oracle_s_cookie_and_its_mac2_is_right() {
    let mut world = World::pair(61_818);
    world.drop_next(usize::MAX);
    world.send(A, B, b"begins a handshake");
    let initiation = world.sent().remove(0).bytes;
    let cookie: Cookie = *b"sixteen octets..";
    let nonce = [0x77; 24];
    let mut sealed = cookie;
    let tag = cipher(&world.ends[B].key)
        .encrypt_inout_detached(&nonce.into(), mac1(&initiation), (&mut sealed[..]).into())
        .unwrap();
    let reply = [&[3, 0, 0, 0], &initiation[4..8], &nonce, &sealed, &tag[..]].concat();
    let from = world.ends[B].address;
    assert_eq!(world.inject(A, &reply, from), Ok(None));

    world.advance(millis(5_400));
    let retry = world.sent().remove(0).bytes;
    assert_eq!(retry[132..], mac2(&cookie, &retry));
}
