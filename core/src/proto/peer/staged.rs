//! Packets that wait for a handshake: bounded, the oldest dropped first (behaviour of the kernel's queue).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec;

use crate::proto::limits::MAX_STAGED;

/// In the order in which they will leave. Takes no memory while it is empty.
#[derive(Default)]
pub(crate) struct Staged(VecDeque<Box<[u8]>>);

impl Staged {
    /// Appends a packet of `len` octets, which `write` writes, and drops the oldest where there are too many.
    pub(crate) fn push(&mut self, len: usize, write: impl FnOnce(&mut [u8])) {
        if self.0.len() == MAX_STAGED {
            self.0.pop_front();
        }
        let mut packet = vec![0; len].into_boxed_slice();
        write(&mut packet);
        self.0.push_back(packet);
    }

    /// Takes all out, oldest first.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Box<[u8]>> + use<> {
        core::mem::take(&mut self.0).into_iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
