//! Packets that wait for a TUN device without room: a ring of buffers that are kept and filled again, so that order
//! is kept, memory is bounded and a full device stops nothing else.

/// Packets that may wait.
const LEN: usize = 256;

/// The ring.
pub(super) struct Backlog {
    packets: Box<[Vec<u8>; LEN]>,
    first: usize,
    len: usize,
}

impl Backlog {
    pub(super) fn new() -> Self {
        Self { packets: Box::new([const { Vec::new() }; LEN]), first: 0, len: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// False when there is no room, and then the packet is lost.
    pub(super) fn push(&mut self, packet: &[u8]) -> bool {
        if self.len == LEN {
            return false;
        }
        let slot = &mut self.packets[(self.first + self.len) % LEN];
        slot.clear();
        slot.extend_from_slice(packet);
        self.len += 1;
        true
    }

    /// The packet that has waited longest.
    pub(super) fn front(&self) -> Option<&[u8]> {
        (self.len > 0).then(|| &*self.packets[self.first])
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

    #[test]
    fn packets_leave_in_the_order_they_came_and_what_overflows_is_lost() {
        let mut backlog = Backlog::new();
        let mut expected = std::collections::VecDeque::new();
        for number in 0..10_000_u32 {
            let packet = number.to_be_bytes();
            assert_eq!(backlog.push(&packet), expected.len() < LEN);
            if expected.len() < LEN {
                expected.push_back(packet);
            }
            // Two in, one out, so that it fills up, goes round and stays full.
            if number % 2 == 0 {
                assert_eq!(backlog.front(), expected.pop_front().as_ref().map(|packet| &packet[..]));
                backlog.pop();
            }
        }
        while let Some(packet) = expected.pop_front() {
            assert_eq!(backlog.front(), Some(&packet[..]));
            backlog.pop();
        }
        assert!(backlog.is_empty() && backlog.front().is_none());
    }
}
