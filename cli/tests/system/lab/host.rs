//! A machine with an uplink, on which `adit up` and `wg-quick` bring an interface up, and all that they may leave.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};

use tempfile::TempDir;

use super::command::{Ended, finish};
use super::daemon::socket;
use super::needs::{self, Need, adit};
use super::netns::{Netns, unique_interface};
use super::wait::{LONG, holds, until};
use super::wg::Keys;

/// What every test of `up` and `down` needs.
pub(crate) const QUICK: &[Need] = &[
    Need::Root,
    Need::Program("wg"),
    Need::Program("wg-quick"),
    Need::Program("bash"),
    Need::Program("nft"),
    Need::Program("iptables-save"),
];

/// Where the uplink's default route leads, and everything else that nobody answers.
pub(crate) const ENDPOINT: &str = "198.51.100.2:51820";

/// A namespace with an uplink, and a configuration in a folder of its own.
pub(crate) struct Host {
    pub netns: Netns,
    pub interface: String,
    folder: TempDir,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self::named(&unique_interface())
    }

    /// With an interface of the caller's choice.
    pub(crate) fn named(interface: &str) -> Self {
        let netns = Netns::new();
        // Nothing here changes by itself: addresses are not checked for duplicates, none is made up.
        for line in [
            "ip link add up0 address 02:00:00:00:00:01 type veth peer name up1 address 02:00:00:00:00:02",
            "ip link set up0 addrgenmode none",
            "ip link set up1 addrgenmode none",
            "ip link set up1 up",
            "ip link set up0 mtu 1420 up",
            "ip address add 192.0.2.1/24 dev up0",
            "ip address add 2001:db8::1/64 dev up0 nodad",
            "ip route add default via 192.0.2.254",
            "ip route add default via 2001:db8::fe",
            "ip route add 198.51.100.0/24 via 192.0.2.9 mtu 1400",
            "nft add table inet precious",
            "nft add chain inet precious input { type filter hook input priority 0; }",
            "nft add rule inet precious input tcp dport 9999 drop",
        ] {
            netns.run(line);
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { netns, interface: interface.to_owned(), folder }
    }

    /// The configuration's file.
    pub(crate) fn file(&self) -> String {
        self.folder.path().join(format!("{}.conf", self.interface)).display().to_string()
    }

    /// The folder of the configuration, for a test's other files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the configuration: these lines of its interface, and a peer with these allowed IPs.
    pub(crate) fn configure(&self, interface: &str, allowed_ips: &str) {
        let (own, peer) = (Keys::generate(), Keys::generate());
        self.write(&format!(
            "[Interface]\nPrivateKey = {}\nAddress = 10.9.0.1/24, fd00:9::1/64\n{interface}\n[Peer]\nPublicKey = {}\n\
             AllowedIPs = {allowed_ips}\nEndpoint = {ENDPOINT}\n",
            own.private, peer.public
        ));
    }

    /// Writes this text as the configuration.
    pub(crate) fn write(&self, text: &str) {
        fs::write(self.file(), text).expect("our own folder");
        fs::set_permissions(self.file(), PermissionsExt::from_mode(0o600)).expect("our own file");
    }

    /// `adit COMMAND FILE` in the namespace.
    pub(crate) fn adit(&self, command: &str) -> Ended {
        self.netns.try_run(&format!("{} {command} {}", adit().display(), self.file()))
    }

    /// The same with a PATH of the caller's.
    pub(crate) fn adit_with_path(&self, command: &str, path: &str) -> Ended {
        self.netns.try_run(&format!("env PATH={path} {} {command} {}", adit().display(), self.file()))
    }

    /// `wg-quick COMMAND FILE` in the namespace, with `adit` as its daemon.
    pub(crate) fn wg_quick(&self, command: &str) -> Ended {
        let mut quick = self.netns.command("timeout");
        quick.args(["60", "wg-quick", command, &self.file()]);
        finish(quick.env("WG_QUICK_USERSPACE_IMPLEMENTATION", adit()))
    }

    /// `adit COMMAND FILE`, started and not waited for, as the leader of a group of processes like a terminal's.
    pub(crate) fn start(&self, command: &str) -> Child {
        let mut whole = self.netns.command(adit());
        whole.args([command, &self.file()]).stdin(Stdio::null()).stdout(Stdio::piped());
        whole.stderr(Stdio::piped()).process_group(0).spawn().expect("ip, of iproute2")
    }

    /// Addresses, routes and rules of all tables, firewall, interfaces, marks: all that must be as before.
    pub(crate) fn state(&self) -> String {
        let text: String = [
            "ip -d address",
            "ip -d link",
            "ip -4 -d route show table all",
            "ip -6 -d route show table all",
            "ip -4 -d rule",
            "ip -6 -d rule",
            "nft list ruleset",
            "sysctl net.ipv4.conf.all.src_valid_mark",
        ]
        .map(|line| format!("-- {line}\n{}", self.netns.run(line)))
        .concat();
        text
    }

    /// [`Host::state`] without what differs each time an interface is made: indices, and the address that the kernel
    /// makes up.
    pub(crate) fn comparable_state(&self) -> String {
        let state = self.state();
        let made_up = self.netns.run(&format!("ip -6 -br address show dev {} scope link", self.interface));
        let made_up =
            made_up.split_whitespace().find_map(|word| word.split_once('/')).map(|(address, _)| address);
        let state = made_up.map_or(state.clone(), |address| state.replace(address, "LINK-LOCAL"));
        state
            .lines()
            .map(|line| line.trim_start_matches(|c: char| c.is_ascii_digit()))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Fails unless all is as before, and neither process, socket nor journal is there.
    #[track_caller]
    pub(crate) fn assert_as_before(&self, before: &str) {
        assert_eq!(self.state(), before);
        assert_eq!(self.netns.processes(), Vec::<String>::new(), "processes are left behind");
        assert!(!socket(&self.interface).exists(), "the socket is left behind");
        assert!(!journal(&self.interface).exists(), "the journal is left behind");
    }

    /// Waits until a hook has made this file, of the folder.
    pub(crate) fn await_file(&self, name: &str) {
        until(&format!("a hook makes {name}"), LONG, || holds(self.folder.path().join(name).exists()));
    }

    /// The process of the interface's daemon.
    pub(crate) fn daemon(&self) -> String {
        let named = |process: &&String| {
            let line = fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
            line.contains("--detached")
        };
        self.netns.processes().iter().find(named).expect("the daemon runs").clone()
    }
}

/// Where the journal of an interface is.
pub(crate) fn journal(interface: &str) -> std::path::PathBuf {
    Path::new("/run/adit").join(format!("{interface}.journal"))
}

/// A folder with links to these programs alone, to be a whole PATH.
pub(crate) fn path_with(folder: &Path, programs: &[&str]) -> String {
    let path = folder.join("path");
    fs::create_dir_all(&path).expect("our own folder");
    for program in programs {
        let found = needs::find(program).unwrap_or_else(|| panic!("no {program}"));
        std::os::unix::fs::symlink(found, path.join(program)).expect("our own folder");
    }
    path.display().to_string()
}
