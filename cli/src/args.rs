//! The command line as types: what may be said, and which exit status a wrong usage has. Nothing is done here.

use std::ffi::OsString;
use std::num::ParseIntError;
use std::os::fd::RawFd;
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
    /// Make an interface and serve it, for `wg`, `adit show` and others to configure
    Run(RunArgs),
    /// Show interfaces and peers, as `wg show` does
    Show(ShowArgs),
    /// Bring an interface up with its addresses, routes, DNS, firewall and hooks, as `wg-quick up` does
    #[command(after_help = UP_HELP)]
    Up(ConfArgs),
    /// Take an interface down and everything back that was done for it, as `wg-quick down` does
    #[command(after_help = DOWN_HELP)]
    Down(ConfArgs),
    /// Write an interface as it stands over its configuration, as `wg-quick save` does
    #[command(after_help = SAVE_HELP)]
    Save(ConfArgs),
    /// Write a configuration to stdout without the keys that only `wg-quick` knows, for `wg setconf`
    Strip(ConfArgs),
}

const UP_HELP: &str = "\
Steps: the interface and its daemon, PreUp, keys and peers, addresses, MTU, DNS, routes, PostUp. A step that
fails, or Ctrl-C, takes all of them back, but for what hooks have done. Each hook is told on stderr as
`[#] hook`; all else is quiet. Needs root, and is there on Linux.";

const DOWN_HELP: &str = "\
Steps: PreDown, SaveConfig, all that `adit up` did in reverse, PostDown. It also clears away what is left of an
interface that was killed, and takes down what `wg-quick` or `adit run` made. Where CONF is missing or broken,
PreDown and PostDown run as they were at `adit up`. Needs root, and is there on Linux.";

const SAVE_HELP: &str = "\
Addresses, port, mark, keys and peers are written as they are now, hooks and the like as the file has them;
comments are lost. Needs root, and is there on Linux.";

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

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct ShowArgs {
    /// An interface, `all` (the default), or `interfaces` for their names alone
    #[arg(value_name = "IFACE|all|interfaces")]
    pub(crate) what: Option<String>,
}

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct ConfArgs {
    /// A configuration NAME.conf for the interface NAME, or the NAME of one in /etc/wireguard
    #[arg(value_name = "CONF")]
    pub(crate) conf: String,
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
        assert_eq!(read("adit up wg0"), Ok(Command::Up(ConfArgs { conf: "wg0".into() })));
        assert_eq!(
            read("adit demo --netns --bytes 5"),
            Ok(Command::Demo(DemoArgs { netns: true, bytes: 5 }))
        );
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
            "adit up",
            "adit down a b",
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
