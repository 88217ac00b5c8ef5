//! A tunnel that is up: two daemons of one implementation, one in each of two namespaces, configured by `wg`.

use std::path::Path;
use std::process::Stdio;

use xshell::{Shell, cmd};

use super::daemon::{Daemon, Running};
use super::implementation::{Implementation, Kind};
use super::netns::{self, Netns};
use super::process::{self, Memory, Processor};
use super::wait::{holds, until};
use crate::error::Error;

/// Of the tunnel, octets.
const MTU: &str = "1420";

/// Its ends.
pub(super) const ADDRESSES: [&str; 2] = ["10.77.0.1", "10.77.0.2"];

const PORT: &str = "51820";
const IPERF_PORT: &str = "5201";

/// The client's end first, then the server's. Dropping it ends everything.
pub(super) struct Tunnel {
    ends: [Daemon; 2],
    /// iperf3's, at the server's end.
    _server: Running,
    pub netns: [Netns; 2],
}

impl Tunnel {
    /// Returns when a ping has come back. What the daemons say goes to the end of a file.
    pub(super) fn start(sh: &Shell, who: &Implementation, kind: Kind, log: &Path) -> Result<Self, Error> {
        let netns = netns::pair(sh)?;
        let [client, server] = &netns;
        let mut ends = [Daemon::start(who, kind, 0, client, log)?, Daemon::start(who, kind, 1, server, log)?];
        for end in &mut ends {
            end.await_socket()?;
        }
        configure(sh, ends.each_ref().map(|end| end.configured_as.as_str()))?;
        for ((netns, Daemon { interface, .. }), address) in netns.iter().zip(&ends).zip(ADDRESSES) {
            // The kernel's own announcements would wake an idle daemon.
            netns.run(sh, &format!("sysctl -qw net.ipv6.conf.{interface}.disable_ipv6=1"))?;
            netns.run(sh, &format!("ip address add {address}/24 dev {interface}"))?;
            netns.run(sh, &format!("ip link set mtu {MTU} up dev {interface}"))?;
        }
        let ping = ["ping", "-c", "1", "-W", "1", ADDRESSES[1]];
        until("a ping through the tunnel", || {
            holds(client.command(sh, &ping).ignore_stdout().ignore_stderr().run().is_ok())
        })?;
        let _server = iperf_server(sh, server)?;
        Ok(Self { ends, _server, netns })
    }

    /// Leaves the daemons to themselves: `wg` finds them no longer.
    pub(super) fn hide(&mut self) -> Result<(), Error> {
        self.ends.iter_mut().try_for_each(Daemon::hide)
    }

    /// The daemons' processes.
    pub(super) fn processes(&self) -> [u32; 2] {
        self.ends.each_ref().map(Daemon::process)
    }

    /// What both daemons have used.
    pub(super) fn processor(&self) -> Result<Processor, Error> {
        let [client, server] = self.processes();
        Ok(Processor::of(client)? + Processor::of(server)?)
    }

    /// How often both daemons' threads have left a processor.
    pub(super) fn switches(&self) -> Result<u64, Error> {
        let [client, server] = self.processes();
        Ok(process::switches(client)? + process::switches(server)?)
    }

    /// Of the daemon that has more.
    pub(super) fn memory(&self) -> Result<Memory, Error> {
        let [client, server] = self.processes();
        let (client, server) = (Memory::of(client)?, Memory::of(server)?);
        Ok(Memory { now: client.now.max(server.now), peak: client.peak.max(server.peak) })
    }
}

/// Each peer is set once and as a whole: boringtun changes none that it knows.
fn configure(sh: &Shell, interfaces: [&str; 2]) -> Result<(), Error> {
    let (mut private, mut public) = (Vec::new(), Vec::new());
    for _ in interfaces {
        let key = cmd!(sh, "wg genkey").quiet().read()?;
        public.push(cmd!(sh, "wg pubkey").quiet().stdin(&key).read()?);
        private.push(key);
    }
    for (own, other) in [(0, 1), (1, 0)] {
        let interface = interfaces[own];
        let endpoint = format!("{}:{PORT}", netns::ADDRESSES[other]);
        let allowed = format!("{}/32", ADDRESSES[other]);
        let peer = ["peer", &public[other], "allowed-ips", &allowed, "endpoint", &endpoint];
        cmd!(sh, "wg set {interface} listen-port {PORT} private-key /dev/stdin {peer...}")
            .quiet()
            .stdin(&private[own])
            .run()?;
    }
    Ok(())
}

fn iperf_server(sh: &Shell, netns: &Netns) -> Result<Running, Error> {
    let mut server = netns.process("iperf3");
    server.args(["-s", "-p", IPERF_PORT]);
    server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let server = Running::spawn("iperf3", &mut server)?;
    let listening = format!("ss -Hltn sport = :{IPERF_PORT}");
    until("iperf3's server", || holds(!netns.run(sh, &listening)?.is_empty()))?;
    Ok(server)
}
