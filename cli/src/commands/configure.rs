//! `set`, `setconf`, `addconf` and `syncconf`: changes of a running interface, whichever daemon runs it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use adit_core::config::{Attribute, ConfigError, Parsed, decode, parse};
use adit_core::uapi::Set;
use zeroize::Zeroizing;

use crate::change::{self, WordsError};
use crate::endpoint::EndpointError;
use crate::interface_name::InterfaceName;
use crate::uapi_client::{self, ClientError};
use crate::uapi_socket;

/// Why an interface stays as it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigureError {
    /// The words of `set` are no change.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// There is no file to read.
    #[error("cannot read {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no configuration.
    #[error("{path}: {source}")]
    Config {
        /// Which.
        path: PathBuf,
        /// Where in it, and why.
        source: ConfigError,
    },
    /// The file is one for `wg-quick`.
    #[error(
        "{path}: line {line}: {key} is not a daemon's setting; `adit strip {path}` leaves it out, and \
         `adit up {path}` sets it, too"
    )]
    NotWg {
        /// Which.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The first key that `wg` does not know.
        key: Attribute,
    },
    /// A name has no address.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The daemon refused, or is not there.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Changes what the words say.
pub(crate) fn set(interface: &InterfaceName, words: &[OsString]) -> Result<(), ConfigureError> {
    apply(interface, &change::from_words(words)?)
}

/// Makes the file all that is set.
pub(crate) fn setconf(interface: &InterfaceName, path: &Path) -> Result<(), ConfigureError> {
    apply(interface, &change::setting(&read(path)?)?)
}

/// Adds the file to what is set.
pub(crate) fn addconf(interface: &InterfaceName, path: &Path) -> Result<(), ConfigureError> {
    apply(interface, &change::adding(&read(path)?)?)
}

/// Makes the file all that is set, without disturbing the peers that stay.
pub(crate) fn syncconf(interface: &InterfaceName, path: &Path) -> Result<(), ConfigureError> {
    let file = read(path)?;
    let status = uapi_client::status(Path::new(uapi_socket::DIRECTORY), interface)?;
    apply(interface, &change::syncing(&file, &status)?)
}

fn apply(interface: &InterfaceName, set: &Set) -> Result<(), ConfigureError> {
    Ok(uapi_client::set(Path::new(uapi_socket::DIRECTORY), interface, set)?)
}

/// A file with nothing in it but what `wg` knows.
fn read(path: &Path) -> Result<Parsed, ConfigureError> {
    let unreadable = |source| ConfigureError::File { path: path.to_owned(), source };
    let octets = Zeroizing::new(fs::read(path).map_err(unreadable)?);
    let refused = |source| ConfigureError::Config { path: path.to_owned(), source };
    let text = decode(&octets).map_err(refused)?;
    let file = parse(&text).map_err(refused)?;
    let mut entries = file.spans.sections.iter().flat_map(|section| &section.entries);
    if let Some(entry) = entries.find(|entry| !entry.key.is_wg()) {
        let line = text[..entry.name.start].matches('\n').count() + 1;
        return Err(ConfigureError::NotWg { path: path.to_owned(), line, key: entry.key });
    }
    Ok(file)
}
