//! Runs the system's own programs, where no kernel interface does what they do: the firewall's and the resolver's.

use std::env;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use nix::sys::memfd::{MFdFlags, memfd_create};
use tokio::process::Command;

use super::interrupt::{Interrupted, Interrupts};

/// Why a program did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    /// It failed, and what it said of that.
    #[error("`{line}` failed: {}", said.lines().find(|line| !line.trim().is_empty()).unwrap_or(&status.to_string()))]
    Failed {
        /// The program and its arguments.
        line: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to stderr.
        said: String,
    },
    /// It did not run.
    #[error("cannot run `{line}`: {source}")]
    NotRun {
        /// The program and its arguments.
        line: String,
        /// What the system said.
        source: io::Error,
    },
    /// A signal came while it ran.
    #[error("{signal} within `{line}`")]
    Interrupted {
        /// The program and its arguments.
        line: String,
        /// Which signal.
        signal: Interrupted,
    },
}

/// Where PATH finds a program.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

/// Runs a program with this text on its input; gives its output. A signal ends it.
pub(super) async fn run(
    words: &[&str],
    input: &str,
    interrupts: &mut Interrupts,
) -> Result<String, ProgramError> {
    let line = words.join(" ");
    let ended = run_to_end(words, input, interrupts).await;
    let ended = ended.map_err(|source| ProgramError::NotRun { line: line.clone(), source })?;
    match (ended.signalled, ended.status) {
        (Some(signal), _) => Err(ProgramError::Interrupted { line, signal }),
        (None, status) if status.success() => Ok(ended.output),
        (None, status) => Err(ProgramError::Failed { line, status, said: ended.said }),
    }
}

struct Ended {
    status: ExitStatus,
    output: String,
    said: String,
    signalled: Option<Interrupted>,
}

/// What it says goes to memory and not through pipes: a service that it starts may keep those open for good. A
/// Ctrl-C of the terminal is not for it but for this process, which passes it on and then takes everything back.
async fn run_to_end(words: &[&str], input: &str, interrupts: &mut Interrupts) -> io::Result<Ended> {
    let (mut stdin, mut stdout, mut stderr) = (memory()?, memory()?, memory()?);
    stdin.write_all(input.as_bytes())?;
    stdin.rewind()?;
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::from(stdin))
        .stdout(Stdio::from(stdout.try_clone()?))
        .stderr(Stdio::from(stderr.try_clone()?))
        .process_group(0)
        .spawn()?;
    let (status, signalled) = interrupts.wait(&mut child).await;
    let (output, said) = (contents(&mut stdout)?, contents(&mut stderr)?);
    Ok(Ended { status: status?, output, said, signalled })
}

fn memory() -> io::Result<File> {
    Ok(memfd_create("adit", MFdFlags::MFD_CLOEXEC)?.into())
}

fn contents(file: &mut File) -> io::Result<String> {
    let mut octets = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut octets)?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str], input: &str) -> Result<String, ProgramError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async { super::run(words, input, &mut Interrupts::listen().unwrap()).await })
    }

    #[test]
    fn input_goes_in_and_output_comes_out() {
        assert_eq!(run(&["cat"], "one\ntwo\n").unwrap(), "one\ntwo\n");
    }

    #[test]
    fn a_failure_says_what_the_program_said() {
        let said = |script| run(&["sh", "-c", script], "").unwrap_err().to_string();
        assert!(said("echo oh no >&2; exit 3").ends_with("failed: oh no"));
        assert!(said("exit 3").ends_with("failed: exit status: 3"));
        let missing = run(&["no-such-program-here"], "").unwrap_err();
        assert!(matches!(missing, ProgramError::NotRun { .. }), "{missing}");
    }
}
