//! `show` and `showconf`: how the interfaces on this machine stand, whichever daemon runs them.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use crate::args::ShowArgs;
use crate::clock;
use crate::interface_name::{InterfaceName, InterfaceNameError};
use crate::status_text::{Field, Json, Prefix, Style, write_conf, write_field, write_pretty};
use crate::uapi_client::{self, ClientError};
use crate::uapi_socket;

mod watch;

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShowError {
    /// The text is no interface's name.
    #[error("{text:?} is no interface: {source}")]
    Name {
        /// What was given.
        text: String,
        /// The rule it breaks.
        source: InterfaceNameError,
    },
    /// A setting of `interfaces`.
    #[error("`interfaces` are only names; use `adit show all {field}` for this of all of them")]
    NamesOnly {
        /// What was asked for.
        field: String,
    },
    /// A daemon gave no status.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The sockets cannot be listed.
    #[error("cannot list the interfaces: {0}")]
    List(#[source] io::Error),
    /// Every interface was refused, and each refusal was told.
    #[error("none of {count} interfaces could be shown")]
    NoneShown {
        /// How many there are.
        count: usize,
    },
    /// Nobody to write to.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

/// What is asked for, understood.
struct Request {
    what: What,
    form: Form,
}

enum What {
    Interfaces,
    All,
    One(InterfaceName),
}

/// How the answer is written.
#[derive(Clone, Copy)]
enum Form {
    Pretty(Style),
    Field(Field),
    Json { is_one_line: bool },
}

/// Shows an interface, all of them, or their names: once, or again and again.
pub(crate) fn show(args: &ShowArgs, out: &mut impl Write) -> Result<(), ShowError> {
    let directory = Path::new(uapi_socket::DIRECTORY);
    let request = Request::understand(args)?;
    if args.watch {
        let between = if matches!(request.form, Form::Json { .. }) { "" } else { "\n" };
        return watch::repeat(out, between, |out| request.answer(directory, out));
    }
    request.answer(directory, out)?;
    Ok(out.flush()?)
}

/// Shows an interface as a file for `setconf`.
pub(crate) fn showconf(interface: &InterfaceName, out: &mut impl Write) -> Result<(), ShowError> {
    let status = uapi_client::status(Path::new(uapi_socket::DIRECTORY), interface)?;
    write_conf(out, &status)?;
    Ok(out.flush()?)
}

impl Request {
    fn understand(args: &ShowArgs) -> Result<Self, ShowError> {
        let what = match args.what.as_deref() {
            None | Some("all") => What::All,
            Some("interfaces") => What::Interfaces,
            Some(text) => {
                What::One(text.parse().map_err(|source| ShowError::Name { text: text.to_owned(), source })?)
            }
        };
        let form = match args.field {
            Some(field) => Form::Field(field),
            None if args.json => Form::Json { is_one_line: args.watch && !io::stdout().is_terminal() },
            None => Form::Pretty(Style::from_environment()),
        };
        match (&what, form) {
            (What::Interfaces, Form::Field(field)) => Err(ShowError::NamesOnly { field: field.to_string() }),
            _ => Ok(Self { what, form }),
        }
    }

    fn answer(&self, directory: &Path, out: &mut impl Write) -> Result<(), ShowError> {
        match &self.what {
            What::Interfaces => self.names(directory, out),
            What::All => self.all(directory, out),
            What::One(interface) => {
                let status = uapi_client::status(directory, interface)?;
                let name = interface.as_str();
                match self.form {
                    Form::Pretty(style) => write_pretty(out, name, &status, style, clock::since_epoch())?,
                    Form::Field(field) => write_field(out, &status, field, Prefix(None))?,
                    Form::Json { is_one_line } => {
                        let mut json = Json::default();
                        json.insert(name, &status);
                        json.write(out, is_one_line)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn names(&self, directory: &Path, out: &mut impl Write) -> Result<(), ShowError> {
        let interfaces = uapi_socket::interfaces(directory).map_err(ShowError::List)?;
        let names: Vec<_> = interfaces.iter().map(InterfaceName::as_str).collect();
        match self.form {
            Form::Json { .. } => {
                serde_json::to_writer(&mut *out, &names).map_err(io::Error::from)?;
                writeln!(out)?;
            }
            _ if names.is_empty() => {}
            _ => writeln!(out, "{}", names.join(" "))?,
        }
        Ok(())
    }

    /// An interface that cannot be read does not hide the others; it is a failure only when none can.
    fn all(&self, directory: &Path, out: &mut impl Write) -> Result<(), ShowError> {
        let interfaces = uapi_socket::interfaces(directory).map_err(ShowError::List)?;
        let mut json = Json::default();
        let mut shown = 0;
        for (index, interface) in interfaces.iter().enumerate() {
            let status = match uapi_client::status(directory, interface) {
                Ok(status) => status,
                Err(refusal) => {
                    // What can be shown is shown even where stderr is closed.
                    let _ = writeln!(io::stderr(), "adit: {refusal}");
                    continue;
                }
            };
            shown += 1;
            let name = interface.as_str();
            match self.form {
                Form::Field(field) => write_field(out, &status, field, Prefix(Some(name)))?,
                Form::Json { .. } => json.insert(name, &status),
                Form::Pretty(style) => {
                    write_pretty(out, name, &status, style, clock::since_epoch())?;
                    if index + 1 < interfaces.len() {
                        writeln!(out)?;
                    }
                }
            }
        }
        if shown == 0 && !interfaces.is_empty() {
            return Err(ShowError::NoneShown { count: interfaces.len() });
        }
        if let Form::Json { is_one_line } = self.form {
            json.write(out, is_one_line)?;
        }
        Ok(())
    }
}
