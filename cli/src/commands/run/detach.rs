//! Puts a daemon into the background: the command starts itself again in a session of its own and returns when
//! that one is ready. Until then the daemon writes its errors where the command's go.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::RawFd;
use std::process::{Command, Stdio};

use nix::unistd::{close, dup2_stderr, dup2_stdin, dup2_stdout, setsid};

use super::{RunError, system};
use crate::args::RunArgs;

/// What the daemon writes to stdout once its socket answers.
const READY: &[u8] = b"ready\n";

/// Starts the daemon, with this input until it is ready, and waits until it is or has failed.
pub(super) fn start_daemon(args: &RunArgs, input: Stdio) -> Result<(), RunError> {
    let start = system("start the daemon");
    let program = env::current_exe().map_err(system("find this program's own file"))?;
    let mut command = Command::new(program);
    command.args(["run", "--detached"]).stdin(input).stdout(Stdio::piped());
    if let Some(fd) = args.tun_fd {
        // It was inherited, so the daemon inherits it, too, under the same number.
        command.arg(format!("--tun-fd={fd}"));
    }
    command.args(args.no_offload.iter().map(|side| format!("--no-offload={}", side.name())));
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

/// In the daemon: away from the terminal, its signals, the current directory and whatever else whoever called the
/// command had open, such as a lock. To be called before this process opens anything itself.
pub(super) fn leave_session(args: &RunArgs) -> Result<(), RunError> {
    close_inherited(args.tun_fd).map_err(system("close inherited descriptors"))?;
    setsid().map_err(io::Error::from).map_err(system("begin a session"))?;
    env::set_current_dir("/").map_err(system("enter /"))
}

/// Closes every descriptor but the standard streams and the one that carries packets.
fn close_inherited(tun_fd: Option<RawFd>) -> io::Result<()> {
    let names =
        fs::read_dir("/dev/fd")?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    for fd in names.iter().filter_map(|name| name.to_str()?.parse::<RawFd>().ok()) {
        if fd > 2 && Some(fd) != tun_fd {
            // The listing's own is among them, and closed by now.
            let _ = close(fd);
        }
    }
    Ok(())
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
