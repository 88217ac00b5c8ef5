//! The resolver learns the tunnel's servers, through `resolvconf` as `wg-quick` calls it, or through `resolvectl`.

use std::fs;
use std::path::Path;

use adit_core::config::Interface;
use serde::{Deserialize, Serialize};

use super::interrupt::Interrupts;
use super::program::{self, ProgramError};
use crate::interface_name::InterfaceName;

/// systemd-resolved runs while this is there.
const RESOLVED: &str = "/run/systemd/resolve";

/// Debian's resolvconf lists here which interfaces' servers come first.
const INTERFACE_ORDER: &str = "/etc/resolvconf/interface-order";

/// Who was told, and under which name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Dns {
    Resolvconf { name: String },
    Resolvectl,
}

impl Dns {
    /// Whom to tell on this machine, if anybody.
    pub(super) fn find(interface: &InterfaceName) -> Option<Self> {
        if program::find("resolvconf").is_some() {
            let order = fs::read_to_string(INTERFACE_ORDER).unwrap_or_default();
            return Some(Self::Resolvconf { name: format!("{}{interface}", prefix(&order)) });
        }
        let is_resolved = program::find("resolvectl").is_some() && Path::new(RESOLVED).exists();
        is_resolved.then_some(Self::Resolvectl)
    }

    /// Every name is asked of the tunnel's servers from now on.
    pub(super) async fn set(
        &self,
        interface: &InterfaceName,
        config: &Interface,
        interrupts: &mut Interrupts,
    ) -> Result<(), ProgramError> {
        match self {
            Self::Resolvconf { name } => {
                let words = ["resolvconf", "-a", name, "-m", "0", "-x"];
                program::run(&words, &resolv_conf(config), interrupts).await?;
            }
            Self::Resolvectl => {
                let servers: Vec<String> = config.dns_servers.iter().map(ToString::to_string).collect();
                let dns = ["resolvectl", "dns", interface.as_str()].into_iter();
                let words: Vec<_> = dns.chain(servers.iter().map(String::as_str)).collect();
                program::run(&words, "", interrupts).await?;
                let domain = ["resolvectl", "domain", interface.as_str(), "~."].into_iter();
                let search = config.dns_search.iter().map(String::as_str);
                program::run(&domain.chain(search).collect::<Vec<_>>(), "", interrupts).await?;
            }
        }
        Ok(())
    }

    /// As before, also where nothing was told. systemd-resolved forgets an interface that is gone by itself.
    pub(super) async fn unset(&self, interrupts: &mut Interrupts) -> Result<(), ProgramError> {
        match self {
            Self::Resolvconf { name } => {
                program::run(&["resolvconf", "-d", name, "-f"], "", interrupts).await.map(drop)
            }
            Self::Resolvectl => Ok(()),
        }
    }
}

/// In the language of resolv.conf(5).
fn resolv_conf(config: &Interface) -> String {
    let mut text: String = config.dns_servers.iter().map(|server| format!("nameserver {server}\n")).collect();
    if !config.dns_search.is_empty() {
        text += &format!("search {}\n", config.dns_search.join(" "));
    }
    text
}

/// The first of the names with a star that consist of letters, digits and hyphens: the tunnel's servers come as
/// early as these interfaces' do.
fn prefix(order: &str) -> String {
    let first = order.lines().find_map(|line| {
        let name = line.trim().strip_suffix('*')?;
        let is_name =
            !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
        is_name.then_some(name)
    });
    first.map_or(String::new(), |name| format!("{name}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_order_gives_a_prefix() {
        assert_eq!(prefix(""), "");
        assert_eq!(prefix("# order\nlo.inet6\nlo.@(dhclient|pump)\nlo.*\ntun*\ntap*\n"), "tun.");
        assert_eq!(prefix("*\nhso*\n"), "hso.");
    }

    #[test]
    fn servers_and_search_domains_are_lines() {
        let text = "[Interface]\nDNS = 10.0.0.1, fd00::1, lan, example.org\n";
        let config = adit_core::config::parse(text).unwrap().config;
        assert_eq!(
            resolv_conf(&config.interface),
            "nameserver 10.0.0.1\nnameserver fd00::1\nsearch lan example.org\n"
        );
    }
}
