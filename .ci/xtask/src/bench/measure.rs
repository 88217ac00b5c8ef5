//! What is done to one tunnel, and the figures that come of it.

use std::thread::sleep;
use std::time::Duration;

use xshell::Shell;

use super::iperf::{self, Tcp, Udp};
use super::options::Options;
use super::ping;
use super::rows::{Group, Row};
use super::tunnel::Tunnel;
use crate::error::Error;

/// Longer than KEEPALIVE_TIMEOUT and REKEY_TIMEOUT of the paper's section 6.1, 10 s and 5 s: for these a tunnel still owes
/// its peer a keepalive, or waits for its peer's. Afterwards nothing is due for minutes.
const UNTIL_IDLE: Duration = Duration::from_secs(18);

/// For which an idle tunnel is watched.
const IDLE: Duration = Duration::from_secs(10);

/// Of lonely pings, in a round.
pub(super) const TURNS: u32 = 30;

/// Figures, each with its row.
pub(super) type Figures = Vec<(Row, f64)>;

/// Adds the figures of one tunnel under load, until something fails.
pub(super) fn load(sh: &Shell, tunnel: &Tunnel, options: &Options, to: &mut Figures) -> Result<(), Error> {
    let wanted = |group| options.groups.contains(&group);
    let seconds = options.seconds;
    if wanted(Group::Tcp) {
        tcp(sh, tunnel, seconds, to)?;
    } else if wanted(Group::Rest) && !wanted(Group::Udp) {
        // Memory is that of a tunnel which has worked.
        iperf::tcp(sh, tunnel, seconds, &[])?;
    }
    if wanted(Group::Udp) {
        for (octets, rate, cost) in
            [(64, Row::Udp64, Row::Udp64Processor), (1200, Row::Udp1200, Row::Udp1200Processor)]
        {
            let Udp { delivered, seconds, used } = iperf::udp(sh, tunnel, seconds, octets)?;
            to.extend([(rate, delivered / seconds / 1e3), (cost, used.total() * 1e6 / delivered)]);
        }
    }
    if wanted(Group::Ping) {
        let _stream = iperf::stream(tunnel)?;
        let times = ping::ping(sh, tunnel, 1000, 5)?;
        to.extend([(Row::PingLoaded, ping::average(&times)), (Row::PingLoaded99, ping::within(99, &times))]);
    }
    if wanted(Group::Rest) {
        let memory = tunnel.memory()?;
        to.extend([(Row::Resident, memory.now), (Row::ResidentPeak, memory.peak)]);
    }
    Ok(())
}

fn tcp(sh: &Shell, tunnel: &Tunnel, seconds: u32, to: &mut Figures) -> Result<(), Error> {
    let mut add = |tcp: &Tcp, [rate, again, share]: [Row; 3]| {
        to.extend([(rate, tcp.rate()), (again, tcp.sent_again), (share, tcp.sent_again_share())]);
    };
    let one = iperf::tcp(sh, tunnel, seconds, &[])?;
    add(&one, [Row::TcpOne, Row::TcpOneAgain, Row::TcpOneAgainShare]);
    let four = iperf::tcp(sh, tunnel, seconds, &["-P", "4"])?;
    add(&four, [Row::TcpFour, Row::TcpFourAgain, Row::TcpFourAgainShare]);
    let reversed = iperf::tcp(sh, tunnel, seconds, &["-R"])?;
    add(&reversed, [Row::TcpReversed, Row::TcpReversedAgain, Row::TcpReversedAgainShare]);
    let gigabytes = one.received / 1e9;
    to.extend([
        (Row::Processor, one.used.total() / gigabytes),
        (Row::ProcessorUser, one.used.user / gigabytes),
        (Row::ProcessorSystem, one.used.system / gigabytes),
    ]);
    Ok(())
}

/// Lonely pings through tunnels that are all up, each tunnel's figures. They take short turns, each time in another order, and
/// each turn has an average. For Linux moves ping and the daemons between processors every few 100 ms, and an answer takes twice
/// as long where one must be woken on another; and the host of a virtual machine lets a processor wait, up to some milliseconds,
/// now for no answer and now for every second one, whoever has asked.
pub(super) fn pings(sh: &Shell, tunnels: &[Tunnel]) -> Result<Vec<Figures>, Error> {
    let mut order: Vec<usize> = (0..tunnels.len()).collect();
    let mut figures = vec![Figures::new(); tunnels.len()];
    let mut times = vec![Vec::new(); tunnels.len()];
    for _ in 0..TURNS {
        fastrand::shuffle(&mut order);
        for at in &order {
            let often = ping::ping(sh, &tunnels[*at], 30, 5)?;
            // Up to 10 ms before its next request ping itself does not sleep, and keeps a processor awake.
            let seldom = ping::ping(sh, &tunnels[*at], 10, 20)?;
            figures[*at]
                .extend([(Row::PingIdle, ping::average(&often)), (Row::PingSeldom, ping::average(&seldom))]);
            times[*at].extend(often);
        }
    }
    for (figures, times) in figures.iter_mut().zip(&times) {
        figures.push((Row::PingIdle99, ping::within(99, times)));
    }
    Ok(figures)
}

/// What tunnels do that have nothing to do, all watched at once.
pub(super) fn idle(tunnels: &mut [Tunnel]) -> Result<Vec<Figures>, Error> {
    tunnels.iter_mut().try_for_each(Tunnel::hide)?;
    sleep(UNTIL_IDLE);
    let count = || tunnels.iter().map(Tunnel::switches).collect::<Result<Vec<u64>, Error>>();
    let before = count()?;
    sleep(IDLE);
    let after = count()?;
    let per_second = |switches: u64| switches as f64 / IDLE.as_secs_f64();
    let figures =
        after.iter().zip(before).map(|(after, before)| vec![(Row::Switches, per_second(after - before))]);
    Ok(figures.collect())
}
