//! Handshakes in both roles, from the first initiation to the session that comes of it (sections 5.4 and 6.4).

use alloc::boxed::Box;
use core::time::Duration;

use rand_core::CryptoRng;

use super::{Event, Rejected, Tunnel};
use crate::key::PrivateKey;
use crate::proto::admission::Queued;
use crate::proto::limits::{
    MAX_JITTER, MIN_INITIATION_INTERVAL, REKEY_ATTEMPT_TIME, REKEY_TIMEOUT, WIPE_AFTER_TIME,
};
use crate::proto::noise::cookie::MacKeys;
use crate::proto::noise::handshake::{
    HandshakeError, Identity, NamedInitiation, ReceivedInitiation, SentInitiation,
};
use crate::proto::noise::tai64n::Tai64n;
use crate::proto::outbox::Outbox;
use crate::proto::path::{Ecn, Path};
use crate::proto::peer::contact::Attempt;
use crate::proto::peer::timers::Timer;
use crate::proto::peer::{Peer, PeerId};
use crate::proto::routing::receiver_index::ReceiverIndices;
use crate::proto::session::keypair::{Keypair, Role};
use crate::proto::time::{Now, Time};
use crate::proto::wire::message::{Handshake, Initiation, ReceiverIndex, Response};

/// Up to a third of a second at random, so that two ends do not collide for ever.
fn jitter(rng: &mut dyn CryptoRng) -> Duration {
    MAX_JITTER.mul_f64(f64::from(rng.next_u32()) / f64::from(u32::MAX))
}

impl Tunnel {
    /// Works off one queued handshake message: up to four X25519 operations, about 0.2 ms. `None` when none waits; an error for
    /// the statistics, since the sender is told nothing.
    ///
    /// To be called a few times a batch, so that a flood of handshakes cannot stall data, and again until it gives `None`
    /// before the caller goes to sleep.
    pub fn handle_handshake(&mut self, now: Now, out: &mut Outbox) -> Option<Result<(), Rejected>> {
        Some(match self.admission.pop()? {
            Queued::Initiation(message, path) => self.consume_initiation(&message, path, now, out),
            Queued::Response(message, path) => self.consume_response(&message, path, now, out),
        })
    }

    /// Begins an attempt, unless one is under way. The first initiation leaves at once if the last one to this endpoint is 5 s
    /// past, and when it will be otherwise.
    pub(super) fn begin_handshake(&mut self, id: PeerId, now: Now, out: &mut Outbox) {
        let peer = &mut self.peers[id];
        if peer.endpoint.is_none() || self.us.is_none() {
            return;
        }
        let contact = peer.contact();
        if contact.attempt.is_some() {
            return;
        }
        contact.attempt = Some(Attempt::new(now.mono));
        let earliest = contact.earliest_initiation(now.mono);
        if earliest <= now.mono {
            self.send_initiation(id, now, out);
            return;
        }
        contact.timers.set(Timer::RetryHandshake, earliest);
        self.peers.reschedule(id);
    }

    /// The response has not come in time: another initiation, by a source address that the system chooses, or the end of the
    /// attempt.
    pub(super) fn retry_handshake(&mut self, id: PeerId, now: Now, out: &mut Outbox) {
        let peer = &mut self.peers[id];
        let public_key = peer.public_key;
        let Some(attempt) = &mut peer.contact().attempt else { return };
        if now.mono - attempt.began >= REKEY_ATTEMPT_TIME && !attempt.is_told {
            attempt.is_told = true;
            self.events.push(Event::NoAnswer { peer: public_key, since: attempt.began });
        }
        if now.mono - attempt.started < REKEY_ATTEMPT_TIME {
            if attempt.initiations > 0 {
                peer.forget_local_address();
            }
            self.send_initiation(id, now, out);
            return;
        }
        self.give_up(id);
    }

    /// Ends an attempt that came to nothing, and what waited for it with it.
    fn give_up(&mut self, id: PeerId) {
        drop(self.peers[id].contact().staged.take());
        self.abandon_attempt(id);
    }

    /// No handshake of ours is under way from now on.
    pub(super) fn abandon_attempt(&mut self, id: PeerId) {
        let contact = self.peers[id].contact();
        contact.attempt = None;
        contact.timers.clear(Timer::RetryHandshake);
        if let Some(sent) = contact.sent_initiation.take() {
            self.indices.free(sent.index());
        }
    }

    fn send_initiation(&mut self, id: PeerId, now: Now, out: &mut Outbox) {
        let Self { us: Some(us), peers, indices, rng, events, .. } = self else { return };
        let forgotten = peers.greatest_timestamp_forgotten();
        let peer = &mut peers[id];
        let Some(path) = peer.endpoint else { return };
        let contact = peer.contact();
        if let Some(superseded) = contact.sent_initiation.take() {
            indices.free(superseded.index());
        }
        contact.note_initiation_sent(now.mono);
        contact.timers.set(Timer::RetryHandshake, now.mono + REKEY_TIMEOUT + jitter(rng));

        let last = contact.last_timestamp_sent.or(forgotten);
        let Some((sent, message)) = new_initiation(&us.identity, id, peer, last, indices, rng, now) else {
            return self.give_up(id);
        };
        let contact = peer.contact();
        contact.sent_initiation = Some(Box::new(sent));
        if let Some(attempt) = &mut contact.attempt {
            attempt.initiations += 1;
            let initiation = attempt.initiations;
            events.push(Event::Connecting { peer: peer.public_key, initiation });
        }
        send_handshake(id, peer, message, path, now.mono, out);
        peers.reschedule(id);
    }

    fn consume_initiation(
        &mut self,
        message: &Initiation,
        path: Path,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), Rejected> {
        let us = self.us.as_ref().ok_or(Rejected::NoPrivateKey)?;
        let named = NamedInitiation::open(&us.identity, message)?;
        let id = self.peers.find(named.initiator()).ok_or(Rejected::UnknownPeer)?;
        let peer = &mut self.peers[id];
        let static_static = peer.static_static(&us.identity).ok_or(HandshakeError::LowOrder)?;
        let initiation = named.authenticate(&static_static)?;

        let contact = peer.contact();
        if contact.greatest_timestamp_received.is_some_and(|greatest| initiation.timestamp() <= greatest) {
            return Err(Rejected::OldTimestamp);
        }
        if contact.initiation_received_at.is_some_and(|at| now.mono - at < MIN_INITIATION_INTERVAL) {
            return Err(Rejected::TooSoon);
        }
        contact.greatest_timestamp_received = Some(initiation.timestamp());
        contact.initiation_received_at = Some(now.mono);
        contact.rx_bytes += size_of::<Initiation>() as u64;
        self.move_endpoint(id, path);
        self.peers[id].note_received(now.mono);
        self.respond(id, initiation, path, now, out)
    }

    fn respond(
        &mut self,
        id: PeerId,
        initiation: ReceivedInitiation,
        path: Path,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), Rejected> {
        let ephemeral = PrivateKey::generate(&mut *self.rng);
        let local = self.indices.draw(id, &mut *self.rng);
        let remote = initiation.sender();
        let peer = &mut self.peers[id];
        let (message, keys) = initiation
            .respond(local, &ephemeral, peer.preshared_key.as_ref())
            .inspect_err(|_| self.indices.free(local))?;

        let keypair = Keypair::new(Role::Responder, now.mono, local, remote, keys);
        let contact = peer.contact();
        let retired = contact.keyring.install_responded(keypair);
        contact.timers.set(Timer::Wipe, now.mono + WIPE_AFTER_TIME);
        contact.jitter = jitter(&mut *self.rng);
        send_handshake(id, peer, message, path, now.mono, out);
        self.retire(retired);
        self.peers.reschedule(id);
        Ok(())
    }

    fn consume_response(
        &mut self,
        message: &Response,
        path: Path,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), Rejected> {
        let us = self.us.as_ref().ok_or(Rejected::NoPrivateKey)?;
        let local = message.receiver();
        let id = self.indices.peer(local).ok_or(Rejected::UnknownIndex)?;
        let peer = &mut self.peers[id];
        let contact = peer.contact_so_far().ok_or(Rejected::UnknownIndex)?;
        let sent = contact.sent_initiation.as_ref().filter(|sent| sent.index() == local);
        let sent = sent.ok_or(Rejected::UnknownIndex)?;
        let is_late = contact.timers.is_due(Timer::RetryHandshake, now.mono);
        let sent_at = contact.initiation_sent_at().filter(|_| !is_late).ok_or(Rejected::LateResponse)?;
        let keys = sent.open(&us.identity, peer.preshared_key.as_ref(), message)?;

        let contact = peer.contact();
        // The initiation's index goes over to the keypair, so it is not freed here.
        contact.sent_initiation = None;
        let keypair = Keypair::new(Role::Initiator, sent_at, local, message.sender(), keys);
        let retired = contact.keyring.install_initiated(keypair);
        contact.timers.set(Timer::Wipe, now.mono + WIPE_AFTER_TIME);
        contact.jitter = jitter(&mut *self.rng);
        contact.rx_bytes += size_of::<Response>() as u64;
        self.retire(retired);
        self.move_endpoint(id, path);
        self.peers[id].note_received(now.mono);
        self.connected(id, now);
        self.send_staged_or_keepalive(id, now, out);
        Ok(())
    }

    /// A session stands: both ends hold its keys.
    pub(super) fn connected(&mut self, id: PeerId, now: Now) {
        self.abandon_attempt(id);
        let peer = &mut self.peers[id];
        peer.contact().last_handshake = Some(now.unix);
        self.events.push(Event::Connected { peer: peer.public_key });
        self.peers.reschedule(id);
    }

    /// An authentic packet came by this path: answers go where it came from (section 2.1).
    pub(super) fn move_endpoint(&mut self, id: PeerId, path: Path) {
        let peer = &mut self.peers[id];
        if peer.endpoint == Some(path) {
            return;
        }
        if peer.endpoint.is_none_or(|old| old.remote != path.remote) {
            self.events.push(Event::EndpointChanged { peer: peer.public_key, endpoint: path.remote });
        }
        peer.move_to(path);
    }

    /// Whom an index names: the handshake that waits for a response, or a keypair.
    pub(super) fn peer_of(&self, index: ReceiverIndex) -> Result<PeerId, Rejected> {
        self.indices.peer(index).ok_or(Rejected::UnknownIndex)
    }
}

/// `None` when the peer's key is of low order: nothing can ever be sent to it.
fn new_initiation(
    us: &Identity,
    id: PeerId,
    peer: &mut Peer,
    last: Option<Tai64n>,
    indices: &mut ReceiverIndices,
    rng: &mut dyn CryptoRng,
    now: Now,
) -> Option<(SentInitiation, Initiation)> {
    let static_static = peer.static_static(us)?;
    let ephemeral = PrivateKey::generate(rng);
    let timestamp = Tai64n::next(last, now.unix);
    let index = indices.draw(id, rng);
    let initiation = SentInitiation::new(us, &peer.public_key, &static_static, index, ephemeral, timestamp)
        .inspect_err(|_| indices.free(index))
        .ok()?;
    peer.contact().last_timestamp_sent = Some(timestamp);
    Some(initiation)
}

/// Fills in the macs and sends. Handshake messages carry no congestion field of anybody's.
fn send_handshake(
    id: PeerId,
    peer: &mut Peer,
    mut message: impl Handshake,
    path: Path,
    now: Time,
    out: &mut Outbox,
) {
    let keys = MacKeys::new(&peer.public_key);
    let contact = peer.contact();
    contact.cookie_jar.seal(&keys, &mut message, now);
    let octets = message.as_bytes();
    out.push(Some(id), path, Ecn::NotEct, octets.len(), |room| room.copy_from_slice(octets));
    contact.tx_bytes += octets.len() as u64;
    peer.note_sent(now);
}
