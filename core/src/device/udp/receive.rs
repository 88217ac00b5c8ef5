//! Where received datagrams land: memory that is allocated once, filled a batch at a time and split along what
//! the system coalesced.

use std::array;
use std::io::{self, IoSliceMut};

use quinn_udp::RecvMeta;

use super::socket::Socket;
use crate::proto::path::{Ecn, Path};

/// Messages in one batch.
const BATCH_LEN: usize = 8;

/// Room in each message for as much as the system coalesces.
const MESSAGE_LEN: usize = 64 << 10;

/// The memory of one batch.
pub(in super::super) struct ReceiveBuffers {
    memory: Box<[u8]>,
    meta: [RecvMeta; BATCH_LEN],
    filled: usize,
}

/// One message: datagrams of one path and one length, back to back, the last perhaps shorter.
pub(in super::super) struct Message<'b> {
    /// Whence, and to which of our addresses.
    pub(in super::super) path: Path,
    /// From the outer header.
    pub(in super::super) ecn: Ecn,
    octets: &'b mut [u8],
    stride: usize,
}

impl ReceiveBuffers {
    pub(in super::super) fn new() -> Self {
        let memory = vec![0; BATCH_LEN * MESSAGE_LEN].into_boxed_slice();
        Self { memory, meta: [RecvMeta::default(); BATCH_LEN], filled: 0 }
    }

    /// Takes what waits on the socket, as much as fits. False when nothing waits. An error says that nothing will come any more.
    pub(in super::super) fn receive(&mut self, socket: &Socket) -> io::Result<bool> {
        self.filled = 0;
        let mut rooms = self.memory.chunks_exact_mut(MESSAGE_LEN);
        let mut buffers: [IoSliceMut<'_>; BATCH_LEN] =
            array::from_fn(|_| IoSliceMut::new(rooms.next().unwrap_or_default()));
        self.filled = socket.receive(&mut buffers, &mut self.meta)?;
        Ok(self.filled > 0)
    }

    /// What the last batch brought, in order.
    pub(in super::super) fn messages(&mut self) -> impl Iterator<Item = Message<'_>> {
        self.memory.chunks_exact_mut(MESSAGE_LEN).zip(&self.meta[..self.filled]).map(|(room, meta)| Message {
            path: Path {
                remote: meta.addr,
                // A datagram to a group cannot be answered from the group's address.
                local: meta.dst_ip.filter(|local| !local.is_multicast()),
            },
            ecn: meta.ecn.map_or(Ecn::NotEct, |ecn| Ecn::from_bits(ecn as u8)),
            octets: &mut room[..meta.len],
            stride: meta.stride.max(1),
        })
    }
}

impl<'b> Message<'b> {
    /// How many octets its datagrams have together.
    pub(in super::super) fn len(&self) -> usize {
        self.octets.len()
    }

    /// Each datagram. An empty one is none: nothing of WireGuard's is empty.
    pub(in super::super) fn into_datagrams(self) -> impl ExactSizeIterator<Item = &'b mut [u8]> {
        self.octets.chunks_mut(self.stride)
    }
}
