//! What can go wrong in the automation.

use std::fmt;

/// Why a command ended early.
#[derive(Debug)]
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "what can go wrong in the comparison, which runs on Linux only")
)]
pub(crate) enum Error {
    /// A program could not be started, or failed; it has said why itself.
    Shell(xshell::Error),
    /// A program answered with something else than what its manual promises.
    Output { program: &'static str, text: String },
    /// A program failed, and what it said is above.
    Failed { program: &'static str },
    /// A program that is not there.
    Started { program: String, error: std::io::Error },
    /// A daemon that ended while something was still wanted of it.
    Ended { status: std::process::ExitStatus },
    /// A file, or what the kernel shows as one.
    File { path: String, error: std::io::Error },
    /// Something that was asked for again and again, and did not come.
    Waiting { what: String },
    /// Figures that are missing from a comparison; each has said why.
    Unmeasured { failed: u32 },
    /// `rust-version` in Cargo.toml is not what the dependencies ask for.
    RustVersion { declared: String, needed: String, by: String },
    /// A command line that means nothing.
    Usage { text: String },
    /// A fuzz target found what must not be.
    Fuzz { target: String, text: String },
    /// Steps that failed; each has said why itself.
    Steps { failed: String },
}

#[cfg(target_os = "linux")]
impl Error {
    pub(crate) fn started(program: &str, error: std::io::Error) -> Self {
        Self::Started { program: program.to_owned(), error }
    }
}

impl From<xshell::Error> for Error {
    fn from(error: xshell::Error) -> Self {
        Self::Shell(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shell(error) => error.fmt(f),
            Self::Output { program, text } => {
                write!(f, "{program} answered what is not understood: {text:?}")
            }
            Self::Failed { program } => write!(f, "{program} failed, as is told above"),
            Self::Started { program, error } => write!(f, "{program} cannot be run: {error}"),
            Self::Ended { status } => write!(f, "the daemon has ended with {status}"),
            Self::File { path, error } => write!(f, "{path}: {error}"),
            Self::Waiting { what } => write!(f, "waited in vain for {what}"),
            Self::Unmeasured { failed } => write!(f, "{failed} times something could not be measured"),
            Self::RustVersion { declared, needed, by } => write!(
                f,
                "Cargo.toml says rust-version {declared}, but the newest that is asked for is {needed}, by {by}: \
                 they must be equal"
            ),
            Self::Usage { text } => f.write_str(text),
            Self::Fuzz { target, text } => write!(f, "fuzz target {target}: {text}"),
            Self::Steps { failed } => write!(f, "failed: {failed}"),
        }
    }
}
