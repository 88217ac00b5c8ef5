//! Where daemons listen for `wg`: one Unix socket an interface, made safely and found again.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, umask};

use crate::interface_name::InterfaceName;

/// Where every userspace WireGuard keeps its sockets, and `wg` looks for them.
pub(crate) const DIRECTORY: &str = "/var/run/wireguard";

const SUFFIX: &str = ".sock";

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    /// Another daemon answers.
    #[error("{interface} is already running; stop it first, or choose another name")]
    AlreadyRunning {
        /// Whose socket it is.
        interface: InterfaceName,
    },
    /// Something else stands in the way.
    #[error("{path} is not a socket; remove it and try again")]
    NotASocket {
        /// Where.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot make the socket {path}: {source}{}", advice(source))]
    System {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "; run it as root",
        _ => "",
    }
}

/// Where an interface's socket is.
pub(crate) fn path(directory: &Path, interface: &InterfaceName) -> PathBuf {
    directory.join(format!("{interface}{SUFFIX}"))
}

/// The interfaces that have a socket which answers, in the order of the directory, as `wg` lists them.
pub(crate) fn interfaces(directory: &Path) -> io::Result<Vec<InterfaceName>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let file_name = entry?.file_name();
        let name = file_name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
        let Some(interface) = name.and_then(|name| name.parse().ok()) else {
            continue;
        };
        // One that this user may not open is an interface still; reading it will say why it can't be read.
        match UnixStream::connect(path(directory, &interface)) {
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => {}
            _ => found.push(interface),
        }
    }
    Ok(found)
}

/// A listening socket with its file, which goes away with it.
#[derive(Debug)]
pub(crate) struct UapiSocket {
    path: PathBuf,
    /// Device and inode: the file may be replaced by another daemon's.
    file: (u64, u64),
}

impl UapiSocket {
    /// Binds with mode 0600 from the first moment; replaces a socket that nobody answers. Not to be called while
    /// other threads make files: the umask is the process's.
    pub(crate) fn bind(
        directory: &Path,
        interface: &InterfaceName,
    ) -> Result<(Self, UnixListener), SocketError> {
        let path = path(directory, interface);
        let system = |source| SocketError::System { path: path.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(system)?;
        remove_stale(&path, interface)?;
        let listener = bind_private(&path).map_err(system)?;
        let file = identity(&path).map_err(system)?;
        Ok((Self { path, file }, listener))
    }

    /// Refuses while another daemon serves this interface.
    pub(crate) fn check_free(directory: &Path, interface: &InterfaceName) -> Result<(), SocketError> {
        match UnixStream::connect(path(directory, interface)) {
            Ok(_) => Err(SocketError::AlreadyRunning { interface: interface.clone() }),
            Err(_) => Ok(()),
        }
    }
}

impl Drop for UapiSocket {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|file| file == self.file) {
            // If it is gone in between, so much the better.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes a socket whose daemon is gone, if there is one.
pub(crate) fn remove_stale(path: &Path, interface: &InterfaceName) -> Result<(), SocketError> {
    let system = |source| SocketError::System { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(system(error)),
        Ok(file) if !file.file_type().is_socket() => {
            return Err(SocketError::NotASocket { path: path.to_owned() });
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(SocketError::AlreadyRunning { interface: interface.clone() }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(system)
        }
        Err(error) => Err(system(error)),
    }
}

/// Nobody but the owner could connect even between bind and a later chmod.
fn bind_private(path: &Path) -> io::Result<UnixListener> {
    let before = umask(Mode::from_bits_truncate(0o177));
    let listener = UnixListener::bind(path);
    umask(before);
    let listener = listener?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A directory that does not exist yet, removed at the end of its test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("adit-{}-{test}", std::process::id()));
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn wg0() -> InterfaceName {
        "wg0".parse().unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn only_the_owner_may_enter() {
        let scratch = Scratch::new("owner");
        let (_socket, _listener) = UapiSocket::bind(&scratch.0, &wg0()).unwrap();
        assert_eq!(mode(&scratch.0), 0o700);
        assert_eq!(mode(&scratch.0.join("wg0.sock")), 0o600);
    }

    #[test]
    fn a_socket_that_answers_is_not_taken_over() {
        let scratch = Scratch::new("answers");
        let (_socket, _listener) = UapiSocket::bind(&scratch.0, &wg0()).unwrap();
        for refused in [
            UapiSocket::bind(&scratch.0, &wg0()).map(drop).unwrap_err(),
            UapiSocket::check_free(&scratch.0, &wg0()).unwrap_err(),
        ] {
            assert!(matches!(refused, SocketError::AlreadyRunning { .. }), "{refused}");
        }
    }

    #[test]
    fn a_dead_daemons_socket_is_replaced() {
        let scratch = Scratch::new("dead");
        let (socket, listener) = UapiSocket::bind(&scratch.0, &wg0()).unwrap();
        std::mem::forget(socket);
        drop(listener);
        assert!(scratch.0.join("wg0.sock").exists());
        UapiSocket::check_free(&scratch.0, &wg0()).unwrap();
        UapiSocket::bind(&scratch.0, &wg0()).unwrap();
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let scratch = Scratch::new("file");
        fs::create_dir(&scratch.0).unwrap();
        fs::write(scratch.0.join("wg0.sock"), "precious").unwrap();
        let refused = UapiSocket::bind(&scratch.0, &wg0()).unwrap_err();
        assert!(matches!(refused, SocketError::NotASocket { .. }), "{refused}");
        assert_eq!(fs::read(scratch.0.join("wg0.sock")).unwrap(), b"precious");
    }

    #[test]
    fn its_file_goes_with_it_but_not_a_successors() {
        let scratch = Scratch::new("drop");
        let (socket, _listener) = UapiSocket::bind(&scratch.0, &wg0()).unwrap();
        drop(socket);
        assert!(!scratch.0.join("wg0.sock").exists());

        let (old, _listener) = UapiSocket::bind(&scratch.0, &wg0()).unwrap();
        fs::rename(scratch.0.join("wg0.sock"), scratch.0.join("old")).unwrap();
        let (_new, _listener) = UapiSocket::bind(&scratch.0, &wg0()).unwrap();
        drop(old);
        assert!(scratch.0.join("wg0.sock").exists());
    }

    #[test]
    fn only_sockets_that_answer_are_listed() {
        let scratch = Scratch::new("list");
        assert_eq!(interfaces(&scratch.0).unwrap(), []);
        let (_socket, _listener) = UapiSocket::bind(&scratch.0, &wg0()).unwrap();
        let (dead, listener) = UapiSocket::bind(&scratch.0, &"wg1".parse().unwrap()).unwrap();
        std::mem::forget(dead);
        drop(listener);
        fs::write(scratch.0.join("wg2.sock"), "").unwrap();
        fs::write(scratch.0.join("notes.txt"), "").unwrap();
        assert_eq!(interfaces(&scratch.0).unwrap(), [wg0()]);
    }
}
