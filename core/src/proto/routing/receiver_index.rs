//! Receiver indices: drawn at random, unique while they are used, freed with the handshake or keypair that they name.

use hashbrown::HashMap;
use rand_core::CryptoRng;

use crate::proto::peer::PeerId;
use crate::proto::wire::message::ReceiverIndex;

/// Whose handshake or keypair an index names.
#[derive(Default)]
pub(crate) struct ReceiverIndices(HashMap<ReceiverIndex, PeerId>);

impl ReceiverIndices {
    /// Draws an index that names nothing yet.
    pub(crate) fn draw(&mut self, peer: PeerId, rng: &mut dyn CryptoRng) -> ReceiverIndex {
        loop {
            let index = ReceiverIndex(rng.next_u32());
            if !self.0.contains_key(&index) {
                self.0.insert(index, peer);
                return index;
            }
        }
    }

    pub(crate) fn peer(&self, index: ReceiverIndex) -> Option<PeerId> {
        self.0.get(&index).copied()
    }

    pub(crate) fn free(&mut self, index: ReceiverIndex) {
        self.0.remove(&index);
    }

    /// How many are in use.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
