//! A thousand generated configurations, each brought up by `wg-quick` in one namespace and by `adit` in another: both
//! take it or both refuse it, and then device, addresses, MTU, routes, rules and name servers are the same.
//!
//! ADIT_TEST_SEED and ADIT_TEST_COUNT ask for others. What is generated is one room, how it is tried another one, and
//! in which few cases the tools may differ a third.

mod exceptions;
mod generate;
mod trial;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Case;
use crate::lab::needs::Need;
use trial::{Outcome, Twins};

pub(crate) const CASES: &[Case] =
    &[Case { name: "a_thousand_configurations_as_wg_quick_takes_them", needs: NEEDS, run: a_thousand }];

const NEEDS: &[Need] = &[Need::Root, Need::Program("wg"), Need::Program("wg-quick"), Need::Program("nft")];

/// Pairs of namespaces that work side by side: one for each core of the smallest machine.
const WORKERS: usize = 2;

/// What came of all of them.
#[derive(Default)]
struct Tally {
    accepted: u64,
    refused: u64,
    exceptions: BTreeMap<&'static str, u64>,
    differences: Vec<String>,
}

impl Tally {
    fn add(&mut self, number: u64, text: &str, outcome: Outcome) {
        match outcome {
            Outcome::Accepted => self.accepted += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Excepted(reason) => *self.exceptions.entry(reason).or_default() += 1,
            Outcome::Different(how) => {
                self.differences.push(format!("-- configuration {number}: {how}\n{text:?}\n{text}\n"));
            }
        }
    }

    fn print(&self, seed: u64, count: u64) {
        println!("seed {seed}, {count} configurations: {} accepted, {} refused", self.accepted, self.refused);
        for (reason, count) in &self.exceptions {
            println!("{count} taken otherwise: {reason}");
        }
        self.differences.iter().for_each(|difference| println!("{difference}"));
    }
}

fn number_in(variable: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(variable) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text:?}"))
}

fn a_thousand() {
    let (seed, count) = (number_in("ADIT_TEST_SEED", 1), number_in("ADIT_TEST_COUNT", 1000));
    let (tally, next) = (Mutex::new(Tally::default()), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let twins = Twins::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    let text = generate::configuration(seed, number);
                    let outcome = twins.compare(&text);
                    tally.lock().expect("nobody has panicked").add(number, &text, outcome);
                }
            });
        }
    });
    let tally = tally.into_inner().expect("nobody has panicked");
    tally.print(seed, count);
    assert!(tally.differences.is_empty(), "{} of {count} differ", tally.differences.len());
    // What is generated must go on to mean something.
    assert!(tally.accepted * 100 >= count * 40, "{} of {count} are accepted", tally.accepted);
    assert!(tally.refused * 100 >= count * 25, "{} of {count} are refused", tally.refused);
}
