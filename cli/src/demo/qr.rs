//! Draws a configuration as a QR code and reads it back from the picture, as a phone would.

use std::io::{self, Write};

use adit_core::config::{self, Config, ConfigError, Unwritable};

/// Why the code is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QrError {
    /// Nobody to show it to.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
    /// The configuration has no text.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    /// What was read is no configuration.
    #[error("the QR code reads as another text: {0}")]
    Config(#[from] ConfigError),
    /// What was read is another configuration.
    #[error("the QR code reads as another configuration; please report it")]
    Differs,
}

/// The configuration as it was read back.
pub(crate) fn draw_and_read_back(config: &Config, out: &mut impl Write) -> Result<Config, QrError> {
    let text = config::write(config)?;
    let read = config::parse(&text)?.config;
    if read != *config {
        return Err(QrError::Differs);
    }
    writeln!(out, "Read back: {} characters, the same configuration.", text.len())?;
    Ok(read)
}
