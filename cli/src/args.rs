//! The command line as types: what may be said, and which exit status a wrong usage has. Nothing is done here.

use std::ffi::OsString;
use std::num::ParseIntError;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::interface_name::InterfaceName;

/// WireGuard at the command line.
///
/// `adit IFACE` and `adit -f IFACE` are short for `adit run`, unless IFACE is the name of a command: so `wg-quick`
/// uses it with WG_QUICK_USERSPACE_IMPLEMENTATION=adit.
#[derive(Debug, PartialEq, Eq, Parser)]
#[command(name = "adit", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Run two tunnels on this machine and move real traffic through them: no privileges, no network
    Demo(DemoArgs),
    /// Write a new private key to stdout
    Genkey,
    /// Read a private key from stdin and write its public key to stdout
    Pubkey,
    /// Write a new preshared key to stdout
    Genpsk,
    /// Tell what is wrong with a configuration, under the faulty text, with its secrets masked
    #[command(long_about = CHECK_ABOUT)]
    Check(CheckArgs),
    /// Draw a configuration as a QR code for a phone, on the terminal or into a picture
    #[command(long_about = QR_ABOUT)]
    Qr(QrArgs),
    /// Take a configuration out of a picture of a QR code or out of a text, without its commands
    #[command(long_about = IMPORT_ABOUT)]
    Import(ImportArgs),
    /// Make an interface and serve it, for `wg`, `adit show` and others to configure
    Run(RunArgs),
    /// Show interfaces and peers, as `wg show` does
    Show(ShowArgs),
}

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct DemoArgs {
    /// As root on Linux: two real interfaces in two network namespaces, and the system's own ping
    #[arg(long)]
    pub(crate) netns: bool,
    /// How much to move, in octets
    #[arg(long, hide = true, default_value_t = 1_000_000_000)]
    pub(crate) bytes: u64,
}

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct RunArgs {
    /// Stay in the foreground; without it, the command returns once the interface can be configured
    #[arg(short, long)]
    pub(crate) foreground: bool,
    /// Use this open TUN descriptor instead of making an interface: plain, without packet information
    #[arg(long, value_name = "N", value_parser = parse_tun_fd)]
    pub(crate) tun_fd: Option<RawFd>,
    /// The interface's name: at most 15 letters, digits or any of _ = + . -
    #[arg(value_name = "IFACE")]
    pub(crate) interface: InterfaceName,
    /// What `run` gives itself in the background: serve in a session of its own and say on stdout when ready
    #[arg(long, hide = true, conflicts_with = "foreground")]
    pub(crate) detached: bool,
}

const CHECK_ABOUT: &str = "\
Tell what is wrong with a configuration, under the faulty text, with its secrets masked.

Errors are what `wg` and `wg-quick` would refuse; all of them are told at once. A configuration without errors may \
still have warnings: host bits in AllowedIPs, an address that two peers have, our own key as a peer, a peer in two \
sections, nobody who can begin, traffic or names that go around the tunnel, an MTU too small for IPv6, no keepalive \
behind a NAT, no private key, a file that everybody can open.

Exit status: 0 without errors, though there may be warnings; 1 with errors.";

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct CheckArgs {
    /// A configuration's path, a name for /etc/wireguard/NAME.conf, or - for stdin
    pub(crate) conf: String,
}

const QR_ABOUT: &str = "\
Draw a configuration as a QR code for a phone, on the terminal or into a picture.

The code is the private key in another form: show it to nobody else. Comments are left out, and so are hooks, Table, \
FwMark and SaveConfig, with a warning each, because a configuration that is scanned runs no commands.";

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct QrArgs {
    /// A configuration's path, a name for /etc/wireguard/NAME.conf, or - for stdin
    pub(crate) conf: String,
    /// A new file, .png or .svg, that only you may open; without it, the terminal
    #[arg(short, long, value_name = "PICTURE")]
    pub(crate) output: Option<PathBuf>,
}

const IMPORT_ABOUT: &str = "\
Take a configuration out of a picture of a QR code or out of a text, without its commands.

Hooks, Table, FwMark and SaveConfig are left out, with a warning each: whoever made the code does not choose what runs \
here. Read what is left before you start it.";

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct ImportArgs {
    /// A PNG or JPEG picture, a configuration's file or its text, or - for stdin
    #[arg(value_name = "PICTURE|-|TEXT")]
    pub(crate) from: String,
    /// A new file that only you may open; without it, stdout
    #[arg(short, long, value_name = "CONF")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct ShowArgs {
    /// An interface, `all` (the default), or `interfaces` for their names alone
    #[arg(value_name = "IFACE|all|interfaces")]
    pub(crate) what: Option<String>,
}

/// The commands that `wg` has, too: there, wrong usage is exit 1.
const WG_COMMANDS: [&str; 4] = ["genkey", "genpsk", "pubkey", "show"];

/// Exit status of wrong usage, apart from [`WG_COMMANDS`].
const WRONG_USAGE: u8 = 2;

/// A command line that asks for help or cannot be followed.
#[derive(Debug)]
pub(crate) struct Refusal {
    text: clap::Error,
    exit: u8,
}

impl Refusal {
    /// Writes help to stdout and complaints to stderr.
    pub(crate) fn print(&self) -> ExitCode {
        // Nobody is left to tell when the terminal is gone.
        let _ = self.text.print();
        ExitCode::from(self.exit)
    }
}

impl Cli {
    /// Reads the command line, the program's name included.
    pub(crate) fn read(args: Vec<OsString>) -> Result<Self, Refusal> {
        let args = name_run(args);
        let is_wg_command = args.get(1).is_some_and(|name| WG_COMMANDS.iter().any(|wg| name == wg));
        Self::try_parse_from(args).map_err(|text| {
            let exit = match text.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
                _ if is_wg_command => 1,
                _ => WRONG_USAGE,
            };
            Refusal { text, exit }
        })
    }
}

/// Why a text is no descriptor to read packets from.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum TunFdError {
    #[error("a descriptor is a number")]
    Number(#[from] ParseIntError),
    #[error("{found} cannot carry packets: 0, 1 and 2 are the standard streams, and others are higher")]
    NotFree { found: RawFd },
}

fn parse_tun_fd(text: &str) -> Result<RawFd, TunFdError> {
    match text.parse()? {
        fd @ 3.. => Ok(fd),
        found => Err(TunFdError::NotFree { found }),
    }
}

/// Puts `run` before an interface's name that stands where a command's name would.
fn name_run(mut args: Vec<OsString>) -> Vec<OsString> {
    let is_short_run = match args.get(1).and_then(|first| first.to_str()) {
        Some("-f" | "--foreground") => true,
        Some(first) => !first.starts_with('-') && !is_command(first),
        None => false,
    };
    if is_short_run {
        args.insert(1, "run".into());
    }
    args
}

fn is_command(name: &str) -> bool {
    name == "help" || Cli::command().get_subcommands().any(|command| command.get_name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, u8> {
        Cli::read(line.split(' ').map(OsString::from).collect())
            .map(|cli| cli.command)
            .map_err(|refusal| refusal.exit)
    }

    fn run(foreground: bool, tun_fd: Option<RawFd>) -> Result<Command, u8> {
        let interface = "wg0".parse().unwrap();
        Ok(Command::Run(RunArgs { foreground, tun_fd, interface, detached: false }))
    }

    #[test]
    fn an_interface_in_the_place_of_a_command_is_run() {
        assert_eq!(read("adit wg0"), run(false, None));
        assert_eq!(read("adit -f wg0"), run(true, None));
        assert_eq!(read("adit --foreground wg0"), run(true, None));
        assert_eq!(read("adit run wg0"), run(false, None));
        assert_eq!(read("adit run -f wg0 --tun-fd 7"), run(true, Some(7)));
        assert_eq!(read("adit wg0 --tun-fd 7"), run(false, Some(7)));
    }

    #[test]
    fn the_name_of_a_command_is_that_command() {
        assert_eq!(read("adit show"), Ok(Command::Show(ShowArgs { what: None })));
        assert_eq!(read("adit show wg0"), Ok(Command::Show(ShowArgs { what: Some("wg0".into()) })));
        assert_eq!(read("adit genkey"), Ok(Command::Genkey));
        assert_eq!(
            read("adit demo --netns --bytes 5"),
            Ok(Command::Demo(DemoArgs { netns: true, bytes: 5 }))
        );
    }

    #[test]
    fn configurations_are_checked_drawn_and_imported() {
        assert_eq!(read("adit check wg0"), Ok(Command::Check(CheckArgs { conf: "wg0".into() })));
        assert_eq!(read("adit qr -"), Ok(Command::Qr(QrArgs { conf: "-".into(), output: None })));
        let output = Some("x.png".into());
        assert_eq!(read("adit qr wg0 -o x.png"), Ok(Command::Qr(QrArgs { conf: "wg0".into(), output })));
        let output = Some("wg0.conf".into());
        assert_eq!(
            read("adit import - -o wg0.conf"),
            Ok(Command::Import(ImportArgs { from: "-".into(), output }))
        );
        for line in
            ["adit check", "adit check a b", "adit qr", "adit qr a b", "adit import", "adit import a b"]
        {
            assert_eq!(read(line), Err(2), "{line}");
        }
    }

    #[test]
    fn wrong_usage_is_two_but_one_for_the_commands_of_wg() {
        let two = [
            "adit",
            "adit run",
            "adit run a/b",
            "adit wg0 wg1",
            "adit run wg0 --tun-fd 2",
            "adit run wg0 --tun-fd x",
            "adit run wg0 --tun-fd=-1",
            "adit --frobnicate",
            "adit demo wg0",
        ];
        for line in two {
            assert_eq!(read(line), Err(2), "{line}");
        }
        for line in ["adit genkey x", "adit pubkey x", "adit genpsk x", "adit show a b"] {
            assert_eq!(read(line), Err(1), "{line}");
        }
    }

    #[test]
    fn help_and_version_are_no_failure() {
        for line in ["adit --help", "adit help", "adit --version", "adit run --help", "adit show --help"] {
            assert_eq!(read(line), Err(0), "{line}");
        }
    }
}
