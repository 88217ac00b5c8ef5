//! Installs what the tests need and the machine lacks, through the system's package manager, and says each
//! time what and why. Without root or without apt it says what is missing instead.

mod apt;
mod cargo_tools;
mod std_sources;
mod swift;
mod wireguard_go;
mod wireguard_tools;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use crate::error::Error;
use crate::skip;

pub(crate) use cargo_tools::{Package, cargo_program};
pub(crate) use std_sources::{folder as std_sources_folder, std_sources};
pub(crate) use swift::swift;

/// A program, or a file by its whole path, the Debian package that has it, and what is done with it.
type Program = (&'static str, &'static str, &'static str);

/// What the tests need.
const PROGRAMS: [Program; 25] = [
    ("ip", "iproute2", "network namespaces"),
    ("ping", "iputils-ping", "an unmodified ping through the tunnel"),
    ("iperf3", "iperf3", "TCP and UDP through the tunnel"),
    ("tcpdump", "tcpdump", "what is on the wire"),
    ("nft", "nftables", "packet loss and NAT on the path"),
    ("iptables", "iptables", "the hooks that introductions show"),
    ("sysctl", "procps", "routers, and what wg-quick sets"),
    ("bash", "bash", "hooks, and wg-quick itself"),
    ("ps", "procps", "processes that are left behind"),
    ("strace", "strace", "that a daemon with nothing to do makes no system call"),
    ("qrencode", "qrencode", "QR codes that others draw"),
    ("rsvg-convert", "librsvg2-bin", "our vector pictures as pixels"),
    ("setpriv", "util-linux", "a daemon without privileges"),
    ("python3", "python3", "the native interface from outside"),
    ("c++", "g++", "the engine behind the fuzz targets"),
    ("javac", "default-jdk-headless", "the native interface from outside, in Kotlin"),
    ("mvn", "maven", "building that and Android's library"),
    ("zbarimg", "zbar-tools", "our QR codes as others read them"),
    ("valgrind", "valgrind", "each access to memory in the core's tests"),
    ("qemu-aarch64", "qemu-user", "the engine on a processor of phones"),
    ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu", "building it for that"),
    ("/usr/aarch64-linux-gnu/lib/crt1.o", "libc6-dev-arm64-cross", "linking it for that"),
    ("qemu-arm", "qemu-user", "the engine on a processor of 32 bits"),
    ("arm-linux-gnueabihf-gcc", "gcc-arm-linux-gnueabihf", "building it for that"),
    ("/usr/arm-linux-gnueabihf/lib/crt1.o", "libc6-dev-armhf-cross", "linking it for that"),
];

/// Those of them that the comparison with other implementations runs.
#[cfg(target_os = "linux")]
const COMPARISON: [&str; 5] = ["ip", "ping", "iperf3", "sysctl", "setpriv"];

/// What only a profile needs.
#[cfg(target_os = "linux")]
const PROFILER: [Program; 1] = [("perf", "linux-perf", "where a daemon's time goes")];

/// Where the tests' tools are that no package provides.
pub(crate) struct Tools {
    /// Goes before PATH.
    pub bin: PathBuf,
    /// The foreign peer, if there is one.
    pub wireguard_go: Option<PathBuf>,
}

impl Tools {
    /// PATH with the tests' tools before the system's.
    pub(crate) fn path(&self, sh: &Shell) -> OsString {
        let mut path = self.bin.clone().into_os_string();
        path.push(":");
        path.push(sh.var_os("PATH").unwrap_or_default());
        path
    }
}

/// Everything that any test needs.
pub(crate) fn everything(sh: &Shell) -> Result<Tools, Error> {
    programs(sh, PROGRAMS.iter())?;
    let bin = wireguard_tools(sh)?;
    let wireguard_go = wireguard_go::wireguard_go(sh, &bin)?;
    std_sources(sh)?;
    Ok(Tools { bin, wireguard_go })
}

/// What the comparison with other implementations needs. It does without one that cannot be had.
#[cfg(target_os = "linux")]
pub(crate) fn comparison(sh: &Shell) -> Result<Tools, Error> {
    programs(sh, PROGRAMS.iter().filter(|(program, ..)| COMPARISON.contains(program)))?;
    let bin = wireguard_tools(sh)?;
    let wireguard_go = wireguard_go::wireguard_go(sh, &bin).unwrap_or_else(|error| {
        skip("installing wireguard-go", &error.to_string());
        None
    });
    Ok(Tools { bin, wireguard_go })
}

/// What a profile needs beside that.
#[cfg(target_os = "linux")]
pub(crate) fn profiler(sh: &Shell) -> Result<(), Error> {
    programs(sh, PROFILER.iter())
}

/// `wg` and `wg-quick`, and the folder of the tests' own tools.
fn wireguard_tools(sh: &Shell) -> Result<PathBuf, Error> {
    let tools = sh.current_dir().join("target/tools");
    let bin = sh.create_dir(tools.join("bin"))?;
    wireguard_tools::wireguard_tools(sh, &tools)?;
    Ok(bin)
}

fn programs(sh: &Shell, needed: impl Iterator<Item = &'static Program>) -> Result<(), Error> {
    let missing: Vec<_> = needed.filter(|(program, ..)| find(program).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for (program, package, why) in &missing {
        println!("needed: {program}, of {package}, for {why}");
    }
    if let Err(why) = apt::usable() {
        skip("installing them", why);
        return Ok(());
    }
    apt::update(sh)?;
    let packages: Vec<&str> = missing.iter().map(|(_, package, _)| *package).collect();
    apt::install(sh, &packages)
}

/// Where PATH finds a program; a file named by its whole path is where it says. The system's own folders count too: an
/// ordinary user's PATH lacks `sbin`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// Whether this process may change the machine.
pub(crate) fn is_root(sh: &Shell) -> bool {
    cmd!(sh, "id --user").quiet().ignore_stderr().read().is_ok_and(|id| id == "0")
}

/// The text that `program --version` prints; `None` when it does not run.
fn version(sh: &Shell, program: &Path) -> Option<String> {
    cmd!(sh, "{program} --version").quiet().ignore_stderr().read().ok()
}
