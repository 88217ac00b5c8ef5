//! What adit is held to, of the best that others do and of what a phone can spare. Nothing fails by it: speed depends on
//! the machine.

use serde_json::{Value, json};

use super::comparison::{Against, Comparison};
use super::implementation::{Kind, Name};
use super::rows::{Better, Row};
use super::table::number;

struct Target {
    kind: Kind,
    row: Row,
    /// `None`: the figure itself is held to the limit.
    against: Option<Against>,
    /// At least this where more is better, at most where less is.
    limit: f64,
}

const fn than(kind: Kind, row: Row, against: Against, limit: f64) -> Target {
    Target { kind, row, against: Some(against), limit }
}

const fn itself(kind: Kind, row: Row, limit: f64) -> Target {
    Target { kind, row, against: None, limit }
}

/// Nothing is sent again on a plain descriptor either: whoever measures is root, and so its queue is adit's to set.
const TARGETS: [Target; 20] = {
    use Kind::{Own, Plain};
    const WIREGUARD_GO: Against = Against::Peer(Name::WireguardGo);
    [
        than(Own, Row::TcpOne, WIREGUARD_GO, 1.75),
        than(Own, Row::Processor, WIREGUARD_GO, 0.48),
        than(Own, Row::Udp64, Against::Best, 2.5),
        than(Own, Row::PingIdle, Against::Best, 0.85),
        itself(Own, Row::TcpOneAgain, 0.0),
        itself(Own, Row::TcpFourAgain, 0.0),
        itself(Own, Row::TcpReversedAgain, 0.0),
        itself(Own, Row::Resident, 12.0),
        itself(Own, Row::Switches, 0.0),
        than(Plain, Row::TcpOne, WIREGUARD_GO, 4.4),
        than(Plain, Row::TcpOne, Against::Best, 2.4),
        than(Plain, Row::Processor, WIREGUARD_GO, 0.2),
        than(Plain, Row::Processor, Against::Best, 0.36),
        than(Plain, Row::Udp64, Against::Best, 2.5),
        than(Plain, Row::PingIdle, Against::Best, 0.85),
        itself(Plain, Row::TcpOneAgain, 0.0),
        itself(Plain, Row::TcpFourAgain, 0.0),
        itself(Plain, Row::TcpReversedAgain, 0.0),
        itself(Plain, Row::Resident, 8.0),
        itself(Plain, Row::Switches, 0.0),
    ]
};

/// A target, and adit's figure where it was measured.
pub(super) struct Outcome {
    target: &'static Target,
    figure: f64,
}

/// Of the kind that is compared, and of what was measured.
pub(super) fn outcomes(comparison: &Comparison<'_>) -> Vec<Outcome> {
    let of_kind = TARGETS.iter().filter(|target| target.kind == comparison.kind);
    of_kind
        .filter_map(|target| {
            let figure = match target.against {
                Some(against) => comparison.ratio(target.row, against),
                None => comparison.own(target.row),
            };
            Some(Outcome { target, figure: figure? })
        })
        .collect()
}

impl Outcome {
    fn is_met(&self) -> bool {
        match self.target.row.better() {
            Better::More => self.figure >= self.target.limit,
            Better::Less => self.figure <= self.target.limit,
        }
    }

    /// A line.
    pub(super) fn text(&self) -> String {
        let Target { kind, row, against, limit } = self.target;
        let bound = match row.better() {
            Better::More => "at least",
            Better::Less => "at most",
        };
        let unit = against.map_or_else(
            || row.unit().to_owned(),
            |against| match against {
                Against::Peer(name) => format!("x {}", name.text()),
                Against::Best => "x the best of the others".to_owned(),
            },
        );
        format!(
            "{:<7} {:<5}  {}: {} {unit}, wanted {bound} {limit}",
            if self.is_met() { "met" } else { "MISSED" },
            kind.key(),
            row.whole_title(),
            number(self.figure),
        )
    }

    pub(super) fn json(&self) -> Value {
        json!({ "text": self.text(), "figure": self.figure, "limit": self.target.limit, "met": self.is_met() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::contender::Contender;
    use super::super::results::Results;
    use super::*;

    #[test]
    fn a_target_is_met_at_its_limit_and_missed_beyond() {
        let [adit, wireguard_go] =
            [Name::Adit, Name::WireguardGo].map(|name| Contender { name, kind: Kind::Own });
        let mut results = Results::default();
        results.add(adit, [(Row::TcpOne, 7.0), (Row::Resident, 12.1), (Row::Switches, 0.0)]);
        results.add(wireguard_go, [(Row::TcpOne, 4.0), (Row::Resident, 200.0)]);
        let comparison = Comparison::new(&results, &[Name::Adit, Name::WireguardGo], Kind::Own);
        let texts: Vec<String> = outcomes(&comparison).iter().map(Outcome::text).collect();
        assert_eq!(
            texts,
            [
                "met     own    TCP, one stream: 1.75 x wireguard-go, wanted at least 1.75",
                "MISSED  own    resident after load, a daemon: 12.1 MiB, wanted at most 12",
                "met     own    context switches, idle, both: 0 1/s, wanted at most 0",
            ]
        );
    }
}
