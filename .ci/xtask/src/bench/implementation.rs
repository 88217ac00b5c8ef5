//! Who is compared: what each is called, where its program is, and how it is started. Each is a program of its own.

use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use crate::check;
use crate::error::Error;
use crate::install::{self, Package};
use crate::shell::plain;
use crate::skip;

const WHY: &str = "an implementation to compare with";
const GOTATUN: Package = Package { name: "gotatun-cli", release: "0.10.2", program: "gotatun", why: WHY };
const BORINGTUN: Package =
    Package { name: "boringtun-cli", release: "0.7.1", program: "boringtun-cli", why: WHY };

/// Who.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Adit,
    WireguardGo,
    Gotatun,
    Boringtun,
}

/// Which interface a daemon runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// One that it makes itself.
    Own,
    /// A plain TUN descriptor that is handed in, as a phone's system does.
    Plain,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Own, Self::Plain];

    /// On the command line and in results.json.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Plain => "plain",
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Own => "an interface that the daemon makes itself",
            Self::Plain => "a plain TUN descriptor that is handed in, as on a phone",
        }
    }
}

/// What one of them is given, and where it expects it.
pub(super) struct Start {
    /// Goes before the interface's name on the command line, and after it.
    pub arguments: [Vec<String>; 2],
    pub variables: Vec<(&'static str, String)>,
    /// What it, and so `wg`, calls the interface.
    pub interface: String,
}

impl Name {
    pub(super) const ALL: [Self; 4] = [Self::Adit, Self::WireguardGo, Self::Gotatun, Self::Boringtun];

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Adit => "adit",
            Self::WireguardGo => "wireguard-go",
            Self::Gotatun => "gotatun",
            Self::Boringtun => "boringtun",
        }
    }

    /// gotatun opens its interface by name only.
    pub(super) fn runs_on(self, kind: Kind) -> bool {
        self != Self::Gotatun || kind == Kind::Own
    }

    /// On an interface of its own, or on a descriptor.
    pub(super) fn start(self, interface: &str, descriptor: Option<u32>) -> Start {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let before = match self {
            Self::Adit => words(&["run", "-f"]),
            Self::WireguardGo => words(&["-f"]),
            Self::Gotatun | Self::Boringtun => words(&["-f", "--disable-drop-privileges"]),
        };
        let mut start =
            Start { arguments: [before, Vec::new()], variables: Vec::new(), interface: interface.to_owned() };
        let Some(descriptor) = descriptor.map(|number| number.to_string()) else { return start };
        match self {
            Self::Adit => start.arguments[1] = vec!["--tun-fd".to_owned(), descriptor],
            Self::WireguardGo => start.variables.push(("WG_TUN_FD", descriptor)),
            // A name that is a number is one. Its threads would open an interface by name once more each.
            Self::Boringtun => {
                start.arguments[0].push("--disable-multi-queue".to_owned());
                start.interface = descriptor;
            }
            Self::Gotatun => unreachable!("it runs on no descriptor"),
        }
        start
    }
}

/// A program that runs here.
pub(super) struct Implementation {
    pub name: Name,
    pub program: PathBuf,
    /// As it tells it.
    pub version: String,
}

impl Implementation {
    /// Builds or installs it; `None` where that cannot be done, which is said in a line.
    pub(super) fn find(sh: &Shell, tools: &install::Tools, name: Name) -> Result<Option<Self>, Error> {
        let program = match name {
            Name::Adit => {
                plain(cmd!(sh, "cargo build --quiet --locked --release").quiet()).run()?;
                Some(check::target_folder(sh)?.join("release/adit"))
            }
            Name::WireguardGo => tools.wireguard_go.clone(),
            Name::Gotatun => installed(sh, &GOTATUN),
            Name::Boringtun => installed(sh, &BORINGTUN),
        };
        let Some(program) = program else { return Ok(None) };
        Self::at(sh, name, program).map(Some)
    }

    /// One whose program is there.
    pub(super) fn at(sh: &Shell, name: Name, program: PathBuf) -> Result<Self, Error> {
        let version = version(sh, &program)?;
        Ok(Self { name, program, version })
    }
}

fn installed(sh: &Shell, package: &Package) -> Option<PathBuf> {
    install::cargo_program(sh, package)
        .inspect_err(|error| skip(&format!("installing {}", package.program), &error.to_string()))
        .ok()
}

/// The first line of what `--version` prints.
fn version(sh: &Shell, program: &Path) -> Result<String, Error> {
    let text = cmd!(sh, "{program} --version").quiet().ignore_stderr().read()?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_handed_to_each_in_its_own_way() {
        let adit = Name::Adit.start("tun7", Some(3));
        assert_eq!(adit.arguments, [vec!["run", "-f"], vec!["--tun-fd", "3"]]);
        let wireguard_go = Name::WireguardGo.start("tun7", Some(3));
        assert_eq!(wireguard_go.variables, [("WG_TUN_FD", "3".to_owned())]);
        assert_eq!([adit.interface, wireguard_go.interface], ["tun7", "tun7"]);
        assert_eq!(Name::Boringtun.start("tun7", Some(4)).interface, "4");
        assert_eq!(Name::Boringtun.start("tun7", None).interface, "tun7");
    }
}
