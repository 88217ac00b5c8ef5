//! Live engines and whatever may happen to them, in any order: datagrams lost, doubled, changed with a right mac1,
//! replayed from elsewhere; crafted payloads in good sessions; time, sleep, clocks that step; changes of all that can
//! be configured. After each action everything that must hold holds, and after the last one the engines still find
//! each other, and then fall silent.
#![no_main]

mod action;
mod ending;
mod input;
mod mac1;
mod model;
mod packet;
mod world;

use input::Input;
use libfuzzer_sys::fuzz_target;
use world::World;

/// A longer story tells nothing new.
const MOST_ACTIONS: usize = 200;

fuzz_target!(|octets: &[u8]| {
    let mut world = World::new();
    let mut input = Input::new(octets);
    for _ in 0..MOST_ACTIONS {
        if action::act(&mut world, &mut input).is_none() {
            break;
        }
        world.check();
    }
    ending::assert_reconnects(&mut world);
    ending::assert_falls_silent(&mut world);
});
