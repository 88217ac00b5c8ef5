//! PreUp, PostUp, PreDown and PostDown: the configuration's own commands, run by a shell.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::iter;
use std::process::ExitStatus;

use adit_core::config::{self, Shown};
use tokio::process::Command;
use zeroize::Zeroizing;

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
    #[error("the {when} hook `{}` failed: {status}", Shown::masked(hook))]
    Failed {
        /// When it ran.
        when: When,
        /// Its text.
        hook: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// There is no shell to run it.
    #[error("cannot run the {when} hook `{}`: {source}", Shown::masked(hook))]
    NotRun {
        /// When it should have run.
        when: When,
        /// Its text.
        hook: String,
        /// What the system said.
        source: io::Error,
    },
    /// A signal came while it ran.
    #[error("{signal} within the {when} hook `{}`", Shown::masked(hook))]
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
    let _ = writeln!(io::stderr(), "[#] {}", &*without_keys(&hook));
    let mut child = match shell().arg("-c").arg(&hook).spawn() {
        Ok(child) => child,
        Err(source) => return Err(HookError::NotRun { when, hook, source }),
    };
    let (ended, signalled) = interrupts.wait(&mut child).await;
    // The terminal's Ctrl-C may have ended the hook before this process heard of it.
    let signalled = signalled.or(interrupts.check().await.err());
    match (ended, signalled) {
        (Err(source), _) => Err(HookError::NotRun { when, hook, source }),
        (Ok(_), Some(signal)) => Err(HookError::Interrupted { when, hook, signal }),
        (Ok(status), None) if !status.success() => Err(HookError::Failed { when, hook, status }),
        (Ok(_), None) => Ok(()),
    }
}

/// What is or may be a key in a hook is masked where people see it.
fn without_keys(hook: &str) -> Zeroizing<String> {
    const NAME: &str = "PostUp=";
    let line = config::mask(&Zeroizing::new(format!("{NAME}{hook}")));
    Zeroizing::new(line[NAME.len()..].to_owned())
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
    if let Some(path) = path() {
        shell.env("PATH", path);
    }
    shell
}

/// A hook finds the program first that runs it, as one of `wg-quick` does.
fn path() -> Option<OsString> {
    let own = env::current_exe().ok()?.parent()?.to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(iter::once(own).chain(env::split_paths(&path))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_a_hook_is_masked_and_a_long_one_shortened() {
        let key = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
        let hook = format!("wg set wg0 private-key <(echo {key}) # {}", "and more ".repeat(20));
        let shown = without_keys(&hook);
        assert!(shown.starts_with("wg set wg0 private-key <(echo ****"), "{}", *shown);
        assert!(shown.ends_with("and more ") && shown.len() == hook.len(), "{}", *shown);
        let source = || io::ErrorKind::NotFound.into();
        let told = HookError::NotRun { when: When::PreUp, hook, source: source() }.to_string();
        assert!(told.contains("...`") && !told.contains(&key[..12]) && told.len() < 150, "{told}");
    }
}
