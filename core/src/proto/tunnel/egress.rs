//! Packets on their way out: which peer, which keypair, sealed straight into the outbox or staged until a handshake
//! is done.

use super::Tunnel;
use super::batch::Ready;
use crate::key::PublicKey;
use crate::proto::limits::{NEW_HANDSHAKE_TIMEOUT, PADDING_MULTIPLE};
use crate::proto::outbox::Outbox;
use crate::proto::path::Ecn;
use crate::proto::peer::PeerId;
use crate::proto::peer::timers::Timer;
use crate::proto::session::keypair::{Keypair, SealingKey, sealed_len};
use crate::proto::time::Now;
use crate::proto::wire::ip::Inner;

/// Why a packet from the TUN device goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unroutable {
    /// Not the beginning of an IPv4 or IPv6 packet.
    #[error("not an IP packet")]
    Malformed,
    /// No peer's allowed IPs hold the destination.
    #[error("no peer's allowed IPs hold the destination")]
    NoPeer,
    /// The peer that should have it has no endpoint: none was configured and none was heard.
    #[error("the peer has no endpoint yet")]
    NoEndpoint {
        /// Which.
        peer: PublicKey,
    },
    /// The tunnel has no private key.
    #[error("no private key is set")]
    NoPrivateKey,
}

/// Takes the packets, or the segments of one large packet, that [`Batch::route`](super::Batch::route) has found a peer for.
pub struct Sealer<'a> {
    tunnel: &'a mut Tunnel,
    out: &'a mut Outbox,
    peer: PeerId,
    ecn: Ecn,
    now: Now,
    /// `None`: no session, packets are staged.
    key: Option<&'a SealingKey>,
}

impl Tunnel {
    pub(super) fn route<'a>(
        &'a mut self,
        head: &[u8],
        now: Now,
        ready: &'a mut Ready<SealingKey>,
        out: &'a mut Outbox,
    ) -> Result<Sealer<'a>, Unroutable> {
        let inner = Inner::parse(head).ok_or(Unroutable::Malformed)?;
        let peer = self.allowed_ips.lookup(inner.destination).ok_or(Unroutable::NoPeer)?;
        if self.us.is_none() {
            return Err(Unroutable::NoPrivateKey);
        }
        if self.peers[peer].endpoint.is_none() {
            return Err(Unroutable::NoEndpoint { peer: self.peers[peer].public_key });
        }
        Ok(self.sealer(peer, inner.ecn, now, ready, out))
    }

    /// Keeps a packet of `len` octets, which `write` writes, that has just found no endpoint, where the caller knows that there
    /// will be one at once: the handshake begins with it.
    pub fn stage(&mut self, peer: &PublicKey, len: usize, write: impl FnOnce(&mut [u8])) {
        if let Some(id) = self.peers.find(peer) {
            self.peers[id].contact().staged.push(len, write);
        }
    }

    /// Forgets what [`Self::stage`] has kept: there is no endpoint after all.
    pub fn drop_staged(&mut self, peer: &PublicKey) {
        if let Some(contact) = self.peers.find(peer).and_then(|id| self.peers[id].contact_so_far_mut()) {
            drop(contact.staged.take());
        }
    }

    /// For whatever is about to be sent to this peer. Without a session, or with one that grows old, it begins a handshake.
    pub(super) fn sealer<'a>(
        &'a mut self,
        peer: PeerId,
        ecn: Ecn,
        now: Now,
        ready: &'a mut Ready<SealingKey>,
        out: &'a mut Outbox,
    ) -> Sealer<'a> {
        let keyring = &mut self.peers[peer].contact().keyring;
        let waits_in_vain = keyring.waits_in_vain(now.mono);
        let keypair = keyring.sending(now.mono);
        let key = keypair.as_ref().map(|keypair| ready.get(keypair, Keypair::sealing_key));
        if waits_in_vain || keypair.is_none_or(|keypair| keypair.wants_rekey_on_send(now.mono)) {
            self.begin_handshake(peer, now, out);
        }
        Sealer { tunnel: self, out, peer, ecn, now, key }
    }

    /// Tells the peer that we are there.
    pub(super) fn send_keepalive(&mut self, id: PeerId, now: Now, out: &mut Outbox) {
        self.sealer(id, Ecn::NotEct, now, &mut Ready::default(), out).push(0, |_| {});
    }

    /// Sends what waits, in order; if nothing does, a keepalive, which tells the peer that the session stands.
    pub(super) fn send_staged_or_keepalive(&mut self, id: PeerId, now: Now, out: &mut Outbox) {
        let waiting = &mut self.peers[id].contact().staged;
        let nothing_waits = waiting.is_empty();
        let staged = waiting.take();
        let mut ready = Ready::default();
        let mut sealer = self.sealer(id, Ecn::NotEct, now, &mut ready, out);
        for packet in staged {
            sealer.ecn = Inner::parse(&packet).map_or(Ecn::NotEct, |inner| inner.ecn);
            sealer.push(packet.len(), |room| room.copy_from_slice(&packet));
        }
        if nothing_waits {
            sealer.push(0, |_| {});
        }
    }
}

impl Sealer<'_> {
    /// Seals one packet of `len` octets, which `write` writes where they are sealed, or stages it. An empty one is a
    /// keepalive, which is never staged.
    pub fn push(&mut self, len: usize, write: impl FnOnce(&mut [u8])) {
        let Tunnel { peers, mtu, .. } = &mut *self.tunnel;
        let peer = &mut peers[self.peer];
        let now = self.now.mono;
        let path = peer.endpoint;
        let contact = peer.contact();
        if len > 0 {
            contact.prolong_attempt(now);
        }
        let (Some(key), Some(path), Some(keypair)) = (self.key, path, contact.keyring.sending(now)) else {
            // Without an attempt the peer's key is of low order: nobody would ever take the packet.
            if len > 0 && contact.attempt.is_some() {
                contact.staged.push(len, write);
            }
            return;
        };

        let sealed_len = sealed_len(padded_len(len, *mtu));
        self.out
            .push(Some(self.peer), path, self.ecn, sealed_len, |room| keypair.seal(key, len, write, room));
        contact.tx_bytes += sealed_len as u64;
        if len > 0 && !contact.timers.is_set(Timer::NewHandshake) {
            contact.timers.set(Timer::NewHandshake, now + NEW_HANDSHAKE_TIMEOUT + contact.jitter);
        }
        peer.note_sent(now);
        peers.reschedule(self.peer);
    }
}

/// Section 5.4.6: up to the next multiple of 16, but never beyond the MTU, which a longer packet passes by itself.
fn padded_len(len: usize, mtu: usize) -> usize {
    len.next_multiple_of(PADDING_MULTIPLE).min(mtu.max(len))
}

#[cfg(test)]
mod tests {
    use super::padded_len;

    #[test]
    fn padding_stops_at_the_mtu() {
        let padded = [0, 1, 16, 1_409, 1_420, 1_421].map(|len| padded_len(len, 1_420));
        assert_eq!(padded, [0, 16, 16, 1_420, 1_420, 1_421]);
    }
}
