//! The standard library's sources, which `-Zbuild-std` compiles for platforms whose std is not installed.

use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use super::apt;
use crate::error::Error;
use crate::skip;

/// Where the toolchain looks for them, whether or not they are there.
pub(crate) fn folder(sh: &Shell) -> Result<PathBuf, Error> {
    let sysroot = cmd!(sh, "rustc --print sysroot").quiet().read()?;
    Ok(Path::new(&sysroot).join("lib/rustlib/src/rust/library"))
}

/// Puts Debian's copy in the toolchain's place for it, if it is of exactly the compiler's release.
pub(crate) fn std_sources(sh: &Shell) -> Result<(), Error> {
    let folder = folder(sh)?;
    if folder.join("Cargo.lock").exists() {
        return Ok(());
    }
    let release = release(sh)?;
    println!("needed: rust-src {release}, to check for platforms whose standard library is not installed");
    if let Err(why) = apt::usable() {
        skip("installing it", &format!("{why}; with rustup: rustup component add rust-src"));
        return Ok(());
    }
    let wanted = format!("{release}+");
    let Some(package) = apt::find_release(sh, "rust-src", |known| known.starts_with(&wanted))? else {
        skip("installing it", "apt has other releases only; with rustup: rustup component add rust-src");
        return Ok(());
    };
    apt::install(sh, &[&format!("rust-src={package}")])?;
    let parent = folder.parent().unwrap_or(&folder);
    sh.create_dir(parent)?;
    let packaged = format!("/usr/src/rustc-{release}/library");
    Ok(cmd!(sh, "cp --recursive {packaged} {parent}").run()?)
}

/// The compiler's release, such as 1.95.0.
fn release(sh: &Shell) -> Result<String, Error> {
    let verbose = cmd!(sh, "rustc --version --verbose").quiet().read()?;
    verbose
        .lines()
        .find_map(|line| line.strip_prefix("release: "))
        .map(str::to_owned)
        .ok_or(Error::Output { program: "rustc", text: verbose })
}
