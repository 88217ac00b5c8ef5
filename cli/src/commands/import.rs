//! `import`: a configuration from a stranger, out of a picture or a text, without what would run a command here.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use adit_core::config::qr::{Dropped, Imported, from_untrusted};
use adit_core::config::{self, ConfigError, Shown, Unwritable, decode, lint, parse};
use zeroize::Zeroizing;

use crate::input;
use crate::new_file::{self, NewFileError};
use crate::picture::{self, PictureError};

/// More than any photograph.
const MOST_OCTETS: usize = 64 << 20;

/// Why nothing is imported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// Nothing to read.
    #[error("cannot read {name}: {source}{}", advice(source))]
    Unreadable {
        /// What was given; it may have been meant as the text itself.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// Longer than anything that is meant.
    #[error("{name} is longer than {} MiB, which neither a picture nor a configuration is", MOST_OCTETS >> 20)]
    TooLong {
        /// What was read.
        name: String,
    },
    /// Nothing in it.
    #[error("{name} is empty: give it a picture or the text of a configuration")]
    Empty {
        /// What was read.
        name: String,
    },
    /// A picture without a text in it.
    #[error("{name}: {source}")]
    Picture {
        /// What was read.
        name: String,
        /// Why.
        source: PictureError,
    },
    /// A code of something else.
    #[error("the QR code in {name} is no configuration: {source}")]
    Code {
        /// What was read.
        name: String,
        /// Its first error.
        source: ConfigError,
    },
    /// A text of something else.
    #[error("{name} is neither a PNG or JPEG picture nor a configuration: {source}")]
    Text {
        /// What was read.
        name: String,
        /// Its first error.
        source: ConfigError,
    },
    /// The configuration has no text.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    /// There is no place for it.
    #[error(transparent)]
    NewFile(#[from] NewFileError),
    /// Nobody to write to.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; give a picture, a configuration's text, or - for stdin",
        _ => "",
    }
}

/// Reads a picture or a text, and writes the configuration in it to stdout or into a new file.
pub(crate) fn import(from: &str, output: Option<&Path>, out: &mut impl Write) -> Result<(), ImportError> {
    let Imported { config, dropped, .. } = read(from)?;
    let text = config::write(&config)?;
    match output {
        Some(path) => new_file::create(path, text.as_bytes())?,
        None => {
            out.write_all(text.as_bytes())?;
            out.flush()?;
        }
    }
    tell_dropped(&dropped);
    // What was written can be read, and a warning is about what is left.
    for warning in parse(&text).map(|parsed| lint(&text, &parsed)).unwrap_or_default() {
        tell(&warning);
    }
    Ok(())
}

/// Tells each line that was not taken over.
pub(super) fn tell_dropped(dropped: &[Dropped]) {
    dropped.iter().for_each(|dropped| tell(dropped));
}

fn tell(warning: &dyn std::fmt::Display) {
    // What is imported is worth more than a warning: it is written even where stderr is closed.
    let _ = writeln!(io::stderr(), "adit: warning: {warning}");
}

fn read(from: &str) -> Result<Imported, ImportError> {
    if is_text(from) {
        return read_octets("the text", from.as_bytes());
    }
    let (name, octets) = match from {
        "-" => ("stdin".to_owned(), input::read_stream(io::stdin().lock(), MOST_OCTETS)),
        // It may be a line with a key, given by mistake.
        path => (
            Shown::masked(path).to_string(),
            File::open(path).and_then(|file| input::read_stream(file, MOST_OCTETS)),
        ),
    };
    match octets {
        Ok(Some(octets)) => read_octets(&name, &octets),
        Ok(None) => Err(ImportError::TooLong { name }),
        Err(source) => Err(ImportError::Unreadable { name, source }),
    }
}

/// Whether an argument is a configuration itself, and no path.
fn is_text(from: &str) -> bool {
    from.contains('\n') || from.trim_start().starts_with('[')
}

/// A picture or a text: the content says which.
fn read_octets(name: &str, octets: &[u8]) -> Result<Imported, ImportError> {
    let name = name.to_owned();
    if octets.is_empty() {
        return Err(ImportError::Empty { name });
    }
    if picture::is_picture(octets) {
        let text = match picture::read_code(octets) {
            Ok(text) => text,
            Err(source) => return Err(ImportError::Picture { name, source }),
        };
        return from_untrusted(&text).map_err(|source| ImportError::Code { name, source });
    }
    let text: Result<Zeroizing<String>, _> = decode(octets);
    text.and_then(|text| from_untrusted(&text)).map_err(|source| ImportError::Text { name, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_told_from_a_path() {
        for text in ["[Interface]", " [Interface]\nMTU = 1", "# mine\n[Interface]", "a\nb"] {
            assert!(is_text(text), "{text}");
        }
        for path in ["-", "a.png", "./[a].png", "my code.jpg"] {
            assert!(!is_text(path), "{path}");
        }
    }

    #[test]
    fn a_key_given_as_a_path_is_not_repeated() {
        let key = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
        let refused = read(&format!("PrivateKey = {key}")).unwrap_err().to_string();
        assert!(
            refused.starts_with("cannot read PrivateKey = ****") && !refused.contains(&key[..12]),
            "{refused}"
        );
        assert!(!read(key).unwrap_err().to_string().contains(&key[..12]));
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        assert!(matches!(read_octets("x", b""), Err(ImportError::Empty { .. })));
        assert!(matches!(read_octets("x", b"https://example.com/"), Err(ImportError::Text { .. })));
        assert!(matches!(read_octets("x", b"\x7fELF\x00\xff"), Err(ImportError::Text { .. })));
        assert!(matches!(read_octets("x", b"GIF89a"), Err(ImportError::Picture { .. })));
    }
}
