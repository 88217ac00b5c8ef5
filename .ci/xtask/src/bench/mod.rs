//! `cargo xtask bench`: implementations of WireGuard side by side, as separate programs, in rounds, so that the ratios
//! hold while the machine drifts. This file knows what is run in which order.

mod implementation;
mod iperf;
mod netns;
mod options;
mod process;
mod results;
mod rows;
mod table;
mod tunnel;
mod wait;

use serde_json::{Value, json};
use xshell::Shell;

use self::implementation::{Implementation, Name};
use self::options::Options;
use self::results::Results;
use self::rows::Row;
use self::tunnel::Tunnel;
use crate::error::Error;
use crate::install;
use crate::skip;

/// Measures and prints what `words` ask for.
pub(crate) fn bench(sh: &Shell, words: &[&str]) -> Result<(), Error> {
    let options = Options::parse(words)?;
    if !install::is_root(sh) {
        skip("the comparison", "it makes interfaces and namespaces, which needs root");
        return Ok(());
    }
    let tools = install::comparison(sh)?;
    let _path = sh.push_env("PATH", tools.path(sh));
    let mut all = Vec::new();
    for name in Name::ALL {
        all.extend(implementation::find(sh, &tools, name)?);
    }
    let mut results = Results::default();
    for round in 1..=options.rounds {
        for who in &all {
            println!("round {round} of {}: {}", options.rounds, who.name.text());
            results.add(who.name, measure(sh, who, &options)?);
        }
    }
    write_json(sh, &results, &all)?;
    let names: Vec<Name> = all.iter().map(|who| who.name).collect();
    print!("\n{}", table::table(&results, &names));
    Ok(())
}

fn write_json(sh: &Shell, results: &Results, all: &[Implementation]) -> Result<(), Error> {
    let each = all.iter().map(|who| {
        let value = json!({ "version": who.version, "rows": results.json(who.name) });
        (who.name.text().to_owned(), value)
    });
    let all = Value::Object(each.collect());
    Ok(sh.write_file("target/bench/results.json", format!("{all:#}\n"))?)
}

fn measure(sh: &Shell, who: &Implementation, options: &Options) -> Result<Vec<(Row, f64)>, Error> {
    let log = sh.create_dir("target/bench")?.join(format!("{}.log", who.name.text()));
    let tunnel = Tunnel::start(sh, who, &log)?;
    let before = tunnel.processor()?;
    let tcp = iperf::tcp(sh, &tunnel, options.seconds, &[])?;
    let used = tunnel.processor()? - before;
    let per_gb = |seconds: f64| seconds / (tcp.received / 1e9);
    Ok(vec![
        (Row::Tcp, tcp.rate()),
        (Row::TcpRetransmitted, tcp.retransmitted),
        (Row::TcpRetransmittedShare, 100.0 * tcp.retransmitted / tcp.segments),
        (Row::Processor, per_gb(used.total())),
        (Row::ProcessorUser, per_gb(used.user)),
        (Row::ProcessorSystem, per_gb(used.system)),
    ])
}
