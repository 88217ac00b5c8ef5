//! The command line of `cargo xtask bench`.

use crate::error::Error;

/// What is asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    pub rounds: u32,
    /// Of each iperf3 run.
    pub seconds: u32,
}

impl Options {
    pub(super) fn parse(words: &[&str]) -> Result<Self, Error> {
        let mut options = Self { rounds: 5, seconds: 5 };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().copied().unwrap_or_default();
            match *word {
                "--quick" => options.seconds = 3,
                "--rounds" => options.rounds = number(word, value())?,
                "--seconds" => options.seconds = number(word, value())?,
                _ => return Err(Error::Usage { text: format!("bench knows no `{word}`") }),
            }
        }
        Ok(options)
    }
}

/// At least one.
fn number(option: &str, value: &str) -> Result<u32, Error> {
    value
        .parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| Error::Usage { text: format!("{option} takes a number from 1 on, not `{value}`") })
}
