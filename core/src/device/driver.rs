//! The loop: batches from TUN and UDP into the engine, what it makes of them out again. One task that sleeps until a
//! descriptor, the deadline, a command or a resolver wakes it; each turn takes a bounded share from every side.

use std::collections::HashMap;
use std::future::poll_fn;
use std::num::{NonZeroU16, NonZeroU32};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use getrandom::SysRng;
use rand_core::{TryRng, UnwrapErr};
use tokio::sync::{mpsc, oneshot};

use super::clock::{Clock, Deadline};
use super::error::{DeviceError, Ended};
use super::event::Event;
use super::hooks::{Hooks, SocketProtector};
use super::incoming::Incoming;
use super::observer::Notifier;
use super::offload::Merger;
use super::outgoing::Outgoing;
use super::resolve::{Answer, Names, Resolution};
use super::stats::Stats;
use super::tun::Tun;
use super::udp::{Message, ReceiveBuffers, SocketSettings, Sockets};
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
    /// What comes seldom was asked for since the last packet. It is asked for with every other batch at least, and before each
    /// sleep: a packet that comes alone finds caches cold, and waits for nothing that it does not need.
    heard_all: bool,
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
            names: Names::new(hooks.resolver),
            stats: Stats::default(),
            incoming: Incoming::new(tun),
            protector: hooks.protector,
            udp_offload,
            notifier,
            deadline,
            commands,
            received: ReceiveBuffers::new(),
            heard_all: false,
        };
        driver.set_config(config)?;
        Ok(driver)
    }

    /// Runs until it is told to stop or cannot go on.
    pub(super) async fn run(mut self) -> Ended {
        let tun = Rc::clone(&self.incoming.tun);
        let mut gone = pin!(tun.gone());
        loop {
            let more = match self.turn() {
                Ok(more) => more,
                Err(ended) => return ended,
            };
            if more {
                // Lets the runtime see which descriptors have become ready.
                tokio::task::yield_now().await;
            }
            match poll_fn(|cx| self.poll_woken(more, gone.as_mut(), cx)).await {
                Ok(Some(Command::Stop)) => return Ended::Stopped,
                Ok(Some(command)) => self.obey(command),
                Ok(None) => {}
                Err(ended) => return ended,
            }
        }
    }

    /// Ready when there is something to do: at once if there is `more`.
    fn poll_woken(
        &mut self,
        more: bool,
        gone: Pin<&mut impl Future<Output = Ended>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Command>, Ended>> {
        let mut woken = more | self.poll_packets(cx).is_ready();
        if woken && std::mem::take(&mut self.heard_all) {
            return Poll::Ready(Ok(None));
        }
        self.heard_all = true;
        if let Poll::Ready(ended) = gone.poll(cx) {
            return Poll::Ready(Err(ended));
        }
        match self.commands.poll_recv(cx) {
            Poll::Ready(Some(command)) => return Poll::Ready(Ok(Some(command))),
            // The handle was dropped.
            Poll::Ready(None) => return Poll::Ready(Err(Ended::Stopped)),
            Poll::Pending => {}
        }
        while let Poll::Ready(Some(answer)) = self.names.poll_answer(cx) {
            self.resolved(answer);
            woken = true;
        }
        woken |= self.deadline.poll_passed(cx).is_ready();
        if woken { Poll::Ready(Ok(None)) } else { Poll::Pending }
    }

    /// Ready when a packet can go on its way. All are asked, so that all can wake the task.
    fn poll_packets(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut woken = self.sockets.poll_readable(cx).is_ready();
        let Outgoing { outbox, progress, blocked, .. } = &self.outgoing;
        // A full network stops the reading of TUN, not of UDP.
        woken |= match blocked {
            true => self.sockets.poll_writable(outbox, progress, cx).is_ready(),
            false => self.incoming.tun.poll_readable(cx).is_ready(),
        };
        woken |= self.incoming.is_waiting() && self.incoming.tun.poll_writable(cx).is_ready();
        if woken { Poll::Ready(()) } else { Poll::Pending }
    }

    /// A bounded share of everything that waits, packets first. True when more waits that no descriptor would tell of.
    fn turn(&mut self) -> Result<bool, Ended> {
        let now = Clock::now();
        if self.outgoing.blocked {
            self.flush();
        }
        self.incoming.drain(&mut self.stats)?;
        let mut more = self.receive(now)?;
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
        if !self.outgoing.blocked {
            self.flush();
        }
        self.pass_events(now);
        let next = [self.tunnel.poll_timeout(), self.names.poll_timeout()].into_iter().flatten().min();
        self.deadline.set(next).expect("a timer of our own takes any time");
        Ok(more)
    }

    fn flush(&mut self) {
        self.outgoing.flush(&mut self.sockets, &mut self.tunnel, &mut self.stats);
    }

    /// Datagrams from the network through the engine.
    fn receive(&mut self, now: Now) -> Result<bool, Ended> {
        let Self { sockets, received, tunnel, incoming, outgoing, names, stats, .. } = self;
        let mut more = false;
        for socket in sockets.each() {
            let enough = stats.udp_received.packets + DATAGRAMS_PER_TURN;
            while stats.udp_received.packets < enough {
                match received.receive(socket) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(_) => {
                        stats.dropped.udp_receive_errors += 1;
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
    fn obey(&mut self, command: Command) {
        match command {
            Command::SetConfig(config, reply) => drop(reply.send(self.set_config(*config))),
            Command::Apply(set, reply) => drop(reply.send(self.apply(set))),
            Command::Status(reply) => drop(reply.send(self.status())),
            Command::Stats(reply) => drop(reply.send(self.stats)),
            Command::NetworkChanged(reply) => drop(reply.send(self.network_changed())),
            Command::Stop => {}
        }
    }

    /// Binds sockets that have replaced nothing yet.
    pub(super) fn bind(&self, port: u16, mark: Option<NonZeroU32>) -> Result<Sockets, DeviceError> {
        let protector = self.protector.as_deref();
        Sockets::bind(port, SocketSettings { mark, protector, offload: self.udp_offload })
    }

    /// Sends by these sockets from now on; what waits goes by them too.
    pub(super) fn replace_sockets(&mut self, sockets: Sockets, now: Now) {
        let max_segments = sockets.max_segments();
        self.sockets = sockets;
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
