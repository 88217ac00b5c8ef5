//! A tunnel that is up: two daemons of one implementation, one in each of two namespaces, configured by `wg`.

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use xshell::{Shell, cmd};

use super::implementation::Implementation;
use super::netns::{self, Netns};
use super::process::Processor;
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
    /// Returns when a ping has come back.
    pub(super) fn start(sh: &Shell, who: &Implementation, log: &Path) -> Result<Self, Error> {
        let netns = netns::pair(sh)?;
        let mut ends = [Daemon::start(who, &netns[0], log)?, Daemon::start(who, &netns[1], log)?];
        for end in &mut ends {
            end.await_socket()?;
        }
        let interfaces = ends.each_ref().map(|end| end.interface.as_str());
        configure(sh, interfaces)?;
        for ((netns, interface), address) in netns.iter().zip(interfaces).zip(ADDRESSES) {
            netns.run(sh, &format!("sysctl -qw net.ipv6.conf.{interface}.disable_ipv6=1"))?;
            netns.run(sh, &format!("ip address add {address}/24 dev {interface}"))?;
            netns.run(sh, &format!("ip link set mtu {MTU} up dev {interface}"))?;
        }
        let [_, server] = ADDRESSES;
        until("a ping through the tunnel", || {
            let ping = ["ping", "-c", "1", "-W", "1", server];
            holds(netns[0].command(sh, &ping).ignore_stdout().ignore_stderr().run().is_ok())
        })?;
        let _server = iperf_server(sh, &netns[1])?;
        Ok(Self { ends, _server, netns })
    }

    /// What both daemons have used.
    pub(super) fn processor(&self) -> Result<Processor, Error> {
        let [client, server] = &self.ends;
        Ok(Processor::of(client.process())? + Processor::of(server.process())?)
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
        let (interface, peer) = (interfaces[own], &public[other]);
        let endpoint = format!("{}:{PORT}", netns::ADDRESSES[other]);
        let allowed = format!("{}/32", ADDRESSES[other]);
        let set = ["wg", "set", interface, "listen-port", PORT, "private-key", "/dev/stdin"];
        let peer = ["peer", peer, "allowed-ips", &allowed, "endpoint", &endpoint];
        let [wg, set @ ..] = set;
        cmd!(sh, "{wg} {set...} {peer...}").quiet().stdin(&private[own]).run()?;
    }
    Ok(())
}

fn iperf_server(sh: &Shell, netns: &Netns) -> Result<Running, Error> {
    let mut server = netns.process("iperf3");
    server.args(["-s", "-p", IPERF_PORT]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let server = Running::spawn("iperf3", &mut server)?;
    let listening = format!("ss -Hltn sport = :{IPERF_PORT}");
    until("iperf3's server", || holds(!netns.run(sh, &listening)?.is_empty()))?;
    Ok(server)
}

/// A daemon, and the name of its interface.
struct Daemon {
    interface: String,
    running: Running,
}

impl Daemon {
    fn start(who: &Implementation, netns: &Netns, log: &Path) -> Result<Self, Error> {
        let interface = unique_interface();
        let failed = |error| Error::File { path: log.display().to_string(), error };
        let log = File::options().create(true).append(true).open(log).map_err(failed)?;
        let second = log.try_clone().map_err(failed)?;
        let mut command = netns.process(&who.program.to_string_lossy());
        command.args(who.name.arguments()).arg(&interface);
        command.stdin(Stdio::null()).stdout(log).stderr(second);
        let running = Running::spawn(who.name.text(), &mut command)?;
        Ok(Self { interface, running })
    }

    fn process(&self) -> u32 {
        self.running.0.id()
    }

    /// Waits until `wg` can talk to it.
    fn await_socket(&mut self) -> Result<(), Error> {
        let socket = Path::new("/var/run/wireguard").join(format!("{}.sock", self.interface));
        until(&format!("{}", socket.display()), || {
            if let Ok(Some(status)) = self.running.0.try_wait() {
                return Err(Error::Ended { status });
            }
            holds(UnixStream::connect(&socket).is_ok())
        })
    }
}

/// A process that is asked to end when this is dropped.
pub(super) struct Running(Child);

impl Running {
    pub(super) fn spawn(program: &'static str, command: &mut Command) -> Result<Self, Error> {
        command.spawn().map(Self).map_err(|error| Error::started(program, error))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};

        // One that has ended already is as well.
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        if until("the end", || Ok(self.0.try_wait().ok().flatten())).is_err() {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// Unlike any other's on this machine: sockets of daemons are found by it, in whichever namespace they are.
fn unique_interface() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("adb{:x}n{:x}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
