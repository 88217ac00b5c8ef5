//! Every peer's next deadline in one binary heap that knows where each peer stands: the earliest is read at once,
//! and a change costs O(log n) however many peers there are.

use alloc::vec::Vec;

use super::peer::PeerId;
use super::place::Place;
use super::time::Time;

/// A heap of deadlines, at most one for each peer.
#[derive(Default)]
pub(crate) struct Deadlines {
    heap: Vec<(Time, PeerId)>,
    /// Where in the heap a peer stands, by its number.
    places: Vec<Option<Place>>,
}

impl Deadlines {
    /// The earliest.
    pub(crate) fn first(&self) -> Option<(Time, PeerId)> {
        self.heap.first().copied()
    }

    /// Sets, moves or takes away a peer's deadline.
    pub(crate) fn set(&mut self, peer: PeerId, at: Option<Time>) {
        let place = self.places.get(peer.index()).copied().flatten().map(Place::index);
        match (place, at) {
            (Some(place), Some(at)) if self.heap[place].0 == at => {}
            (Some(place), Some(at)) => {
                self.heap[place].0 = at;
                self.settle(place);
            }
            (None, Some(at)) => self.insert(peer, at),
            (Some(place), None) => self.remove(place),
            (None, None) => {}
        }
    }

    fn insert(&mut self, peer: PeerId, at: Time) {
        if self.places.len() <= peer.index() {
            self.places.resize(peer.index() + 1, None);
        }
        self.heap.push((at, peer));
        self.settle(self.heap.len() - 1);
    }

    fn remove(&mut self, place: usize) {
        let (_, peer) = self.heap.swap_remove(place);
        self.places[peer.index()] = None;
        if place < self.heap.len() {
            self.settle(place);
        }
    }

    /// Moves what stands at `place` up or down to where it belongs.
    fn settle(&mut self, mut place: usize) {
        while place > 0 && self.heap[place] < self.heap[(place - 1) / 2] {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
        loop {
            let children = 2 * place + 1..(2 * place + 3).min(self.heap.len());
            let Some(least) = children.min_by_key(|child| self.heap[*child]) else { break };
            if self.heap[place] <= self.heap[least] {
                break;
            }
            self.swap(place, least);
            place = least;
        }
        self.note(place);
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.note(a);
        self.note(b);
    }

    /// Who stands here can be found here.
    fn note(&mut self, place: usize) {
        let (_, peer) = self.heap[place];
        self.places[peer.index()] = Some(Place::new(place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use core::time::Duration;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_is_the_least_of_all(changes in prop::collection::vec((0..20usize, prop::option::of(0..30u64)), 1..200)) {
            let mut deadlines = Deadlines::default();
            let mut model = BTreeMap::new();
            for (peer, at) in changes {
                let at = at.map(|seconds| Time::from_origin(Duration::from_secs(seconds)));
                deadlines.set(PeerId::new(peer), at);
                match at {
                    Some(at) => _ = model.insert(peer, at),
                    None => _ = model.remove(&peer),
                }
                let least = model.iter().map(|(peer, at)| (*at, PeerId::new(*peer))).min();
                prop_assert_eq!(deadlines.first(), least);
            }
        }
    }
}
