//! What stands on the wire: the protocol's own messages, and as much of an inner IP packet as routing needs.
//! Nothing here knows a key.

pub mod icmp;
pub mod ip;
pub mod message;
