//! Runs the tests, one step after the other, times each and fails at the end if any did.

use xshell::{Shell, cmd};

use crate::bindings;
use crate::check;
use crate::error::Error;
use crate::fuzz;
use crate::install::{self, Tools};
use crate::machines;
use crate::shell::plain;
use crate::skip;
use crate::steps::Steps;

/// Every test that this machine can run.
pub(crate) fn everything(sh: &Shell) -> Result<(), Error> {
    let mut steps = Steps::default();
    let mut tools = None;
    steps.run("install what the tests need", || {
        tools = Some(install::everything(sh)?);
        install::swift(sh).map(|_| ())
    });
    steps.run("rust-version", || check::rust_version(sh));
    steps.run("unit tests", || unit(sh));
    steps.run("unit tests without ring", || without_ring(sh));
    steps.run("fuzz, 20 s each target", || fuzz::fuzz(sh, &[], None));
    machines::add_steps(sh, &mut steps);
    steps.run("no_std", || check::no_std(sh));
    steps.run("Android and Apple compile", || check::platforms(sh));
    if let Some(tools) = tools {
        steps.run("Python bindings", || bindings::python(sh, &tools));
        steps.run("Kotlin bindings", || bindings::kotlin(sh, &tools));
        steps.run("Swift bindings", || bindings::swift(sh, &tools));
        steps.run("system tests", || system(sh, &tools, &[]));
    }
    steps.finish()
}

fn unit(sh: &Shell) -> Result<(), Error> {
    // A snapshot that is missing or differs fails, whatever a developer's shell says.
    let _no_update = sh.push_env("INSTA_UPDATE", "no");
    let _no_pass = sh.push_env("INSTA_FORCE_PASS", "0");
    Ok(plain(cmd!(sh, "cargo test --locked --no-fail-fast --workspace --all-features")).run()?)
}

/// The AEAD that stands in for ring where there is no C compiler.
fn without_ring(sh: &Shell) -> Result<(), Error> {
    Ok(plain(cmd!(sh, "cargo test --locked --no-fail-fast -p adit-core --features device,qr")).run()?)
}

/// The command line as users get it, against real interfaces and foreign peers.
pub(crate) fn system(sh: &Shell, tools: &Tools, arguments: &[&str]) -> Result<(), Error> {
    if !install::is_root(sh) {
        skip("the system tests", "they make interfaces and namespaces, which needs root");
        return Ok(());
    }
    plain(cmd!(sh, "cargo build --locked --release")).run()?;
    let _path = sh.push_env("PATH", tools.path(sh));
    let _binary = sh.push_env("ADIT_TEST_BINARY", check::target_folder(sh)?.join("release/adit"));
    let _peer = tools.wireguard_go.as_ref().map(|program| sh.push_env("ADIT_TEST_WIREGUARD_GO", program));
    // Nothing is left out silently: what a test lacks makes it fail.
    let _everything = sh.push_env("ADIT_TEST_EVERYTHING", "1");
    // The features of the unit tests' step, so that nothing is built a second time.
    let run = cmd!(sh, "cargo test --locked --workspace --all-features --test system -- {arguments...}");
    Ok(plain(run).run()?)
}
