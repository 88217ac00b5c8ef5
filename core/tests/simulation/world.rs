//! A run: engines on machines on a network, with one clock for all that only moves when something happens.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use adit_core::proto::limits::REKEY_TIMEOUT;
use adit_core::proto::outbox::Outbox;
use adit_core::proto::path::{Ecn, Path};
use adit_core::proto::tunnel::Event;
use ipnet::IpNet;

use crate::dice::Dice;
use crate::end::{End, Peer};
use crate::network::{Datagram, Link};
use crate::oracle::{Oracle, Violation, packet};
use crate::plan::{Plan, Target, millis};

/// Handshakes that a machine works off before it looks at its sockets again, and how long they take it.
const HANDSHAKES_AT_ONCE: usize = 4;
const TIME_FOR_HANDSHAKES: Duration = millis(1);
/// Datagrams that a stranger remembers.
const REMEMBERED: usize = 200;

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub simulated: Duration,
    pub datagrams: usize,
    pub delivered: usize,
    /// Of everything that was sent, in order.
    pub transcript: u64,
}

impl Summary {
    /// Many runs as one; their transcripts have no sum.
    pub fn add(&mut self, other: &Self) {
        self.simulated += other.simulated;
        self.datagrams += other.datagrams;
        self.delivered += other.delivered;
    }
}

/// Why something happens.
pub(super) enum Cause {
    /// The plan's step of this number.
    Step(usize),
    Arrival {
        to: usize,
        datagram: Datagram,
    },
    /// An application has this many packets yet to send.
    Packets {
        from: usize,
        target: Target,
        source: Option<usize>,
        left: usize,
        pause: Duration,
        size: usize,
    },
    Work(usize),
    Wake(usize),
    Boot(usize),
}

pub struct World {
    pub(super) plan: Plan,
    pub(super) now: Duration,
    pub(super) ends: Vec<End>,
    pub(super) links: BTreeMap<(usize, usize), Link>,
    pub(super) oracle: Oracle,
    pub(super) dice: Dice,
    /// What strangers saw on the wire.
    pub(super) seen: VecDeque<Datagram>,
    causes: BTreeMap<(Duration, u64), Cause>,
    causes_made: u64,
    packets_made: u64,
    /// When an initiation last left an end for an address, unless one may leave again.
    initiated: BTreeMap<(usize, SocketAddr), Duration>,
    pub(super) sent_at: Duration,
    datagrams: usize,
    transcript: DefaultHasher,
}

impl World {
    pub fn new(plan: &Plan) -> Self {
        let ends = plan.ends.iter().enumerate().map(|(number, end)| End::new(number, plan.seed, end));
        let mut world = Self {
            plan: plan.clone(),
            now: Duration::ZERO,
            ends: ends.collect(),
            links: BTreeMap::new(),
            oracle: Oracle::new(plan.ends.len(), plan.is_orderly),
            dice: Dice::new(plan.seed, 1),
            seen: VecDeque::new(),
            causes: BTreeMap::new(),
            causes_made: 0,
            packets_made: 0,
            initiated: BTreeMap::new(),
            sent_at: Duration::ZERO,
            datagrams: 0,
            transcript: DefaultHasher::new(),
        };
        for pair in &plan.pairs {
            let [a, b] = pair.ends;
            for (end, peer, keepalive) in [(a, b, pair.keepalives[0]), (b, a, pair.keepalives[1])] {
                world.links.insert((end, peer), Link::new());
                let known = Peer {
                    key: world.ends[peer].key,
                    preshared_key: None,
                    keepalive: keepalive.and_then(|seconds| seconds.try_into().ok()),
                    forgotten_at: None,
                };
                world.ends[end].peers.insert(peer, known);
                for network in own_networks(peer) {
                    world.oracle.give(end, network, peer);
                }
            }
        }
        (0..world.ends.len()).for_each(|end| world.boot(end));
        for (number, step) in plan.steps.iter().enumerate() {
            world.schedule(step.at, Cause::Step(number));
        }
        world
    }

    pub fn summary(&self) -> Summary {
        Summary {
            simulated: self.now,
            datagrams: self.datagrams,
            delivered: self.oracle.delivered,
            transcript: self.transcript.finish(),
        }
    }

    pub(super) fn schedule(&mut self, at: Duration, cause: Cause) {
        self.causes_made += 1;
        self.causes.insert((at, self.causes_made), cause);
    }

    /// Forgets what was to happen, where it is so.
    pub(super) fn cancel(&mut self, is_so: impl Fn(&Cause) -> bool) {
        self.causes.retain(|_, cause| !is_so(cause));
    }

    pub(super) fn violation(&self, what: impl Into<String>) -> Violation {
        Violation { at: self.now, what: what.into() }
    }

    /// Does everything that happens until then.
    pub(super) fn advance(&mut self, until: Duration) -> Result<(), Violation> {
        loop {
            self.run_timers()?;
            let cause = self.causes.first_key_value().map(|((at, _), _)| *at);
            let deadline = self.ends.iter().filter_map(End::deadline).min();
            let Some(next) = cause.into_iter().chain(deadline).min().filter(|next| *next <= until) else {
                break;
            };
            self.now = self.now.max(next);
            if let Some(entry) = self.causes.first_entry()
                && entry.key().0 <= self.now
            {
                let cause = entry.remove();
                self.happen(cause)?;
            }
        }
        self.now = until;
        Ok(())
    }

    fn happen(&mut self, cause: Cause) -> Result<(), Violation> {
        match cause {
            Cause::Step(number) => self.act(self.plan.steps[number].act.clone()),
            Cause::Arrival { to, datagram } => self.arrive(to, datagram),
            Cause::Packets { from, target, source, left, pause, size } => {
                self.send(from, target, source, size)?;
                if left > 1 {
                    let rest = Cause::Packets { from, target, source, left: left - 1, pause, size };
                    self.schedule(self.now + pause, rest);
                }
                Ok(())
            }
            Cause::Work(end) => self.work(end),
            Cause::Wake(end) => self.wake(end),
            Cause::Boot(end) => {
                self.boot(end);
                Ok(())
            }
        }
    }

    /// Whatever is due at machines that are awake.
    fn run_timers(&mut self) -> Result<(), Violation> {
        for number in 0..self.ends.len() {
            if self.ends[number].deadline().is_none_or(|at| at > self.now) {
                continue;
            }
            let mut out = Outbox::new(64);
            let end = &mut self.ends[number];
            let now = end.clock.read(self.now);
            let Some(tunnel) = &mut end.tunnel else { continue };
            tunnel.handle_timeout(now, &mut out);
            if tunnel.poll_timeout().is_some_and(|at| at <= now.mono) {
                return Err(self.violation(format!("end {number} is due again as soon as it was called")));
            }
            self.flush(number, out)?;
        }
        Ok(())
    }

    /// An engine that has just read its configuration.
    fn boot(&mut self, number: usize) {
        let end = &mut self.ends[number];
        end.clock.start(self.now);
        end.boot();
        self.initiated.retain(|(from, _), _| *from != number);
        let peers: Vec<_> = self.ends[number].peers.keys().copied().collect();
        for peer in peers {
            let endpoint = self.name_of(peer);
            self.configure(number, peer, endpoint);
            let forgotten_at = (self.now > Duration::ZERO).then_some(self.now);
            self.ends[number].peers.entry(peer).and_modify(|peer| peer.forgotten_at = forgotten_at);
        }
    }

    /// What a peer's name resolves to; those behind NATs have none.
    pub(super) fn name_of(&self, end: usize) -> Option<SocketAddr> {
        let end = &self.ends[end];
        end.nat.is_none().then_some(end.address)
    }

    /// Tells the engine what the configuration says of a peer.
    pub(super) fn configure(&mut self, number: usize, peer: usize, endpoint: Option<SocketAddr>) {
        let networks = self.oracle.networks(number, peer);
        if endpoint.is_some() {
            self.allow_initiations(number);
        }
        let end = &mut self.ends[number];
        let update = end.update(peer, endpoint, networks);
        let now = end.clock.read(self.now);
        if let Some(tunnel) = &mut end.tunnel {
            tunnel.upsert_peer(&end.peers[&peer].key, update, now);
        }
    }

    /// Initiations of this end's may follow each other at once: there is another network, or another endpoint.
    pub(super) fn allow_initiations(&mut self, number: usize) {
        self.initiated.retain(|(from, _), _| *from != number);
    }

    /// An application has a packet.
    pub(super) fn send(
        &mut self,
        from: usize,
        target: Target,
        source: Option<usize>,
        size: usize,
    ) -> Result<(), Violation> {
        let (destination, is_v6) = match target {
            Target::End { end, is_v6 } => (own_address(end, is_v6), is_v6),
            Target::Network(network) => (address_in(network), false),
        };
        let source = match source {
            Some(network) if !is_v6 => address_in(network),
            _ => own_address(from, is_v6),
        };
        if !self.ends[from].is_up() {
            return Ok(());
        }
        self.packets_made += 1;
        let id = self.packets_made;
        let packet = packet(source, destination, id, size);
        let mut out = Outbox::new(64);
        let end = &mut self.ends[from];
        let now = end.clock.read(self.now);
        let Some(tunnel) = &mut end.tunnel else { return Ok(()) };
        let taken = tunnel.handle_packet(&packet, now, &mut out);
        let has_endpoint = |peer| self.ends[from].endpoint_of(peer).is_some();
        self.oracle
            .offered(from, id, &packet, self.now, taken, has_endpoint)
            .map_err(|what| Violation { at: self.now, what })?;
        self.flush(from, out)
    }

    /// A datagram reaches a machine, which may sleep.
    pub(super) fn arrive(&mut self, number: usize, mut datagram: Datagram) -> Result<(), Violation> {
        let end = &mut self.ends[number];
        if end.is_asleep {
            end.hold(datagram);
            return Ok(());
        }
        let Some(tunnel) = &mut end.tunnel else { return Ok(()) };
        let mut out = Outbox::new(64);
        let path = Path { remote: datagram.from, local: Some(end.address.ip()) };
        let now = end.clock.read(self.now);
        if let Ok(Some(packet)) =
            tunnel.handle_datagram(&mut datagram.bytes, path, Ecn::NotEct, now, &mut out)
        {
            self.oracle.arrived(number, packet).map_err(|what| Violation { at: self.now, what })?;
        }
        if !end.is_working {
            end.is_working = true;
            self.schedule(self.now + TIME_FOR_HANDSHAKES, Cause::Work(number));
        }
        self.flush(number, out)
    }

    pub(super) fn work(&mut self, number: usize) -> Result<(), Violation> {
        let end = &mut self.ends[number];
        let mut out = Outbox::new(64);
        let now = end.clock.read(self.now);
        let Some(tunnel) = end.tunnel.as_mut().filter(|_| end.is_working) else { return Ok(()) };
        let worked = (0..HANDSHAKES_AT_ONCE).take_while(|_| tunnel.handle_handshake(now, &mut out).is_some());
        end.is_working = worked.count() == HANDSHAKES_AT_ONCE;
        if end.is_working {
            self.schedule(self.now + TIME_FOR_HANDSHAKES, Cause::Work(number));
        }
        self.flush(number, out)
    }

    /// What an engine made goes to the network, and what it says of itself is looked at.
    pub(super) fn flush(&mut self, from: usize, out: Outbox) -> Result<(), Violation> {
        for transmit in out.transmits() {
            let end = &mut self.ends[from];
            if transmit.path.local.is_some_and(|local| local != end.address.ip()) {
                // The system says that this is no address of its own; the driver sends again without it.
                end.tunnel.iter_mut().for_each(|tunnel| tunnel.path_failed(transmit));
            }
            for bytes in out.bytes(transmit).chunks(transmit.segment_size) {
                self.transmit(from, transmit.path.remote, bytes.to_vec())?;
            }
        }
        let end = &mut self.ends[from];
        let peers = end.peers.len();
        let Some(tunnel) = &mut end.tunnel else { return Ok(()) };
        let mut has_moved = false;
        while let Some(event) = tunnel.poll_event() {
            has_moved |= matches!(event, Event::EndpointChanged { .. });
        }
        // Three keypairs and an initiation for each peer.
        let indices = tunnel.receiver_indices();
        if has_moved {
            self.allow_initiations(from);
        }
        if indices > 4 * peers {
            return Err(
                self.violation(format!("end {from} uses {indices} receiver indices for {peers} peers"))
            );
        }
        Ok(())
    }

    fn transmit(&mut self, from: usize, to: SocketAddr, bytes: Vec<u8>) -> Result<(), Violation> {
        if bytes[0] == 1 {
            self.watch_initiation(from, to)?;
        }
        self.datagrams += 1;
        self.sent_at = self.now;
        (self.now, from, to, &bytes).hash(&mut self.transcript);
        let appearance = match &mut self.ends[from].nat {
            Some(nat) => nat.outbound(to, self.now),
            None => self.ends[from].address,
        };
        let datagram = Datagram { from: appearance, to, bytes };
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(datagram.clone());
        let Some(end) = self.find(appearance, to, self.now) else { return Ok(()) };
        let Some(link) = self.links.get(&(from, end)) else { return Ok(()) };
        for (delay, bytes) in link.carry(&datagram.bytes, &mut self.dice) {
            let datagram = Datagram { bytes, ..datagram };
            self.schedule(self.now + delay, Cause::Arrival { to: end, datagram });
        }
        Ok(())
    }

    /// Behaviour 9: 5 s lie between two initiations to one endpoint from one network.
    fn watch_initiation(&mut self, from: usize, to: SocketAddr) -> Result<(), Violation> {
        let before = self.initiated.insert((from, to), self.now);
        // The end's clock may run a thousandth faster than the world's.
        match before.filter(|before| self.now - *before < REKEY_TIMEOUT - millis(6)) {
            Some(before) => {
                let apart = self.now - before;
                Err(self.violation(format!("end {from} sent two initiations to {to} within {apart:?}")))
            }
            None => Ok(()),
        }
    }

    /// Whom a datagram from there to this address reaches at a moment.
    pub(super) fn find(&self, from: SocketAddr, to: SocketAddr, at: Duration) -> Option<usize> {
        self.ends.iter().position(|end| match &end.nat {
            Some(nat) => nat.admits(from, to, at),
            None => end.address == to,
        })
    }
}

fn own_address(end: usize, is_v6: bool) -> IpAddr {
    match is_v6 {
        true => IpAddr::from([0xfd00, end as u16, 0, 0, 0, 0, 0, 1]),
        false => IpAddr::from([10, 0, end as u8, 1]),
    }
}

fn own_networks(end: usize) -> [IpNet; 2] {
    [(own_address(end, false), 24), (own_address(end, true), 64)]
        .map(|(address, len)| IpNet::new_assert(address, len).trunc())
}

/// One of the networks that move from peer to peer. The last one holds all of the others.
pub(super) fn moving_network(number: usize) -> IpNet {
    match number + 1 == crate::plan::NETWORKS {
        true => IpNet::new_assert([172, 16, 0, 0].into(), 16),
        false => IpNet::new_assert([172, 16, number as u8, 0].into(), 24),
    }
}

fn address_in(network: usize) -> IpAddr {
    IpAddr::from([172, 16, network as u8, 9])
}
