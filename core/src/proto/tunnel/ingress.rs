//! Datagrams on their way in: told apart by type, opened in place, checked against the replay window, then against
//! cryptokey routing. Nothing changes before a message has proven who sent it.

use super::batch::Ready;
use super::{HandshakeError, NotAMessage, OpenError, Tunnel, UnwantedCookie};
use crate::proto::admission::{Queued, Verdict};
use crate::proto::limits::KEEPALIVE_TIMEOUT;
use crate::proto::noise::cookie::MacKeys;
use crate::proto::outbox::Outbox;
use crate::proto::path::{Ecn, Path};
use crate::proto::peer::PeerId;
use crate::proto::peer::timers::Timer;
use crate::proto::session::keypair::{Keypair, OpeningKey};
use crate::proto::time::{Now, Time};
use crate::proto::wire::ip::{Inner, decapsulate_ecn};
use crate::proto::wire::message::{CookieReply, Handshake, Message, ReceiverIndex, TRANSPORT_OVERHEAD};

/// Why a datagram from the UDP socket is dropped. The sender is told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The wrong size, an unknown type, or reserved octets that are not zero.
    #[error(transparent)]
    NotAMessage(#[from] NotAMessage),
    /// The tunnel has no private key.
    #[error("no private key is set")]
    NoPrivateKey,
    /// mac1 is wrong: the sender does not know our public key.
    #[error("a handshake message whose mac1 is wrong")]
    BadMac1,
    /// Under load, a cookie was sent instead of an answer.
    #[error("a handshake message without a cookie, under load")]
    Challenged,
    /// Under load, an address has had its share of handshakes.
    #[error("more handshakes from one address than its share")]
    TooMany,
    /// More handshakes wait than can be kept.
    #[error("too many handshakes wait")]
    QueueFull,
    /// A handshake message that was not made for us, or a public key of low order.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// An initiation of somebody who is no peer.
    #[error("an initiation of an unknown peer")]
    UnknownPeer,
    /// An initiation that is not newer than the newest one accepted.
    #[error("an initiation whose timestamp is not new")]
    OldTimestamp,
    /// Another initiation of this peer was accepted less than 20 ms ago.
    #[error("initiations too close to each other")]
    TooSoon,
    /// No handshake and no keypair has this receiver index.
    #[error("a receiver index that names nothing")]
    UnknownIndex,
    /// A response to an initiation that another one is due to replace: the machine slept, or the way is very long.
    #[error("a response that comes too late")]
    LateResponse,
    /// A cookie reply that does not answer what was sent last.
    #[error(transparent)]
    UnwantedCookie(#[from] UnwantedCookie),
    /// Transport data that cannot be opened.
    #[error(transparent)]
    Transport(#[from] OpenError),
    /// What was inside is no IP packet, or is shorter than it says.
    #[error("a payload that is not a whole IP packet")]
    NotAPacket,
    /// The inner source address belongs to another peer, or to none.
    #[error("an inner source address that is not among the peer's allowed IPs")]
    SourceNotAllowed,
    /// A router marked the packet as congested, and its sender does not speak ECN (RFC 6040).
    #[error("a congestion mark on a packet whose sender does not understand it")]
    Congested,
}

impl Tunnel {
    pub(super) fn receive<'d>(
        &mut self,
        datagram: &'d mut [u8],
        path: Path,
        ecn: Ecn,
        now: Now,
        ready: &mut Ready<OpeningKey>,
        out: &mut Outbox,
    ) -> Result<Option<&'d [u8]>, Rejected> {
        match Message::parse(datagram)? {
            Message::Transport { receiver, counter, sealed } => {
                self.open(receiver, counter, sealed, path, ecn, now, ready, out)
            }
            Message::Initiation(message) => {
                self.admit(&message, path, now, out)?;
                self.queue(Queued::Initiation(message, path))
            }
            Message::Response(message) => {
                self.admit(&message, path, now, out)?;
                self.queue(Queued::Response(message, path))
            }
            Message::CookieReply(reply) => self.accept_cookie(&reply, now.mono),
        }
    }

    fn admit(
        &mut self,
        message: &impl Handshake,
        path: Path,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), Rejected> {
        let us = self.us.as_ref().ok_or(Rejected::NoPrivateKey)?;
        match self.admission.judge(&us.mac_keys, message, path.remote, now.mono, &mut *self.rng) {
            Verdict::Admit => Ok(()),
            Verdict::BadMac1 => Err(Rejected::BadMac1),
            Verdict::TooMany => Err(Rejected::TooMany),
            Verdict::Challenge(reply) => {
                let octets = zerocopy::IntoBytes::as_bytes(&reply);
                out.push(None, path, Ecn::NotEct, octets.len(), |room| room.copy_from_slice(octets));
                Err(Rejected::Challenged)
            }
        }
    }

    fn queue<'d>(&mut self, message: Queued) -> Result<Option<&'d [u8]>, Rejected> {
        if self.admission.push(message) { Ok(None) } else { Err(Rejected::QueueFull) }
    }

    /// A cookie reply proves only that its sender saw our message: it moves no endpoint and refreshes no liveness.
    fn accept_cookie<'d>(&mut self, reply: &CookieReply, now: Time) -> Result<Option<&'d [u8]>, Rejected> {
        let id = self.peer_of(reply.receiver())?;
        let peer = &mut self.peers[id];
        let keys = MacKeys::new(&peer.public_key);
        peer.contact().cookie_jar.accept(&keys, reply, now)?;
        Ok(None)
    }

    #[expect(clippy::too_many_arguments, reason = "all of one datagram and its circumstances")]
    fn open<'d>(
        &mut self,
        receiver: ReceiverIndex,
        counter: u64,
        sealed: &'d mut [u8],
        path: Path,
        ecn: Ecn,
        now: Now,
        ready: &mut Ready<OpeningKey>,
        out: &mut Outbox,
    ) -> Result<Option<&'d [u8]>, Rejected> {
        let id = self.peer_of(receiver)?;
        let contact = self.peers[id].contact();
        let keypair = contact.keyring.find(receiver).ok_or(Rejected::UnknownIndex)?;
        let key = ready.get(keypair, Keypair::opening_key);
        let payload = keypair.open(key, counter, sealed, now.mono)?;

        contact.rx_bytes += (payload.len() + TRANSPORT_OVERHEAD) as u64;
        self.move_endpoint(id, path);
        self.peers[id].note_received(now.mono);
        self.note_keypair_used(id, receiver, now, out);
        if payload.is_empty() {
            self.peers.reschedule(id);
            return Ok(None);
        }
        let timers = &mut self.peers[id].contact().timers;
        timers.set_if_clear(Timer::PassiveKeepalive, now.mono + KEEPALIVE_TIMEOUT);
        self.peers.reschedule(id);
        self.accept_packet(id, payload, ecn).map(Some)
    }

    /// What an authentic message by this keypair means for the handshakes: it confirms one, or one is due.
    fn note_keypair_used(&mut self, id: PeerId, receiver: ReceiverIndex, now: Now, out: &mut Outbox) {
        let Some(us) = &self.us else { return };
        let peer = &mut self.peers[id];
        // Both ends compare the same two keys, so exactly one of them yields.
        let yields = us.identity.public > peer.public_key;
        if let Some(retired) = peer.contact().keyring.confirm(receiver, yields, now.mono) {
            self.retire(retired);
            self.connected(id, now);
            if !self.peers[id].contact().staged.is_empty() {
                self.send_staged_or_keepalive(id, now, out);
            }
        }
        if self.peers[id].contact().keyring.wants_rekey_on_receive(now.mono) {
            self.begin_handshake(id, now, out);
        }
    }

    /// Cryptokey routing on the way in: the inner source must be the peer's by the table that routes to it. Padding is cut off.
    fn accept_packet<'d>(&self, id: PeerId, payload: &'d mut [u8], outer: Ecn) -> Result<&'d [u8], Rejected> {
        let inner = Inner::parse(payload).ok_or(Rejected::NotAPacket)?;
        let packet = payload.get_mut(..inner.len).ok_or(Rejected::NotAPacket)?;
        if self.allowed_ips.lookup(inner.source) != Some(id) {
            return Err(Rejected::SourceNotAllowed);
        }
        if !decapsulate_ecn(packet, inner.ecn, outer) {
            return Err(Rejected::Congested);
        }
        Ok(packet)
    }
}
