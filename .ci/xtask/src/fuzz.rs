//! Fuzzing: builds the targets of `core/fuzz`, and lets each look for a while for an input that breaks what must hold.
//! What it finds goes below `target/fuzz`, never into the corpora in the tree.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use xshell::{Shell, cmd};

use crate::check;
use crate::error::Error;
use crate::install::{self, Package, find};
use crate::shell::plain;
use crate::skip;

const CARGO_FUZZ: Package = Package {
    name: "cargo-fuzz",
    release: "0.13.2",
    program: "cargo-fuzz",
    why: "to build the fuzz targets",
};

/// The targets' own package.
const PACKAGE: &str = "core/fuzz";

/// How long each target runs unless somebody asks for more: enough for what a change has just broken.
const SECONDS: u32 = 20;

/// After so many seconds an input counts as one that hangs. They take milliseconds.
const TIMEOUT: u32 = 30;

/// Runs these targets, or all, side by side on all processors.
pub(crate) fn fuzz(sh: &Shell, targets: &[&str], seconds: Option<&str>) -> Result<(), Error> {
    let seconds = match seconds {
        None => SECONDS,
        Some(text) => text.parse().map_err(|_| Error::Usage {
            text: format!("--seconds takes a whole number of them, not `{text}`"),
        })?,
    };
    if find("c++").is_none() {
        skip("fuzzing", "there is no C++ compiler for the engine behind it");
        return Ok(());
    }
    let program = install::cargo_program(sh, &CARGO_FUZZ)?;
    let targets = choose(sh, &program, targets)?;
    let fuzzer = Fuzzer::build(sh, &program, seconds)?;

    let failed = Mutex::new(Vec::new());
    let waiting = Mutex::new(VecDeque::from(targets));
    let next = || waiting.lock().ok().and_then(|mut waiting| waiting.pop_front());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZeroUsize::get) {
            scope.spawn(|| {
                while let Some(target) = next() {
                    if let Err(error) = fuzzer.run(&target) {
                        println!("{error}");
                        failed.lock().into_iter().for_each(|mut failed| failed.push(target.clone()));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_default();
    if failed.is_empty() { Ok(()) } else { Err(Error::Steps { failed: failed.join(", ") }) }
}

/// Those that were asked for, if they exist; all when none was.
fn choose(sh: &Shell, program: &Path, asked: &[&str]) -> Result<Vec<String>, Error> {
    let known = cmd!(sh, "{program} fuzz list --fuzz-dir {PACKAGE}").quiet().read()?;
    let known: Vec<&str> = known.lines().collect();
    if let Some(unknown) = asked.iter().find(|target| !known.contains(target)) {
        return Err(Error::Usage {
            text: format!("there is no fuzz target `{unknown}`, but {}", known.join(", ")),
        });
    }
    let chosen = if asked.is_empty() { &known } else { asked };
    Ok(chosen.iter().map(|target| (*target).to_owned()).collect())
}

/// The built targets, and how long each runs.
struct Fuzzer {
    binaries: PathBuf,
    /// Where new inputs and findings go, a folder for each target.
    folder: PathBuf,
    seconds: u32,
}

impl Fuzzer {
    fn build(sh: &Shell, program: &Path, seconds: u32) -> Result<Self, Error> {
        let folder = check::target_folder(sh)?.join("fuzz");
        let host = cmd!(sh, "rustc --print host-tuple").quiet().read()?;
        // What counts the branches is not stable yet.
        let _unstable = sh.push_env("RUSTC_BOOTSTRAP", "1");
        // No sanitizer: the rooms that are fuzzed forbid `unsafe`, and with one the engine is six times slower. The
        // package's own profile turns on the checks of arithmetic.
        let build = cmd!(
            sh,
            "{program} fuzz build --release --sanitizer none --fuzz-dir {PACKAGE} --target-dir {folder}"
        );
        plain(build).run()?;
        Ok(Self { binaries: folder.join(host).join("release"), folder, seconds })
    }

    /// Runs one target from what the tree has and what earlier runs found.
    fn run(&self, target: &str) -> Result<(), Error> {
        let sh = Shell::new()?;
        let found = sh.create_dir(self.folder.join("corpus").join(target))?;
        let artifacts = sh.create_dir(self.folder.join("artifacts").join(target))?;
        let log = self.folder.join(format!("{target}.log"));
        let package = Path::new(PACKAGE);
        let seeds = package.join("corpus").join(target);
        let dictionary = package.join("dictionaries").join(format!("{target}.dict"));
        let mut options = vec![
            format!("-max_total_time={}", self.seconds),
            format!("-timeout={TIMEOUT}"),
            format!("-artifact_prefix={}/", artifacts.display()),
            "-print_final_stats=1".to_owned(),
        ];
        if dictionary.exists() {
            options.push(format!("-dict={}", dictionary.display()));
        }

        println!("{target}: {} s, then its log is in {}", self.seconds, log.display());
        let binary = self.binaries.join(target);
        let run = cmd!(sh, "{binary} {options...} {found} {seeds}");
        let output = run.quiet().ignore_status().output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        sh.write_file(&log, &*text)?;
        if output.status.success() {
            println!("{target}: nothing found in {} inputs", stat(&text, "number_of_executed_units"));
            return Ok(());
        }
        Err(finding(target, &binary, &text))
    }
}

/// What a target that failed leaves: why, on what input, and how to see it again.
fn finding(target: &str, binary: &Path, log: &str) -> Error {
    let mut written = log.lines().filter_map(|line| line.split_once("Test unit written to "));
    let Some((_, artifact)) = written.next_back() else {
        let text = format!("it ended without saying on what input:\n{log}");
        return Error::Fuzz { target: target.to_owned(), text };
    };
    let why =
        log.lines().skip_while(|line| !is_reason(line)).take(REASON_LINES).collect::<Vec<_>>().join("\n");
    let text = format!("{why}\ninput:  {artifact}\nreplay: {} {artifact}", binary.display());
    Error::Fuzz { target: target.to_owned(), text }
}

/// Lines of a panic's message, which is followed by a long way through the engine behind the fuzz targets.
const REASON_LINES: usize = 12;

fn is_reason(line: &str) -> bool {
    line.contains(" panicked at ") || line.contains("ERROR: libFuzzer: ")
}

/// A figure of the last lines, such as `stat::number_of_executed_units: 7973`.
fn stat<'t>(log: &'t str, name: &str) -> &'t str {
    let mut stats = log.lines().filter_map(|line| line.strip_prefix("stat::")?.split_once(':'));
    stats.find(|(known, _)| *known == name).map_or("some", |(_, figure)| figure.trim())
}
