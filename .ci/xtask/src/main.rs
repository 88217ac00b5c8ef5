//! `cargo xtask`: what a developer and CI do beyond `cargo build`. This file knows the commands' names and
//! nothing of what they do.

#[cfg(target_os = "linux")]
mod bench;
mod bindings;
mod check;
mod error;
mod fuzz;
mod install;
mod machines;
mod shell;
mod soak;
mod steps;
mod test;

use std::path::Path;
use std::process::ExitCode;

use xshell::Shell;

use crate::error::Error;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test      install what the tests need, then run every test and check
  install   only install what the tests need: tools, a foreign WireGuard peer, std's sources
  system    only the system tests: real interfaces, namespaces, foreign peers (root)
  python    only the native interface's tests from outside, in Python: a real TUN descriptor, a foreign peer (root)
  kotlin    the same in Kotlin, with Android's library, on a JVM (root)
  swift     the same in Swift: the package of apple/, in a folder of its own that has Swift (root, Debian)
  bindings  build the native interface, and write its Kotlin, Swift and Python sources [--out DIR]
  fuzz      only the fuzz targets, all of them or [TARGET...], each for 20 s or [--seconds N]
  soak      long runs: [--seeds N] worlds [--from SEED], and the fuzz targets [--seconds N] each; by default 200000 and 1200
  machines  only the core under valgrind, and on emulated processors of 64 and of 32 bits
  bench     adit and other implementations side by side (root, Linux) [--rounds N] [--seconds N, each run] [--quick]
            [--only NAME,...] [--kind own,plain] [--rows tcp,udp,ping,rest] [--out DIR]; [--profile] only adit, as flame graphs
  apple     on a Mac: the framework and the sources that the package of apple/ is made of
  check     only what needs no run: no_std, other platforms, the oldest compiler
  deny      licences, sources and duplicate crates, offline
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["test"] => with_shell(test::everything),
        ["install"] => with_shell(|sh| {
            install::everything(sh)?;
            install::swift(sh).map(|_| ())
        }),
        ["system", filter @ ..] => with_shell(|sh| test::system(sh, &install::everything(sh)?, filter)),
        ["python"] => with_shell(|sh| bindings::python(sh, &install::everything(sh)?)),
        ["kotlin"] => with_shell(|sh| bindings::kotlin(sh, &install::everything(sh)?)),
        ["swift"] => with_shell(|sh| bindings::swift(sh, &install::everything(sh)?)),
        ["apple"] => with_shell(bindings::xcframework),
        ["bindings"] => with_shell(|sh| bindings::bindings(sh, None)),
        ["bindings", "--out", out] => with_shell(|sh| bindings::bindings(sh, Some(out))),
        ["fuzz", targets @ .., "--seconds", seconds] => {
            with_shell(|sh| fuzz::fuzz(sh, targets, Some(seconds)))
        }
        ["fuzz", targets @ ..] => with_shell(|sh| fuzz::fuzz(sh, targets, None)),
        ["soak", options @ ..] => with_shell(|sh| soak::soak(sh, options)),
        #[cfg(target_os = "linux")]
        ["bench", options @ ..] => with_shell(|sh| bench::bench(sh, options)),
        ["machines"] => with_shell(|sh| {
            install::everything(sh)?;
            machines::everything(sh)
        }),
        ["check"] => with_shell(|sh| {
            install::std_sources(sh)?;
            check::everything(sh)
        }),
        ["deny"] => with_shell(check::deny),
        [] | ["help" | "-h" | "--help"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("xtask: no such command: {}\n\n{USAGE}", arguments.join(" "));
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a command at the top of the workspace, wherever `cargo xtask` was started.
fn with_shell(command: impl FnOnce(&Shell) -> Result<(), Error>) -> Result<(), Error> {
    let sh = Shell::new()?;
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    sh.change_dir(top.expect("this package is two folders below the top"));
    command(&sh)
}

/// Says in one line what is left out and why.
fn skip(what: &str, why: &str) {
    println!("skipped: {what}: {why}");
}
