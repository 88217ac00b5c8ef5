//! Programs that cargo builds from their sources, at one release.

use std::path::PathBuf;

use xshell::{Shell, cmd};

use super::find;
use crate::check;
use crate::error::Error;

/// A program of a package.
pub(crate) struct Package {
    pub name: &'static str,
    pub release: &'static str,
    pub program: &'static str,
    /// What it is needed for.
    pub why: &'static str,
}

/// Where a program is: built here before, or the developer's own, or now built here.
pub(crate) fn cargo_program(sh: &Shell, package: &Package) -> Result<PathBuf, Error> {
    let Package { name, release, program, why } = package;
    let tools = check::target_folder(sh)?.join("tools");
    let built = tools.join("bin").join(program);
    if built.exists() {
        return Ok(built);
    }
    if let Some(own) = find(program) {
        return Ok(own);
    }
    println!("needed: {name} {release}, {why}; building it takes minutes");
    cmd!(sh, "cargo install --quiet --locked {name} --version {release} --root {tools}").run()?;
    Ok(built)
}
