//! Reads requests from the octets that a client sends, in pieces of any size, within fixed bounds. What a
//! request does is not known here.

use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use zeroize::{Zeroize, Zeroizing};

use super::error::printable_key;
use super::{Operation, Reason, Request, RequestError, Set, SetPeer, ZoneLookup, value};
use crate::key::{PresharedKey, PrivateKey, PublicKey};

/// The longest line that is read, in octets. The longest with a meaning is under 100.
pub const MAX_LINE: usize = 1024;

/// The longest request that is read, in octets: some 200,000 peers, each with a few allowed IPs.
pub const MAX_REQUEST: usize = 64 << 20;

/// Reads one request after another.
///
/// A faulty request is read to its end before it is refused: a client that is still writing could not hear
/// the answer. What a client sent is wiped from memory when it has been read. There is no Debug: it would show
/// a half-read key.
pub struct RequestReader {
    zones: ZoneLookup,
    /// The beginning of a line whose end has not come yet.
    line: Zeroizing<Vec<u8>>,
    lines: usize,
    octets: usize,
    draft: Draft,
}

/// A request that is not yet complete.
enum Draft {
    Empty,
    Get,
    Set(Set),
    Refused(RequestError),
}

impl RequestReader {
    /// A reader that asks `zones` for the interfaces that endpoints name.
    pub fn new(zones: ZoneLookup) -> Self {
        // The capacity is never exceeded: a buffer that grew would leave a copy behind.
        let line = Zeroizing::new(Vec::with_capacity(MAX_LINE));
        Self { zones, line, lines: 0, octets: 0, draft: Draft::Empty }
    }

    /// Takes octets off the front of `input`, up to the end of a request or of the input. `None`: more is
    /// needed.
    ///
    /// An error is to be answered with [`RequestError::answer`]; unless it
    /// [is recoverable](RequestError::is_recoverable), the reader is lost within the stream, and the client
    /// shall be left.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Request>, RequestError> {
        while let Some(end) = input.iter().position(|octet| *octet == b'\n') {
            let (piece, rest) = input.split_at(end);
            *input = &rest[1..];
            self.keep(piece, 1)?;
            self.lines += 1;
            let mut line = mem::replace(&mut self.line, Zeroizing::new(Vec::new()));
            let done = self.take_line(&line);
            // Empties it, too, and keeps its capacity.
            line.zeroize();
            self.line = line;
            if done {
                return self.finish().map(Some);
            }
        }
        let piece = mem::take(input);
        self.keep(piece, 0)?;
        Ok(None)
    }

    /// Whether a request has begun and not ended: a client that leaves now was cut off.
    pub fn is_within_request(&self) -> bool {
        self.octets > 0
    }

    /// Adds a piece to the line, within the bounds. `more` counts the line's end.
    fn keep(&mut self, piece: &[u8], more: usize) -> Result<(), RequestError> {
        if self.line.len() + piece.len() > MAX_LINE {
            return Err(self.error(self.lines + 1, None, Reason::LineLength { max: MAX_LINE }));
        }
        self.octets += piece.len() + more;
        if self.octets > MAX_REQUEST {
            return Err(self.error(self.lines + 1, None, Reason::RequestLength { max: MAX_REQUEST }));
        }
        self.line.extend_from_slice(piece);
        Ok(())
    }

    /// Takes a whole line; true when it ends the request.
    fn take_line(&mut self, line: &[u8]) -> bool {
        let is_first = self.lines == 1;
        if line.is_empty() && !is_first {
            return true;
        }
        if let Draft::Refused(_) = self.draft {
            return false;
        }
        if let Err((key, reason)) = self.understand(line, is_first) {
            self.draft = Draft::Refused(self.error(self.lines, key.and_then(printable_key), reason));
        }
        // An empty first line is a request of its own, and refused: nothing may follow it.
        line.is_empty()
    }

    fn understand<'l>(&mut self, line: &'l [u8], is_first: bool) -> Result<(), (Option<&'l str>, Reason)> {
        let line = core::str::from_utf8(line).map_err(|_| (None, Reason::Encoding))?;
        if is_first {
            self.draft = match line {
                "get=1" => Draft::Get,
                "set=1" => Draft::Set(Set::default()),
                _ => return Err((None, Reason::Operation)),
            };
            return Ok(());
        }
        let (key, value) = line.split_once('=').ok_or((None, Reason::NoValue))?;
        let Draft::Set(set) = &mut self.draft else {
            return Err((Some(key), Reason::UnknownKey));
        };
        set_line(set, key, value, self.zones).map_err(|reason| (Some(key), reason))
    }

    /// Gives out what was read and begins anew.
    fn finish(&mut self) -> Result<Request, RequestError> {
        (self.lines, self.octets) = (0, 0);
        match mem::replace(&mut self.draft, Draft::Empty) {
            Draft::Get => Ok(Request::Get),
            Draft::Set(set) => Ok(Request::Set(set)),
            Draft::Refused(error) => Err(error),
            Draft::Empty => Err(self.error(1, None, Reason::Operation)),
        }
    }

    fn error(&self, line: usize, key: Option<String>, reason: Reason) -> RequestError {
        let operation = match &self.draft {
            Draft::Get => Operation::Get,
            Draft::Refused(earlier) => earlier.operation,
            Draft::Empty | Draft::Set(_) => Operation::Set,
        };
        RequestError { operation, line, key, reason }
    }
}

/// One line of `set=1`: the device's until the first peer, then that peer's.
fn set_line(set: &mut Set, key: &str, value: &str, zones: ZoneLookup) -> Result<(), Reason> {
    if key == "public_key" {
        set.peers.push(SetPeer::new(PublicKey::from_hex(value)?));
        return Ok(());
    }
    match set.peers.last_mut() {
        Some(peer) => peer_line(peer, key, value, zones),
        None => device_line(set, key, value),
    }
}

fn device_line(set: &mut Set, key: &str, value: &str) -> Result<(), Reason> {
    match key {
        "private_key" => set.private_key = Some(PrivateKey::from_hex(value)?),
        "listen_port" => set.listen_port = Some(value::port(value)?),
        "fwmark" => set.fwmark = Some(value::fwmark(value)?),
        "replace_peers" => {
            value::switch(value)?;
            set.replace_peers = true;
        }
        _ => return Err(Reason::UnknownKey),
    }
    Ok(())
}

fn peer_line(peer: &mut SetPeer, key: &str, value: &str, zones: ZoneLookup) -> Result<(), Reason> {
    match key {
        "preshared_key" => peer.preshared_key = Some(PresharedKey::from_hex(value)?),
        "endpoint" => peer.endpoint = Some(value::endpoint(value, zones)?),
        "persistent_keepalive_interval" => peer.persistent_keepalive = Some(value::keepalive(value)?),
        "allowed_ip" => peer.allowed_ips.push(value::allowed_ip_change(value)?),
        "protocol_version" => value::protocol_version(value)?,
        "remove" => {
            value::switch(value)?;
            peer.remove = true;
        }
        "update_only" => {
            value::switch(value)?;
            peer.update_only = true;
        }
        "replace_allowed_ips" => {
            value::switch(value)?;
            // It empties the list as it stands at this line, so what was named above it goes, too.
            peer.allowed_ips.clear();
            peer.replace_allowed_ips = true;
        }
        _ => return Err(Reason::UnknownKey),
    }
    Ok(())
}

impl SetPeer {
    /// A change that makes the peer if it is not there, and changes nothing else.
    pub fn new(public_key: PublicKey) -> Self {
        Self {
            public_key,
            remove: false,
            update_only: false,
            preshared_key: None,
            endpoint: None,
            persistent_keepalive: None,
            replace_allowed_ips: false,
            allowed_ips: Vec::new(),
        }
    }
}
