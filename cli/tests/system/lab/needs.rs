//! What a test needs from the machine, and the programs under test.

use std::path::{Path, PathBuf};

/// Something that not every machine has.
#[derive(Clone, Copy)]
pub(crate) enum Need {
    /// To make namespaces and interfaces.
    Root,
    Program(&'static str),
    WireguardGo,
}

/// What every test without a foreign peer needs.
pub(crate) const OURS: &[Need] =
    &[Need::Root, Need::Program("wg"), Need::Program("ping"), Need::Program("iperf3"), Need::Program("nft")];

/// What every test with a foreign peer needs.
pub(crate) const FOREIGN: &[Need] =
    &[Need::Root, Need::Program("wg"), Need::Program("ping"), Need::Program("iperf3"), Need::WireguardGo];

/// What tests need in which a tool brings tunnels up and down on a small Internet.
pub(crate) const INTERNET: &[Need] = &[
    Need::Root,
    Need::Program("wg"),
    Need::Program("wg-quick"),
    Need::Program("bash"),
    Need::Program("ping"),
    Need::Program("iperf3"),
    Need::Program("nft"),
    Need::Program("iptables"),
    Need::Program("sysctl"),
    Need::Program("tcpdump"),
];

impl Need {
    /// One line that says what is missing; `None` when it is there.
    pub(crate) fn missing(&self) -> Option<String> {
        match self {
            Self::Root if !rustix::process::geteuid().is_root() => Some("needs root".into()),
            Self::Root if !Path::new("/dev/net/tun").exists() => Some("needs /dev/net/tun".into()),
            Self::Program(name) if find(name).is_none() => Some(format!("needs {name}")),
            Self::WireguardGo if wireguard_go().is_none() => Some("needs wireguard-go".into()),
            _ => None,
        }
    }
}

/// The `adit` under test: another build's where one is named, else the one built with these tests.
pub(crate) fn adit() -> PathBuf {
    std::env::var_os("ADIT_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_adit").into()).into()
}

/// The foreign peer.
pub(crate) fn wireguard_go() -> Option<PathBuf> {
    std::env::var_os("ADIT_TEST_WIREGUARD_GO").map(PathBuf::from).or_else(|| find("wireguard-go"))
}

/// Where PATH finds a program.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}
