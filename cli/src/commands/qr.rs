//! `qr`: a configuration as a QR code, for a phone to scan.

use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use adit_core::config::qr::{Bitmap, Code, Imported, TooLong, from_untrusted};
use adit_core::config::{self, ConfigError, Unwritable, decode};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError};
use zeroize::Zeroizing;

use crate::commands::import::tell_dropped;
use crate::input::{self, Input, InputError};
use crate::new_file::{self, NewFileError};

/// Pixels along the side of a module: a phone reads it from a screen at arm's length.
const SCALE: NonZeroUsize = NonZeroUsize::new(8).expect("it is not zero");

/// Why there is no code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QrError {
    /// There is no configuration.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The configuration has an error.
    #[error("{name} has an error, and `adit check` shows it: {source}")]
    Config {
        /// What was read.
        name: String,
        /// The first error.
        source: ConfigError,
    },
    /// The configuration has no text.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    /// It is too large.
    #[error("{0}: leave peers out of the configuration, or hand the file over in another way")]
    TooLong(#[from] TooLong),
    /// The file's name says nothing of what it shall be.
    #[error("{path} is neither a .png nor a .svg: name the file after the kind of picture that you want")]
    Extension {
        /// What was given.
        path: PathBuf,
    },
    /// The lines would be broken.
    #[error(
        "this terminal has {has} columns and the code needs {needs}: make it wider or its letters smaller, or write \
         a picture with -o FILE.png"
    )]
    Narrow {
        /// Of the terminal.
        has: usize,
        /// Of the code.
        needs: usize,
    },
    /// The picture cannot be made.
    #[error("cannot draw the picture: {0}")]
    Picture(#[from] ImageError),
    /// The picture cannot be saved.
    #[error(transparent)]
    NewFile(#[from] NewFileError),
    /// Nobody to show it to.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

/// What the code is drawn as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Png,
    Svg,
}

impl Kind {
    fn of(path: &Path) -> Result<Self, QrError> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "png" => Ok(Self::Png),
            "svg" => Ok(Self::Svg),
            _ => Err(QrError::Extension { path: path.to_owned() }),
        }
    }
}

/// Draws a configuration, without what a phone does not take over, on stdout or into a new file.
pub(crate) fn qr(conf: &str, output: Option<&Path>, out: &mut impl Write) -> Result<(), QrError> {
    let output = output.map(|path| Kind::of(path).map(|kind| (path, kind))).transpose()?;
    let Input { name, octets, .. } = input::read(conf)?;
    let imported = decode(&octets).and_then(|text| from_untrusted(&text));
    let Imported { config, dropped, .. } = imported.map_err(|source| QrError::Config { name, source })?;
    let code = Code::new(&config::write(&config)?)?;
    if output.is_none() && io::stdout().is_terminal() {
        fits(code.size())?;
    }
    tell_dropped(&dropped);
    if config.interface.private_key.is_none() {
        let _ = writeln!(io::stderr(), "adit: warning: there is no PrivateKey in it, and a phone wants one");
    }
    match output {
        None => write!(out, "{}", *code.to_terminal())?,
        Some((path, Kind::Png)) => new_file::create(path, &png(&code.to_bitmap(SCALE))?)?,
        Some((path, Kind::Svg)) => new_file::create(path, code.to_svg().as_bytes())?,
    }
    Ok(out.flush()?)
}

/// Broken lines are no code.
fn fits(needs: usize) -> Result<(), QrError> {
    match terminal_size::terminal_size_of(io::stdout()) {
        Some((width, _)) if usize::from(width.0) < needs => {
            Err(QrError::Narrow { has: width.0.into(), needs })
        }
        _ => Ok(()),
    }
}

fn png(bitmap: &Bitmap) -> Result<Zeroizing<Vec<u8>>, ImageError> {
    // It only becomes smaller, and so leaves no copies behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(2 * bitmap.luma.len()));
    let side = bitmap.size as u32;
    PngEncoder::new(&mut *octets).write_image(&bitmap.luma, side, side, ExtendedColorType::L8)?;
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_says_which_picture() {
        assert_eq!(Kind::of(Path::new("a.png")).unwrap(), Kind::Png);
        assert_eq!(Kind::of(Path::new("/tmp/A.SVG")).unwrap(), Kind::Svg);
        for path in ["a", "a.jpg", "png", "a.png.txt", ".png"] {
            assert!(Kind::of(Path::new(path)).is_err(), "{path}");
        }
    }
}
