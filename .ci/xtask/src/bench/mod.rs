//! `cargo xtask bench`: implementations of WireGuard side by side, as separate programs, in rounds, so that the ratios
//! hold while the machine drifts. This file knows what is run in which order.

mod comparison;
mod contender;
mod daemon;
mod implementation;
mod iperf;
mod measure;
mod netns;
mod options;
mod ping;
mod plain_tun;
mod plot;
mod process;
mod profile;
mod report;
mod results;
mod rows;
mod table;
mod targets;
mod tunnel;
mod wait;

use std::path::PathBuf;

use xshell::Shell;

use self::contender::{Contender, contenders};
use self::implementation::{Implementation, Name};
use self::measure::Figures;
use self::options::Options;
use self::report::{Machine, Report};
use self::results::Results;
use self::rows::Group;
use self::tunnel::Tunnel;
use crate::error::Error;
use crate::install;
use crate::skip;

/// Measures and shows what `words` ask for. What could not be measured is told, and fails at the end.
pub(crate) fn bench(sh: &Shell, words: &[&str]) -> Result<(), Error> {
    let options = Options::parse(words)?;
    if !install::is_root(sh) {
        skip("the comparison", "it makes interfaces and namespaces, which needs root");
        return Ok(());
    }
    let tools = install::comparison(sh)?;
    let _path = sh.push_env("PATH", tools.path(sh));
    if options.profile {
        return profile::profile(sh, &options);
    }
    let mut implementations = Vec::new();
    for name in &options.names {
        match Implementation::find(sh, &tools, *name)? {
            Some(implementation) => implementations.push(implementation),
            None => skip(name.text(), "it is not here, and left out of the comparison"),
        }
    }
    if implementations.is_empty() {
        return Ok(());
    }
    let machine = Machine::this(sh)?;
    let mut bench = Bench { sh, options: &options, implementations, results: Results::default(), failed: 0 };
    bench.start_logs()?;
    // Load first would leave the machine, or its host, in another state.
    if [Group::Ping, Group::Rest].iter().any(|group| options.groups.contains(group)) {
        (1..=options.rounds).for_each(|round| bench.quiet(round));
    }
    (1..=options.rounds).for_each(|round| bench.load(round));
    let names: Vec<Name> = bench.implementations.iter().map(|who| who.name).collect();
    let report = Report { machine, options: &options, names, bench: &bench };
    report.show();
    report.write()?;
    match bench.failed {
        0 => Ok(()),
        failed => Err(Error::Unmeasured { failed }),
    }
}

/// A run of the command.
struct Bench<'a> {
    sh: &'a Shell,
    options: &'a Options,
    implementations: Vec<Implementation>,
    results: Results,
    /// How many times something could not be measured.
    failed: u32,
}

impl Bench<'_> {
    /// What each daemon says in this run goes to one file.
    fn start_logs(&self) -> Result<(), Error> {
        for who in &self.implementations {
            self.sh.write_file(self.log(who), "")?;
        }
        Ok(())
    }

    fn log(&self, who: &Implementation) -> PathBuf {
        self.sh.current_dir().join(&self.options.out).join(format!("{}.log", who.name.text()))
    }

    /// Everyone, another first each time: whoever comes after all have been idle finds the machine colder than the rest.
    fn contenders(&self, round: u32) -> Vec<Contender> {
        let names: Vec<Name> = self.implementations.iter().map(|who| who.name).collect();
        let mut contenders = contenders(&names, &self.options.kinds);
        let first = (round as usize - 1) % contenders.len();
        contenders.rotate_left(first);
        contenders
    }

    /// Everyone once, under load.
    fn load(&mut self, round: u32) {
        for contender in self.contenders(round) {
            println!("round {round} of {}: {}", self.options.rounds, contender.text());
            let mut figures = Vec::new();
            let done = self
                .tunnel(contender)
                .and_then(|tunnel| measure::load(self.sh, &tunnel, self.options, &mut figures));
            self.results.add(contender, figures);
            if let Err(error) = done {
                self.tell(&contender.text(), &error);
            }
        }
    }

    /// What load does not show is compared within the same seconds: all tunnels are up at once.
    fn quiet(&mut self, round: u32) {
        println!("round {round} of {}: all of them, with little to do", self.options.rounds);
        let (mut up, mut tunnels) = (Vec::new(), Vec::new());
        for contender in self.contenders(round) {
            match self.tunnel(contender) {
                Ok(tunnel) => {
                    up.push(contender);
                    tunnels.push(tunnel);
                }
                Err(error) => self.tell(&contender.text(), &error),
            }
        }
        if self.options.groups.contains(&Group::Ping) {
            self.add(&up, "pings", measure::pings(self.sh, &tunnels));
        }
        if self.options.groups.contains(&Group::Rest) {
            self.add(&up, "idle", measure::idle(&mut tunnels));
        }
    }

    /// The figures of each of some, or why there are none of any.
    fn add(&mut self, of: &[Contender], what: &str, measured: Result<Vec<Figures>, Error>) {
        match measured {
            Ok(all) => of.iter().zip(all).for_each(|(who, figures)| self.results.add(*who, figures)),
            Err(error) => self.tell(what, &error),
        }
    }

    fn tunnel(&self, contender: Contender) -> Result<Tunnel, Error> {
        let who = self.implementations.iter().find(|who| who.name == contender.name);
        let who = who.expect("contenders are made of those that are here");
        Tunnel::start(self.sh, who, contender.kind, &self.log(who))
    }

    fn tell(&mut self, what: &str, error: &Error) {
        println!("failed: {what}: {error}");
        self.failed += 1;
    }
}
