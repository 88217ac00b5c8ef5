//! All peers: by number, by public key, and by the time of the next deadline.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

use hashbrown::HashMap;

use super::{Peer, PeerId};
use crate::key::PublicKey;
use crate::proto::deadlines::Deadlines;
use crate::proto::noise::tai64n::Tai64n;
use crate::proto::time::Time;

/// Numbers are reused; ranks of arrival are not.
struct Slot {
    arrival: u64,
    /// In a place of its own: a table that grows must not leave copies of secrets behind.
    peer: Box<Peer>,
}

/// Indexed by [`PeerId`]; an id lives until its peer is removed.
#[derive(Default)]
pub(crate) struct PeerTable {
    slots: Vec<Option<Slot>>,
    free: Vec<PeerId>,
    by_key: HashMap<PublicKey, PeerId>,
    arrivals: u64,
    deadlines: Deadlines,
    /// The greatest that was sent to a peer that is no more. It may be added again, and would take an earlier one for a
    /// replay, though the wall clock was set back meanwhile.
    greatest_timestamp_forgotten: Option<Tai64n>,
}

impl PeerTable {
    pub(crate) fn find(&self, public_key: &PublicKey) -> Option<PeerId> {
        self.by_key.get(public_key).copied()
    }

    /// The peer of this key, made if it is not there.
    pub(crate) fn find_or_insert(&mut self, public_key: &PublicKey) -> PeerId {
        if let Some(id) = self.find(public_key) {
            return id;
        }
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            PeerId(self.slots.len() as u32 - 1)
        });
        let mut peer = Box::new(Peer::new(*public_key));
        peer.last_timestamp_sent = self.greatest_timestamp_forgotten;
        self.slots[id.0 as usize] = Some(Slot { arrival: self.arrivals, peer });
        self.arrivals += 1;
        self.by_key.insert(*public_key, id);
        id
    }

    /// Forgets a peer, which wipes its secrets.
    pub(crate) fn remove(&mut self, id: PeerId) {
        let Some(slot) = self.slots[id.0 as usize].take() else { return };
        self.by_key.remove(&slot.peer.public_key);
        self.greatest_timestamp_forgotten =
            self.greatest_timestamp_forgotten.max(slot.peer.last_timestamp_sent);
        self.deadlines.set(id, None);
        self.free.push(id);
    }

    /// All, in no order that means anything.
    pub(crate) fn ids(&self) -> Vec<PeerId> {
        self.by_key.values().copied().collect()
    }

    /// All, in the order in which they were added.
    pub(crate) fn ids_by_arrival(&self) -> Vec<PeerId> {
        let mut ids = self.ids();
        ids.sort_unstable_by_key(|id| self.slots[id.0 as usize].as_ref().map(|slot| slot.arrival));
        ids
    }

    /// Enters a peer's next deadline. To be called whenever its timers may have changed.
    pub(crate) fn reschedule(&mut self, id: PeerId) {
        let next = self[id].timers.next();
        self.deadlines.set(id, next);
    }

    /// The earliest deadline of all, and whose it is.
    pub(crate) fn next_deadline(&self) -> Option<(Time, PeerId)> {
        self.deadlines.first()
    }
}

impl Index<PeerId> for PeerTable {
    type Output = Peer;

    fn index(&self, id: PeerId) -> &Peer {
        &self.slots[id.0 as usize].as_ref().expect("an id lives as long as its peer").peer
    }
}

impl IndexMut<PeerId> for PeerTable {
    fn index_mut(&mut self, id: PeerId) -> &mut Peer {
        &mut self.slots[id.0 as usize].as_mut().expect("an id lives as long as its peer").peer
    }
}
