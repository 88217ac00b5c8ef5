//! The demo on real interfaces: two network namespaces joined by a virtual cable, a TUN interface in each, the
//! system's own `ping` and a TCP stream through the tunnel. Nothing has a name outside this process, so all of it
//! vanishes with the process, however that ends.

mod leash;
mod namespace;
mod stream;

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::thread;

use adit_core::config::Config;
use adit_core::device::{Device, Hooks, Offload, TunFd};

use super::journal::Journal;
use super::parties::{self, CLIENT, Parties, SERVER};
use super::{DemoError, Ends, headline, introduce, progress_bar, system, tunnel, write_result};
use crate::tun::{self, TunError};
use leash::end_with_this_thread;
use namespace::{Inside, Namespace};

/// The cable's ends: RFC 5737's addresses for documentation.
const SERVER_OUTSIDE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const CLIENT_OUTSIDE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const OUTSIDE_PREFIX_LEN: u8 = 24;

/// WireGuard's usual port.
const SERVER_PORT: u16 = 51820;

/// The names of the cable's ends.
const SERVER_END: &str = "cable1";
const CLIENT_END: &str = "cable0";

/// Why there are no namespaces with interfaces in them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NetnsError {
    /// Neither root nor CAP_SYS_ADMIN.
    #[error("network namespaces need root; run it with sudo, or run `adit demo` without --netns")]
    NoPrivilege,
    /// The kernel refused a change of its links or addresses.
    #[error("cannot {action}: {source}")]
    Netlink {
        /// What was tried.
        action: &'static str,
        /// What the kernel said.
        source: rtnetlink::Error,
    },
    /// No TUN interface.
    #[error(transparent)]
    Tun(#[from] TunError),
    /// An interface that was just made is not there.
    #[error("cannot find the interface {interface}: {source}")]
    Lookup {
        /// Its name.
        interface: String,
        /// What the system said.
        source: io::Error,
    },
    /// A thread of the demo's died.
    #[error("a thread of the demo's ended early; please report it")]
    Thread,
    /// `ping` found something wrong.
    #[error("ping failed: {status}")]
    Ping {
        /// How it ended.
        status: std::process::ExitStatus,
    },
}

/// Names what was tried when the kernel refuses it.
fn netlink(action: &'static str) -> impl FnOnce(rtnetlink::Error) -> NetnsError {
    move |source| NetnsError::Netlink { action, source }
}

/// From the namespaces to the end of both tunnels.
pub(super) fn run(octets: u64, out: &mut impl Write) -> Result<(), DemoError> {
    let server_side = Namespace::new("demo-server")?;
    let client_side = Namespace::new("demo-client")?;
    lay_cable(&server_side, &client_side)?;
    writeln!(out, "Two network namespaces, joined by a virtual cable, a TUN interface in each.")?;

    let mut parties = Parties::new();
    parties.meet_at(SocketAddr::from((SERVER_OUTSIDE, SERVER_PORT)));
    let client_config = introduce(&parties, out)?;

    headline(out, "Handshake")?;
    let server = start(&server_side, "server", SERVER, parties.server, Hooks::default())?;
    let (journal, hooks) = Journal::new();
    let client = start(&client_side, "client", CLIENT, client_config, hooks)?;
    client_side.run(|_| knock())?.map_err(system("send a packet"))?;
    journal.write_until_connected(out)?;

    headline(out, "Ping through the tunnel")?;
    let ping = client_side.run(|_| spawn_ping())?.map_err(system("start ping"))?;
    copy_output(ping, out)?;

    headline(out, "TCP through the tunnel, every octet checked")?;
    let listener = server_side.run(|_| TcpListener::bind((SERVER, 0)))?.map_err(system("listen"))?;
    let address = listener.local_addr().map_err(system("listen"))?;
    let to_server = client_side.run(move |_| TcpStream::connect(address))?.map_err(system("connect"))?;
    transfer(octets, listener, to_server, out)?;

    Ends { server, client }.show_and_stop(out)
}

/// One end in each namespace, with addresses, up.
fn lay_cable(server_side: &Namespace, client_side: &Namespace) -> Result<(), NetnsError> {
    let far_side = server_side.descriptor();
    client_side.run(move |inside| inside.add_cable(CLIENT_END, SERVER_END, &far_side))??;
    server_side.run(|inside| inside.set_up(SERVER_END, SERVER_OUTSIDE, OUTSIDE_PREFIX_LEN))??;
    client_side.run(|inside| inside.set_up(CLIENT_END, CLIENT_OUTSIDE, OUTSIDE_PREFIX_LEN))?
}

/// A TUN interface and the tunnel behind it. Every thread and socket of the tunnel is born in the namespace.
fn start(
    side: &Namespace,
    party: &'static str,
    address: Ipv4Addr,
    config: Config,
    hooks: Hooks,
) -> Result<Device, DemoError> {
    side.run(move |inside: &Inside| {
        let interface = party.parse().expect("the demo's own names are names");
        let tun = tun::create(&interface).map_err(NetnsError::from)?;
        inside.set_up(party, address, parties::PREFIX_LEN)?;
        inside
            .block_on(Device::start(config, TunFd::Owned(tun), hooks, Offload::default()))
            .map_err(tunnel(party))
    })?
}

/// Any packet makes the tunnel connect.
fn knock() -> io::Result<()> {
    const DISCARD_PORT: u16 = 9;
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?.send_to(&[], (SERVER, DISCARD_PORT)).map(drop)
}

fn spawn_ping() -> io::Result<Child> {
    let mut ping = Command::new("ping");
    ping.args(["-n", "-c", "5", "-i", "0.2", "-w", "10", &SERVER.to_string()]).stdin(Stdio::null());
    end_with_this_thread(ping.stdout(Stdio::piped())).spawn()
}

fn copy_output(mut ping: Child, out: &mut impl Write) -> Result<(), DemoError> {
    if let Some(stdout) = ping.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.map_err(system("read from ping"))?;
            writeln!(out, "{}", format!("    {line}").trim_end())?;
            out.flush()?;
        }
    }
    let status = ping.wait().map_err(system("wait for ping"))?;
    if status.success() { Ok(()) } else { Err(NetnsError::Ping { status }.into()) }
}

/// Sockets stay in the namespace that they were made in, whoever uses them.
fn transfer(
    octets: u64,
    listener: TcpListener,
    to_server: TcpStream,
    out: &mut impl Write,
) -> Result<(), DemoError> {
    let receiver = thread::spawn(move || stream::receive(listener.accept()?.0));
    let bar = progress_bar(octets);
    let sent = stream::send(to_server, octets, |done| bar.set_position(done));
    bar.finish_and_clear();
    let elapsed = sent.map_err(system("send through the tunnel"))?;
    let received = receiver.join().map_err(|_| NetnsError::Thread)?;
    let received = received.map_err(system("receive through the tunnel"))?;
    write_result(out, received.against(octets, elapsed))
}
