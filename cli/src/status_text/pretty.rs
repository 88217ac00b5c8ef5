//! A device's status as `wg show` prints it, byte for byte. Where the status comes from is not known here.

use std::cmp::Reverse;
use std::env;
use std::io::{self, IsTerminal, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use adit_core::uapi::{DeviceStatus, PeerStatus};
use ipnet::IpNet;
use zeroize::Zeroizing;

/// How `wg`'s variables of the environment ask for the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// WG_COLOR_MODE: `always`, `never`, or else whether stdout is a terminal.
    pub(crate) colour: bool,
    /// Private and preshared keys are shown only with WG_HIDE_KEYS=never.
    pub(crate) hide_keys: bool,
}

impl Style {
    /// Reads the environment and looks at stdout.
    pub(crate) fn from_environment() -> Self {
        let colour = match env::var("WG_COLOR_MODE").as_deref() {
            Ok("always") => true,
            Ok("never") => false,
            _ => io::stdout().is_terminal(),
        };
        let hide_keys = env::var("WG_HIDE_KEYS").as_deref() != Ok("never");
        Self { colour, hide_keys }
    }

    fn ink(self) -> Ink {
        if self.colour { COLOURED } else { Ink::default() }
    }
}

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

/// Writes one interface with its peers. `now` is the wall clock, since the Unix epoch.
pub(crate) fn write_pretty(
    out: &mut impl Write,
    name: &str,
    status: &DeviceStatus,
    style: Style,
    now: Duration,
) -> io::Result<()> {
    let Ink { green, bold, reset, .. } = style.ink();
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
    let ink = style.ink();
    let Ink { yellow, bold, reset, .. } = ink;
    writeln!(out, "{yellow}{bold}peer{reset}: {yellow}{}{reset}", peer.public_key)?;
    if let Some(preshared_key) = &peer.preshared_key {
        let shown = masked(|| preshared_key.to_base64(), style);
        writeln!(out, "  {bold}preshared key{reset}: {}", *shown)?;
    }
    if let Some(endpoint) = peer.endpoint {
        writeln!(out, "  {bold}endpoint{reset}: {}", endpoint_text(endpoint))?;
    }
    let allowed_ips: Vec<_> = peer.allowed_ips.iter().map(|network| network_text(network, ink)).collect();
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

/// As getnameinfo writes it: a link-local address's zone by its name, where the interface is still there.
fn endpoint_text(endpoint: SocketAddr) -> String {
    let SocketAddr::V6(v6) = endpoint else {
        return endpoint.to_string();
    };
    let zone = match v6.scope_id() {
        0 => String::new(),
        index => format!("%{}", zone_name(v6.ip(), index)),
    };
    format!("[{}{zone}]:{}", ip_text(IpAddr::V6(*v6.ip())), v6.port())
}

fn zone_name(address: &Ipv6Addr, index: u32) -> String {
    let name = address.is_unicast_link_local().then(|| nix::net::if_::if_indextoname(index).ok()).flatten();
    let name = name.and_then(|name| name.into_string().ok());
    // nix 0.31 gives an empty name, and no error, for an index that no interface has.
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| index.to_string())
}

fn network_text(network: &IpNet, Ink { cyan, reset, .. }: Ink) -> String {
    format!("{}{cyan}/{reset}{}", ip_text(network.addr()), network.prefix_len())
}

/// As inet_ntop writes it: unlike Rust's, it ends IPv4-compatible addresses (RFC 4291, section 2.5.5.1) in dots.
fn ip_text(address: IpAddr) -> String {
    match address {
        IpAddr::V6(v6) => match (v6.segments(), v6.to_ipv4()) {
            ([0, 0, 0, 0, 0, 0, high, _], Some(v4)) if high != 0 => format!("::{v4}"),
            _ => v6.to_string(),
        },
        IpAddr::V4(v4) => v4.to_string(),
    }
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
    use adit_core::key::{PresharedKey, PrivateKey, PublicKey};
    use std::num::{NonZeroU16, NonZeroU32};

    const PLAIN: Style = Style { colour: false, hide_keys: true };
    /// 2023-11-14 22:13:20 UTC.
    const NOW: Duration = Duration::from_secs(1_700_000_000);

    fn peer(octet: u8) -> PeerStatus {
        PeerStatus {
            public_key: PublicKey::from_bytes([octet; 32]),
            preshared_key: None,
            endpoint: None,
            last_handshake: None,
            rx_bytes: 0,
            tx_bytes: 0,
            persistent_keepalive: None,
            allowed_ips: Vec::new(),
        }
    }

    fn device(peers: Vec<PeerStatus>) -> DeviceStatus {
        DeviceStatus { private_key: None, listen_port: 0, fwmark: None, peers }
    }

    fn pretty(status: &DeviceStatus, style: Style) -> String {
        let mut text = Vec::new();
        write_pretty(&mut text, "wg0", status, style, NOW).unwrap();
        String::from_utf8(text).unwrap()
    }

    fn full_device() -> DeviceStatus {
        let busy = PeerStatus {
            preshared_key: PresharedKey::from_bytes(&[9; 32]),
            endpoint: Some("192.0.2.7:51820".parse().unwrap()),
            last_handshake: Some(NOW - Duration::from_secs(63)),
            rx_bytes: 1536,
            tx_bytes: 5 << 20,
            persistent_keepalive: NonZeroU16::new(25),
            allowed_ips: vec!["10.0.0.2/32".parse().unwrap(), "fd00::/64".parse().unwrap()],
            ..peer(2)
        };
        DeviceStatus {
            private_key: Some(PrivateKey::from_bytes(&[1; 32])),
            listen_port: 51820,
            fwmark: NonZeroU32::new(0xca6c),
            peers: vec![peer(3), busy],
        }
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

    #[test]
    fn addresses_read_as_the_system_writes_them() {
        let ip = |text: &str| ip_text(text.parse().unwrap());
        for text in ["10.0.0.1", "fd00::1", "::", "::1", "::ffff:10.0.0.1", "::10.0.0.1"] {
            assert_eq!(ip(text), text);
        }
        assert_eq!(endpoint_text("[fe80::1%7654321]:1".parse().unwrap()), "[fe80::1%7654321]:1");
        assert_eq!(endpoint_text("[2001:db8::1]:1".parse().unwrap()), "[2001:db8::1]:1");
    }
}
