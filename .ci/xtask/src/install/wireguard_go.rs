//! wireguard-go, the foreign peer: a separate program, at one release, so that a test that fails here fails
//! everywhere.

use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use super::{apt, find, version};
use crate::error::Error;
use crate::skip;

const PROGRAM: &str = "golang.zx2c4.com/wireguard";
const RELEASE: &str = "v0.0.0-20260522210424-ecfc5a8d5446";

pub(super) fn wireguard_go(sh: &Shell, bin: &Path) -> Result<Option<PathBuf>, Error> {
    // Go names the program after the last part of its path; elsewhere it is called wireguard-go.
    let built = bin.join("wireguard");
    if is_wireguard_go(sh, &built) {
        return Ok(Some(built));
    }
    println!("needed: wireguard-go, the foreign peer that adit must talk to");
    if find("go").is_some() {
        let _folder = sh.push_env("GOBIN", bin);
        cmd!(sh, "go install {PROGRAM}@{RELEASE}").run()?;
        return Ok(Some(built));
    }
    if let Some(packaged) = find("wireguard-go") {
        return Ok(Some(packaged));
    }
    if let Err(why) = apt::usable() {
        skip("installing it", why);
        return Ok(None);
    }
    apt::install(sh, &["wireguard-go"])?;
    Ok(find("wireguard-go"))
}

fn is_wireguard_go(sh: &Shell, program: &Path) -> bool {
    version(sh, program).is_some_and(|text| text.starts_with("wireguard-go "))
}
