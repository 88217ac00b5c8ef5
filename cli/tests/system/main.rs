//! System tests: `adit` on real interfaces in network namespaces, with the unmodified `wg`, ping and iperf3, and
//! with wireguard-go as the foreign peer. `cargo xtask system` installs what they need and runs them.
#![allow(clippy::disallowed_methods, reason = "tests wait in real time")]

mod by_hand;
mod changes;
mod demo;
mod differential;
mod full_tunnel;
mod introduction;
mod lab;
mod life;
mod many_peers;
mod offload;
mod path_mtu;
mod qr;
mod quick;
mod quick_bad_days;
mod quick_strangers;
mod quick_sweep;
mod refusals;
mod roaming;
mod show;
mod sleep;
mod traffic;
mod wg_commands;

use std::sync::{Mutex, MutexGuard, PoisonError};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::lab::needs::Need;

/// A test, its name and what the machine must have for it.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    needs: &'static [Need],
    run: fn(),
}

/// Waits for the cores, and has them to itself: two carry one test's two daemons and its traffic.
fn cores() -> MutexGuard<'static, ()> {
    static CORES: Mutex<()> = Mutex::new(());
    // A test that failed with them has left nothing undone that the next one builds on.
    CORES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn main() -> std::process::ExitCode {
    let mut arguments = Arguments::from_args();
    // One thread for the test that has the cores, one for a test that only waits and runs beside the others.
    arguments.test_threads.get_or_insert(2);
    lab::netns::sweep();
    let beside = sleep::CASES.iter().map(|case| trial(*case, || (case.run)()));
    let in_turn = [
        by_hand::CASES,
        demo::CASES,
        differential::CASES,
        life::CASES,
        many_peers::CASES,
        changes::CASES,
        refusals::CASES,
        show::CASES,
        offload::CASES,
        path_mtu::CASES,
        quick::CASES,
        quick_bad_days::CASES,
        quick_strangers::CASES,
        quick_sweep::CASES,
        qr::CASES,
        traffic::CASES,
        wg_commands::CASES,
        roaming::CASES,
        introduction::CASES,
        full_tunnel::CASES,
    ]
    .concat()
    .into_iter()
    .map(|case| {
        trial(case, move || {
            let _cores = cores();
            (case.run)();
        })
    });
    libtest_mimic::run(&arguments, beside.chain(in_turn).collect()).exit_code()
}

/// What a machine lacks makes a test ignored, visibly; where everything is promised, it makes it fail.
fn trial(case: Case, run: impl FnOnce() + Send + 'static) -> Trial {
    Trial::ignorable_test(case.name, move || {
        let missing: Vec<String> = case.needs.iter().filter_map(Need::missing).collect();
        if missing.is_empty() {
            run();
            return Ok(Completion::Completed);
        }
        let reason = missing.join(", ");
        if std::env::var_os("ADIT_TEST_EVERYTHING").is_some() {
            return Err(Failed::from(reason));
        }
        Ok(Completion::ignored_with(reason))
    })
}
