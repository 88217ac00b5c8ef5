//! Who is compared: what each is called, where its program is, and how it is started. Each is a program of its own.

use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use crate::check;
use crate::error::Error;
use crate::install;
use crate::shell::plain;

/// Who.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Adit,
    WireguardGo,
}

impl Name {
    pub(super) const ALL: [Self; 2] = [Self::Adit, Self::WireguardGo];

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Adit => "adit",
            Self::WireguardGo => "wireguard-go",
        }
    }

    /// What is before the interface's name on its command line.
    pub(super) fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Adit => &["run", "-f"],
            Self::WireguardGo => &["-f"],
        }
    }
}

/// A program that runs here.
pub(super) struct Implementation {
    pub name: Name,
    pub program: PathBuf,
    /// As it tells it.
    pub version: String,
}

/// Builds or installs a program; `None` where that cannot be done, which has been said.
pub(super) fn find(sh: &Shell, tools: &install::Tools, name: Name) -> Result<Option<Implementation>, Error> {
    let program = match name {
        Name::Adit => {
            plain(cmd!(sh, "cargo build --quiet --locked --release")).run()?;
            Some(check::target_folder(sh)?.join("release/adit"))
        }
        Name::WireguardGo => tools.wireguard_go.clone(),
    };
    let Some(program) = program else { return Ok(None) };
    let version = version(sh, &program)?;
    Ok(Some(Implementation { name, program, version }))
}

/// The first line of what `--version` prints.
fn version(sh: &Shell, program: &Path) -> Result<String, Error> {
    let text = cmd!(sh, "{program} --version").quiet().ignore_stderr().read()?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
