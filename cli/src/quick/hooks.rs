//! PreUp, PostUp, PreDown and PostDown: the configuration's own commands, run by a shell.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitStatus;

use tokio::process::Command;

use super::interrupt::{Interrupted, Interrupts};
use super::program;
use crate::interface_name::InterfaceName;

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    PreUp,
    PostUp,
    PreDown,
    PostDown,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Why a hook did not do its part.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HookError {
    /// It failed.
    #[error("the {when} hook `{hook}` failed: {status}")]
    Failed {
        /// When it ran.
        when: When,
        /// Its text.
        hook: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// There is no shell to run it.
    #[error("cannot run the {when} hook `{hook}`: {source}")]
    NotRun {
        /// When it should have run.
        when: When,
        /// Its text.
        hook: String,
        /// What the system said.
        source: io::Error,
    },
    /// A signal came while it ran.
    #[error("{signal} within the {when} hook `{hook}`")]
    Interrupted {
        /// When it ran.
        when: When,
        /// Its text.
        hook: String,
        /// Which signal.
        signal: Interrupted,
    },
}

/// Runs a hook and says so on stderr. Its own output goes where this process's goes.
pub(super) async fn run(
    when: When,
    hook: &str,
    interface: &InterfaceName,
    interrupts: &mut Interrupts,
) -> Result<(), HookError> {
    let hook = hook.replace("%i", interface.as_str());
    // Where stderr is closed, the hook runs all the same.
    let _ = writeln!(io::stderr(), "[#] {hook}");
    let mut child = match shell().arg("-c").arg(&hook).spawn() {
        Ok(child) => child,
        Err(source) => return Err(HookError::NotRun { when, hook, source }),
    };
    let mut signalled = None;
    let ended = loop {
        tokio::select! {
            ended = child.wait() => break ended,
            signal = interrupts.received() => {
                if let Some(process) = child.id() {
                    signal.pass_on(process);
                }
                signalled = Some(signal);
            }
        }
    };
    // The terminal's Ctrl-C may have ended the hook before this process heard of it.
    let signalled = signalled.or(interrupts.check().await.err());
    match (ended, signalled) {
        (Err(source), _) => Err(HookError::NotRun { when, hook, source }),
        (Ok(_), Some(signal)) => Err(HookError::Interrupted { when, hook, signal }),
        (Ok(status), None) if !status.success() => Err(HookError::Failed { when, hook, status }),
        (Ok(_), None) => Ok(()),
    }
}

/// In `wg-quick` a hook ends at the first of its commands that fails, within a pipe too, and may use bash's
/// extended patterns.
fn shell() -> Command {
    let mut shell = if program::find("bash").is_some() {
        let mut bash = Command::new("bash");
        bash.args(["-e", "-o", "pipefail", "-O", "extglob"]);
        bash
    } else {
        let mut sh = Command::new("sh");
        sh.arg("-e");
        sh
    };
    shell.env("LC_ALL", "C");
    shell
}
