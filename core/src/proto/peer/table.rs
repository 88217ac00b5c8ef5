//! All peers: by number, by public key, and by the time of the next deadline.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hash::BuildHasher;
use core::ops::{Index, IndexMut};

use hashbrown::{DefaultHashBuilder, HashTable};

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
    slots: Slots,
    free: Vec<PeerId>,
    /// Finds a number by the key that stands in its slot.
    by_key: HashTable<PeerId>,
    hasher: DefaultHashBuilder,
    arrivals: u64,
    deadlines: Deadlines,
    /// The greatest that was sent to a peer that is no more. It may be added again, and would take an earlier one for a
    /// replay, though the wall clock was set back meanwhile.
    greatest_timestamp_forgotten: Option<Tai64n>,
}

#[derive(Default)]
struct Slots(Vec<Option<Slot>>);

impl Slots {
    fn get(&self, id: PeerId) -> &Slot {
        self.0[id.index()].as_ref().expect("an id lives as long as its peer")
    }

    fn key(&self, id: PeerId) -> &PublicKey {
        &self.get(id).peer.public_key
    }
}

impl PeerTable {
    pub(crate) fn find(&self, public_key: &PublicKey) -> Option<PeerId> {
        let hash = self.hasher.hash_one(public_key);
        self.by_key.find(hash, |id| self.slots.key(*id) == public_key).copied()
    }

    /// The peer that has this number now, if any has.
    pub(crate) fn get_mut(&mut self, id: PeerId) -> Option<&mut Peer> {
        Some(&mut self.slots.0.get_mut(id.index())?.as_mut()?.peer)
    }

    /// The peer of this key, made if it is not there.
    pub(crate) fn find_or_insert(&mut self, public_key: &PublicKey) -> PeerId {
        if let Some(id) = self.find(public_key) {
            return id;
        }
        let Self { slots, by_key, hasher, .. } = self;
        let id = self.free.pop().unwrap_or_else(|| {
            slots.0.push(None);
            PeerId::new(slots.0.len() - 1)
        });
        slots.0[id.index()] = Some(Slot { arrival: self.arrivals, peer: Box::new(Peer::new(*public_key)) });
        self.arrivals += 1;
        by_key.insert_unique(hasher.hash_one(public_key), id, |id| hasher.hash_one(slots.key(*id)));
        id
    }

    /// Forgets a peer, which wipes its secrets.
    pub(crate) fn remove(&mut self, id: PeerId) {
        let forgotten = self.get_mut(id).and_then(|peer| peer.contact_so_far()?.last_timestamp_sent);
        self.greatest_timestamp_forgotten = self.greatest_timestamp_forgotten.max(forgotten);
        let hash = self.hasher.hash_one(self.slots.key(id));
        if let Ok(entry) = self.by_key.find_entry(hash, |other| *other == id) {
            entry.remove();
        }
        self.slots.0[id.index()] = None;
        self.deadlines.set(id, None);
        self.free.push(id);
    }

    /// What the first initiation to a new peer must be later than.
    pub(crate) fn greatest_timestamp_forgotten(&self) -> Option<Tai64n> {
        self.greatest_timestamp_forgotten
    }

    /// All, by number, so that a seed replays what is done with them in turn.
    pub(crate) fn ids(&self) -> Vec<PeerId> {
        let slots = self.slots.0.iter().enumerate();
        slots.filter(|(_, slot)| slot.is_some()).map(|(index, _)| PeerId::new(index)).collect()
    }

    /// All, in the order in which they were added.
    pub(crate) fn ids_by_arrival(&self) -> Vec<PeerId> {
        let mut ids = self.ids();
        ids.sort_unstable_by_key(|id| self.slots.get(*id).arrival);
        ids
    }

    /// All peers' public keys, in no order that means anything.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.slots.0.iter().flatten().map(|slot| &slot.peer.public_key)
    }

    /// Enters a peer's next deadline. To be called whenever its timers may have changed.
    pub(crate) fn reschedule(&mut self, id: PeerId) {
        let next = self[id].next_deadline();
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
        &self.slots.get(id).peer
    }
}

impl IndexMut<PeerId> for PeerTable {
    fn index_mut(&mut self, id: PeerId) -> &mut Peer {
        self.get_mut(id).expect("an id lives as long as its peer")
    }
}
