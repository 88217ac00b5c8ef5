//! `strip`: a configuration without the keys that only `wg-quick` knows, for `wg setconf` and its like.

use std::io::{self, Write};
use std::path::PathBuf;

use adit_core::config::{self, Attribute, ConfigError, Section};
use zeroize::Zeroizing;

use crate::conf_file::{self, ConfFileError};

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StripError {
    /// No file.
    #[error(transparent)]
    File(#[from] ConfFileError),
    /// A file that is no configuration.
    #[error("{path}: {source}")]
    Config {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        source: ConfigError,
    },
    /// Nobody to write to.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

/// Writes what `wg` understands of a configuration.
pub(crate) fn strip(conf: &str, out: &mut impl Write) -> Result<(), StripError> {
    let path = conf_file::locate(conf);
    let octets = conf_file::read(&path)?;
    conf_file::interface(&path)?;
    let stripped = strip_text(&octets).map_err(|source| StripError::Config { path, source })?;
    out.write_all(stripped.as_bytes())?;
    Ok(out.flush()?)
}

/// The other lines stay as they are, apart from blanks around them, with an empty one behind them all, as a shell
/// prints them.
fn strip_text(octets: &[u8]) -> Result<Zeroizing<String>, ConfigError> {
    let text = Zeroizing::new(config::decode(octets)?);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let spans = config::parse(text)?.spans;
    let mut dropped: Vec<usize> = Vec::new();
    for section in spans.sections.iter().filter(|span| span.section == Section::Interface) {
        dropped.extend(
            section.entries.iter().filter(|entry| !is_for_wg(entry.key)).map(|entry| entry.name.start),
        );
    }
    let mut stripped = Zeroizing::new(String::with_capacity(text.len() + 2));
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let place = start..start + line.len();
        start = place.end;
        let trimmed = line.trim_end_matches('\n').trim_matches([' ', '\t']);
        // What is blank and has no end is no line.
        let is_line = line.ends_with('\n') || !trimmed.is_empty();
        if is_line && !dropped.iter().any(|name| place.contains(name)) {
            stripped.push_str(trimmed);
            stripped.push('\n');
        }
    }
    stripped.push('\n');
    Ok(stripped)
}

fn is_for_wg(key: Attribute) -> bool {
    matches!(key, Attribute::PrivateKey | Attribute::ListenPort | Attribute::FwMark)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(text: &str) -> String {
        strip_text(text.as_bytes()).unwrap().to_string()
    }

    #[test]
    fn only_the_keys_of_wg_stay() {
        let text = "# home\n  [interface]\t\nlistenport=1 # mine\nADDRESS = 10.0.0.1\nPostUp = echo # %i\nMTU=1400\n\n\
                    DNS = 10.0.0.2\nTable = off\nSaveConfig = true\nExcludedApplications = a.b\n[Peer]\n\
                    PublicKey = HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=";
        assert_eq!(
            stripped(text),
            "# home\n[interface]\nlistenport=1 # mine\n\n[Peer]\n\
             PublicKey = HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=\n\n"
        );
    }

    #[test]
    fn what_is_empty_is_an_empty_line() {
        assert_eq!(stripped(""), "\n");
        assert_eq!(stripped("[Interface]\n  \t"), "[Interface]\n\n");
        assert_eq!(
            stripped("\u{feff}[Interface]\r\nMTU = 1400\r\nListenPort = 2\r\n"),
            "[Interface]\r\nListenPort = 2\r\n\n"
        );
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        assert_eq!(strip_text(b"[Interface]\nMTV = 1\n").unwrap_err().line, 2);
    }
}
