//! What one read from a TUN descriptor with a vnet header may bring, in which nothing, something or all contradicts: the
//! segments, or that there are none, by a second reading of the rules.
#![no_main]

use adit_fuzz::offload::{laws, story};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let (header, packet) = story::super_packet(input);
    laws::split(header, &packet);
});
