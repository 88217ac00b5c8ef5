//! One batch of packets and datagrams at one moment: the keys that it needs are made ready once, and dropped with it.

use super::{Rejected, Sealer, Tunnel, Unroutable};
use crate::proto::outbox::Outbox;
use crate::proto::path::{Ecn, Path};
use crate::proto::session::keypair::{Keypair, OpeningKey, SealingKey};
use crate::proto::time::Now;
use crate::proto::wire::message::ReceiverIndex;

/// What [`Tunnel::batch`] gives.
pub struct Batch<'t> {
    tunnel: &'t mut Tunnel,
    now: Now,
    sealing: Ready<SealingKey>,
    opening: Ready<OpeningKey>,
}

/// The key that was used last. Neighbours mostly need the same one.
pub(super) struct Ready<K>(Option<(ReceiverIndex, K)>);

impl<K> Default for Ready<K> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K> Ready<K> {
    /// The keypair's key, which `make` makes ready unless it is.
    pub(super) fn get(&mut self, keypair: &Keypair, make: impl FnOnce(&Keypair) -> K) -> &K {
        let index = keypair.local();
        let kept = self.0.take_if(|(known, _)| *known == index);
        let (_, key) = self.0.insert(kept.unwrap_or_else(|| (index, make(keypair))));
        key
    }
}

impl Tunnel {
    /// For as many packets and datagrams as are at hand now. Keys that are made ready are not wiped by every AEAD, so a batch
    /// is not to be kept.
    pub fn batch(&mut self, now: Now) -> Batch<'_> {
        Batch { tunnel: self, now, sealing: Ready::default(), opening: Ready::default() }
    }

    /// [`Batch::handle_packet`], for one packet.
    pub fn handle_packet(&mut self, packet: &[u8], now: Now, out: &mut Outbox) -> Result<(), Unroutable> {
        self.batch(now).handle_packet(packet, out)
    }

    /// [`Batch::handle_datagram`], for one datagram.
    pub fn handle_datagram<'d>(
        &mut self,
        datagram: &'d mut [u8],
        path: Path,
        ecn: Ecn,
        now: Now,
        out: &mut Outbox,
    ) -> Result<Option<&'d [u8]>, Rejected> {
        self.batch(now).handle_datagram(datagram, path, ecn, out)
    }
}

impl Batch<'_> {
    /// The tunnel, for what has to do with no key.
    pub fn tunnel(&mut self) -> &mut Tunnel {
        self.tunnel
    }

    /// The time that all of it counts as.
    pub fn now(&self) -> Now {
        self.now
    }

    /// Where does this packet go? `head` is its first octets, the whole IP header at least. Begins a handshake if one is
    /// needed.
    pub fn route<'a>(&'a mut self, head: &[u8], out: &'a mut Outbox) -> Result<Sealer<'a>, Unroutable> {
        self.tunnel.route(head, self.now, &mut self.sealing, out)
    }

    /// A whole packet from the TUN device: [`Self::route`] and one [`Sealer::push`].
    pub fn handle_packet(&mut self, packet: &[u8], out: &mut Outbox) -> Result<(), Unroutable> {
        self.route(packet, out)?.push(packet.len(), |room| room.copy_from_slice(packet));
        Ok(())
    }

    /// A UDP datagram, opened in place. Some: a decrypted, accepted IP packet in the same buffer. None: it was the protocol's own
    /// business. Handshake messages are checked for mac1 and mac2 here and queued for [`Tunnel::handle_handshake`].
    pub fn handle_datagram<'d>(
        &mut self,
        datagram: &'d mut [u8],
        path: Path,
        ecn: Ecn,
        out: &mut Outbox,
    ) -> Result<Option<&'d [u8]>, Rejected> {
        self.tunnel.receive(datagram, path, ecn, self.now, &mut self.opening, out)
    }
}
