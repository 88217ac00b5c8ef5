//! What a correct WireGuard engine does, one test for each numbered behaviour: `p22_...` is number 22. Engines talk over a
//! simulated network with a simulated clock; a seed replays a run exactly.

#![allow(unreachable_pub, reason = "each room of this test is a module of one binary")]

mod accounts;
mod agreement;
mod changes;
mod cookie_oracle;
mod cookies;
mod handshake;
mod keypairs;
mod known;
mod link;
mod load;
mod low_order;
mod messages;
mod oracle;
mod packet;
mod packets;
mod roaming;
mod sessions;
mod strangers;
mod timers;
mod world;
