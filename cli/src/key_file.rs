//! A file with one key in base64, as `wg` reads it. Which kind of key it is, is not known here.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use adit_core::key::KeyError;
use zeroize::Zeroizing;

/// Characters in a key's base64.
const KEY_TEXT_LEN: usize = 44;

/// Why there is no key in a file. None of them repeats what is in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileError {
    /// The key itself stands where its file's name should.
    #[error(
        "a key stands in the place of a file, and others can see it there; write it into a file that only you \
         can read, and give that file's name"
    )]
    KeyItself,
    /// Not there, or not ours to read.
    #[error("cannot read the key in {path}: {source}")]
    Unreadable {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing came out of a pipe: whoever should have written to it has failed.
    #[error("no key came from {path}; to remove a key give /dev/null")]
    EmptyPipe {
        /// Where.
        path: PathBuf,
    },
    /// What is there is no key.
    #[error("{path} holds no key: {source}")]
    Text {
        /// Where.
        path: PathBuf,
        /// The rule it breaks.
        source: KeyTextError,
    },
}

/// Why what was read is not one key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyTextError {
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It does not begin with a key.
    #[error(transparent)]
    NotAKey(#[from] KeyError),
    /// A key, and then more than white space.
    #[error("more than a key is there; give one key and nothing else")]
    Trailing,
}

/// Whether a word of the command line is a key, or most of one.
pub(crate) fn looks_like_key(text: &str) -> bool {
    /// A key that was not copied to its end is a secret still.
    const MOST: usize = KEY_TEXT_LEN - 4;
    let is_base64 = |octet: u8| octet.is_ascii_alphanumeric() || b"+/=".contains(&octet);
    text.len() >= MOST && text.len() <= 2 * KEY_TEXT_LEN && text.bytes().all(is_base64)
}

/// The key's text; `None` where the file is empty, which takes a key away.
pub(crate) fn read(path: &Path) -> Result<Option<Zeroizing<String>>, KeyFileError> {
    if path.to_str().is_some_and(looks_like_key) {
        return Err(KeyFileError::KeyItself);
    }
    let unreadable = |source| KeyFileError::Unreadable { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut first = Zeroizing::new([0]);
    if file.read(&mut first[..]).map_err(unreadable)? == 0 {
        // Only a file that can be sought in is known to be empty.
        return match file.stream_position() {
            Ok(_) => Ok(None),
            Err(_) => Err(KeyFileError::EmptyPipe { path: path.to_owned() }),
        };
    }
    read_text(first.chain(file), is_space)
        .map(Some)
        .map_err(|source| KeyFileError::Text { path: path.to_owned(), source })
}

/// A key at once, and then nothing but what may follow.
pub(crate) fn read_text(
    mut input: impl Read,
    may_follow: fn(u8) -> bool,
) -> Result<Zeroizing<String>, KeyTextError> {
    let mut octets = Zeroizing::new([0; KEY_TEXT_LEN]);
    input.read_exact(&mut octets[..]).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => KeyTextError::NotAKey(KeyError::Base64),
        _ => KeyTextError::Io(error),
    })?;
    let mut rest = Zeroizing::new([0; 256]);
    loop {
        match input.read(&mut rest[..])? {
            0 => break,
            more if rest[..more].iter().all(|octet| may_follow(*octet)) => {}
            _ => return Err(KeyTextError::Trailing),
        }
    }
    let text = std::str::from_utf8(&octets[..]).map_err(|_| KeyError::Base64)?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The white space of `wg`.
pub(crate) fn is_space(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "QAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHl8=";

    fn read_file(text: &str) -> Result<Option<Zeroizing<String>>, KeyFileError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read(file.path())
    }

    #[test]
    fn a_key_may_be_followed_by_space() {
        for tail in ["", "\n", "\r\n", " \t\n\n\x0b\x0c"] {
            assert_eq!(**read_file(&format!("{KEY}{tail}")).unwrap().as_ref().unwrap(), KEY, "{tail:?}");
        }
    }

    #[test]
    fn an_empty_file_takes_a_key_away() {
        assert_eq!(read_file("").unwrap(), None);
        assert_eq!(read(Path::new("/dev/null")).unwrap(), None);
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        for text in ["\n", &KEY[..43], &format!(" {KEY}"), &format!("{KEY}x"), &format!("{KEY}\n{KEY}")] {
            let refused = read_file(text).unwrap_err();
            assert!(matches!(refused, KeyFileError::Text { .. }), "{text:?}: {refused}");
            assert!(!refused.to_string().contains(&KEY[..8]), "{refused}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for path in ["/nonexistent/key", "/"] {
            let refused = read(Path::new(path)).unwrap_err();
            assert!(matches!(refused, KeyFileError::Unreadable { .. }), "{refused}");
            assert!(refused.to_string().contains(path), "{refused}");
        }
    }

    #[test]
    fn a_key_in_the_place_of_its_file_is_not_repeated() {
        for text in [KEY, &KEY[..41], &format!("{KEY}{KEY}")] {
            let refused = read(Path::new(text)).unwrap_err();
            assert!(matches!(refused, KeyFileError::KeyItself));
            assert!(!refused.to_string().contains(&KEY[..8]), "{refused}");
        }
    }
}
