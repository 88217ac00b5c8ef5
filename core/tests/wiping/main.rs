//! Behaviour 23: keys are wiped, not merely forgotten. A process of its own, since it looks at all of its memory.
#![cfg(target_os = "linux")]
#![allow(unreachable_pub, reason = "each room of this test is a module of one binary")]

mod configuration;
mod engine;
mod heap;
#[path = "../protocol/known.rs"]
mod known;
#[expect(dead_code, reason = "this needs less of it than the protocol's tests")]
#[path = "../protocol/packet.rs"]
mod packet;
#[path = "../protocol/strangers.rs"]
mod strangers;

use std::sync::{Mutex, MutexGuard, PoisonError};

use heap::Heap;

#[global_allocator]
static HEAP: Heap = Heap::new();

/// One test after the other: each looks at what all of the process does.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn p23_what_is_not_wiped_is_found() {
    let _alone = alone();
    let secret = [0x66; 32];
    HEAP.watch(&[secret]);
    let careless = secret.to_vec();
    assert_eq!((HEAP.holds(&secret), HEAP.leaks()), (true, 0));
    drop(careless);
    assert_eq!((HEAP.holds(&secret), HEAP.leaks()), (false, 1));
}
