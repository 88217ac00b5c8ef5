//! A client of the UAPI socket that says what `wg` never would, or nothing.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use super::daemon::socket;
use super::wait::LONG;

/// A connection.
pub(crate) struct Client(BufReader<UnixStream>);

impl Client {
    #[track_caller]
    pub(crate) fn connect(interface: &str) -> Self {
        let stream = UnixStream::connect(socket(interface)).expect("the daemon listens");
        stream.set_read_timeout(Some(LONG)).expect("a timeout can be set");
        stream.set_write_timeout(Some(LONG)).expect("a timeout can be set");
        Self(BufReader::new(stream))
    }

    /// Says something and waits for nothing. The daemon may have hung up.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        let _ = self.0.get_mut().write_all(bytes);
    }

    /// The number in the next `errno=` line; `None` when the daemon hangs up instead.
    #[track_caller]
    pub(crate) fn errno(&mut self) -> Option<i32> {
        loop {
            let mut line = String::new();
            match self.0.read_line(&mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no answer: {error}"),
            }
            if let Some(number) = line.strip_prefix("errno=") {
                return Some(number.trim_end().parse().unwrap_or_else(|_| panic!("{line:?}")));
            }
        }
    }
}

/// Asks on a connection of its own.
#[track_caller]
pub(crate) fn ask(interface: &str, request: &[u8]) -> Option<i32> {
    let mut client = Client::connect(interface);
    client.say(request);
    client.errno()
}
