//! Where adit's time goes: flame graphs of both daemons under load, by perf and inferno. ring's assembly keeps no frame
//! pointer, so that it stands apart from what has called it.

use std::path::Path;

use xshell::{Shell, cmd};

use super::implementation::{Implementation, Kind, Name};
use super::iperf;
use super::options::Options;
use super::tunnel::Tunnel;
use crate::check;
use crate::error::Error;
use crate::install::{self, Package};
use crate::shell::plain;

const INFERNO: Package =
    Package { name: "inferno", release: "0.12.8", program: "inferno-flamegraph", why: "flame graphs" };

/// What the tunnel is loaded with: the picture's name, and iperf3's options.
const LOADS: [(&str, &[&str]); 2] = [("tcp", &[]), ("udp-64", &["-u", "-b", "0", "-l", "64"])];

/// Samples a second, of each thread: no divisor of anything that runs by the clock.
const FREQUENCY: &str = "997";

/// A picture of each load on each kind of interface.
pub(super) fn profile(sh: &Shell, options: &Options) -> Result<(), Error> {
    install::profiler(sh)?;
    let inferno = install::cargo_program(sh, &INFERNO)?;
    let adit = build(sh)?;
    let out = sh.create_dir(&options.out)?;
    for kind in &options.kinds {
        for (load, words) in LOADS {
            let name = format!("profile-{}-{load}", kind.key());
            println!("{name}");
            let data = out.join(&name).with_extension("data");
            record(sh, &adit, *kind, options.seconds, words, &data)?;
            draw(sh, &inferno, &data, &format!("adit, both daemons, {load}, {}", kind.text()))?;
        }
    }
    println!("\nwritten to {}: profile-*.svg, and profile-*.data for perf report", out.display());
    Ok(())
}

/// The release that is compared, but for what a profiler needs: frame pointers, by which it finds callers, and lines.
fn build(sh: &Shell) -> Result<Implementation, Error> {
    let folder = check::target_folder(sh)?.join("profile");
    let _apart = sh.push_env("CARGO_TARGET_DIR", &folder);
    let _callers = sh.push_env("RUSTFLAGS", "-C force-frame-pointers=yes");
    let _lines = sh.push_env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only");
    plain(cmd!(sh, "cargo build --quiet --locked --release").quiet()).run()?;
    Implementation::at(sh, Name::Adit, folder.join("release/adit"))
}

/// Samples both daemons for as long as iperf3 runs.
fn record(
    sh: &Shell,
    adit: &Implementation,
    kind: Kind,
    seconds: u32,
    load: &[&str],
    data: &Path,
) -> Result<(), Error> {
    let tunnel = Tunnel::start(sh, adit, kind, &data.with_extension("log"))?;
    let [client, server] = tunnel.processes();
    let (processes, data) = (format!("{client},{server}"), data.to_string_lossy());
    let perf = ["perf", "record", "--quiet", "-e", "cpu-clock", "-F", FREQUENCY, "-g"];
    let what = ["-p", &processes, "-o", &data, "--"];
    let client = iperf::client(seconds, load);
    let client: Vec<&str> = client.iter().map(String::as_str).collect();
    let command = tunnel.netns[0].command(sh, &[&perf[..], &what, &client].concat());
    Ok(command.ignore_stdout().run()?)
}

fn draw(sh: &Shell, inferno: &Path, data: &Path, title: &str) -> Result<(), Error> {
    // Asking for each sample which functions were inlined there takes hours.
    let samples = cmd!(sh, "perf script --no-inline -i {data}").quiet().ignore_stderr().read()?;
    let collapse = inferno.with_file_name("inferno-collapse-perf");
    let stacks = cmd!(sh, "{collapse}").quiet().stdin(samples).read()?;
    let picture = cmd!(sh, "{inferno} --title {title} --countname ns").quiet().stdin(stacks).read()?;
    Ok(sh.write_file(data.with_extension("svg"), picture)?)
}
