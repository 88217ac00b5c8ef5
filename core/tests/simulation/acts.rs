//! What the plan's steps do to the world.

use std::net::SocketAddr;
use std::time::Duration;

use crate::network::{Datagram, Link};
use crate::oracle::Violation;
use crate::plan::Act;
use crate::strangers::fix_mac1;
use crate::world::{Cause, World, moving_network};

impl World {
    pub(super) fn act(&mut self, act: Act) -> Result<(), Violation> {
        match act {
            Act::Send { from, target, source, packets, pause, size } => {
                let packets = Cause::Packets { from, target, source, left: packets, pause, size };
                self.schedule(self.now, packets);
            }
            Act::Link { from, to, quality } => self.link(from, to).quality = quality,
            Act::Cut { from, to } => self.link(from, to).is_cut = true,
            Act::Mend { from, to } => self.link(from, to).is_cut = false,
            Act::Rebind { end } => self.ends[end].nat.iter_mut().for_each(|nat| nat.rebind()),
            Act::Move { end, is_told } => self.relocate(end, is_told),
            Act::StepClock { end, seconds } => self.ends[end].clock.step(seconds),
            Act::Sleep { end, how_long } if self.ends[end].is_up() => {
                self.ends[end].is_asleep = true;
                self.schedule(self.now + how_long, Cause::Wake(end));
            }
            Act::Restart { end, how_long } => {
                self.ends[end].tunnel = None;
                self.cancel(
                    |cause| matches!(cause, Cause::Boot(other) | Cause::Wake(other) if *other == end),
                );
                self.schedule(self.now + how_long, Cause::Boot(end));
            }
            Act::Renew { end, peer } if self.ends[end].is_up() => self.renew(end, peer),
            Act::PresharedKey { ends: [a, b], key }
                if ![a, b].iter().any(|end| self.ends[*end].is_asleep) =>
            {
                for (end, peer) in [(a, b), (b, a)] {
                    self.ends[end].peers.entry(peer).and_modify(|peer| peer.preshared_key = key);
                    self.configure(end, peer, None);
                }
            }
            Act::Keepalive { end, peer, seconds } if !self.ends[end].is_asleep => {
                let keepalive = seconds.and_then(|seconds| seconds.try_into().ok());
                self.ends[end].peers.entry(peer).and_modify(|peer| peer.keepalive = keepalive);
                self.configure(end, peer, None);
            }
            Act::Resolve { end, peer } if self.ends[end].is_up() => {
                let endpoint = self.name_of(peer);
                self.configure(end, peer, endpoint);
            }
            Act::Give { end, peer, network } if !self.ends[end].is_asleep => self.give(end, peer, network),
            Act::Replay { datagrams, is_spoofed } => return self.replay(datagrams, is_spoofed),
            Act::Junk { end, datagrams } => return self.junk(end, datagrams),
            Act::Flood { end, datagrams } => return self.flood(end, datagrams),
            // Nobody changes the configuration of a machine that sleeps.
            _ => {}
        }
        Ok(())
    }

    /// What lay in the socket is seen before any timer runs, as drivers do it.
    pub(super) fn wake(&mut self, number: usize) -> Result<(), Violation> {
        self.ends[number].is_asleep = false;
        for datagram in std::mem::take(&mut self.ends[number].socket) {
            self.arrive(number, datagram)?;
        }
        self.work(number)
    }

    fn link(&mut self, from: usize, to: usize) -> &mut Link {
        self.links.get_mut(&(from, to)).expect("the plan names pairs")
    }

    fn relocate(&mut self, number: usize, is_told: bool) {
        let nat = self.plan.ends[number].nat;
        let end = &mut self.ends[number];
        end.join_network(nat);
        let now = end.clock.read(self.now);
        if let Some(tunnel) = end.tunnel.as_mut().filter(|_| is_told) {
            tunnel.network_changed(now);
            self.allow_initiations(number);
        }
    }

    fn renew(&mut self, number: usize, peer: usize) {
        let now = self.now;
        let end = &mut self.ends[number];
        let Some(known) = end.peers.get_mut(&peer) else { return };
        known.forgotten_at = Some(now);
        end.tunnel.iter_mut().for_each(|tunnel| assert!(tunnel.remove_peer(&known.key)));
        self.allow_initiations(number);
        let endpoint = self.name_of(peer);
        self.configure(number, peer, endpoint);
    }

    fn give(&mut self, end: usize, peer: Option<usize>, number: usize) {
        let network = moving_network(number);
        self.oracle.take(end, network);
        if let Some(peer) = peer {
            self.oracle.give(end, network, peer);
        }
        // The one who gets it first: what is given is taken from whoever had it.
        let others: Vec<_> =
            self.ends[end].peers.keys().copied().filter(|other| Some(*other) != peer).collect();
        for peer in peer.into_iter().chain(others) {
            self.configure(end, peer, None);
        }
    }

    fn replay(&mut self, datagrams: usize, is_spoofed: bool) -> Result<(), Violation> {
        for _ in 0..datagrams.min(self.seen.len()) {
            let at = self.dice.below(self.seen.len());
            let mut datagram = self.seen[at].clone();
            // Whom the datagram once reached, by whatever address it has now.
            let Some(end) = self.find(datagram.from, datagram.to, self.now) else { continue };
            if !is_spoofed {
                datagram.from = self.stranger();
            }
            self.arrive(end, datagram)?;
        }
        Ok(())
    }

    fn junk(&mut self, end: usize, datagrams: usize) -> Result<(), Violation> {
        for _ in 0..datagrams {
            let from = self.stranger();
            let bytes = match self.seen.len() {
                0 => {
                    let len = self.dice.below(200);
                    self.dice.octets(len)
                }
                seen => {
                    let at = self.dice.below(seen);
                    let mut bytes = self.seen[at].bytes.clone();
                    let at = self.dice.below(bytes.len());
                    bytes[at] ^= 1 << self.dice.below(8);
                    let len = self.dice.pick(&[bytes.len(), bytes.len(), at]);
                    bytes.truncate(len);
                    if matches!((bytes.first(), bytes.len()), (Some(1), 148) | (Some(2), 92)) {
                        fix_mac1(&mut bytes, &self.ends[end].key);
                    }
                    bytes
                }
            };
            self.arrive(end, Datagram { from, to: self.ends[end].address, bytes })?;
        }
        Ok(())
    }

    fn flood(&mut self, end: usize, datagrams: usize) -> Result<(), Violation> {
        for _ in 0..datagrams {
            let mut bytes = self.dice.octets(148);
            bytes[..4].copy_from_slice(&[1, 0, 0, 0]);
            fix_mac1(&mut bytes, &self.ends[end].key);
            let from = self.stranger();
            self.arrive(end, Datagram { from, to: self.ends[end].address, bytes })?;
        }
        Ok(())
    }

    fn stranger(&mut self) -> SocketAddr {
        SocketAddr::from(([203, 0, 113, self.dice.below(256) as u8], 1_000 + self.dice.below(50_000) as u16))
    }

    /// All that is wrong with the network and the machines is over; what was on its way is lost, but for what lies in
    /// the sockets of those who sleep, and applications begin anew.
    pub(super) fn heal(&mut self) -> Result<(), Violation> {
        let restarting: Vec<_> =
            (0..self.ends.len()).filter(|end| self.ends[*end].tunnel.is_none()).collect();
        self.cancel(|cause| !matches!(cause, Cause::Work(_)));
        for link in self.links.values_mut() {
            *link = Link::new();
        }
        for end in restarting {
            self.schedule(self.now, Cause::Boot(end));
        }
        (0..self.ends.len()).try_for_each(|end| self.wake(end))
    }

    /// Nobody has anything to send, and nobody keeps anything alive.
    pub(super) fn fall_silent(&mut self) {
        self.cancel(|cause| matches!(cause, Cause::Packets { .. }));
        for end in 0..self.ends.len() {
            let peers: Vec<_> = self.ends[end].peers.keys().copied().collect();
            for peer in peers {
                self.ends[end].peers.entry(peer).and_modify(|peer| peer.keepalive = None);
                self.configure(end, peer, None);
            }
        }
    }

    /// Whether what an end sends to a peer from now on would reach it for so long, though the peer is silent until then.
    pub(super) fn reaches(&self, end: usize, peer: usize, lasting: Duration) -> bool {
        let Some(endpoint) = self.ends[end].endpoint_of(peer) else { return false };
        let appearance = match &self.ends[end].nat {
            Some(nat) => nat.appearance(),
            None => Some(self.ends[end].address),
        };
        match (appearance, &self.ends[peer].nat) {
            // Behind a NAT without a mapping it has no address yet; whom it calls is no NAT's.
            (None, Some(_)) => false,
            (None, None) => self.ends[peer].address == endpoint,
            (Some(from), _) => self.find(from, endpoint, self.now + lasting) == Some(peer),
        }
    }

    /// Whether either of two ends has lost sessions that the other may still send by.
    pub(super) fn has_forgotten(&self, ends: [usize; 2], within: Duration) -> bool {
        let [a, b] = ends;
        [(a, b), (b, a)].iter().any(|(end, peer)| {
            self.ends[*end].peers[peer].forgotten_at.is_some_and(|at| self.now - at < within)
        })
    }
}
