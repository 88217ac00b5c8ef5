//! Any octets as what a client asks and as what a daemon answers: in pieces or whole they mean the same, and what is
//! read can be written and read again.
#![no_main]

use adit_core::uapi::{Request, RequestError, RequestReader, Set, parse_status, write_set, write_status};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // The first octet says how much a client writes at once.
    let Some((size, text)) = input.split_first() else { return };
    let requests = read([text]);
    assert_eq!(requests, read(text.chunks(usize::from(*size).max(1))));
    for request in requests.iter().flatten() {
        if let Request::Set(set) = request {
            check_set(set);
        }
    }
    if let Ok(text) = std::str::from_utf8(text) {
        check_status(text);
    }
});

/// What comes of all that a client writes, up to an error after which nothing can be read.
fn read<'i>(pieces: impl IntoIterator<Item = &'i [u8]>) -> Vec<Result<Request, RequestError>> {
    let mut reader = RequestReader::new(zones);
    let mut read = Vec::new();
    for mut piece in pieces {
        while !piece.is_empty() {
            let request = reader.read(&mut piece);
            let is_lost = request.as_ref().is_err_and(|error| !error.is_recoverable());
            read.extend(request.transpose());
            if is_lost {
                return read;
            }
        }
    }
    read
}

/// A machine with one interface, number 7, that knows all others by their numbers.
fn zones(name: &str) -> Option<u32> {
    if name == "eth0" { Some(7) } else { name.parse().ok() }
}

fn check_set(set: &Set) {
    let text = write_set(set);
    let read = read([text.as_bytes()]);
    assert!(matches!(&read[..], [Ok(Request::Set(again))] if again == set), "{set:?}\n{}\n{read:?}", *text);
}

fn check_status(text: &str) {
    if let Ok(status) = parse_status(text, zones) {
        let written = write_status(&status);
        assert_eq!(parse_status(&written, zones).as_ref(), Ok(&status), "{}", *written);
    }
}
