//! Commands as a developer's shell would start them.

use xshell::Cmd;

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
