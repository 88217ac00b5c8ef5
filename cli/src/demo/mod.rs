//! `demo`: the main job on one machine. Two tunnels get keys, configurations and a QR code, connect, ping and move
//! data, and tell what they see.

mod host;
mod journal;
mod loopback;
#[cfg(target_os = "linux")]
mod netns;
mod packet;
mod parties;
mod ping;
mod qr;
mod transfer;
mod wire;

use std::io::{self, Write};
use std::time::Duration;

use adit_core::config::Config;
use adit_core::device::{Device, DeviceError};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime::{Builder, Runtime};

use crate::args::DemoArgs;
use crate::clock;
use crate::status_text::{Style, write_pretty};
use journal::ConnectError;
#[cfg(target_os = "linux")]
use netns::NetnsError;
use parties::{Parties, ShowConfigError};
use ping::PingError;
use qr::QrError;
use transfer::{TransferError, Transferred};

/// Why the demo did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// Nobody to show it to.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
    /// The system refused something.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A tunnel did not start, or ended.
    #[error("the {party}'s tunnel: {source}")]
    Device {
        /// Whose.
        party: &'static str,
        /// Why.
        source: DeviceError,
    },
    #[error(transparent)]
    Config(#[from] ShowConfigError),
    #[error(transparent)]
    Qr(#[from] QrError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Ping(#[from] PingError),
    #[error(transparent)]
    Transfer(#[from] TransferError),
    #[cfg(target_os = "linux")]
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// Namespaces are Linux's.
    #[cfg(not(target_os = "linux"))]
    #[error("--netns needs Linux; run `adit demo` without it")]
    NoNamespaces,
    /// Not everything arrived as it was sent.
    #[error("{corrupt} packets arrived other than they were sent; please report it")]
    Corrupt {
        /// How many.
        corrupt: u64,
    },
}

/// Names what was tried when the system refuses it.
fn system(action: &'static str) -> impl FnOnce(io::Error) -> DemoError {
    move |source| DemoError::System { action, source }
}

/// Names whose tunnel it was.
fn tunnel(party: &'static str) -> impl FnOnce(DeviceError) -> DemoError {
    move |source| DemoError::Device { party, source }
}

/// Runs the demo to its end.
pub(crate) fn run(args: &DemoArgs, out: &mut impl Write) -> Result<(), DemoError> {
    if !args.netns {
        return loopback::run(args.bytes, out);
    }
    #[cfg(target_os = "linux")]
    return netns::run(args.bytes, out);
    #[cfg(not(target_os = "linux"))]
    Err(DemoError::NoNamespaces)
}

/// Shows both configurations and gives the client's as it was read from its QR code.
fn introduce(parties: &Parties, out: &mut impl Write) -> Result<Config, DemoError> {
    headline(out, "Configurations")?;
    parties::show(&parties.server, "server.conf", out)?;
    writeln!(out)?;
    parties::show(&parties.client, "client.conf", out)?;
    headline(out, "The client's as a QR code, for a phone")?;
    Ok(qr::draw_and_read_back(&parties.client, out)?)
}

/// Both tunnels at the end of the story.
struct Ends {
    server: Device,
    client: Device,
}

impl Ends {
    /// As `adit show`, and then nothing is left of them.
    fn show_and_stop(self, out: &mut impl Write) -> Result<(), DemoError> {
        headline(out, "What both ends say")?;
        let runtime = runtime()?;
        for (index, (party, device)) in
            [("server", &self.server), ("client", &self.client)].iter().enumerate()
        {
            if index > 0 {
                writeln!(out)?;
            }
            let status = runtime.block_on(device.status()).map_err(tunnel(party))?;
            write_pretty(out, party, &status, Style::from_environment(), clock::since_epoch())?;
        }
        runtime.block_on(async {
            self.client.stop().await;
            self.server.stop().await;
        });
        Ok(out.flush()?)
    }
}

/// Where the demo waits for its tunnels, which have threads of their own.
fn runtime() -> Result<Runtime, DemoError> {
    Builder::new_current_thread().enable_io().build().map_err(system("start an event loop"))
}

/// Begins a part of the story.
fn headline(out: &mut impl Write, text: &str) -> io::Result<()> {
    writeln!(out, "\n{text}\n")?;
    out.flush()
}

/// On a terminal only; nothing is drawn in a pipe.
fn progress_bar(octets: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "    {bar:40} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(octets).with_style(style)
}

/// "1.00 GB in 3.1 s, 2.6 Gbit/s", in decimal units, as networks are measured.
fn rate(octets: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    const UNITS: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    let (unit, size) = UNITS.into_iter().find(|(_, size)| octets >= *size).unwrap_or(("B", 1));
    let amount = octets as f64 / size as f64;
    format!("{amount:.2} {unit} in {seconds:.1} s, {:.1} Gbit/s", octets as f64 * 8.0 / seconds / 1e9)
}

/// What was moved, and whether all of it arrived as sent.
fn write_result(out: &mut impl Write, transferred: Transferred) -> Result<(), DemoError> {
    let Transferred { octets, elapsed, lost, corrupt } = transferred;
    writeln!(out, "    {}, {lost} lost, {corrupt} corrupt", rate(octets, elapsed))?;
    if corrupt != 0 {
        return Err(DemoError::Corrupt { corrupt });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_decimal() {
        let text = rate(1_000_000_000, Duration::from_millis(3_100));
        assert_eq!(text, "1.00 GB in 3.1 s, 2.6 Gbit/s");
        assert_eq!(rate(2_500_000, Duration::from_secs(1)), "2.50 MB in 1.0 s, 0.0 Gbit/s");
    }

    #[test]
    fn corruption_is_a_failure() {
        let transferred = Transferred { octets: 1, elapsed: Duration::from_secs(1), lost: 0, corrupt: 2 };
        let result = write_result(&mut Vec::new(), transferred);
        assert!(matches!(result, Err(DemoError::Corrupt { corrupt: 2 })));
    }
}
