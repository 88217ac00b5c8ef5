//! mac1, mac2 and cookies (sections 5.4.4 and 5.4.7): proof that a sender knows whom it calls, and, under load,
//! that it can be reached where it says it is.

use core::net::{IpAddr, SocketAddr};

use blake2::Blake2sMac;
use blake2::digest::Mac as _;
use blake2::digest::consts::U16;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::hash;
use crate::key::PublicKey;
use crate::proto::limits::COOKIE_LIFETIME;
use crate::proto::time::Time;
use crate::proto::wire::message::{CookieReply, Handshake, MAC_LEN, Mac, TAG_LEN};

/// Section 5.4.4 and 5.4.7: LABEL-MAC1 and LABEL-COOKIE.
const LABEL_MAC1: &[u8] = b"mac1----";
const LABEL_COOKIE: &[u8] = b"cookie--";

/// MAC of section 5.4 over the parts, one after the other.
fn mac<const N: usize>(key: &[u8], parts: [&[u8]; N]) -> Mac {
    let mut mac = Blake2sMac::<U16>::new_from_slice(key).expect("keys here have 16 or 32 octets");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The two keys that follow from a public key: whoever knows it can make mac1 and open cookie replies.
#[derive(Clone)]
pub(crate) struct MacKeys {
    mac1: [u8; 32],
    cookie: [u8; 32],
}

impl MacKeys {
    pub(crate) fn new(responder: &PublicKey) -> Self {
        Self {
            mac1: hash([LABEL_MAC1, responder.as_bytes()]),
            cookie: hash([LABEL_COOKIE, responder.as_bytes()]),
        }
    }

    /// Whether the sender knows the public key that these come from.
    pub(crate) fn mac1_is_valid(&self, message: &impl Handshake) -> bool {
        mac(&self.mac1, [message.covered_by_mac1()]).ct_eq(&message.macs().mac1).into()
    }

    fn cookie_cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.cookie.into())
    }
}

/// The responder's side: hands out cookies under load and knows them again.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct CookieIssuer {
    secret: [u8; 32],
    #[zeroize(skip)]
    drawn: Option<Time>,
}

impl CookieIssuer {
    pub(crate) fn new() -> Self {
        Self { secret: [0; 32], drawn: None }
    }

    /// Whether mac2 was made with a cookie that was lately handed to this address and port.
    pub(crate) fn mac2_is_valid(&self, message: &impl Handshake, from: SocketAddr, now: Time) -> bool {
        self.is_fresh(now)
            && bool::from(mac(&self.cookie(from), [message.covered_by_mac2()]).ct_eq(&message.macs().mac2))
    }

    /// The answer to a message whose mac1 is valid but which proves no address.
    pub(crate) fn reply(
        &mut self,
        keys: &MacKeys,
        message: &impl Handshake,
        from: SocketAddr,
        now: Time,
        rng: &mut dyn CryptoRng,
    ) -> CookieReply {
        if !self.is_fresh(now) {
            rng.fill_bytes(&mut self.secret);
            self.drawn = Some(now);
        }
        let mut nonce = [0; 24];
        rng.fill_bytes(&mut nonce);
        let mut sealed = [0; MAC_LEN + TAG_LEN];
        let (cookie, tag) = sealed.split_at_mut(MAC_LEN);
        cookie.copy_from_slice(&self.cookie(from));
        let sealed_tag = keys
            .cookie_cipher()
            .encrypt_inout_detached(&XNonce::from(nonce), &message.macs().mac1, cookie.into())
            .expect("a cookie is far below the cipher's 256 GiB");
        tag.copy_from_slice(&sealed_tag);
        CookieReply::new(message.sender(), nonce, sealed)
    }

    fn is_fresh(&self, now: Time) -> bool {
        self.drawn.is_some_and(|drawn| now - drawn < COOKIE_LIFETIME)
    }

    /// Binds the address and the port.
    fn cookie(&self, from: SocketAddr) -> Mac {
        let port = from.port().to_be_bytes();
        match from.ip() {
            IpAddr::V4(ip) => mac(&self.secret, [&ip.octets(), &port]),
            IpAddr::V6(ip) => mac(&self.secret, [&ip.octets(), &port]),
        }
    }
}

/// The sender's side, for one peer: fills in both macs, and remembers what a cookie reply needs.
#[derive(Default)]
pub(crate) struct CookieJar {
    last_mac1: Option<Mac>,
    cookie: Option<(Mac, Time)>,
}

/// The cookie reply does not answer the message we last sent, or was not made by the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a cookie reply that does not answer our last handshake message")]
pub struct UnwantedCookie;

impl CookieJar {
    /// Fills in mac1, and mac2 if a cookie is held that is still good.
    pub(crate) fn seal(&mut self, keys: &MacKeys, message: &mut impl Handshake, now: Time) {
        let mac1 = mac(&keys.mac1, [message.covered_by_mac1()]);
        message.macs_mut().mac1 = mac1;
        self.last_mac1 = Some(mac1);
        if let Some((cookie, received)) = self.cookie
            && now - received < COOKIE_LIFETIME
        {
            message.macs_mut().mac2 = mac(&cookie, [message.covered_by_mac2()]);
        }
    }

    /// Takes the cookie out of a reply to the message last sealed. One message is answered once.
    pub(crate) fn accept(
        &mut self,
        keys: &MacKeys,
        reply: &CookieReply,
        now: Time,
    ) -> Result<(), UnwantedCookie> {
        let last_mac1 = self.last_mac1.ok_or(UnwantedCookie)?;
        let mut sealed = reply.cookie;
        let (cookie, tag) = sealed.split_first_chunk_mut::<MAC_LEN>().ok_or(UnwantedCookie)?;
        let tag: &[u8; TAG_LEN] = (&*tag).try_into().map_err(|_| UnwantedCookie)?;
        keys.cookie_cipher()
            .decrypt_inout_detached(
                &XNonce::from(reply.nonce),
                &last_mac1,
                (&mut cookie[..]).into(),
                tag.into(),
            )
            .map_err(|_| UnwantedCookie)?;
        self.cookie = Some((*cookie, now));
        self.last_mac1 = None;
        Ok(())
    }
}
