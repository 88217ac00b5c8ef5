//! What a tool that brings tunnels up and down might leave changed in a namespace, in the system's own words.

use super::netns::Netns;
use super::quick::Quick;
use super::wait::{LONG, holds, until};

/// Each is asked of the system as it stands, and the answers are compared octet by octet.
const QUESTIONS: [&str; 10] = [
    "ip -details address show",
    "ip -4 route show table all",
    "ip -6 route show table all",
    "ip -4 rule show",
    "ip -6 rule show",
    "nft --stateless list ruleset",
    "iptables-save",
    "ip6tables-save",
    "cat /etc/resolv.conf",
    "sysctl -a --pattern ^net[.]ipv[46][.](ip_forward|conf[.])",
];

/// A namespace at one moment.
pub(crate) struct Snapshot {
    answers: Vec<String>,
    quick: Quick,
}

impl Snapshot {
    /// Before this tool changes anything.
    pub(crate) fn before(quick: Quick, netns: &Netns) -> Self {
        let answers =
            QUESTIONS.iter().map(|question| comparable(&netns.try_run(question).stdout, quick)).collect();
        Self { answers, quick }
    }

    /// Fails unless the namespace is again as it was.
    #[track_caller]
    pub(crate) fn assert_same(&self, netns: &Netns) {
        let now = Self::before(self.quick, netns);
        for ((question, before), after) in QUESTIONS.iter().zip(&self.answers).zip(&now.answers) {
            assert_eq!(before, after, "{question}");
        }
    }
}

/// iptables' own tables appear with its first rule and stay: whoever compares later lets them appear before.
pub(crate) fn make_iptables_tables(netns: &Netns) {
    for iptables in ["iptables", "ip6tables"] {
        for chain in ["filter FORWARD", "nat POSTROUTING"] {
            let (table, chain) = chain.split_once(' ').expect("a table and a chain");
            for verb in ["-A", "-D"] {
                netns.run(&format!("{iptables} -t {table} {verb} {chain} -j ACCEPT"));
            }
        }
    }
}

/// Waits until the system has done what it does alone to interfaces that are new.
pub(crate) fn settle(netns: &Netns) {
    until("all addresses are there for good", LONG, || {
        let addresses = netns.run("ip -6 address show");
        holds(addresses.contains("scope link") && !addresses.contains("tentative"))
    });
}

/// iptables-save says when it ran, and what its chains have counted. wg-quick sets src_valid_mark for good.
fn comparable(text: &str, quick: Quick) -> String {
    let is_forgiven = |line: &str| quick == Quick::WgQuick && line.contains("src_valid_mark");
    text.lines()
        .filter(|line| !line.starts_with('#') && !is_forgiven(line))
        .map(|line| if line.starts_with(':') { line.split(" [").next().unwrap_or_default() } else { line })
        .flat_map(|line| [line, "\n"])
        .collect()
}
