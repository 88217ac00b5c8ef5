//! `genkey`, `genpsk` and `pubkey`, as `wg` has them.

use std::io::{self, BufRead, Write};

use adit_core::key::{PresharedKey, PrivateKey};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use nix::sys::stat::{SFlag, fstat};
use zeroize::Zeroizing;

use crate::key_file::{KeyTextError, is_space, read_text};

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    /// Reading or writing failed.
    #[error("cannot read or write the key: {0}")]
    Io(#[from] io::Error),
    /// What stdin holds is something else.
    #[error("stdin holds no private key: {0}")]
    NotAKey(#[from] KeyTextError),
}

/// Writes a new private key.
pub(crate) fn genkey(out: &mut impl Write) -> Result<(), KeysError> {
    warn_of_readers();
    write_line(out, PrivateKey::generate(&mut UnwrapErr(SysRng)).to_base64())
}

/// Writes a new preshared key.
pub(crate) fn genpsk(out: &mut impl Write) -> Result<(), KeysError> {
    warn_of_readers();
    write_line(out, PresharedKey::generate(&mut UnwrapErr(SysRng)).to_base64())
}

/// Reads a private key and writes its public key.
pub(crate) fn pubkey(input: &mut impl BufRead, out: &mut impl Write) -> Result<(), KeysError> {
    let private_key = read_private_key(input)?;
    write_line(out, private_key.public_key().to_base64())
}

/// As `wg` reads it: the key at once, then nothing but white space and zeros.
fn read_private_key(input: impl BufRead) -> Result<PrivateKey, KeysError> {
    let text = read_text(input, |octet| octet == 0 || is_space(octet))?;
    Ok(PrivateKey::from_base64(&text).map_err(KeyTextError::NotAKey)?)
}

fn write_line(out: &mut impl Write, text: String) -> Result<(), KeysError> {
    let line = Zeroizing::new(text + "\n");
    out.write_all(line.as_bytes())?;
    Ok(out.flush()?)
}

/// A secret that goes into a file which others may read is no secret.
fn warn_of_readers() {
    let is_open_to_others = fstat(io::stdout()).is_ok_and(|file| {
        let kind = SFlag::from_bits_truncate(file.st_mode) & SFlag::S_IFMT;
        kind == SFlag::S_IFREG && file.st_mode & 0o007 != 0
    });
    if is_open_to_others {
        // The key is worth more than the warning: it is written even where stderr is closed.
        let _ = writeln!(
            io::stderr(),
            "adit: warning: everybody on this machine can open the file that the key goes to; \
             set `umask 077` and make another key"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIVATE: &str = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
    const PUBLIC: &str = "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=\n";

    fn pubkey_of(text: &str) -> Result<String, KeysError> {
        let mut out = Vec::new();
        pubkey(&mut text.as_bytes(), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_key_is_taken_with_white_space_behind_it() {
        for tail in ["", "\n", "\r\n", " \t\n\n", "\0"] {
            assert_eq!(pubkey_of(&format!("{PRIVATE}{tail}")).unwrap(), PUBLIC, "{tail:?}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        for text in ["", "\n", &PRIVATE[..43], &"!".repeat(44), &"é".repeat(22)] {
            let refused = pubkey_of(text).unwrap_err();
            assert!(matches!(refused, KeysError::NotAKey(KeyTextError::NotAKey(_))), "{text:?}: {refused}");
        }
        for (head, tail) in [("", "x"), ("", "\nx"), ("", PRIVATE), ("\n", "")] {
            let refused = pubkey_of(&format!("{head}{PRIVATE}{tail}")).unwrap_err();
            assert!(
                matches!(refused, KeysError::NotAKey(KeyTextError::Trailing)),
                "{head:?} {tail:?}: {refused}"
            );
        }
    }

    #[test]
    fn new_keys_are_keys_and_differ() {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        genkey(&mut first).unwrap();
        genkey(&mut second).unwrap();
        assert_ne!(first, second);
        assert!(read_private_key(&mut first.as_slice()).is_ok());

        let mut preshared = Vec::new();
        genpsk(&mut preshared).unwrap();
        let text = String::from_utf8(preshared).unwrap();
        assert!(PresharedKey::from_base64(text.trim_end()).unwrap().is_some());
    }
}
