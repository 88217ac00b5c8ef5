//! The command line of `cargo xtask bench`.

use std::path::PathBuf;

use super::implementation::{Kind, Name};
use super::rows::Group;
use crate::error::Error;

/// What is asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    pub rounds: u32,
    /// Of each iperf3 run.
    pub seconds: u32,
    pub names: Vec<Name>,
    pub kinds: Vec<Kind>,
    pub groups: Vec<Group>,
    /// Where the results go.
    pub out: PathBuf,
    /// Flame graphs instead of the comparison.
    pub profile: bool,
}

impl Options {
    pub(super) fn parse(words: &[&str]) -> Result<Self, Error> {
        let mut options = Self {
            rounds: 5,
            seconds: 5,
            names: Name::ALL.to_vec(),
            kinds: Kind::ALL.to_vec(),
            groups: Group::ALL.to_vec(),
            out: "target/bench".into(),
            profile: false,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--quick" => options.seconds = 3,
                "--profile" => options.profile = true,
                _ => {
                    let value = words.next().copied().unwrap_or_default();
                    options.set(word, value)?;
                }
            }
        }
        Ok(options)
    }

    fn set(&mut self, option: &str, value: &str) -> Result<(), Error> {
        match option {
            "--rounds" => self.rounds = number(option, value)?,
            "--seconds" => self.seconds = number(option, value)?,
            "--only" => self.names = chosen(option, value, &Name::ALL, Name::text)?,
            "--kind" => self.kinds = chosen(option, value, &Kind::ALL, Kind::key)?,
            "--rows" => self.groups = chosen(option, value, &Group::ALL, Group::key)?,
            "--out" if !value.is_empty() => self.out = value.into(),
            "--out" => return Err(Error::Usage { text: "--out takes a folder".to_owned() }),
            _ => return Err(Error::Usage { text: format!("bench knows no `{option}`") }),
        }
        Ok(())
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

/// Those that a list with commas names, in our order.
fn chosen<T: Copy>(
    option: &str,
    value: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<Vec<T>, Error> {
    let names: Vec<&str> = value.split(',').collect();
    if let Some(unknown) = names.iter().find(|wanted| !all.iter().any(|one| name(*one) == **wanted)) {
        let known: Vec<&str> = all.iter().map(|one| name(*one)).collect();
        let known = known.join(",");
        return Err(Error::Usage { text: format!("{option} takes of {known}, not `{unknown}`") });
    }
    Ok(all.iter().copied().filter(|one| names.contains(&name(*one))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_in_any_order() {
        let options =
            Options::parse(&["--only", "gotatun,adit", "--quick", "--rows", "ping", "--rounds", "2"])
                .unwrap();
        assert_eq!((options.rounds, options.seconds), (2, 3));
        assert_eq!(options.names, [Name::Adit, Name::Gotatun]);
        assert_eq!(options.groups, [Group::Ping]);
        assert_eq!(options.kinds, Kind::ALL);
    }

    #[test]
    fn what_means_nothing_is_refused_with_what_would() {
        for (words, text) in [
            (vec!["--rounds", "0"], "--rounds takes a number from 1 on, not `0`"),
            (vec!["--kind", "own,tap"], "--kind takes of own,plain, not `tap`"),
            (vec!["--only"], "--only takes of adit,wireguard-go,gotatun,boringtun, not ``"),
            (vec!["--out"], "--out takes a folder"),
            (vec!["fast"], "bench knows no `fast`"),
        ] {
            assert_eq!(Options::parse(&words).unwrap_err().to_string(), text);
        }
    }
}
