//! The whole device for people: `wg show wg0`.

use std::cmp::Reverse;
use std::io::{self, Write};
use std::time::Duration;

use adit_core::uapi::{DeviceStatus, PeerStatus};
use ipnet::IpNet;
use zeroize::Zeroizing;

use super::Style;
use super::address::{endpoint_text, ip_text};

/// The terminal's control sequences; all empty without colour.
#[derive(Clone, Copy, Default)]
struct Ink {
    red: &'static str,
    green: &'static str,
    yellow: &'static str,
    cyan: &'static str,
    bold: &'static str,
    reset: &'static str,
}

const COLOURED: Ink = Ink {
    red: "\x1b[31m",
    green: "\x1b[32m",
    yellow: "\x1b[33m",
    cyan: "\x1b[36m",
    bold: "\x1b[1m",
    reset: "\x1b[0m",
};

impl Ink {
    fn of(style: Style) -> Self {
        if style.colour { COLOURED } else { Self::default() }
    }
}

/// Writes one interface with its peers. `now` is the wall clock, since the Unix epoch.
pub(crate) fn write_pretty(
    out: &mut impl Write,
    name: &str,
    status: &DeviceStatus,
    style: Style,
    now: Duration,
) -> io::Result<()> {
    let Ink { green, bold, reset, .. } = Ink::of(style);
    writeln!(out, "{reset}{green}{bold}interface{reset}: {green}{name}{reset}")?;
    if let Some(private_key) = &status.private_key {
        writeln!(out, "  {bold}public key{reset}: {}", private_key.public_key())?;
        let shown = masked(|| private_key.to_base64(), style);
        writeln!(out, "  {bold}private key{reset}: {}", *shown)?;
    }
    if status.listen_port != 0 {
        writeln!(out, "  {bold}listening port{reset}: {}", status.listen_port)?;
    }
    if let Some(fwmark) = status.fwmark {
        writeln!(out, "  {bold}fwmark{reset}: {fwmark:#x}")?;
    }
    for peer in by_latest_handshake(&status.peers) {
        writeln!(out)?;
        write_peer(out, peer, style, now)?;
    }
    Ok(())
}

/// The latest first; those without a handshake last, in their own order.
fn by_latest_handshake(peers: &[PeerStatus]) -> Vec<&PeerStatus> {
    let mut peers: Vec<_> = peers.iter().collect();
    peers.sort_by_key(|peer| Reverse(peer.last_handshake));
    peers
}

fn write_peer(out: &mut impl Write, peer: &PeerStatus, style: Style, now: Duration) -> io::Result<()> {
    let ink = Ink::of(style);
    let Ink { yellow, bold, reset, .. } = ink;
    writeln!(out, "{yellow}{bold}peer{reset}: {yellow}{}{reset}", peer.public_key)?;
    if let Some(preshared_key) = &peer.preshared_key {
        let shown = masked(|| preshared_key.to_base64(), style);
        writeln!(out, "  {bold}preshared key{reset}: {}", *shown)?;
    }
    if let Some(endpoint) = peer.endpoint {
        writeln!(out, "  {bold}endpoint{reset}: {}", endpoint_text(endpoint))?;
    }
    let allowed_ips: Vec<_> = peer.allowed_ips.iter().map(|network| coloured(network, ink)).collect();
    let allowed_ips = if allowed_ips.is_empty() { "(none)".to_owned() } else { allowed_ips.join(", ") };
    writeln!(out, "  {bold}allowed ips{reset}: {allowed_ips}")?;
    // wg knows no handshake within the epoch's first second, either.
    if let Some(at) = peer.last_handshake.filter(|at| at.as_secs() != 0) {
        writeln!(out, "  {bold}latest handshake{reset}: {}", ago(at, now, ink))?;
    }
    if peer.rx_bytes != 0 || peer.tx_bytes != 0 {
        let (received, sent) = (octets(peer.rx_bytes, ink), octets(peer.tx_bytes, ink));
        writeln!(out, "  {bold}transfer{reset}: {received} received, {sent} sent")?;
    }
    if let Some(seconds) = peer.persistent_keepalive {
        let every = duration(u64::from(seconds.get()), ink);
        writeln!(out, "  {bold}persistent keepalive{reset}: every {every}")?;
    }
    Ok(())
}

/// A secret key, or that it is hidden.
fn masked(key: impl FnOnce() -> String, style: Style) -> Zeroizing<String> {
    Zeroizing::new(if style.hide_keys { "(hidden)".to_owned() } else { key() })
}

fn coloured(network: &IpNet, Ink { cyan, reset, .. }: Ink) -> String {
    format!("{}{cyan}/{reset}{}", ip_text(network.addr()), network.prefix_len())
}

fn ago(at: Duration, now: Duration, ink: Ink) -> String {
    match now.as_secs().checked_sub(at.as_secs()) {
        Some(0) => "Now".to_owned(),
        Some(seconds) => format!("{} ago", duration(seconds, ink)),
        None => {
            let Ink { red, reset, .. } = ink;
            format!("({red}System clock wound backward; connection problems may ensue.{reset})")
        }
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

/// "1 hour, 3 seconds": the parts that are not zero.
fn duration(seconds: u64, Ink { cyan, reset, .. }: Ink) -> String {
    let parts = [
        (seconds / YEAR, "year"),
        (seconds % YEAR / DAY, "day"),
        (seconds % DAY / HOUR, "hour"),
        (seconds % HOUR / MINUTE, "minute"),
        (seconds % MINUTE, "second"),
    ];
    let said: Vec<_> = parts
        .into_iter()
        .filter(|(count, _)| *count != 0)
        .map(|(count, unit)| format!("{count} {cyan}{unit}{}{reset}", if count == 1 { "" } else { "s" }))
        .collect();
    said.join(", ")
}

/// Octets with a binary unit.
fn octets(count: u64, Ink { cyan, reset, .. }: Ink) -> String {
    const UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.into_iter().find(|(_, size)| count >= *size) {
        // wg rounds through a double, too; it has digits enough for every count below 2^53.
        Some((unit, size)) => format!("{:.2} {cyan}{unit}{reset}", count as f64 / size as f64),
        None => format!("{count} {cyan}B{reset}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status_text::sample::{NOW, device, full_device, peer};

    const PLAIN: Style = Style { colour: false, hide_keys: true };
    fn pretty(status: &DeviceStatus, style: Style) -> String {
        let mut text = Vec::new();
        write_pretty(&mut text, "wg0", status, style, NOW).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_full_device_reads_as_wg_prints_it() {
        let expected = "\
interface: wg0
  public key: pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk=
  private key: (hidden)
  listening port: 51820
  fwmark: 0xca6c

peer: AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=
  preshared key: (hidden)
  endpoint: 192.0.2.7:51820
  allowed ips: 10.0.0.2/32, fd00::/64
  latest handshake: 1 minute, 3 seconds ago
  transfer: 1.50 KiB received, 5.00 MiB sent
  persistent keepalive: every 25 seconds

peer: AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=
  allowed ips: (none)
";
        assert_eq!(pretty(&full_device(), PLAIN), expected);
    }

    #[test]
    fn a_fresh_device_has_only_a_name() {
        assert_eq!(pretty(&device(Vec::new()), PLAIN), "interface: wg0\n");
    }

    #[test]
    fn keys_show_only_on_request() {
        let text = pretty(&full_device(), Style { hide_keys: false, ..PLAIN });
        assert!(text.contains("  private key: AAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAUE=\n"), "{text}");
        assert!(text.contains("  preshared key: CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n"), "{text}");
    }

    #[test]
    fn colours_stand_where_wg_puts_them() {
        let mut peer = peer(2);
        peer.allowed_ips.push("10.0.0.2/32".parse().unwrap());
        peer.rx_bytes = 1;
        let expected = "\x1b[0m\x1b[32m\x1b[1minterface\x1b[0m: \x1b[32mwg0\x1b[0m\n\n\
            \x1b[33m\x1b[1mpeer\x1b[0m: \x1b[33mAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\x1b[0m\n  \
            \x1b[1mallowed ips\x1b[0m: 10.0.0.2\x1b[36m/\x1b[0m32\n  \
            \x1b[1mtransfer\x1b[0m: 1 \x1b[36mB\x1b[0m received, 0 \x1b[36mB\x1b[0m sent\n";
        assert_eq!(pretty(&device(vec![peer]), Style { colour: true, ..PLAIN }), expected);
    }

    #[test]
    fn peers_come_by_their_latest_handshake() {
        let with_handshake = |octet, nanos| PeerStatus {
            last_handshake: Some(Duration::new(1_600_000_000, nanos)),
            ..peer(octet)
        };
        let peers = [peer(1), with_handshake(2, 5), peer(3), with_handshake(4, 6)];
        let order: Vec<_> = by_latest_handshake(&peers).iter().map(|p| p.public_key.as_bytes()[0]).collect();
        assert_eq!(order, [4, 2, 1, 3]);
    }

    #[test]
    fn ages_are_said_in_parts() {
        let ago = |seconds| ago(NOW - Duration::from_secs(seconds), NOW, Ink::default());
        assert_eq!(ago(0), "Now");
        assert_eq!(ago(1), "1 second ago");
        assert_eq!(ago(60), "1 minute ago");
        assert_eq!(ago(3_601), "1 hour, 1 second ago");
        assert_eq!(ago(2 * DAY + 2 * HOUR + 120), "2 days, 2 hours, 2 minutes ago");
        assert_eq!(ago(YEAR + DAY), "1 year, 1 day ago");
        let future = super::ago(NOW + Duration::from_secs(1), NOW, Ink::default());
        assert_eq!(future, "(System clock wound backward; connection problems may ensue.)");
    }

    #[test]
    fn octets_have_binary_units() {
        let octets = |count| octets(count, Ink::default());
        assert_eq!(octets(0), "0 B");
        assert_eq!(octets(1_023), "1023 B");
        assert_eq!(octets(1_024), "1.00 KiB");
        assert_eq!(octets((1 << 20) - 1), "1024.00 KiB");
        assert_eq!(octets(1 << 20), "1.00 MiB");
        assert_eq!(octets(1 << 30), "1.00 GiB");
        assert_eq!(octets(1_500 << 30), "1.46 TiB");
    }
}
