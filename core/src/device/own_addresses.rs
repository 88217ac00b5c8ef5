//! The interface's own addresses: what is for one of them ends here, and may reach a plain descriptor as one packet that is
//! longer than the MTU. What must be forwarded may not: the kernel would refuse it.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use super::tun::Tun;
use crate::proto::time::Time;

/// How old what was read may become under load. Reading costs about 50 us.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Packets in one batch from which on merging pays for the reading. Fewer never cause it, so that it delays no lonely
/// packet.
const LOAD: u64 = 16;

/// The addresses, as the configuration says them, or else as they were read last.
pub(super) struct OwnAddresses {
    addresses: Rc<[IpAddr]>,
    source: Source,
}

enum Source {
    /// An app that hands in a descriptor says what it gave the interface.
    Configuration,
    /// Whoever made the interface gives it addresses when he likes.
    Interface { read: Option<Time> },
}

impl OwnAddresses {
    pub(super) fn new() -> Self {
        Self { addresses: Rc::default(), source: Source::Interface { read: None } }
    }

    /// What a configuration says. None: the interface is asked, once there is load.
    pub(super) fn configure(&mut self, addresses: impl Iterator<Item = IpAddr>) {
        self.addresses = addresses.collect();
        self.source = match self.addresses.is_empty() {
            true => Source::Interface { read: None },
            false => Source::Configuration,
        };
    }

    pub(super) fn get(&self) -> Rc<[IpAddr]> {
        Rc::clone(&self.addresses)
    }

    /// A batch of so many packets has been written; perhaps the next one is better merged.
    pub(super) fn note_batch(&mut self, packets: u64, tun: &Tun, now: Time) {
        if let Source::Interface { read } = &mut self.source
            && packets >= LOAD
            && read.is_none_or(|at| now - at >= MAX_AGE)
            && let Some(addresses) = tun.addresses()
        {
            *read = Some(now);
            if *self.addresses != *addresses {
                self.addresses = addresses.into();
            }
        }
    }
}
