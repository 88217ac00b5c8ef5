//! The words of `wg set`: a change said on the command line, the interface first and then its peers. No key is ever
//! repeated to the user, for it may be a secret one in the wrong place.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::slice;

use adit_core::config::{AllowedIpChange, Attribute, Reason, value};
use adit_core::uapi::{Set, SetPeer};

use super::allowed_ip;
use crate::endpoint::{EndpointError, resolve};
use crate::key_file::{self, KeyFileError};

/// Why the words are no change.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WordsError {
    /// Not one of the interface's words.
    #[error(
        "{word} is no setting of an interface; these are listen-port, fwmark and private-key, each with a value, \
         and then `peer KEY` with the peer's"
    )]
    Interface {
        /// What stands there.
        word: String,
    },
    /// Not one of a peer's words.
    #[error(
        "{word} is no setting of a peer; these are remove, preshared-key, endpoint, persistent-keepalive and \
         allowed-ips, and an interface's settings come before its first peer"
    )]
    Peer {
        /// What stands there.
        word: String,
    },
    /// The last word asks for another one.
    #[error("`{word}` is the last word, and its value is missing")]
    NoValue {
        /// The last word.
        word: &'static str,
    },
    /// Not what the word asks for.
    #[error("`{word}` must be {}, not {value}", attribute.expected())]
    Value {
        /// What it is for.
        word: &'static str,
        /// The key that it has in a configuration.
        attribute: Attribute,
        /// What stands there.
        value: String,
    },
    /// A key's file gives no key.
    #[error("`{word}`: {source}")]
    KeyFile {
        /// Which key's.
        word: &'static str,
        /// Why.
        source: KeyFileError,
    },
    /// A name has no address.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

/// The change that these words ask for.
pub(crate) fn from_words(words: &[OsString]) -> Result<Set, WordsError> {
    let mut words = Words(words.iter());
    let mut set = Set::default();
    while let Some(word) = words.0.next() {
        match set.peers.last_mut() {
            _ if word == "peer" => {
                let public_key = words.value("peer", Attribute::PublicKey, value::public_key)?;
                set.peers.push(SetPeer::new(public_key));
            }
            None => words.interface(word, &mut set)?,
            Some(peer) => words.peer(word, peer)?,
        }
    }
    for peer in set.peers.iter_mut().filter(|peer| peer.remove) {
        *peer = SetPeer { remove: true, ..SetPeer::new(peer.public_key) };
    }
    Ok(set)
}

/// The words that are still to be read.
struct Words<'a>(slice::Iter<'a, OsString>);

impl Words<'_> {
    fn interface(&mut self, word: &OsStr, set: &mut Set) -> Result<(), WordsError> {
        match word.to_str() {
            Some("listen-port") => {
                let port = self.value("listen-port", Attribute::ListenPort, value::listen_port)?;
                set.listen_port = Some(port.map_or(0, u16::from));
            }
            Some("fwmark") => set.fwmark = Some(self.value("fwmark", Attribute::FwMark, value::fwmark)?),
            Some("private-key") => {
                let key = self.key_file("private-key", Attribute::PrivateKey, value::private_key)?;
                set.private_key = Some(key);
            }
            _ => return Err(WordsError::Interface { word: shown(word) }),
        }
        Ok(())
    }

    fn peer(&mut self, word: &OsStr, peer: &mut SetPeer) -> Result<(), WordsError> {
        match word.to_str() {
            Some("remove") => peer.remove = true,
            Some("preshared-key") => {
                let key = self.key_file("preshared-key", Attribute::PresharedKey, value::preshared_key)?;
                peer.preshared_key = Some(key);
            }
            Some("endpoint") => {
                let endpoint = self.value("endpoint", Attribute::Endpoint, value::endpoint)?;
                peer.endpoint = Some(resolve(&endpoint)?);
            }
            Some("persistent-keepalive") => {
                let seconds =
                    self.value("persistent-keepalive", Attribute::PersistentKeepalive, value::keepalive)?;
                peer.persistent_keepalive = Some(seconds);
            }
            Some("allowed-ips") => {
                let networks = self.value("allowed-ips", Attribute::AllowedIps, value::allowed_ips)?;
                let is_listed = |change| change == AllowedIpChange::Listed;
                peer.replace_allowed_ips = networks.iter().all(|entry| is_listed(entry.change));
                peer.allowed_ips.extend(networks.iter().map(allowed_ip));
            }
            _ => return Err(WordsError::Peer { word: shown(word) }),
        }
        Ok(())
    }

    /// The word after this one, as what it must be.
    fn value<T>(
        &mut self,
        word: &'static str,
        attribute: Attribute,
        read: fn(&str) -> Result<T, Reason>,
    ) -> Result<T, WordsError> {
        let value = self.0.next().ok_or(WordsError::NoValue { word })?;
        let read = value.to_str().and_then(|text| read(text).ok());
        read.ok_or_else(|| WordsError::Value { word, attribute, value: shown(value) })
    }

    /// The key in the file that the word after this one names. An empty file takes the key away.
    fn key_file<T>(
        &mut self,
        word: &'static str,
        attribute: Attribute,
        read: fn(&str) -> Result<Option<T>, Reason>,
    ) -> Result<Option<T>, WordsError> {
        let path = self.0.next().ok_or(WordsError::NoValue { word })?;
        let text = key_file::read(Path::new(path)).map_err(|source| WordsError::KeyFile { word, source })?;
        let Some(text) = text else { return Ok(None) };
        let value = || format!("what is in {}", path.display());
        read(&text).map_err(|_| WordsError::Value { word, attribute, value: value() })
    }
}

/// The word in quotes, unless it may be a secret.
fn shown(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    match &*text {
        "" => "an empty word".into(),
        text if key_file::looks_like_key(text) => "something like a key".into(),
        text => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests;
