//! Tables that say which peer a packet belongs to: by inner address, and by the index on the wire. They know a
//! peer by its number only.

pub(crate) mod allowed_ips;
mod prefix;
pub(crate) mod receiver_index;
