//! What is shown at the end, and what is written into the folder: all figures, the tables, the targets.

use std::fmt::Write;

use serde_json::{Map, Value, json};
use xshell::{Shell, cmd};

use super::Bench;
use super::comparison::Comparison;
use super::contender::Contender;
use super::implementation::{Kind, Name};
use super::measure::TURNS;
use super::options::Options;
use super::plot;
use super::table::Table;
use super::targets::{Outcome, outcomes};
use crate::error::Error;

/// What a star says.
pub(super) const REFERENCE: &str = "* on an interface that it made itself: it takes no descriptor";

/// Where and when it was measured.
pub(super) struct Machine {
    processor: String,
    processors: usize,
    kernel: String,
    date: String,
    /// How many processes had been running, on the average of a minute, before anything was measured. Much above 0, the
    /// figures are those of a machine that does other work too.
    load: String,
}

impl Machine {
    pub(super) fn this(sh: &Shell) -> Result<Self, Error> {
        let info = sh.read_file("/proc/cpuinfo")?;
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Ok(Self {
            processor: model.map_or_else(|| "unknown".to_owned(), |(_, model)| model.to_owned()),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: cmd!(sh, "uname -sr").quiet().read()?,
            date: cmd!(sh, "date --utc +%FT%RZ").quiet().read()?,
            load: sh.read_file("/proc/loadavg")?.split(' ').next().unwrap_or_default().to_owned(),
        })
    }

    fn text(&self) -> String {
        let Self { processor, processors, kernel, date, load } = self;
        format!("{processor}, {processors} processors, {kernel}, {date}, load before: {load}")
    }
}

/// All of a run.
pub(super) struct Report<'a> {
    pub machine: Machine,
    pub options: &'a Options,
    pub names: Vec<Name>,
    pub bench: &'a Bench<'a>,
}

impl Report<'_> {
    fn comparisons(&self) -> impl Iterator<Item = Comparison<'_>> {
        self.options.kinds.iter().map(|kind| Comparison::new(&self.bench.results, &self.names, *kind))
    }

    fn outcomes(&self) -> Vec<Outcome> {
        self.comparisons().flat_map(|comparison| outcomes(&comparison)).collect()
    }

    /// The machine, the versions, and what the figures are.
    fn heading(&self) -> String {
        let versions: Vec<&str> = self.bench.implementations.iter().map(|who| who.version.as_str()).collect();
        format!(
            "{}\n{}\nmedians of {} rounds, for lonely pings of {TURNS} turns in each; iperf3 runs of {} s; / is adit's \
             figure divided by the other's",
            self.machine.text(),
            versions.join(", "),
            self.options.rounds,
            self.options.seconds
        )
    }

    /// On the terminal.
    pub(super) fn show(&self) {
        println!("\n{}", self.heading());
        for comparison in self.comparisons() {
            println!("\n{}\n\n{}", comparison.kind.text(), Table::new(&comparison).aligned());
            if comparison.has_reference() {
                println!("{REFERENCE}");
            }
        }
        println!();
        for outcome in self.outcomes() {
            println!("{}", outcome.text());
        }
    }

    /// Into the folder.
    pub(super) fn write(&self) -> Result<(), Error> {
        let (sh, out) = (self.bench.sh, &self.options.out);
        sh.write_file(out.join("results.json"), format!("{:#}\n", self.json()))?;
        sh.write_file(out.join("table.md"), self.markdown())?;
        let caption = format!("{}; medians of {} rounds", self.machine.text(), self.options.rounds);
        sh.write_file(out.join("plot.svg"), plot::svg(&self.comparisons().collect::<Vec<_>>(), &caption))?;
        println!("\nwritten to {}: results.json, table.md, plot.svg", out.display());
        Ok(())
    }

    fn markdown(&self) -> String {
        let mut text = self.heading().replace('\n', "  \n") + "\n";
        for comparison in self.comparisons() {
            let table = Table::new(&comparison).markdown();
            // Writing into a string cannot fail.
            let _ = write!(text, "\n## {}\n\n{table}", comparison.kind.text());
            if comparison.has_reference() {
                let _ = write!(text, "\n\\{REFERENCE}\n");
            }
        }
        text
    }

    fn json(&self) -> Value {
        let Machine { processor, processors, kernel, date, load } = &self.machine;
        let versions: Map<String, Value> = self
            .bench
            .implementations
            .iter()
            .map(|who| (who.name.text().to_owned(), json!(who.version)))
            .collect();
        let of_kind = |kind: Kind| -> Map<String, Value> {
            let here = self.names.iter().filter(|name| name.runs_on(kind));
            here.map(|name| {
                let who = Contender { name: *name, kind };
                (name.text().to_owned(), self.bench.results.json(who))
            })
            .collect()
        };
        json!({
            "machine": {
                "processor": processor, "processors": processors, "kernel": kernel, "date": date, "load": load,
            },
            "rounds": self.options.rounds,
            "seconds": self.options.seconds,
            "versions": versions,
            "own": of_kind(Kind::Own),
            "plain": of_kind(Kind::Plain),
            "targets": self.outcomes().iter().map(Outcome::json).collect::<Vec<_>>(),
        })
    }
}
