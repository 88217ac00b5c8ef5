//! The server over real Unix sockets, before a device that only remembers.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream as Client;
use std::path::PathBuf;
use std::sync::mpsc;

use tokio::task::LocalSet;

use super::*;

const EINVAL: &str = "errno=-22\n\n";

/// Refuses port 1 as a device refuses one in use; keeps the port otherwise.
#[derive(Default)]
struct Fake {
    port: RefCell<u16>,
}

impl Backend for Fake {
    async fn status(&self) -> Result<DeviceStatus, Errno> {
        let listen_port = *self.port.borrow();
        Ok(DeviceStatus { private_key: None, listen_port, fwmark: None, peers: Vec::new() })
    }

    async fn apply(&self, set: Set) -> Result<(), Errno> {
        match set.listen_port {
            Some(1) => return Err(Errno::EADDRINUSE),
            Some(port) => *self.port.borrow_mut() = port,
            None => {}
        }
        Ok(())
    }
}

/// A server on a thread of its own, ended when dropped.
struct Server {
    path: PathBuf,
    end: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    fn start(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("adit-server-{}-{test}.sock", std::process::id()));
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let (ready, is_ready) = mpsc::channel();
        let at = path.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
            LocalSet::new().block_on(&runtime, async {
                let listener = UnixListener::bind(&at).unwrap();
                ready.send(()).unwrap();
                tokio::select! {
                    never = serve(listener, Rc::new(Fake::default())) => match never {},
                    _ = ended => {}
                }
            });
        });
        is_ready.recv().unwrap();
        Self { path, end: Some(end), thread: Some(thread) }
    }

    fn connect(&self) -> Client {
        let client = Client::connect(&self.path).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.end.take());
        let _ = self.thread.take().map(thread::JoinHandle::join);
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Sends and reads one answer, to its empty line or the end of the connection.
fn ask(client: &mut Client, request: &str) -> String {
    client.write_all(request.as_bytes()).unwrap();
    read_answer(client)
}

fn read_answer(client: &mut Client) -> String {
    let mut answer = String::new();
    let mut octet = [0];
    while !answer.ends_with("\n\n") && client.read(&mut octet).unwrap() == 1 {
        answer.push(char::from(octet[0]));
    }
    answer
}

#[test]
fn a_client_reads_and_changes_over_one_connection() {
    let server = Server::start("changes");
    let mut client = server.connect();
    assert_eq!(ask(&mut client, "set=1\nlisten_port=51820\n\n"), "errno=0\n\n");
    assert!(ask(&mut client, "get=1\n\n").starts_with("listen_port=51820\n"));
    assert!(ask(&mut server.connect(), "get=1\n\n").ends_with("errno=0\n\n"));
}

#[test]
fn requests_in_pieces_and_in_a_row_are_all_answered() {
    let server = Server::start("pieces");
    let mut client = server.connect();
    for piece in ["se", "t=1\nlisten_", "port=7\n"] {
        client.write_all(piece.as_bytes()).unwrap();
    }
    assert_eq!(ask(&mut client, "\nget=1\n\nset=1\n\n"), "errno=0\n\n");
    assert_eq!(read_answer(&mut client), "listen_port=7\nerrno=0\n\n");
    assert_eq!(read_answer(&mut client), "errno=0\n\n");
}

#[test]
fn what_the_device_refuses_has_its_errno() {
    let server = Server::start("refuses");
    let mut client = server.connect();
    let in_use = format!("errno=-{}\n\n", Errno::EADDRINUSE as i32);
    assert_eq!(ask(&mut client, "set=1\nlisten_port=1\n\n"), in_use);
    assert!(ask(&mut client, "get=1\n\n").ends_with("errno=0\n\n"));
}

#[test]
fn malformed_input_is_refused_and_changes_nothing() {
    let server = Server::start("malformed");
    let mut client = server.connect();
    assert_eq!(ask(&mut client, "set=1\nlisten_port=9\n\n"), "errno=0\n\n");
    for request in [
        "set=1\nlisten_port=8\nlisten_port=x\n\n",
        "set=1\nlisten_port=8\nprivate_key=00\n\n",
        "set=1\nlisten_port=8\nfrobnicate=1\n\n",
        "set=1\nlisten_port=8\npublic_key=zz\n\n",
    ] {
        assert_eq!(ask(&mut client, request), EINVAL, "{request:?}");
    }
    for request in ["set=2\n\n", "\n", "set=1\nlisten_port\n\n"] {
        let answer = ask(&mut client, request);
        assert!(answer.starts_with("errno=") && answer != "errno=0\n\n", "{request:?}: {answer:?}");
    }
    assert!(ask(&mut client, "get=1\n\n").contains("listen_port=9\n"));
}

#[test]
fn a_line_without_end_ends_the_connection() {
    let server = Server::start("endless");
    let mut client = server.connect();
    // It may hang up before all is written.
    let _ = client.write_all("x".repeat(1 << 20).as_bytes());
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest);
    assert!(ask(&mut server.connect(), "get=1\n\n").ends_with("errno=0\n\n"));
}

#[test]
fn a_request_that_is_cut_off_is_not_done() {
    let server = Server::start("cut");
    let mut client = server.connect();
    client.write_all(b"set=1\nlisten_port=8\n").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(read_answer(&mut client), format!("errno=-{}\n\n", Errno::EPROTO as i32));
    assert!(ask(&mut server.connect(), "get=1\n\n").starts_with("listen_port=0\n"));
}

#[test]
fn a_silent_client_blocks_nobody() {
    let server = Server::start("silent");
    let _silent = server.connect();
    let mut halfway = server.connect();
    halfway.write_all(b"set=1\nlisten_").unwrap();
    assert!(ask(&mut server.connect(), "get=1\n\n").ends_with("errno=0\n\n"));
    assert_eq!(ask(&mut halfway, "port=3\n\n"), "errno=0\n\n");
}

#[test]
fn when_all_places_are_taken_the_longest_idle_gives_way() {
    let server = Server::start("crowd");
    let mut clients: Vec<_> = (0..MAX_CLIENTS).map(|_| server.connect()).collect();
    // The first to come is not the longest idle any more.
    assert_eq!(ask(&mut clients[0], "set=1\n\n"), "errno=0\n\n");
    // All are seated before the newcomer: the accept queue keeps their order.
    assert_eq!(ask(clients.last_mut().unwrap(), "set=1\n\n"), "errno=0\n\n");
    assert!(ask(&mut server.connect(), "get=1\n\n").ends_with("errno=0\n\n"));

    assert_eq!(read_answer(&mut clients[1]), "", "the longest idle was hung up on");
    for still_here in [0, 2, MAX_CLIENTS - 1] {
        assert_eq!(ask(&mut clients[still_here], "set=1\n\n"), "errno=0\n\n", "client {still_here}");
    }
}
