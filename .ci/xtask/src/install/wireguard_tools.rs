//! `wg` and `wg-quick`, the unmodified tools that configure any daemon: as new as the tests take them for
//! their oracle.

use std::path::Path;

use xshell::{Shell, cmd};

use super::{apt, find, version};
use crate::error::Error;
use crate::skip;

/// A release's last number, its date. Older ones refuse `-10.0.0.0/8` in AllowedIPs and cut hooks at `#`.
const OLDEST: u32 = 20_250_521;

pub(super) fn wireguard_tools(sh: &Shell, tools: &Path) -> Result<(), Error> {
    let built = tools.join("bin/wg");
    if [Some(built), find("wg")].into_iter().flatten().any(|wg| is_new_enough(sh, &wg)) {
        return Ok(());
    }
    println!("needed: wg and wg-quick, of wireguard-tools >= 1.0.{OLDEST}, to configure the daemons");
    if let Err(why) = apt::usable() {
        skip("installing them", why);
        return Ok(());
    }
    let Some(release) = apt::find_release(sh, "wireguard-tools", |release| date(release) >= Some(OLDEST))?
    else {
        skip("installing them", "apt has only older ones: build them from source");
        return Ok(());
    };
    let package = format!("wireguard-tools={release}");
    if apt::installable(sh, &package) {
        return apt::install(sh, &[&package]);
    }
    beside_the_system(sh, tools, &package)
}

/// Where the package wants a newer C library than the machine's, both are unpacked into a folder of their own,
/// and `wg` is a script that starts the one with the other.
fn beside_the_system(sh: &Shell, tools: &Path, package: &str) -> Result<(), Error> {
    println!(
        "unpacking them and their C library into {}: this system's is too old for them",
        tools.display()
    );
    let root = tools.join("wireguard-tools");
    apt::unpack(sh, &[package, &format!("libc6/{}", apt::STABLE)], &root)?;
    let libraries = sh
        .read_dir(root.join("usr/lib"))?
        .into_iter()
        .find(|folder| folder.join("libc.so.6").exists())
        .ok_or_else(|| Error::Output { program: "libc6", text: "no libc.so.6".into() })?;
    let loader = sh
        .read_dir(&libraries)?
        .into_iter()
        .find(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ld-linux")))
        .ok_or_else(|| Error::Output { program: "libc6", text: "no ld-linux".into() })?;
    let (root, loader, libraries) = (root.display(), loader.display(), libraries.display());
    let bin = tools.join("bin");
    sh.write_file(
        bin.join("wg"),
        format!(
            "#!/bin/sh\nexec '{loader}' --argv0 wg --library-path '{libraries}' '{root}/usr/bin/wg' \"$@\"\n"
        ),
    )?;
    sh.copy_file(format!("{root}/usr/bin/wg-quick"), &bin)?;
    let wg = bin.join("wg");
    Ok(cmd!(sh, "chmod 755 {wg}").run()?)
}

/// `wg --version` prints `wireguard-tools v1.0.20250521 - https://...`.
fn is_new_enough(sh: &Shell, wg: &Path) -> bool {
    version(sh, wg).is_some_and(|text| text.split_whitespace().nth(1).and_then(date) >= Some(OLDEST))
}

/// The last number of `v1.0.20250521`, and of Debian's `1.0.20250521-1~bpo13+1`.
fn date(release: &str) -> Option<u32> {
    let last = release.splitn(3, '.').nth(2)?;
    last.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}
