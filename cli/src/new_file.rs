//! Files that hold keys: only their owner may open them, and nothing that was there is lost. What is written is not
//! known here.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why there is no new file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NewFileError {
    /// Something of this name is there.
    #[error("{path} exists already: remove it, or name another file")]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// The system refused, and nothing is left of it.
    #[error("cannot write {path}: {source}")]
    Refused {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Makes a file that only its owner may open. What is there, a link too, is never written to.
pub(crate) fn create(path: &Path, octets: &[u8]) -> Result<(), NewFileError> {
    const OWNER_ALONE: u32 = 0o600;
    let error = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => NewFileError::Exists { path: path.to_owned() },
        _ => NewFileError::Refused { path: path.to_owned(), source },
    };
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(OWNER_ALONE).open(path).map_err(error)?;
    let written = file.write_all(octets).and_then(|()| file.sync_all());
    written.map_err(|source| {
        // A part of it is of no use. Where it cannot be removed, the error says where it is.
        let _ = fs::remove_file(path);
        error(source)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_new_file_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wg0.conf");
        create(&path, b"text").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"text");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("wg0.conf"), folder.path().join("link"));
        fs::write(&path, "first").unwrap();
        symlink(folder.path().join("elsewhere"), &link).unwrap();
        for path in [&path, &link] {
            let refused = create(path, b"second").unwrap_err();
            assert!(matches!(refused, NewFileError::Exists { .. }), "{refused}");
        }
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert!(!folder.path().join("elsewhere").exists());
    }

    #[test]
    fn a_folder_that_is_missing_is_told() {
        let refused = create(Path::new("/nonexistent/wg0.conf"), b"text").unwrap_err();
        assert!(refused.to_string().starts_with("cannot write /nonexistent/wg0.conf: "), "{refused}");
    }
}
