//! The demo that needs no privileges: two tunnels on loopback UDP, with socket pairs for TUN devices and a little
//! host behind each.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};

use super::host::Host;
use super::journal::Journal;
use super::parties::{Parties, TO_SERVER};
use super::ping::Pinger;
use super::wire::Wire;
use super::{
    DemoError, Ends, headline, introduce, progress_bar, runtime, system, transfer, tunnel, write_result,
};
use crate::clock::Stopwatch;
use adit_core::device::{Device, Hooks, Offload, TunFd};

const PINGS: u16 = 5;

/// From the keys to the end of both tunnels.
pub(super) fn run(octets: u64, out: &mut impl Write) -> Result<(), DemoError> {
    let runtime = runtime()?;
    writeln!(out, "Two tunnels on this machine: no privileges, no network.")?;

    let (server_wire, server_tun) = Wire::pair().map_err(system("make a pair of sockets"))?;
    let (client_wire, client_tun) = Wire::pair().map_err(system("make a pair of sockets"))?;
    let mut parties = Parties::new();
    let start_server =
        Device::start(parties.server.clone(), TunFd::Owned(server_tun), Hooks::default(), Offload::default());
    let server = runtime.block_on(start_server).map_err(tunnel("server"))?;
    let _host = Host::spawn(server_wire).map_err(system("start a thread"))?;
    let port = runtime.block_on(server.status()).map_err(tunnel("server"))?.listen_port;
    parties.meet_at(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));

    let client_config = introduce(&parties, out)?;

    headline(out, "Handshake")?;
    let (journal, hooks) = Journal::new();
    let start_client = Device::start(client_config, TunFd::Owned(client_tun), hooks, Offload::default());
    let client = runtime.block_on(start_client).map_err(tunnel("client"))?;
    exchange(octets, &client_wire, &journal, out)?;

    Ends { server, client }.show_and_stop(out)
}

/// Handshake, pings and transfer, from the client's host.
fn exchange(octets: u64, wire: &Wire, journal: &Journal, out: &mut impl Write) -> Result<(), DemoError> {
    let mut pinger = Pinger::new(wire, TO_SERVER);
    // The first packet makes the tunnel connect.
    let sent = Stopwatch::start();
    pinger.send(0).map_err(system("send a packet"))?;
    journal.write_until_connected(out)?;
    pinger.receive(0, sent)?;

    headline(out, "Ping through the tunnel")?;
    pinger.ping(PINGS, out)?;

    headline(out, "Transfer through the tunnel, every packet checked")?;
    let bar = progress_bar(octets);
    let transferred = transfer::send(wire, TO_SERVER, octets, |done| bar.set_position(done));
    bar.finish_and_clear();
    write_result(out, transferred?)
}
