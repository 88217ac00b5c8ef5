//! What a command is told to read: a configuration's file, or stdin for `-`. What is in it is not known here.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::conf_file::{self, ConfFileError};

/// More than any configuration: that of 50,000 peers has half of it.
pub(crate) const MOST_OCTETS: usize = 16 << 20;

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// The file.
    #[error(transparent)]
    File(#[from] ConfFileError),
    /// The stream.
    #[error("cannot read stdin: {0}")]
    Stdin(#[source] io::Error),
    /// Longer than anything that is meant.
    #[error("stdin is longer than {} MiB, which no configuration is", MOST_OCTETS >> 20)]
    TooLong,
}

/// What was read, and from where.
pub(crate) struct Input {
    /// For people.
    pub(crate) name: String,
    /// The file; `None` is stdin.
    pub(crate) path: Option<PathBuf>,
    /// They may hold keys.
    pub(crate) octets: Zeroizing<Vec<u8>>,
}

/// Reads CONF, or stdin.
pub(crate) fn read(conf: &str) -> Result<Input, InputError> {
    if conf == "-" {
        let octets = read_stream(io::stdin().lock(), MOST_OCTETS).map_err(InputError::Stdin)?;
        let octets = octets.ok_or(InputError::TooLong)?;
        return Ok(Input { name: "stdin".to_owned(), path: None, octets });
    }
    let path = locate(conf);
    let octets = conf_file::read(&path)?;
    Ok(Input { name: path.display().to_string(), path: Some(path), octets })
}

/// To `wg-quick`, wg0.conf is the name of an interface. Whoever only reads may mean the file here as well.
fn locate(conf: &str) -> PathBuf {
    let named = conf_file::locate(conf);
    let here = Path::new(conf);
    if !named.exists() && here.is_file() { here.to_owned() } else { named }
}

/// The file, the pipe or the device at this path; `None` when it is longer than any configuration.
pub(crate) fn read_path(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    read_stream(File::open(path)?, MOST_OCTETS)
}

/// All of it; `None` when it is longer than it may be.
pub(crate) fn read_stream(stream: impl Read, most: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    read_until(stream, most, |_| false)
}

/// What comes until it is whole, or to its end; `None` when it is longer than it may be. Buffers grow without
/// leaving copies of keys behind.
pub(crate) fn read_until(
    mut stream: impl Read,
    most: usize,
    is_whole: fn(&[u8]) -> bool,
) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut octets = Zeroizing::new(vec![0; 1 << 16]);
    let mut len = 0;
    loop {
        match stream.read(&mut octets[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if len > most {
            return Ok(None);
        }
        if is_whole(&octets[..len]) {
            break;
        }
        if len == octets.len() {
            let mut larger = Zeroizing::new(vec![0; 2 * len]);
            larger[..len].copy_from_slice(&octets);
            octets = larger;
        }
    }
    octets.truncate(len);
    Ok(Some(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_whole() {
        for len in [0, 1, 1 << 16, (1 << 16) + 1, 300_000] {
            let octets: Vec<u8> = (0..len).map(|place| place as u8).collect();
            assert_eq!(*read_stream(&octets[..], 300_000).unwrap().unwrap(), octets);
        }
    }

    #[test]
    fn a_stream_is_read_until_it_is_whole() {
        let is_whole = |octets: &[u8]| octets.ends_with(b"\n\n");
        let endless = b"errno=0\n\n".chain(Unread);
        assert_eq!(**read_until(endless, 300_000, is_whole).unwrap().unwrap(), *b"errno=0\n\n");
    }

    /// Whoever reads on would wait forever.
    struct Unread;

    impl Read for Unread {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("read on"))
        }
    }

    #[test]
    fn a_stream_without_an_end_is_given_up() {
        assert_eq!(read_stream(io::repeat(0), 300_000).unwrap(), None);
    }
}
