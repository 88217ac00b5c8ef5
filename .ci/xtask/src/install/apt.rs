//! Debian's package manager: the machine's own suite, and single packages of the backports suite.

use std::path::Path;

use xshell::{Shell, cmd};

use super::{find, is_root};
use crate::error::Error;

/// The suite that has recent releases of slowly moving tools, made for the stable release of 2025.
const BACKPORTS: &str = "trixie-backports";

/// That stable release.
pub(super) const STABLE: &str = "trixie";

const DEBIANS_KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Another package manager may hold the lock for a while.
const WAIT_FOR_LOCK: &str = "DPkg::Lock::Timeout=300";

/// Whether packages can be installed; if not, why.
pub(super) fn usable() -> Result<(), &'static str> {
    let sh = Shell::new().map_err(|_| "the current folder is gone")?;
    if find("apt-get").is_none() {
        return Err("there is no apt here: install them with this system's package manager");
    }
    if !is_root(&sh) {
        return Err("this needs root");
    }
    Ok(())
}

pub(super) fn update(sh: &Shell) -> Result<(), Error> {
    Ok(cmd!(sh, "apt-get update --quiet=2 -o {WAIT_FOR_LOCK}").run()?)
}

/// Installs packages and nothing that they merely recommend. `NAME=VERSION` and `NAME/SUITE` name one release.
pub(super) fn install(sh: &Shell, packages: &[&str]) -> Result<(), Error> {
    let _quiet = sh.push_env("DEBIAN_FRONTEND", "noninteractive");
    Ok(cmd!(
        sh,
        "apt-get install --yes --quiet=2 --no-install-recommends -o {WAIT_FOR_LOCK} -o Dpkg::Use-Pty=0 {packages...}"
    )
    .run()?)
}

/// Whether the packages' own dependencies can be had here.
pub(super) fn installable(sh: &Shell, package: &str) -> bool {
    cmd!(sh, "apt-get install --simulate --quiet=2 --no-install-recommends {package}")
        .quiet()
        .ignore_stdout()
        .ignore_stderr()
        .run()
        .is_ok()
}

/// Unpacks packages into a folder and installs nothing.
pub(super) fn unpack(sh: &Shell, packages: &[&str], folder: &Path) -> Result<(), Error> {
    sh.remove_path(folder)?;
    sh.create_dir(folder)?;
    let _here = sh.push_dir(folder);
    // As another user apt could not write here.
    cmd!(sh, "apt-get download --quiet=2 -o APT::Sandbox::User=root {packages...}").run()?;
    for archive in sh.read_dir(folder)?.iter().filter(|file| file.extension().is_some_and(|end| end == "deb"))
    {
        cmd!(sh, "dpkg-deb --extract {archive} {folder}").run()?;
    }
    Ok(())
}

/// A release of a package that will do: of the system's own suites, or else of backports, which are then made
/// known to apt.
pub(super) fn find_release(
    sh: &Shell,
    package: &str,
    will_do: impl Fn(&str) -> bool,
) -> Result<Option<String>, Error> {
    update(sh)?;
    let own = releases(sh, package)?.into_iter().find(|release| will_do(release));
    if own.is_some() || !is_debian(sh)? {
        return Ok(own);
    }
    add_backports(sh)?;
    Ok(releases(sh, package)?.into_iter().find(|release| will_do(release)))
}

/// The releases of a package that apt knows, newest first.
fn releases(sh: &Shell, package: &str) -> Result<Vec<String>, Error> {
    let table = cmd!(sh, "apt-cache madison {package}").quiet().ignore_stderr().read()?;
    Ok(table.lines().filter_map(|line| Some(line.split('|').nth(1)?.trim().to_owned())).collect())
}

/// Another distribution's C library and signatures do not fit Debian's packages.
pub(super) fn is_debian(sh: &Shell) -> Result<bool, Error> {
    Ok(sh.read_file("/etc/os-release")?.lines().any(|line| line == "ID=debian"))
}

/// Makes backports, and the release they are made for, known to apt: so low in rank that neither upgrades
/// anything by itself. What the machine already has keeps its rank.
fn add_backports(sh: &Shell) -> Result<(), Error> {
    let mut missing = Vec::new();
    for suite in [STABLE, BACKPORTS] {
        if !has_suite(sh, suite)? {
            missing.push(suite);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let suites = missing.join(" ");
    let mirror = mirror(sh)?;
    println!("adding {suites} of {mirror} to apt's sources, pinned low: nothing is upgraded by it");
    let mut source = format!("Types: deb\nURIs: {mirror}\nSuites: {suites}\nComponents: main\n");
    if Path::new(DEBIANS_KEYRING).exists() {
        source += &format!("Signed-By: {DEBIANS_KEYRING}\n");
    }
    let pins: Vec<String> = missing
        .iter()
        .map(|suite| format!("Package: *\nPin: release n={suite}\nPin-Priority: 50\n"))
        .collect();
    sh.write_file("/etc/apt/preferences.d/adit-tests", pins.join("\n"))?;
    sh.write_file("/etc/apt/sources.list.d/adit-tests.sources", source)?;
    update(sh)
}

fn has_suite(sh: &Shell, suite: &str) -> Result<bool, Error> {
    let suites = cmd!(sh, "apt-get indextargets --format '$(RELEASE)'").quiet().read()?;
    Ok(suites.lines().any(|known| known == suite))
}

/// The mirror that this machine already takes Debian's packages from. Before the first update apt knows none.
pub(super) fn mirror(sh: &Shell) -> Result<String, Error> {
    match known_mirror(sh)? {
        Some(mirror) => Ok(mirror),
        None => {
            update(sh)?;
            known_mirror(sh)?.ok_or_else(|| Error::Output {
                program: "apt-get indextargets",
                text: "no mirror of Debian".into(),
            })
        }
    }
}

fn known_mirror(sh: &Shell) -> Result<Option<String>, Error> {
    let mirrors = cmd!(sh, "apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian'")
        .quiet()
        .read()?;
    Ok(mirrors.lines().next().map(str::to_owned))
}
