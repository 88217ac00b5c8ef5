//! The command line as types: what may be said, and which exit status a wrong usage has. Nothing is done here.

use std::ffi::OsString;
use std::num::ParseIntError;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::interface_name::InterfaceName;
use crate::status_text::Field;

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
    /// Show an interface as a configuration for `setconf`
    Showconf(ShowconfArgs),
    /// Change settings of an interface, and add, change or remove its peers
    Set(SetArgs),
    /// Make a configuration of `wg`'s all that is set: what it does not say is taken away
    Setconf(FileArgs),
    /// Add a configuration of `wg`'s to what is set
    Addconf(FileArgs),
    /// As `setconf`, while the peers that stay keep their sessions
    Syncconf(FileArgs),
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
    /// Use this open TUN descriptor instead of making an interface: plain or with a vnet header, without packet
    /// information
    #[arg(long, value_name = "N", value_parser = parse_tun_fd)]
    pub(crate) tun_fd: Option<RawFd>,
    /// Do not handle several packets as one at the interface (tun) or on the network (udp): slower, for comparison
    #[arg(long, value_name = "WHERE", value_enum)]
    pub(crate) no_offload: Vec<OffloadSide>,
    /// The interface's name: at most 15 letters, digits or any of _ = + . -
    #[arg(value_name = "IFACE")]
    pub(crate) interface: InterfaceName,
    /// What `run` gives itself in the background: serve in a session of its own and say on stdout when ready
    #[arg(long, hide = true, conflicts_with = "foreground")]
    pub(crate) detached: bool,
}

/// Where several packets may be handled as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OffloadSide {
    /// TSO, USO, and received segments merged
    Tun,
    /// GSO and GRO
    Udp,
}

impl OffloadSide {
    /// As it is said.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tun => "tun",
            Self::Udp => "udp",
        }
    }
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
#[command(after_long_help = JSON_HELP)]
pub(crate) struct ShowArgs {
    /// An interface, `all` (the default), or `interfaces` for their names alone
    #[arg(value_name = "IFACE|all|interfaces")]
    pub(crate) what: Option<String>,
    /// One setting alone, for scripts; with `all` the interface's name begins each line
    #[arg(value_name = "FIELD", value_enum)]
    pub(crate) field: Option<Field>,
    /// As JSON, for programs: an object for each interface, with its keys, private ones too
    #[arg(long, conflicts_with = "field")]
    pub(crate) json: bool,
    /// Again every second, until Ctrl-C; JSON that does not go to a terminal is a line each time
    #[arg(long)]
    pub(crate) watch: bool,
}

const JSON_HELP: &str = "\
JSON has the shape of wg-json, which comes with wg; what is not set is left out:

  {\"wg0\": {\"privateKey\": KEY, \"publicKey\": KEY, \"listenPort\": N, \"fwmark\": N,
    \"peers\": {KEY: {\"presharedKey\": KEY, \"endpoint\": \"HOST:PORT\", \"allowedIps\": [\"IP/LENGTH\"],
      \"latestHandshake\": SECONDS SINCE 1970, \"transferRx\": OCTETS, \"transferTx\": OCTETS,
      \"persistentKeepalive\": SECONDS}}}}

WG_HIDE_KEYS=never shows private and preshared keys without a FIELD, too; WG_COLOR_MODE is always or never.";

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct ShowconfArgs {
    #[arg(value_name = "IFACE")]
    pub(crate) interface: InterfaceName,
}

#[derive(Args, Debug, PartialEq, Eq)]
#[command(override_usage = SET_USAGE, after_help = SET_HELP)]
pub(crate) struct SetArgs {
    #[arg(value_name = "IFACE")]
    pub(crate) interface: InterfaceName,
    /// Settings of the interface, and then its peers with theirs
    #[arg(value_name = "SETTING", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) words: Vec<OsString>,
}

const SET_USAGE: &str = "\
    adit set IFACE [listen-port PORT] [fwmark MARK] [private-key FILE] [peer KEY [remove] [preshared-key FILE] \
    [endpoint HOST:PORT] [persistent-keepalive SECONDS] [allowed-ips [+|-]IP/LENGTH[,...]]]...";

const SET_HELP: &str = "\
A key's FILE may be /dev/stdin; an empty one, as /dev/null, takes the key away. PORT 0 lets the system choose, and `off` \
is no MARK and no keepalive. `allowed-ips` replaces what the peer has, unless one of them has + or - before it; \
\"\" is none.";

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct FileArgs {
    #[arg(value_name = "IFACE")]
    pub(crate) interface: InterfaceName,
    /// Holds what `wg` knows and nothing else: `adit strip` leaves the rest of a file out
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct ConfArgs {
    /// A configuration NAME.conf for the interface NAME, or the NAME of one in /etc/wireguard
    #[arg(value_name = "CONF")]
    pub(crate) conf: String,
}

/// The commands that `wg` has, too: there, wrong usage is exit 1.
const WG_COMMANDS: [&str; 9] =
    ["genkey", "genpsk", "pubkey", "show", "showconf", "set", "setconf", "addconf", "syncconf"];

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
    use std::ffi::OsStr;

    fn read(line: &str) -> Result<Command, u8> {
        Cli::read(line.split(' ').map(OsString::from).collect())
            .map(|cli| cli.command)
            .map_err(|refusal| refusal.exit)
    }

    fn run(foreground: bool, tun_fd: Option<RawFd>) -> Result<Command, u8> {
        let interface = "wg0".parse().unwrap();
        let no_offload = Vec::new();
        Ok(Command::Run(RunArgs { foreground, tun_fd, no_offload, interface, detached: false }))
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
        let show = ShowArgs { what: None, field: None, json: false, watch: false };
        assert_eq!(read("adit show"), Ok(Command::Show(show)));
        let field = Some(Field::AllowedIps);
        let show = ShowArgs { what: Some("wg0".into()), field, json: false, watch: true };
        assert_eq!(read("adit show wg0 allowed-ips --watch"), Ok(Command::Show(show)));
        assert_eq!(read("adit genkey"), Ok(Command::Genkey));
        assert_eq!(read("adit up wg0"), Ok(Command::Up(ConfArgs { conf: "wg0".into() })));
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
            "adit up",
            "adit down a b",
        ];
        for line in two {
            assert_eq!(read(line), Err(2), "{line}");
        }
        let one = [
            "adit genkey x",
            "adit pubkey x",
            "adit genpsk x",
            "adit show a b",
            "adit show wg0 dump --json",
            "adit show wg0 dump dump",
            "adit showconf",
            "adit showconf a/b",
            "adit set",
            "adit set wg0",
            "adit setconf wg0",
            "adit addconf wg0 a b",
            "adit syncconf --x",
        ];
        for line in one {
            assert_eq!(read(line), Err(1), "{line}");
        }
    }

    #[test]
    fn the_words_of_set_are_its_own() {
        let words = |line: &str| match read(line) {
            Ok(Command::Set(SetArgs { words, .. })) => words.join(OsStr::new(" ")),
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(words("adit set wg0 listen-port 1"), "listen-port 1");
        assert_eq!(words("adit set wg0 peer K allowed-ips -10.0.0.0/8"), "peer K allowed-ips -10.0.0.0/8");
    }

    #[test]
    fn help_and_version_are_no_failure() {
        for line in [
            "adit --help",
            "adit help",
            "adit --version",
            "adit run --help",
            "adit show --help",
            "adit set wg0 --help",
        ] {
            assert_eq!(read(line), Err(0), "{line}");
        }
    }
}
