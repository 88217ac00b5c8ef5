//! What must be true, known without the engine: which packets were sent, to whom the allowed IPs gave them, and what may
//! therefore arrive where.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use adit_core::proto::tunnel::Unroutable;
use ipnet::IpNet;

/// Something happened that must not, or did not that must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub at: Duration,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {:.6} s: {}", self.at.as_secs_f64(), self.what)
    }
}

/// A packet that an engine took from an application.
struct Sent {
    from: usize,
    /// Whose the destination was at that moment.
    to: usize,
    packet: Vec<u8>,
    at: Duration,
    has_arrived: bool,
}

/// Packets that one end sent to another from one address to another: they keep their order.
type Flow = (usize, usize, IpAddr, IpAddr);

pub struct Oracle {
    /// By end: which network is which peer's. A list, searched from end to end.
    tables: Vec<Vec<(IpNet, usize)>>,
    sent: HashMap<u64, Sent>,
    is_orderly: bool,
    latest: BTreeMap<Flow, u64>,
    pub delivered: usize,
}

impl Oracle {
    pub fn new(ends: usize, is_orderly: bool) -> Self {
        Self {
            tables: vec![Vec::new(); ends],
            sent: HashMap::new(),
            is_orderly,
            latest: BTreeMap::new(),
            delivered: 0,
        }
    }

    /// This network is this peer's from now on, and nobody else's.
    pub fn give(&mut self, end: usize, network: IpNet, peer: usize) {
        self.take(end, network);
        self.tables[end].push((network, peer));
    }

    pub fn take(&mut self, end: usize, network: IpNet) {
        self.tables[end].retain(|(known, _)| *known != network);
    }

    pub fn networks(&self, end: usize, peer: usize) -> Vec<IpNet> {
        self.tables[end].iter().filter(|(_, of)| *of == peer).map(|(network, _)| *network).collect()
    }

    /// The longest prefix names the peer.
    fn owner(&self, end: usize, address: IpAddr) -> Option<usize> {
        let holding = self.tables[end].iter().filter(|(network, _)| network.contains(&address));
        holding.max_by_key(|(network, _)| network.prefix_len()).map(|(_, peer)| *peer)
    }

    /// An application's packet was offered to an engine, which took it or said why not.
    pub fn offered(
        &mut self,
        from: usize,
        id: u64,
        packet: &[u8],
        at: Duration,
        taken: Result<(), Unroutable>,
        has_endpoint: impl Fn(usize) -> bool,
    ) -> Result<(), String> {
        let (_, destination) = addresses(packet);
        let owner = self.owner(from, destination);
        match (taken, owner) {
            (Ok(()), Some(to)) => {
                let sent = Sent { from, to, packet: packet.to_vec(), at, has_arrived: false };
                self.sent.insert(id, sent);
                Ok(())
            }
            (Err(Unroutable::NoPeer), None) => Ok(()),
            (Err(Unroutable::NoEndpoint { .. }), Some(to)) if !has_endpoint(to) => Ok(()),
            _ => {
                Err(format!("end {from} said {taken:?} to a packet for {destination}, which is {owner:?}'s"))
            }
        }
    }

    /// An engine gave a packet to the applications of an end.
    pub fn arrived(&mut self, end: usize, packet: &[u8]) -> Result<(), String> {
        let id = id_of(packet).ok_or("a packet arrived that nobody has sent")?;
        let (source, destination) = addresses(packet);
        let owner = self.owner(end, source);
        let sent = self.sent.get_mut(&id).ok_or("a packet arrived that no engine has taken")?;
        if sent.packet != packet {
            return Err(format!("packet {id} arrived changed"));
        }
        if sent.to != end {
            return Err(format!("packet {id} was for {}, and {end} got it", sent.to));
        }
        if sent.has_arrived {
            return Err(format!("packet {id} arrived twice"));
        }
        if owner != Some(sent.from) {
            return Err(format!(
                "packet {id} from {source} was taken of {}, but it is {owner:?}'s",
                sent.from
            ));
        }
        sent.has_arrived = true;
        self.delivered += 1;
        if self.is_orderly {
            let latest = self.latest.entry((sent.from, end, source, destination)).or_default();
            if *latest > id {
                return Err(format!("packet {id} arrived after packet {latest}, which was sent later"));
            }
            *latest = id;
        }
        Ok(())
    }

    /// Packets between two ends that were sent within a time and have not arrived.
    pub fn missing(&self, from: usize, to: usize, since: Duration, until: Duration) -> usize {
        let all = self.sent.values().filter(|sent| (sent.from, sent.to) == (from, to));
        all.filter(|sent| sent.at >= since && sent.at < until && !sent.has_arrived).count()
    }
}

/// A packet that says which it is.
pub fn packet(source: IpAddr, destination: IpAddr, id: u64, size: usize) -> Vec<u8> {
    let mut payload = id.to_be_bytes().to_vec();
    payload.extend((0..size).map(|at| (at as u64 ^ id) as u8));
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => crate::packet::ipv4(source, destination, &payload),
        (IpAddr::V6(source), IpAddr::V6(destination)) => crate::packet::ipv6(source, destination, &payload),
        _ => panic!("{source} and {destination} are of two families"),
    }
}

fn header_len(packet: &[u8]) -> usize {
    if packet[0] >> 4 == 4 { 20 } else { 40 }
}

fn id_of(packet: &[u8]) -> Option<u64> {
    let id = packet.get(header_len(packet)..)?.first_chunk()?;
    Some(u64::from_be_bytes(*id))
}

/// Source and destination, read here and not by the engine.
fn addresses(packet: &[u8]) -> (IpAddr, IpAddr) {
    let v4 = |at: usize| IpAddr::from(*packet[at..].first_chunk::<4>().expect("a whole header"));
    let v6 = |at: usize| IpAddr::from(*packet[at..].first_chunk::<16>().expect("a whole header"));
    if packet[0] >> 4 == 4 { (v4(12), v4(16)) } else { (v6(8), v6(24)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adit_core::key::PublicKey;

    const ENDS: [usize; 2] = [0, 1];

    /// Both ends know each other's address, and one packet is on its way.
    fn one_on_its_way(oracle: &mut Oracle, id: u64) -> Vec<u8> {
        let [a, b]: [IpAddr; 2] = ["10.0.0.1", "10.0.1.1"].map(|address| address.parse().unwrap());
        oracle.give(0, b.into(), 1);
        oracle.give(1, a.into(), 0);
        let packet = packet(a, b, id, 4);
        oracle.offered(0, id, &packet, Duration::ZERO, Ok(()), |_| true).unwrap();
        packet
    }

    #[test]
    fn what_was_sent_arrives_once_unchanged_and_at_the_right_end() {
        let mut oracle = Oracle::new(ENDS.len(), true);
        let packet = one_on_its_way(&mut oracle, 7);
        assert_eq!(oracle.missing(0, 1, Duration::ZERO, Duration::MAX), 1);
        assert!(oracle.arrived(0, &packet).is_err(), "at the wrong end");
        let mut changed = packet.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert!(oracle.arrived(1, &changed).is_err());
        assert_eq!(oracle.arrived(1, &packet), Ok(()));
        assert!(oracle.arrived(1, &packet).is_err(), "twice");
        assert_eq!(oracle.missing(0, 1, Duration::ZERO, Duration::MAX), 0);
    }

    #[test]
    fn order_and_the_source_s_owner_are_watched() {
        let mut oracle = Oracle::new(ENDS.len(), true);
        let [first, second] = [1, 2].map(|id| one_on_its_way(&mut oracle, id));
        assert_eq!(oracle.arrived(1, &second), Ok(()));
        assert!(oracle.arrived(1, &first).is_err(), "out of order");

        let mut oracle = Oracle::new(ENDS.len(), false);
        let packet = one_on_its_way(&mut oracle, 3);
        oracle.take(1, "10.0.0.1/32".parse().unwrap());
        assert!(oracle.arrived(1, &packet).is_err(), "its source is nobody's");
    }

    #[test]
    fn a_refusal_must_have_its_reason() {
        let mut oracle = Oracle::new(ENDS.len(), false);
        let packet = one_on_its_way(&mut oracle, 1);
        let mut offer = |taken, has_endpoint| {
            oracle.offered(0, 2, &packet, Duration::ZERO, taken, |_| has_endpoint).is_ok()
        };
        assert!(!offer(Err(Unroutable::NoPeer), true));
        let no_endpoint = Unroutable::NoEndpoint { peer: PublicKey::from_bytes([1; 32]) };
        assert!(!offer(Err(no_endpoint), true));
        assert!(offer(Err(no_endpoint), false));
    }
}
