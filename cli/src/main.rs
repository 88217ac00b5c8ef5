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
mod key_file;
mod new_file;
mod output;
mod picture;
#[cfg(target_os = "linux")]
mod quick;
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
use commands::configure::{self, ConfigureError};
use commands::import::{self, ImportError};
use commands::keys::{self, KeysError};
use commands::qr::{self, QrError};
use commands::run::{self, RunError};
use commands::show::{self, ShowError};
use commands::strip::{self, StripError};
use demo::DemoError;
use output::Output;
#[cfg(target_os = "linux")]
use quick::QuickError;

/// What went wrong, in the words of the command's room.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Check(#[from] CheckError),
    #[error(transparent)]
    Configure(#[from] ConfigureError),
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
    #[error(transparent)]
    Strip(#[from] StripError),
    #[cfg(target_os = "linux")]
    #[error(transparent)]
    Quick(#[from] QuickError),
    #[cfg(not(target_os = "linux"))]
    #[error("this is there on Linux alone; make the interface with `adit run` and its routes by hand")]
    LinuxOnly,
}

impl Failure {
    /// Whether a daemon in the background has told the user already.
    fn is_told(&self) -> bool {
        match self {
            Self::Run(RunError::Told { .. }) => true,
            #[cfg(target_os = "linux")]
            Self::Quick(error) => error.is_told(),
            _ => false,
        }
    }
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
    if !failure.is_told() && !out.is_cut_off() {
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
        Command::Show(args) => show::show(&args, out)?,
        Command::Showconf(args) => show::showconf(&args.interface, out)?,
        Command::Set(args) => configure::set(&args.interface, &args.words)?,
        Command::Setconf(args) => configure::setconf(&args.interface, &args.file)?,
        Command::Addconf(args) => configure::addconf(&args.interface, &args.file)?,
        Command::Syncconf(args) => configure::syncconf(&args.interface, &args.file)?,
        Command::Strip(args) => strip::strip(&args.conf, out)?,
        #[cfg(target_os = "linux")]
        Command::Up(args) => quick::up(&args.conf)?,
        #[cfg(target_os = "linux")]
        Command::Down(args) => quick::down(&args.conf)?,
        #[cfg(target_os = "linux")]
        Command::Save(args) => quick::save(&args.conf)?,
        #[cfg(not(target_os = "linux"))]
        Command::Up(_) | Command::Down(_) | Command::Save(_) => return Err(Failure::LinuxOnly),
    }
    Ok(())
}
