//! A list of steps, timed, of which a failing one does not stop the rest.

use std::time::{Duration, Instant};

use crate::error::Error;

/// What has been run so far.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<(&'static str, Duration, Result<(), Error>)>,
}

impl Steps {
    pub(crate) fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<(), Error>) {
        println!("\n== {name}");
        #[expect(clippy::disallowed_methods, reason = "the machine that runs the automation does not sleep")]
        let begin = Instant::now();
        let result = step();
        if let Err(error) = &result {
            println!("failed: {error}");
        }
        self.done.push((name, begin.elapsed(), result));
    }

    /// Prints what each step took and fails if one did.
    pub(crate) fn finish(self) -> Result<(), Error> {
        println!();
        for (name, time, result) in &self.done {
            let outcome = if result.is_ok() { "ok" } else { "FAILED" };
            println!("{:>6.1} s  {outcome:<6}  {name}", time.as_secs_f64());
        }
        let failed: Vec<&str> =
            self.done.iter().filter(|(.., result)| result.is_err()).map(|(name, ..)| *name).collect();
        if failed.is_empty() { Ok(()) } else { Err(Error::Steps { failed: failed.join(", ") }) }
    }
}
