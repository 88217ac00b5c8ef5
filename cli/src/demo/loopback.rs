//! The demo that needs no privileges: two tunnels on loopback UDP, with socket pairs for TUN devices and a little
//! host behind each.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};

use adit_core::device::{Device, Hooks, TunFd};
use tokio::runtime::Runtime;

use super::host::Host;
use super::journal::Journal;
use super::parties::{self, Parties, TO_SERVER};
use super::ping::Pinger;
use super::wire::Wire;
use super::{DemoError, headline, progress_bar, qr, system, transfer, tunnel, write_result};
use crate::clock::{self, Stopwatch};
use crate::status_text::{Style, write_pretty};

const PINGS: u16 = 5;

/// From the keys to the end of both tunnels.
pub(super) fn run(octets: u64, out: &mut impl Write) -> Result<(), DemoError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(system("start an event loop"))?;
    writeln!(out, "Two tunnels on this machine: no privileges, no network.")?;

    let (server_wire, server_tun) = Wire::pair().map_err(system("make a pair of sockets"))?;
    let (client_wire, client_tun) = Wire::pair().map_err(system("make a pair of sockets"))?;
    let mut parties = Parties::new();
    let start_server = Device::start(parties.server.clone(), TunFd::Owned(server_tun), Hooks::default());
    let server = runtime.block_on(start_server).map_err(tunnel("server"))?;
    let _host = Host::spawn(server_wire).map_err(system("start a thread"))?;
    let port = runtime.block_on(server.status()).map_err(tunnel("server"))?.listen_port;
    parties.meet_at(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));

    headline(out, "Configurations")?;
    parties::show(&parties.server, "server.conf", out)?;
    parties::show(&parties.client, "client.conf", out)?;
    headline(out, "The client's as a QR code, for a phone")?;
    let client_config = qr::draw_and_read_back(&parties.client, out)?;

    headline(out, "Handshake")?;
    let (journal, hooks) = Journal::new();
    let start_client = Device::start(client_config, TunFd::Owned(client_tun), hooks);
    let client = runtime.block_on(start_client).map_err(tunnel("client"))?;
    exchange(octets, &client_wire, &journal, out)?;

    headline(out, "What both ends say")?;
    show(&runtime, "server", &server, out)?;
    writeln!(out)?;
    show(&runtime, "client", &client, out)?;
    runtime.block_on(async {
        client.stop().await;
        server.stop().await;
    });
    Ok(out.flush()?)
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

/// As `adit show`.
fn show(runtime: &Runtime, party: &'static str, device: &Device, out: &mut impl Write) -> Result<(), DemoError> {
    let status = runtime.block_on(device.status()).map_err(tunnel(party))?;
    write_pretty(out, party, &status, Style::from_environment(), clock::since_epoch())?;
    Ok(())
}
