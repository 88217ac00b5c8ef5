//! Puts a daemon into the background: the command starts itself again in a session of its own and returns when
//! that one is ready. Until then the daemon writes its errors where the command's go.

use std::env;
use std::fs::File;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};

use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout, setsid};

use super::{RunError, system};
use crate::args::RunArgs;

/// What the daemon writes to stdout once its socket answers.
const READY: &[u8] = b"ready\n";

/// Starts the daemon and waits until it is ready, or has failed.
pub(super) fn start_daemon(args: &RunArgs) -> Result<(), RunError> {
    let start = system("start the daemon");
    let program = env::current_exe().map_err(system("find this program's own file"))?;
    let mut command = Command::new(program);
    command.args(["run", "--detached"]).stdin(Stdio::null()).stdout(Stdio::piped());
    if let Some(fd) = args.tun_fd {
        // It was inherited, so the daemon inherits it, too, under the same number.
        command.arg(format!("--tun-fd={fd}"));
    }
    let mut daemon = command.arg("--").arg(args.interface.as_str()).spawn().map_err(start)?;
    let mut said = Vec::new();
    if let Some(mut stdout) = daemon.stdout.take() {
        stdout.read_to_end(&mut said).map_err(system("hear from the daemon"))?;
    }
    if said == READY {
        return Ok(());
    }
    daemon.wait().map_err(system("wait for the daemon"))?;
    Err(RunError::Told { interface: args.interface.clone() })
}

/// In the daemon: away from the terminal, its signals and the current directory.
pub(super) fn leave_session() -> Result<(), RunError> {
    setsid().map_err(io::Error::from).map_err(system("begin a session"))?;
    env::set_current_dir("/").map_err(system("enter /"))
}

/// In the daemon: lets the command return. If that one is gone, nobody wants this interface: an error.
pub(super) fn tell_ready() -> Result<(), RunError> {
    let tell = || {
        let mut stdout = io::stdout();
        stdout.write_all(READY)?;
        stdout.flush()?;
        let null = File::options().read(true).write(true).open("/dev/null")?;
        dup2_stdin(&null)?;
        dup2_stdout(&null)?;
        dup2_stderr(&null)?;
        Ok(())
    };
    tell().map_err(system("tell the command that the daemon is ready"))
}
