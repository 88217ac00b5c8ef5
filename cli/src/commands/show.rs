//! `show`: how the interfaces on this machine stand, whichever daemon runs them.

use std::io::{self, Write};
use std::path::Path;

use crate::clock;
use crate::interface_name::{InterfaceName, InterfaceNameError};
use crate::status_text::{Style, write_pretty};
use crate::uapi_client::{self, ClientError};
use crate::uapi_socket;

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

/// Shows an interface, all of them, or their names.
pub(crate) fn show(what: Option<&str>, out: &mut impl Write) -> Result<(), ShowError> {
    let directory = Path::new(uapi_socket::DIRECTORY);
    match what {
        None | Some("all") => show_all(directory, out)?,
        Some("interfaces") => {
            let interfaces = uapi_socket::interfaces(directory).map_err(ShowError::List)?;
            let names: Vec<_> = interfaces.iter().map(InterfaceName::as_str).collect();
            if !names.is_empty() {
                writeln!(out, "{}", names.join(" "))?;
            }
        }
        Some(text) => {
            let interface =
                text.parse().map_err(|source| ShowError::Name { text: text.to_owned(), source })?;
            let status = uapi_client::status(directory, &interface)?;
            write_pretty(out, text, &status, Style::from_environment(), clock::since_epoch())?;
        }
    }
    Ok(out.flush()?)
}

/// An interface that cannot be read does not hide the others; it is a failure only when none can.
fn show_all(directory: &Path, out: &mut impl Write) -> Result<(), ShowError> {
    let interfaces = uapi_socket::interfaces(directory).map_err(ShowError::List)?;
    let style = Style::from_environment();
    let mut shown = 0;
    for (index, interface) in interfaces.iter().enumerate() {
        match uapi_client::status(directory, interface) {
            Ok(status) => {
                write_pretty(out, interface.as_str(), &status, style, clock::since_epoch())?;
                shown += 1;
                if index + 1 < interfaces.len() {
                    writeln!(out)?;
                }
            }
            Err(refusal) => {
                // What can be shown is shown even where stderr is closed.
                let _ = writeln!(io::stderr(), "adit: {refusal}");
            }
        }
    }
    if shown == 0 && !interfaces.is_empty() {
        return Err(ShowError::NoneShown { count: interfaces.len() });
    }
    Ok(())
}
