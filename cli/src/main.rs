//! `adit`, WireGuard at the command line: reads the arguments and sends each command to its room.

mod args;
mod change;
mod clock;
mod commands;
mod conf_file;
mod demo;
mod endpoint;
mod input;
mod interface_name;
mod new_file;
mod output;
mod picture;
mod report;
mod status_text;
mod tun;
mod uapi_client;
mod uapi_server;
mod uapi_socket;

use std::env;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use args::{Cli, Command};
use commands::check::{self, CheckError};
use commands::import::{self, ImportError};
use commands::keys::{self, KeysError};
use commands::qr::{self, QrError};
use commands::run::{self, RunError};
use commands::show::{self, ShowError};
use demo::DemoError;
use output::Output;

/// What went wrong, in the words of the command's room.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Check(#[from] CheckError),
    #[error(transparent)]
    Demo(#[from] DemoError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    Qr(#[from] QrError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Show(#[from] ShowError),
}

fn main() -> ExitCode {
    let cli = match Cli::read(env::args_os().collect()) {
        Ok(cli) => cli,
        Err(refusal) => return refusal.print(),
    };
    let mut out = Output::to(BufWriter::new(io::stdout().lock()));
    let Err(failure) = dispatch(cli.command, &mut out) else {
        return ExitCode::SUCCESS;
    };
    let is_told = matches!(failure, Failure::Run(RunError::Told { .. }));
    if !is_told && !out.is_cut_off() {
        // Where stderr is closed, the exit status says it alone.
        let _ = writeln!(io::stderr(), "adit: {failure}");
    }
    ExitCode::FAILURE
}

fn dispatch(command: Command, out: &mut impl Write) -> Result<(), Failure> {
    match command {
        Command::Check(args) => check::check(&args.conf, out)?,
        Command::Demo(args) => demo::run(&args, out)?,
        Command::Genkey => keys::genkey(out)?,
        Command::Genpsk => keys::genpsk(out)?,
        Command::Import(args) => import::import(&args.from, args.output.as_deref(), out)?,
        Command::Pubkey => keys::pubkey(&mut io::stdin().lock(), out)?,
        Command::Qr(args) => qr::qr(&args.conf, args.output.as_deref(), out)?,
        Command::Run(args) => run::run(&args)?,
        Command::Show(args) => show::show(args.what.as_deref(), out)?,
    }
    Ok(())
}
