//! `adit`, WireGuard at the command line: reads the arguments and sends each command to its room.

mod args;
mod clock;
mod commands;
mod demo;
mod interface_name;
mod status_text;
mod tun;
mod uapi_client;
mod uapi_server;
mod uapi_socket;

use std::env;
use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use args::{Cli, Command};
use commands::keys::{self, KeysError};
use commands::run::{self, RunError};
use commands::show::{self, ShowError};
use demo::DemoError;

/// What went wrong, in the words of the command's room.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Demo(#[from] DemoError),
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Show(#[from] ShowError),
}

fn main() -> ExitCode {
    let cli = match Cli::read(env::args_os().collect()) {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_known() {
                // Where stderr is closed, the exit status says it alone.
                let _ = writeln!(io::stderr(), "adit: {failure}");
            }
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> Result<(), Failure> {
    let out = &mut BufWriter::new(io::stdout().lock());
    match command {
        Command::Demo(args) => demo::run(&args, out)?,
        Command::Genkey => keys::genkey(out)?,
        Command::Genpsk => keys::genpsk(out)?,
        Command::Pubkey => keys::pubkey(&mut io::stdin().lock(), out)?,
        Command::Run(args) => run::run(&args)?,
        Command::Show(args) => show::show(args.what.as_deref(), out)?,
    }
    Ok(())
}

impl Failure {
    /// Whether whoever would read of it knows it already: the daemon has told it, or a reader of ours, such as
    /// `head`, has seen enough.
    fn is_known(&self) -> bool {
        matches!(self, Self::Run(RunError::Told { .. })) || is_broken_pipe(self)
    }
}

fn is_broken_pipe(failure: &(dyn Error + 'static)) -> bool {
    let is_one = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    failure.downcast_ref().is_some_and(is_one) || failure.source().is_some_and(is_broken_pipe)
}
