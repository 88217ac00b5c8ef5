//! One peer: what it was configured with, and what has come of it. How peers act together is the tunnel's affair.

pub(crate) mod contact;
pub(crate) mod staged;
pub(crate) mod table;
pub(crate) mod timers;

use alloc::boxed::Box;
use core::num::NonZeroU16;
use core::time::Duration;

use contact::Contact;
use timers::Timer;

use super::noise::handshake::{Identity, SharedSecret};
use super::path::Path;
use super::place::Place;
use super::time::Time;
use crate::key::{PresharedKey, PublicKey};

/// A peer's number in this tunnel. Given anew when the peer is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PeerId(Place);

impl PeerId {
    pub(crate) fn new(index: usize) -> Self {
        Self(Place::new(index))
    }

    pub(crate) const fn index(self) -> usize {
        self.0.index()
    }
}

/// Everything about one peer. It is small until there is contact with it.
pub(crate) struct Peer {
    pub(crate) public_key: PublicKey,
    pub(crate) preshared_key: Option<PresharedKey>,
    pub(crate) endpoint: Option<Path>,
    pub(crate) persistent_keepalive: Option<NonZeroU16>,
    contact: Option<Box<Contact>>,
}

impl Peer {
    pub(crate) fn new(public_key: PublicKey) -> Self {
        Self { public_key, preshared_key: None, endpoint: None, persistent_keepalive: None, contact: None }
    }

    /// For whatever begins contact or goes on with it.
    pub(crate) fn contact(&mut self) -> &mut Contact {
        self.contact.get_or_insert_default()
    }

    /// `None` when there has been no contact: there is nothing to tell, to change or to end.
    pub(crate) fn contact_so_far(&self) -> Option<&Contact> {
        self.contact.as_deref()
    }

    /// [`Self::contact_so_far`], to change or to end it.
    pub(crate) fn contact_so_far_mut(&mut self) -> Option<&mut Contact> {
        self.contact.as_deref_mut()
    }

    /// When the first timer fires.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.contact_so_far()?.timers.next()
    }

    /// The secret of both static keys. `None` when the peer's key is of low order.
    pub(crate) fn static_static(&mut self, us: &Identity) -> Option<SharedSecret> {
        self.contact.get_or_insert_default().static_static(us, &self.public_key)
    }

    /// Sends to another place from now on. An initiation may go there at once.
    pub(crate) fn move_to(&mut self, path: Path) {
        if let Some(contact) = &mut self.contact
            && self.endpoint.is_none_or(|old| old.remote != path.remote)
        {
            contact.note_fresh_path();
        }
        self.endpoint = Some(path);
    }

    /// We are on another network: the system chooses the source, and what was tried on the old one does not count.
    pub(crate) fn change_network(&mut self) {
        self.forget_local_address();
        if let Some(contact) = &mut self.contact {
            contact.note_fresh_path();
        }
    }

    /// Lets the system choose the source of what is sent next: the one used so far may be why there is no answer.
    pub(crate) fn forget_local_address(&mut self) {
        if let Some(path) = &mut self.endpoint {
            path.local = None;
        }
    }

    /// Something authentic was sent: it answers whatever was received.
    pub(crate) fn note_sent(&mut self, now: Time) {
        self.contact().timers.clear(Timer::PassiveKeepalive);
        self.note_passed(now);
    }

    /// Something authentic was received: it answers whatever was sent.
    pub(crate) fn note_received(&mut self, now: Time) {
        self.contact().timers.clear(Timer::NewHandshake);
        self.note_passed(now);
    }

    /// The persistent keepalive counts from the last authentic packet either way.
    fn note_passed(&mut self, now: Time) {
        if let Some(seconds) = self.persistent_keepalive {
            let at = now + Duration::from_secs(seconds.get().into());
            self.contact().timers.set(Timer::PersistentKeepalive, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_without_contact_is_small() {
        assert!(size_of::<Peer>() <= 104, "{} octets", size_of::<Peer>());
    }

    #[test]
    fn an_idle_peer_costs_under_a_kibibyte() {
        let octets = size_of::<Peer>() + size_of::<Contact>();
        assert!(octets < 1024, "{octets} octets");
    }
}
