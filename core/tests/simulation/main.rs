//! Engines in a world that does to them what networks and machines do: loss, delay, reordering, doubling, spoiling, NATs
//! that forget, partitions, moves, clocks that step and drift, sleep, restarts, strangers. An oracle that knows nothing of
//! the engine says what is right.
//!
//! A seed is a run. `ADIT_TEST_SEED` and `ADIT_TEST_COUNT` choose them; a seed that fails is told with the few steps that
//! it needs to.

#![allow(unreachable_pub, reason = "each room of this test is a module of one binary")]

mod acts;
mod dice;
mod end;
mod network;
mod oracle;
#[path = "../protocol/packet.rs"]
mod packet;
mod plan;
mod shrink;
#[path = "../protocol/strangers.rs"]
mod strangers;
mod verdict;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use oracle::Violation;
use plan::Plan;
use world::Summary;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {text}")))
}

/// A panic is a failure like any other.
fn outcome(plan: &Plan) -> Result<Summary, Violation> {
    catch_unwind(AssertUnwindSafe(|| verdict::run(plan))).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
        Err(Violation { at: Duration::ZERO, what: format!("a panic: {said}") })
    })
}

/// What a person needs to find the fault.
fn report(seed: u64, violation: &Violation) -> String {
    let shrunk = shrink::shrink(Plan::from_seed(seed), |plan| outcome(plan).is_err());
    let again = outcome(&shrunk).map_or_else(|again| again.to_string(), |_| "nothing".to_owned());
    format!(
        "seed {seed} fails {violation}\nwith these steps alone it fails {again}\n{shrunk}again: ADIT_TEST_SEED={seed} \
         ADIT_TEST_COUNT=1 cargo test -p adit-core --test simulation"
    )
}

#[test]
fn every_run_ends_well() {
    let first = number("ADIT_TEST_SEED").unwrap_or(0);
    let count = number("ADIT_TEST_COUNT").unwrap_or(500);
    let next = AtomicU64::new(first);
    let work = || {
        let mut all = Summary::default();
        let mut failed = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return (all, failed);
            }
            match outcome(&Plan::from_seed(seed)) {
                Ok(summary) => all.add(&summary),
                Err(violation) => failed.push((seed, violation)),
            }
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let done: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let mut all = Summary::default();
    let mut failed = Vec::new();
    for (summary, violations) in done {
        all.add(&summary);
        failed.extend(violations);
    }
    failed.sort_by_key(|(seed, _)| *seed);
    println!(
        "{count} runs from seed {first}: {} h simulated, {} datagrams, {} packets delivered, {} failed",
        all.simulated.as_secs() / 3_600,
        all.datagrams,
        all.delivered,
        failed.len()
    );
    for (seed, violation) in failed.iter().skip(3) {
        println!("seed {seed} fails {violation}");
    }
    let reports: Vec<_> = failed.iter().take(3).map(|(seed, violation)| report(*seed, violation)).collect();
    assert!(reports.is_empty(), "{}", reports.join("\n\n"));
}

/// Each found a fault of the engine once.
const TELLING: [u64; 3] = [10_897, 80_095, 182_884];

#[test]
fn seeds_that_found_a_fault_end_well() {
    for seed in TELLING {
        if let Err(violation) = outcome(&Plan::from_seed(seed)) {
            panic!("{}", report(seed, &violation));
        }
    }
}

#[test]
fn a_seed_replays_a_run_exactly() {
    for seed in 0..20 {
        let plan = Plan::from_seed(seed);
        assert_eq!(outcome(&plan), outcome(&plan), "seed {seed}");
    }
}
