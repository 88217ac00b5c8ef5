//! Draws a configuration as a QR code and reads it back from the picture, as a phone's camera would.

use std::io::{self, Write};
use std::num::NonZeroUsize;

use adit_core::config::qr::{Code, TooLong, Unreadable, from_untrusted, read};
use adit_core::config::{self, Config, ConfigError, Unwritable};

/// Pixels along the side of a module in the picture that is read back.
const SCALE: NonZeroUsize = NonZeroUsize::new(4).expect("it is not zero");

/// Why the code is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QrError {
    /// Nobody to show it to.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
    /// The configuration has no text.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    /// The text does not fit a code.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// The picture gave no text.
    #[error("the QR code cannot be read back: {0}")]
    Unreadable(#[from] Unreadable),
    /// What was read is no configuration.
    #[error("the QR code reads as another text: {0}")]
    Config(#[from] ConfigError),
    /// What was read is another configuration.
    #[error("the QR code reads as another configuration; please report it")]
    Differs,
}

/// The configuration as it was read back and imported.
pub(crate) fn draw_and_read_back(config: &Config, out: &mut impl Write) -> Result<Config, QrError> {
    let text = config::write(config)?;
    let code = Code::new(&text)?;
    writeln!(out, "{}", *code.to_terminal())?;
    let picture = code.to_bitmap(SCALE);
    let read = read(&picture.luma, picture.size, picture.size)?;
    let imported = from_untrusted(&read)?.config;
    if imported != *config {
        return Err(QrError::Differs);
    }
    let size = picture.size;
    writeln!(out, "    read back from its picture of {size} x {size} pixels: the same configuration")?;
    Ok(imported)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::parties::Parties;

    #[test]
    fn what_is_drawn_reads_back() {
        let mut parties = Parties::new();
        parties.meet_at("127.0.0.1:51820".parse().unwrap());
        let mut out = Vec::new();
        assert_eq!(draw_and_read_back(&parties.client, &mut out).unwrap(), parties.client);
        assert!(String::from_utf8(out).unwrap().contains("the same configuration"));
    }

    #[test]
    fn what_a_code_would_drop_is_noticed() {
        let mut config = Parties::new().client;
        config.interface.post_up.push("reboot".into());
        let refused = draw_and_read_back(&config, &mut Vec::new());
        assert!(matches!(refused, Err(QrError::Differs)));
    }
}
