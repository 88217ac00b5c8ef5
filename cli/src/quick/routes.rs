//! Which routes lead into the tunnel: to the allowed IPs that the device holds, where nothing leads there already.

use std::cmp::Reverse;

use adit_core::config::Table;
use ipnet::IpNet;

use super::error::{QuickError, system};
use super::interrupt::Interrupts;
use super::netlink::{Family, MAIN_TABLE};
use super::{Site, policy};

/// Adds the routes that Table asks for, the most specific first.
pub(super) async fn add(
    site: &mut Site,
    index: u32,
    table: Table,
    interrupts: &mut Interrupts,
) -> Result<(), QuickError> {
    if table == Table::Off {
        return Ok(());
    }
    let status = site.status()?;
    let networks = in_order(status.peers.iter().flat_map(|peer| peer.allowed_ips.iter().copied()));
    // Longer prefixes come first, so that none of the new ones covers a later one.
    let mut present = Vec::new();
    for family in [Family::V4, Family::V6] {
        present.extend(site.kernel.routes(family).await.map_err(system("list the routes"))?);
    }
    present.retain(|route| route.table == MAIN_TABLE && route.interface == Some(index));
    for network in networks {
        interrupts.check().await?;
        let table = match table {
            Table::Number(number) => number,
            _ if network.prefix_len() == 0 => {
                policy::add_default_route(site, index, network, interrupts).await?;
                continue;
            }
            _ if present.iter().any(|route| route.destination.contains(&network)) => continue,
            _ => MAIN_TABLE,
        };
        let added = site.kernel.add_route(network, index, table).await;
        added.map_err(|source| QuickError::Route { interface: site.interface.clone(), network, source })?;
    }
    Ok(())
}

/// As `sort -nr -k 2 -t /` puts them.
fn in_order(networks: impl Iterator<Item = IpNet>) -> Vec<IpNet> {
    let mut networks: Vec<IpNet> = networks.collect();
    networks.sort_by_cached_key(|network| Reverse((network.prefix_len(), network.to_string())));
    networks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_comes_first() {
        let networks = ["0.0.0.0/0", "10.0.0.0/8", "::/0", "fd00::1/128", "10.0.0.1/32", "10.0.0.2/32"];
        let order = in_order(networks.iter().map(|network| network.parse().unwrap()));
        let order: Vec<String> = order.iter().map(ToString::to_string).collect();
        assert_eq!(order, ["fd00::1/128", "10.0.0.2/32", "10.0.0.1/32", "10.0.0.0/8", "::/0", "0.0.0.0/0"]);
    }
}
