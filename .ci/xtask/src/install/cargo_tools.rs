//! Programs that cargo builds from their sources, at one release.

use std::path::PathBuf;

use xshell::{Shell, cmd};

use super::find;
use crate::check;
use crate::error::Error;

/// Where a program is: built here before, or the developer's own, or now built here.
pub(crate) fn cargo_tool(sh: &Shell, name: &str, release: &str, why: &str) -> Result<PathBuf, Error> {
    let tools = check::target_folder(sh)?.join("tools");
    let built = tools.join("bin").join(name);
    if built.exists() {
        return Ok(built);
    }
    if let Some(own) = find(name) {
        return Ok(own);
    }
    println!("needed: {name} {release}, {why}; building it takes minutes");
    cmd!(sh, "cargo install --quiet --locked {name} --version {release} --root {tools}").run()?;
    Ok(built)
}
