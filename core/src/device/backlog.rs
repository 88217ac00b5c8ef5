//! Writes that wait for a TUN device without room: a ring of buffers that are kept and filled again, so that order
//! is kept, memory is bounded and a full device stops nothing else.

use std::io::IoSlice;

use super::offload::Write;

/// Writes that may wait.
const LEN: usize = 256;

/// The ring.
pub(super) struct Backlog {
    writes: Box<[Waiting; LEN]>,
    first: usize,
    len: usize,
}

/// What a [`Write`] was.
struct Waiting {
    bytes: Vec<u8>,
    packets: usize,
    octets: usize,
}

impl Waiting {
    const NOTHING: Self = Self { bytes: Vec::new(), packets: 0, octets: 0 };
}

impl Backlog {
    pub(super) fn new() -> Self {
        Self { writes: Box::new([Waiting::NOTHING; LEN]), first: 0, len: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// False when there is no room, and then it is lost.
    pub(super) fn push(&mut self, write: &Write<'_>) -> bool {
        if self.len == LEN {
            return false;
        }
        let slot = &mut self.writes[(self.first + self.len) % LEN];
        slot.bytes.clear();
        write.slices.iter().for_each(|slice| slot.bytes.extend_from_slice(slice));
        (slot.packets, slot.octets) = (write.packets, write.octets);
        self.len += 1;
        true
    }

    /// Tries what has waited longest. `None` when nothing waits.
    pub(super) fn try_front<T>(&self, write: impl FnOnce(&Write<'_>) -> T) -> Option<T> {
        let Waiting { bytes, packets, octets } = (self.len > 0).then(|| &self.writes[self.first])?;
        Some(write(&Write { slices: &[IoSlice::new(bytes)], packets: *packets, octets: *octets }))
    }

    /// Forgets it.
    pub(super) fn pop(&mut self) {
        if self.len > 0 {
            self.first = (self.first + 1) % LEN;
            self.len -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn front(backlog: &Backlog) -> Option<[u8; 4]> {
        backlog.try_front(|write| {
            assert_eq!((write.packets, write.octets), (2, 4));
            write.slices[0].to_vec().try_into().unwrap()
        })
    }

    #[test]
    fn packets_leave_in_the_order_they_came_and_what_overflows_is_lost() {
        let mut backlog = Backlog::new();
        let mut expected = std::collections::VecDeque::new();
        for number in 0..10_000_u32 {
            let packet = number.to_be_bytes();
            let slices = packet.each_ref().map(|octet| IoSlice::new(std::slice::from_ref(octet)));
            let taken = backlog.push(&Write { slices: &slices, packets: 2, octets: 4 });
            assert_eq!(taken, expected.len() < LEN);
            if expected.len() < LEN {
                expected.push_back(packet);
            }
            // Two in, one out, so that it fills up, goes round and stays full.
            if number % 2 == 0 {
                assert_eq!(front(&backlog), expected.pop_front());
                backlog.pop();
            }
        }
        while let Some(packet) = expected.pop_front() {
            assert_eq!(front(&backlog), Some(packet));
            backlog.pop();
        }
        assert!(backlog.is_empty() && front(&backlog).is_none());
    }
}
