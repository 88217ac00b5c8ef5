//! Sessions: the keys that a handshake gave and what is done with them. Nothing here knows a peer or a timer;
//! age and number of messages are judged at each use, so a machine that slept is not fooled.

mod aead;
pub(crate) mod keypair;
pub(crate) mod keyring;
pub(crate) mod replay;
