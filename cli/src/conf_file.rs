//! The file that a command is given as CONF: found and read as `wg-quick` does it. What is in it is not known here.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::input;
use crate::interface_name::{InterfaceName, InterfaceNameError};

/// Where a configuration is that is given by its interface's name alone.
const DIRECTORY: &str = "/etc/wireguard";

const SUFFIX: &str = ".conf";

/// Why there is no configuration to read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfFileError {
    /// Nothing at this place.
    #[error("there is no {path}; give the path of a configuration, or a name for {DIRECTORY}/NAME{SUFFIX}")]
    Missing {
        /// Where.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot read {path}: {source}{}", advice(source))]
    Unreadable {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Longer than anything that is meant.
    #[error("{path} is longer than {} MiB, which no configuration is", input::MOST_OCTETS >> 20)]
    TooLong {
        /// Where.
        path: PathBuf,
    },
    /// The file's name gives no name to the interface.
    #[error("{path} names no interface: the file must be called like one, NAME{SUFFIX}")]
    Suffix {
        /// Where.
        path: PathBuf,
    },
    /// The file's name gives a name that no interface can have.
    #[error("{path} names no interface: {source}")]
    Name {
        /// Where.
        path: PathBuf,
        /// The rule it breaks.
        source: InterfaceNameError,
    },
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "; run it as root",
        _ => "",
    }
}

/// Where CONF is: a name that an interface can have stands for a file in /etc/wireguard, all else is a path.
pub(crate) fn locate(conf: &str) -> PathBuf {
    match conf.parse::<InterfaceName>() {
        Ok(interface) => Path::new(DIRECTORY).join(format!("{interface}{SUFFIX}")),
        Err(_) => PathBuf::from(conf),
    }
}

/// The octets of a configuration, which may hold keys.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, ConfFileError> {
    let octets = input::read_path(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ConfFileError::Missing { path: path.to_owned() },
        _ => ConfFileError::Unreadable { path: path.to_owned(), source },
    })?;
    octets.ok_or_else(|| ConfFileError::TooLong { path: path.to_owned() })
}

/// The interface that a configuration is for: its file's name without `.conf`.
pub(crate) fn interface(path: &Path) -> Result<InterfaceName, ConfFileError> {
    let file_name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name =
        file_name.strip_suffix(SUFFIX).ok_or_else(|| ConfFileError::Suffix { path: path.to_owned() })?;
    name.parse().map_err(|source| ConfFileError::Name { path: path.to_owned(), source })
}

/// Whether everybody on this machine can get at the file: it is open to others, and so is its folder.
pub(crate) fn is_world_accessible(path: &Path) -> bool {
    const OTHERS: u32 = 0o007;
    let Ok(path) = path.canonicalize() else { return false };
    let mode = |path: &Path| fs::metadata(path).map_or(0, |file| file.permissions().mode());
    mode(&path) & path.parent().map_or(0, mode) & OTHERS != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_a_file_in_its_folder() {
        assert_eq!(locate("wg0"), Path::new("/etc/wireguard/wg0.conf"));
        assert_eq!(locate("./wg0"), Path::new("./wg0"));
        assert_eq!(locate("/tmp/wg0.conf"), Path::new("/tmp/wg0.conf"));
        // Sixteen characters are no name.
        assert_eq!(locate("office-vpn-0.conf"), Path::new("office-vpn-0.conf"));
    }

    #[test]
    fn the_files_name_is_the_interfaces() {
        let interface = |path: &str| interface(Path::new(path)).map(|name| name.to_string());
        assert_eq!(interface("/home/me/wg0.conf").unwrap(), "wg0");
        assert!(matches!(interface("/home/me/wg0"), Err(ConfFileError::Suffix { .. })));
        assert!(matches!(interface("/home/me/.conf"), Err(ConfFileError::Name { .. })));
        assert!(matches!(interface("sixteen-letters-.conf"), Err(ConfFileError::Name { .. })));
    }

    #[test]
    fn only_an_open_folder_opens_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wg0.conf");
        fs::write(&file, "").unwrap();
        let allow = |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        for (folder_mode, file_mode, open) in
            [(0o755, 0o644, true), (0o700, 0o644, false), (0o755, 0o600, false)]
        {
            allow(folder.path(), folder_mode);
            allow(&file, file_mode);
            assert_eq!(is_world_accessible(&file), open, "{folder_mode:o} {file_mode:o}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let refused = read(Path::new("/nonexistent/wg0.conf")).unwrap_err();
        assert!(matches!(refused, ConfFileError::Missing { .. }), "{refused}");
        let refused = read(Path::new("/")).unwrap_err();
        assert!(matches!(refused, ConfFileError::Unreadable { .. }), "{refused}");
    }

    #[test]
    fn what_has_no_end_is_given_up() {
        let refused = read(Path::new("/dev/zero")).unwrap_err();
        assert!(matches!(refused, ConfFileError::TooLong { .. }), "{refused}");
    }
}
