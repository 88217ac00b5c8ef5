//! Commands as a developer's shell would start them.

use xshell::Cmd;

use crate::error::Error;

/// Takes away what the `cargo run` that started this program has set for it: build scripts that ask for those
/// variables would run again at each change between `cargo xtask` and plain cargo, and what they build with them.
pub(crate) fn plain(command: Cmd<'_>) -> Cmd<'_> {
    std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| {
            let name = name.to_string_lossy();
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        })
        .fold(command, Cmd::env_remove)
}

/// Runs a command that tells more than anybody reads while it does well, and shows that only if it fails. Answers with
/// what it said.
pub(crate) fn quietly(program: &'static str, command: Cmd<'_>) -> Result<String, Error> {
    let done = command.ignore_status().output()?;
    let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
    if !done.status.success() {
        println!("{said}");
        return Err(Error::Failed { program });
    }
    Ok(said)
}
