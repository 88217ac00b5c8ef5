//! The loop: batches from TUN and UDP into the engine, what it makes of them out again. It sleeps until a descriptor, the
//! deadline, a command or a resolver wakes it; each turn takes a bounded share from every side.

use std::collections::HashMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::task::{Context, Poll};

use getrandom::SysRng;
use rand_core::{TryRng, UnwrapErr};
use rustix::event::{PollFd, PollFlags};
use tokio::sync::{mpsc, oneshot};

use super::clock::{Clock, Deadline};
use super::error::{DeviceError, Ended};
use super::event::Event;
use super::hooks::{Hooks, SocketProtector};
use super::incoming::Incoming;
use super::observer::Notifier;
use super::offload::Merger;
use super::outgoing::Outgoing;
use super::renewal::Renewal;
use super::resolve::{Answer, Names, Resolution};
use super::stats::Stats;
use super::tun::Tun;
use super::udp::{Message, ReceiveBuffers, SocketSettings, Sockets};
use super::wakeup::{self, Bell, has_ended, is_readable};
use crate::config::{Config, Endpoint};
use crate::key::PublicKey;
use crate::proto::time::Now;
use crate::proto::tunnel::{self, Batch, PeerUpdate, Tunnel};
use crate::uapi;

/// Datagrams taken from one socket before the others have their turn; a batch may go a little over.
const DATAGRAMS_PER_TURN: u64 = 256;
/// Handshakes worked off in a turn, 0.2 ms each, so that a flood of them does not stall data.
const HANDSHAKES_PER_TURN: usize = 4;
/// Initiations without a response, about 5 s apart, after which a peer's name is asked for again and its next address is
/// tried.
const INITIATIONS_PER_ADDRESS: u32 = 3;

/// What a [`Device`](super::Device) asks of its driver.
pub(super) enum Command {
    SetConfig(Box<Config>, oneshot::Sender<Result<(), DeviceError>>),
    Apply(uapi::Set, oneshot::Sender<Result<(), DeviceError>>),
    Status(oneshot::Sender<uapi::DeviceStatus>),
    Stats(oneshot::Sender<Stats>),
    NetworkChanged(oneshot::Sender<Result<(), DeviceError>>),
    Stop,
}

/// All of a device that runs.
pub(super) struct Driver {
    pub(super) tunnel: Tunnel,
    pub(super) sockets: Sockets,
    pub(super) renewal: Renewal,
    pub(super) names: Names,
    pub(super) settings: Settings,
    pub(super) stats: Stats,
    pub(super) incoming: Incoming,
    protector: Option<Arc<dyn SocketProtector>>,
    /// Whether sockets send and receive runs of datagrams.
    udp_offload: bool,
    notifier: Notifier,
    deadline: Deadline,
    commands: mpsc::Receiver<Command>,
    outgoing: Outgoing,
    received: ReceiveBuffers,
    bell: Bell,
    /// Commands or answers may wait.
    rung: bool,
}

/// What was asked for, where the engine and the sockets do not know it.
#[derive(Default)]
pub(super) struct Settings {
    /// `None`: the system chose.
    pub(super) listen_port: Option<NonZeroU16>,
    pub(super) fwmark: Option<NonZeroU32>,
    /// In octets; `None`: the interface's own.
    pub(super) mtu: Option<u16>,
    /// As configured; a peer may have moved since.
    pub(super) endpoints: HashMap<PublicKey, Endpoint>,
}

impl Driver {
    /// Takes the descriptor over; an error closes it, and whatever was bound.
    pub(super) fn new(
        config: Config,
        tun: Tun,
        hooks: Hooks,
        udp_offload: bool,
        notifier: Notifier,
        commands: mpsc::Receiver<Command>,
    ) -> Result<Self, DeviceError> {
        let interface = &config.interface;
        let port = interface.listen_port.map_or(0, NonZeroU16::get);
        let protector = hooks.protector.as_deref();
        let settings = SocketSettings { mark: interface.fwmark, protector, offload: udp_offload };
        let sockets = Sockets::bind(port, settings)?;
        let deadline = Deadline::new()
            .map_err(|source| DeviceError::System { action: "make a timer that counts sleep", source })?;
        let bell = Bell::new().map_err(|source| DeviceError::System {
            action: "make what other threads wake the driver with",
            source,
        })?;
        // A system that has random numbers once does not run out of them.
        SysRng.try_next_u64().map_err(|error| DeviceError::System {
            action: "get random numbers",
            source: std::io::Error::other(error),
        })?;
        let mut driver = Self {
            tunnel: Tunnel::new(None, Box::new(UnwrapErr(SysRng))),
            outgoing: Outgoing::new(sockets.max_segments()),
            settings: Settings {
                listen_port: interface.listen_port,
                fwmark: interface.fwmark,
                ..Settings::default()
            },
            sockets,
            renewal: Renewal::default(),
            names: Names::new(hooks.resolver),
            stats: Stats::default(),
            incoming: Incoming::new(tun),
            protector: hooks.protector,
            udp_offload,
            notifier,
            deadline,
            commands,
            received: ReceiveBuffers::new(),
            bell,
            // So that they learn what to ring.
            rung: true,
        };
        driver.set_config(config)?;
        Ok(driver)
    }

    /// Runs until it is told to stop or cannot go on.
    pub(super) fn run(mut self) -> Ended {
        loop {
            if let Err(ended) = self.turn().and_then(|more| self.wait(!more)).and_then(|()| self.hear()) {
                return ended;
            }
        }
    }

    /// Sleeps until there is something to do, or looks whether there is.
    fn wait(&mut self, sleep: bool) -> Result<(), Ended> {
        let Self { incoming, outgoing: Outgoing { outbox, progress, blocked, .. }, sockets, bell, .. } = self;
        let quiet = || PollFd::new(bell, PollFlags::empty());
        // A full network stops the reading of TUN, not of UDP.
        let [v4, v6] = sockets.asked(blocked.then_some((outbox, progress)));
        let mut asked = [
            incoming.tun.asked(!*blocked, incoming.is_waiting()),
            v4.unwrap_or_else(quiet),
            v6.unwrap_or_else(quiet),
            PollFd::new(bell, PollFlags::IN),
            PollFd::new(&self.deadline, PollFlags::IN),
        ];
        wakeup::wait(&mut asked, sleep && !self.rung);
        let [tun, v4, v6, bell, deadline] = &asked;
        if has_ended(tun) {
            return Err(Ended::TunGone);
        }
        sockets.note([v4, v6]);
        self.rung |= is_readable(bell);
        if is_readable(deadline) {
            self.deadline.take_passed().expect("a timer of our own can be read");
        }
        Ok(())
    }

    /// What other threads want: a command, and every answer.
    fn hear(&mut self) -> Result<(), Ended> {
        if !self.rung {
            return Ok(());
        }
        self.bell.silence();
        let waker = self.bell.waker().clone();
        let mut cx = Context::from_waker(&waker);
        while let Poll::Ready(Some(answer)) = self.names.poll_answer(&mut cx) {
            self.resolved(answer);
        }
        match self.commands.poll_recv(&mut cx) {
            Poll::Ready(Some(command)) => self.obey(command)?,
            // The handle was dropped.
            Poll::Ready(None) => return Err(Ended::Stopped),
            Poll::Pending => self.rung = false,
        }
        Ok(())
    }

    /// A bounded share of everything that waits, packets first. True when more waits.
    fn turn(&mut self) -> Result<bool, Ended> {
        let now = Clock::now();
        if self.outgoing.blocked {
            self.flush();
        }
        self.incoming.drain(&mut self.stats)?;
        let mut more = self.receive(now)?;
        self.incoming.turns.note_packets(self.stats.tun_sent.packets, now.mono);
        if !self.outgoing.blocked {
            let Self { incoming, outgoing, names, stats, .. } = self;
            more |= outgoing.take(incoming, &mut self.tunnel.batch(now), names, stats)?;
            self.flush();
        }
        more |= self.work_off_handshakes(now);
        let is_due = |tunnel: &Tunnel| tunnel.poll_timeout().is_some_and(|due| due <= now.mono);
        if is_due(&self.tunnel) {
            self.tunnel.handle_timeout(now, self.outgoing.open());
            more |= is_due(&self.tunnel);
        }
        self.names.handle_timeout(now.mono);
        if self.renewal.take_due(now.mono) {
            self.renew_sockets(now);
        }
        if !self.outgoing.blocked {
            self.flush();
        }
        self.pass_events(now);
        let Self { tunnel, names, renewal, .. } = &*self;
        let next = [tunnel.poll_timeout(), names.poll_timeout(), renewal.poll_timeout()];
        let next = next.into_iter().flatten().min();
        self.deadline.set(next).expect("a timer of our own takes any time");
        Ok(more)
    }

    fn flush(&mut self) {
        self.outgoing.flush(&mut self.sockets, &mut self.tunnel, &mut self.stats);
    }

    /// Datagrams from the network through the engine.
    fn receive(&mut self, now: Now) -> Result<bool, Ended> {
        let Self { sockets, received, tunnel, incoming, outgoing, names, stats, .. } = self;
        let (mut more, mut failed) = (false, false);
        for socket in sockets.each() {
            let enough = stats.udp_received.packets + DATAGRAMS_PER_TURN;
            while stats.udp_received.packets < enough {
                match received.receive(socket) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        tracing::debug!("a UDP socket receives nothing any more: {error}");
                        stats.dropped.udp_receive_errors += 1;
                        failed = true;
                        break;
                    }
                }
                let before = stats.udp_received.packets;
                let own = incoming.own.get();
                let mut merger = Merger::new(incoming.tun.form(&own));
                let mut batch = tunnel.batch(now);
                for message in received.messages() {
                    open(message, &mut batch, &mut merger, incoming, outgoing, names, stats)?;
                }
                merger.finish(|write| incoming.deliver(&write, stats))?;
                incoming.own.note_batch(stats.udp_received.packets - before, &incoming.tun, now.mono);
                outgoing.bound(stats);
            }
            more |= stats.udp_received.packets >= enough;
        }
        if failed {
            self.sockets = Sockets::none();
            self.renewal.ask(now.mono);
        }
        Ok(more)
    }

    /// True when more may wait.
    fn work_off_handshakes(&mut self, now: Now) -> bool {
        for _ in 0..HANDSHAKES_PER_TURN {
            match self.tunnel.handle_handshake(now, self.outgoing.open()) {
                None => return false,
                Some(Ok(())) => {}
                Some(Err(_)) => self.stats.dropped.rejected += 1,
            }
        }
        true
    }

    fn pass_events(&mut self, now: Now) {
        while let Some(event) = self.tunnel.poll_event() {
            if let tunnel::Event::Connecting { peer, initiation } = &event
                && initiation % INITIATIONS_PER_ADDRESS == 0
            {
                self.names.ask_again(peer, now.mono);
            }
            self.notify(Event::from_engine(event, now));
        }
    }

    pub(super) fn notify(&mut self, event: Event) {
        if !self.notifier.notify(event) {
            self.stats.dropped.events += 1;
        }
    }

    /// A name has an address, or none yet.
    fn resolved(&mut self, answer: Answer) {
        let now = Clock::now();
        match self.names.accept(answer, now.mono, |address| self.sockets.reach(address)) {
            // Our own public key may have become a peer's, who then is none.
            Some(Resolution::Address { peer, .. }) if !self.tunnel.contains_peer(&peer) => {
                self.names.remove(&peer)
            }
            Some(Resolution::Address { peer, host, endpoint }) => {
                let update = PeerUpdate { endpoint: Some(endpoint), ..PeerUpdate::default() };
                self.tunnel.upsert_peer(&peer, update, now);
                self.notify(Event::Resolved { peer, host, endpoint });
            }
            Some(Resolution::Nothing { peer, host, reason, since }) => {
                self.tunnel.drop_staged(&peer);
                let since = now.unix.saturating_sub(now.mono - since);
                self.notify(Event::Unresolved { peer, host, reason, since });
            }
            None => {}
        }
    }

    /// A caller that has gone does not want its answer.
    fn obey(&mut self, command: Command) -> Result<(), Ended> {
        match command {
            Command::SetConfig(config, reply) => drop(reply.send(self.set_config(*config))),
            Command::Apply(set, reply) => drop(reply.send(self.apply(set))),
            Command::Status(reply) => drop(reply.send(self.status())),
            Command::Stats(reply) => drop(reply.send(self.stats)),
            Command::NetworkChanged(reply) => drop(reply.send(self.network_changed())),
            Command::Stop => return Err(Ended::Stopped),
        }
        Ok(())
    }

    /// Binds sockets that have replaced nothing yet.
    pub(super) fn bind(&self, port: u16, mark: Option<NonZeroU32>) -> Result<Sockets, DeviceError> {
        let protector = self.protector.as_deref();
        Sockets::bind(port, SocketSettings { mark, protector, offload: self.udp_offload })
    }

    /// iOS takes the sockets of an app that it suspends, and Android may destroy those of one whose rights have changed; for the
    /// tunnel that is a change of the network.
    fn renew_sockets(&mut self, now: Now) {
        if let Err(error) = self.network_changed() {
            tracing::debug!("there are no new sockets yet: {error}");
            self.renewal.ask(now.mono);
        }
    }

    /// Sends by these sockets from now on; what waits goes by them too.
    pub(super) fn replace_sockets(&mut self, sockets: Sockets, now: Now) {
        let max_segments = sockets.max_segments();
        self.sockets = sockets;
        self.renewal.cancel();
        self.outgoing.set_max_segments(max_segments);
        self.tunnel.network_changed(now);
    }
}

/// The datagrams of one message through the engine, and what was inside to TUN, straight from where it landed.
fn open<'b>(
    message: Message<'b>,
    batch: &mut Batch<'_>,
    merger: &mut Merger<'b>,
    incoming: &mut Incoming,
    outgoing: &mut Outgoing,
    names: &mut Names,
    stats: &mut Stats,
) -> Result<(), Ended> {
    let (path, ecn) = (message.path, message.ecn);
    if message.len() == 0 {
        stats.udp_received.packets += 1;
        stats.dropped.rejected += 1;
    }
    stats.udp_received.octets += message.len() as u64;
    for datagram in message.into_datagrams() {
        stats.udp_received.packets += 1;
        match batch.handle_datagram(datagram, path, ecn, outgoing.open()) {
            Ok(Some(packet)) => merger.push(packet, |write| incoming.deliver(&write, stats))?,
            Ok(None) => {}
            Err(_) => stats.dropped.rejected += 1,
        }
        if incoming.must_be_read() && !outgoing.blocked {
            outgoing.take(incoming, batch, names, stats)?;
        }
    }
    Ok(())
}
