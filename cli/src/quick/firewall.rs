//! The firewall of a default route: replies of the tunnel's own packets keep their mark, and nobody but the tunnel
//! brings packets for its addresses. Table, chains, rules and comments are those of `wg-quick`, so that either can
//! remove what the other made.

use std::fmt::Write;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::interrupt::Interrupts;
use super::netlink::Family;
use super::program::{self, ProgramError};
use crate::interface_name::InterfaceName;

/// Which program keeps the rules, and of which family they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Firewall {
    Nft(Family),
    Iptables(Family),
}

impl Firewall {
    /// The one of this machine, if there is one.
    pub(super) fn find(family: Family) -> Option<Self> {
        let iptables = || program::find(&format!("{}-restore", iptables(family)));
        match program::find("nft") {
            Some(_) => Some(Self::Nft(family)),
            None => iptables().map(|_| Self::Iptables(family)),
        }
    }

    /// Every one in which there are rules of this interface. What cannot be asked holds none.
    pub(super) async fn found(interface: &InterfaceName, interrupts: &mut Interrupts) -> Vec<Self> {
        let mut found = Vec::new();
        let tables = program::run(&["nft", "list", "tables"], "", interrupts).await.unwrap_or_default();
        for family in [Family::V4, Family::V6] {
            let table = format!("table {} wg-quick-{interface}", nft_family(family));
            if tables.lines().any(|line| line == table) {
                found.push(Self::Nft(family));
            }
            let save = format!("{}-save", iptables(family));
            let saved = program::run(&[&save], "", interrupts).await.unwrap_or_default();
            if iptables_removal(interface, &saved).is_some() {
                found.push(Self::Iptables(family));
            }
        }
        found
    }

    /// Adds the rules, all or none.
    pub(super) async fn set(
        self,
        interface: &InterfaceName,
        addresses: &[IpAddr],
        mark: u32,
        interrupts: &mut Interrupts,
    ) -> Result<(), ProgramError> {
        match self {
            Self::Nft(family) => {
                let rules = nft_rules(family, interface, addresses, mark);
                program::run(&["nft", "-f", "-"], &rules, interrupts).await
            }
            Self::Iptables(family) => {
                let restore = format!("{}-restore", iptables(family));
                let rules = iptables_rules(interface, addresses, mark);
                program::run(&[&restore, "-n"], &rules, interrupts).await
            }
        }
        .map(drop)
    }

    /// Removes them, also where there are none.
    pub(super) async fn unset(
        self,
        interface: &InterfaceName,
        interrupts: &mut Interrupts,
    ) -> Result<(), ProgramError> {
        match self {
            Self::Nft(family) => {
                // Adding a table that is there changes nothing, and deleting one that is not would fail.
                let table = format!("table {} wg-quick-{interface}", nft_family(family));
                let removal = format!("add {table}\ndelete {table}\n");
                program::run(&["nft", "-f", "-"], &removal, interrupts).await.map(drop)
            }
            Self::Iptables(family) => {
                let iptables = iptables(family);
                let saved = program::run(&[&format!("{iptables}-save")], "", interrupts).await?;
                match iptables_removal(interface, &saved) {
                    Some(removal) => {
                        let restore = format!("{iptables}-restore");
                        program::run(&[&restore, "-n"], &removal, interrupts).await.map(drop)
                    }
                    None => Ok(()),
                }
            }
        }
    }
}

fn nft_family(family: Family) -> &'static str {
    match family {
        Family::V4 => "ip",
        Family::V6 => "ip6",
    }
}

fn iptables(family: Family) -> &'static str {
    match family {
        Family::V4 => "iptables",
        Family::V6 => "ip6tables",
    }
}

fn nft_rules(family: Family, interface: &InterfaceName, addresses: &[IpAddr], mark: u32) -> String {
    let family = nft_family(family);
    let table = format!("{family} wg-quick-{interface}");
    let mut text = format!("add table {table}\n");
    for (chain, hook, priority) in [
        ("preraw", "prerouting", -300),
        ("premangle", "prerouting", -150),
        ("postmangle", "postrouting", -150),
    ] {
        text += &format!("add chain {table} {chain} {{ type filter hook {hook} priority {priority}; }}\n");
    }
    for address in addresses {
        let strangers = format!("iifname != \"{interface}\" {family} daddr {address}");
        text += &format!("add rule {table} preraw {strangers} fib saddr type != local drop\n");
    }
    text += &format!("add rule {table} postmangle meta l4proto udp mark {mark} ct mark set mark\n");
    text += &format!("add rule {table} premangle meta l4proto udp meta mark set ct mark\n");
    text
}

/// What every rule of an interface ends with.
fn comment(interface: &InterfaceName) -> String {
    format!("-m comment --comment \"wg-quick(8) rule for {interface}\"")
}

fn iptables_rules(interface: &InterfaceName, addresses: &[IpAddr], mark: u32) -> String {
    let comment = comment(interface);
    let mut text = "*raw\n".to_owned();
    for address in addresses {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "-I PREROUTING ! -i {interface} -d {address} -m addrtype ! --src-type LOCAL -j DROP {comment}"
        );
    }
    text += "COMMIT\n*mangle\n";
    text += &format!("-I POSTROUTING -m mark --mark {mark} -p udp -j CONNMARK --save-mark {comment}\n");
    text += &format!("-I PREROUTING -p udp -j CONNMARK --restore-mark {comment}\nCOMMIT\n");
    text
}

/// The text that takes an interface's rules out of those that were saved; `None` when none is among them.
fn iptables_removal(interface: &InterfaceName, saved: &str) -> Option<String> {
    let comment = comment(interface);
    let mut is_there = false;
    let mut text = String::new();
    for line in saved.lines() {
        match line.strip_prefix("-A ") {
            Some(rule) if rule.contains(&comment) => {
                is_there = true;
                text += &format!("-D {rule}\n");
            }
            None if line.starts_with('*') || line == "COMMIT" => text += &format!("{line}\n"),
            _ => {}
        }
    }
    is_there.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wg0() -> InterfaceName {
        "wg0".parse().unwrap()
    }

    #[test]
    fn only_the_interfaces_own_rules_are_removed() {
        let saved = "# Generated\n*raw\n:PREROUTING ACCEPT [0:0]\n\
            -A PREROUTING ! -i wg0 -d 10.0.0.1/32 -j DROP -m comment --comment \"wg-quick(8) rule for wg0\"\n\
            -A PREROUTING ! -i wg01 -d 10.0.0.9/32 -j DROP -m comment --comment \"wg-quick(8) rule for wg01\"\n\
            -A PREROUTING -j ACCEPT\nCOMMIT\n";
        assert_eq!(
            iptables_removal(&wg0(), saved).unwrap(),
            "*raw\n-D PREROUTING ! -i wg0 -d 10.0.0.1/32 -j DROP -m comment --comment \
             \"wg-quick(8) rule for wg0\"\nCOMMIT\n"
        );
        assert_eq!(iptables_removal(&"wg".parse().unwrap(), saved), None);
        assert_eq!(iptables_removal(&wg0(), ""), None);
    }

    #[test]
    fn every_address_is_guarded() {
        let addresses = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
        let nft = nft_rules(Family::V4, &wg0(), &addresses, 51820);
        let iptables = iptables_rules(&wg0(), &addresses, 51820);
        for address in ["10.0.0.1", "10.0.0.2"] {
            assert!(nft.contains(&format!("iifname != \"wg0\" ip daddr {address} fib")), "{nft}");
            assert!(iptables.contains(&format!("! -i wg0 -d {address} ")), "{iptables}");
        }
    }
}
