//! Long runs, for which no change waits: many simulated worlds, and every fuzz target for long.

use xshell::{Shell, cmd};

use crate::error::Error;
use crate::fuzz;
use crate::shell::plain;
use crate::steps::Steps;

/// How much is run.
struct Amount<'a> {
    seeds: &'a str,
    first_seed: &'a str,
    /// Of each fuzz target.
    seconds: &'a str,
}

/// `--seeds N`, `--from SEED` and `--seconds N`, in any order. 0 leaves a part out.
pub(crate) fn soak(sh: &Shell, options: &[&str]) -> Result<(), Error> {
    let Amount { seeds, first_seed, seconds } = amount(options)?;
    let mut steps = Steps::default();
    if seeds != "0" {
        steps.run("simulation", || {
            let _count = sh.push_env("ADIT_TEST_COUNT", seeds);
            let _first = sh.push_env("ADIT_TEST_SEED", first_seed);
            let build = ["--locked", "--release", "-p", "adit-core", "--test", "simulation"];
            Ok(plain(cmd!(sh, "cargo test {build...} every_run -- --nocapture")).run()?)
        });
    }
    if seconds != "0" {
        steps.run("fuzz", || fuzz::fuzz(sh, &[], Some(seconds)));
    }
    steps.finish()
}

fn amount<'a>(options: &[&'a str]) -> Result<Amount<'a>, Error> {
    let mut amount = Amount { seeds: "200000", first_seed: "0", seconds: "1200" };
    for option in options.chunks(2) {
        match option {
            ["--seeds", number] => amount.seeds = number,
            ["--from", number] => amount.first_seed = number,
            ["--seconds", number] => amount.seconds = number,
            _ => return Err(Error::Usage { text: format!("soak knows no `{}`", option.join(" ")) }),
        }
    }
    Ok(amount)
}
