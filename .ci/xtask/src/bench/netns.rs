//! Two network namespaces with a cable between them. Nobody gives them names: each is there while a process lives in
//! it, and the processes of this program end with it, so that nothing is left behind, whatever ends it.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use xshell::{Cmd, Shell, cmd};

use crate::error::Error;

/// Of the cable, octets.
const MTU: &str = "1500";

/// Both ends of the cable.
pub(super) const ADDRESSES: [&str; 2] = ["192.0.2.1", "192.0.2.2"];

/// A namespace, held by a `cat` that ends with its input, which is this program.
pub(super) struct Netns(Child);

impl Netns {
    fn new() -> Result<Self, Error> {
        let mut cat = Command::new("unshare")
            .args(["--net", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Error::started("unshare", error))?;
        let (Some(input), Some(output)) = (&mut cat.stdin, &mut cat.stdout) else {
            unreachable!("both are pipes");
        };
        // It answers when the namespace is there.
        input
            .write_all(b"?")
            .and_then(|()| output.read_exact(&mut [0]))
            .map_err(|error| Error::started("unshare", error))?;
        Ok(Self(cat))
    }

    /// A command in it.
    pub(super) fn command<'sh>(&self, sh: &'sh Shell, words: &[&str]) -> Cmd<'sh> {
        let enter = self.enter();
        cmd!(sh, "nsenter {enter} {words...}").quiet()
    }

    /// A line of words in it, which must succeed.
    pub(super) fn run(&self, sh: &Shell, line: &str) -> Result<String, Error> {
        let words: Vec<&str> = line.split_whitespace().collect();
        Ok(self.command(sh, &words).read()?)
    }

    /// A process that lives in it for longer, and ends with this program. It has a session of its own, as daemons and
    /// servers have: Linux shares a processor out between sessions before it does between processes, and those of one
    /// session wake and stop one another as no two machines would.
    pub(super) fn process(&self, program: &str) -> Command {
        let mut command = Command::new("setsid");
        command.args(["setpriv", "--pdeathsig", "TERM", "nsenter", &self.enter(), program]);
        command
    }

    /// The kernel's file for it.
    pub(super) fn file(&self) -> PathBuf {
        format!("/proc/{}/ns/net", self.0.id()).into()
    }

    fn enter(&self) -> String {
        format!("--net={}", self.file().display())
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        // It may have ended; either way there is nothing left to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Two of them, joined.
pub(super) fn pair(sh: &Shell) -> Result<[Netns; 2], Error> {
    let pair = [Netns::new()?, Netns::new()?];
    let [left, right] = pair.each_ref().map(|netns| netns.0.id().to_string());
    cmd!(sh, "ip link add cable netns {left} mtu {MTU} type veth peer name cable netns {right} mtu {MTU}")
        .quiet()
        .run()?;
    for (netns, address) in pair.iter().zip(ADDRESSES) {
        netns.run(sh, "ip link set lo up")?;
        // What one TCP stream has met is not remembered for the next one.
        netns.run(sh, "sysctl -qw net.ipv4.tcp_no_metrics_save=1")?;
        netns.run(sh, &format!("ip address add {address}/24 dev cable"))?;
        netns.run(sh, "ip link set cable up")?;
    }
    Ok(pair)
}
