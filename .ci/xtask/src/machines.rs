//! The core on machines that see or do what this one does not: valgrind, which watches each access to memory, and
//! emulated processors, of which one counts in 32 bits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;

use serde_json::Value;
use xshell::{Shell, cmd};

use crate::check;
use crate::error::Error;
use crate::install::find;
use crate::shell::{plain, quietly};
use crate::skip;
use crate::steps::Steps;

/// A processor that qemu emulates, and what builds for it.
struct Processor {
    target: &'static str,
    /// Debian's name for it, which its compiler and its C library's folder begin with.
    system: &'static str,
    emulator: &'static str,
}

/// What phones are.
const ARM_64: Processor =
    Processor { target: "aarch64-unknown-linux-gnu", system: "aarch64-linux-gnu", emulator: "qemu-aarch64" };

/// What phones were, and many routers are.
const ARM_32: Processor = Processor {
    target: "armv7-unknown-linux-gnueabihf",
    system: "arm-linux-gnueabihf",
    emulator: "qemu-arm",
};

pub(crate) fn everything(sh: &Shell) -> Result<(), Error> {
    let mut steps = Steps::default();
    add_steps(sh, &mut steps);
    steps.finish()
}

pub(crate) fn add_steps(sh: &Shell, steps: &mut Steps) {
    steps.run("valgrind", || valgrind(sh));
    steps.run("64-bit Arm", || emulated(sh, &ARM_64));
    steps.run("32 bits", || emulated(sh, &ARM_32));
}

/// The core's test binaries that valgrind watches. The simulation does what `protocol` does, for hours;
/// `device_resources` counts what the machine does, not what the program does; the others take text apart, without
/// `unsafe`.
const WATCHED: [&str; 3] = ["adit_core", "protocol", "device"];

/// Left out: valgrind runs one thread at a time, so that a flood leaves the flooded end nearly none.
const FLOOD: &str = "flood::";

/// Generated cases for each property: a program that is watched is tens of times slower.
const CASES: &str = "16";

/// No access to what is not there, no decision on what was never written, no memory that nothing points to any more.
/// What something points into the middle of counts as kept: that is how std's own shared pointers look.
fn valgrind(sh: &Shell) -> Result<(), Error> {
    if find("valgrind").is_none() {
        skip("the core's tests under valgrind", "there is no valgrind");
        return Ok(());
    }
    let binaries = test_binaries(sh)?;
    // Where cargo runs them.
    let folder = sh.current_dir().join("core");
    let watch = |name: &str| {
        let sh = Shell::new()?;
        sh.change_dir(&folder);
        let binary = binaries
            .get(name)
            .ok_or_else(|| Error::Output { program: "cargo test", text: format!("no test binary {name}") })?;
        let options = ["--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"];
        let test = ["--test-threads=1", "--skip", FLOOD];
        let run = cmd!(sh, "valgrind --error-exitcode=1 {options...} {binary} {test...}");
        let said = quietly("valgrind", run.env("PROPTEST_CASES", CASES))?;
        let result = said.lines().find(|line| line.starts_with("test result: ")).unwrap_or("no result");
        println!("{name}: {result}");
        Ok(())
    };
    thread::scope(|scope| {
        let running = WATCHED.map(|name| scope.spawn(move || watch(name)));
        running
            .into_iter()
            .try_for_each(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// The test binaries of the workspace, by the names of their targets.
fn test_binaries(sh: &Shell) -> Result<BTreeMap<String, PathBuf>, Error> {
    // The features of the unit tests' step, so that nothing is built a second time.
    let build = cmd!(sh, "cargo test --locked --no-run --workspace --all-features --message-format json");
    let messages = plain(build).read()?;
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(artifacts
        .filter(|artifact| artifact["profile"]["test"] == true)
        .filter_map(|artifact| {
            let name = artifact["target"]["name"].as_str()?;
            Some((name.to_owned(), artifact["executable"].as_str()?.into()))
        })
        .collect())
}

/// The engine's unit tests and its behaviours, with ring: its assembly for the processor is what a phone runs.
fn emulated(sh: &Shell, processor: &Processor) -> Result<(), Error> {
    let Processor { target, system, emulator } = processor;
    let compiler = format!("{system}-gcc");
    for needed in [*emulator, &compiler, &format!("/usr/{system}/lib/crt1.o")] {
        if find(needed).is_none() {
            skip(&format!("the engine on {target}"), &format!("there is no {needed}"));
            return Ok(());
        }
    }
    let variables = format!("CARGO_TARGET_{}", target.to_uppercase().replace('-', "_"));
    let _linker = sh.push_env(format!("{variables}_LINKER"), compiler);
    let _runner = sh.push_env(format!("{variables}_RUNNER"), format!("{emulator} -L /usr/{system}"));
    let test = ["test", "-p", "adit-core", "--features", "ring", "--lib", "--test", "protocol"];
    check::build_std(sh, &test, &[target], "std,panic_unwind")
}
