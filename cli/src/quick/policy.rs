//! A default route that leaves the tunnel's own packets their way: a table of its own, two rules, a firewall. Numbers
//! and order are those of `wg-quick`.

use std::fs;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::Path;

use adit_core::uapi::Set;
use ipnet::IpNet;

use super::error::{QuickError, system};
use super::firewall::Firewall;
use super::interrupt::Interrupts;
use super::journal::{self, Entry};
use super::netlink::{Family, Lookup, Rule};
use super::undo::Undo;
use super::{Site, sockets};
use crate::uapi_client;

/// Whether a packet's mark counts when it is checked where its sender would be reached.
pub(super) const SRC_VALID_MARK: &str = "/proc/sys/net/ipv4/conf/all/src_valid_mark";

/// The first table, and mark, that is tried.
const FIRST_TABLE: u32 = 51820;

/// Routes everything, of one family, into the tunnel.
pub(super) async fn add_default_route(
    site: &mut Site,
    index: u32,
    network: IpNet,
    interrupts: &mut Interrupts,
) -> Result<(), QuickError> {
    let family = Family::of(network);
    let alone = journal::choose_alone(Path::new(journal::DIRECTORY));
    let alone = alone.map_err(system(format!("lock {}", journal::DIRECTORY)))?;
    let table = match site.status()?.fwmark {
        Some(mark) => mark,
        None => choose_table(site).await?,
    }
    .get();
    if family == Family::V4 {
        set_src_valid_mark(site)?;
    }
    for lookup in [Lookup::Unmarked(table), Lookup::MainButDefault] {
        let priority = site.kernel.next_priority(family).await.map_err(system("list the routing rules"))?;
        let rule = Rule { family, priority, lookup };
        site.journal.push(Entry::Undo(Undo::Rule(rule)))?;
        site.kernel.add_rule(rule).await.map_err(system("add a routing rule"))?;
    }
    let routed = site.kernel.add_route(network, index, table).await;
    routed.map_err(|source| QuickError::Route { interface: site.interface.clone(), network, source })?;
    drop(alone);

    let addresses = site.kernel.addresses(index).await.map_err(system("list the addresses"))?;
    let own = addresses.iter().map(|address| address.network);
    let own: Vec<IpAddr> = own.filter(|own| Family::of(*own) == family).map(|own| own.addr()).collect();
    let firewall = Firewall::find(family).ok_or(QuickError::NoFirewall)?;
    site.journal.push(Entry::Undo(Undo::Firewall(firewall)))?;
    Ok(firewall.set(&site.interface, &own, table, interrupts).await?)
}

/// Takes the first table that is empty, and marks the tunnel's own packets with its number.
async fn choose_table(site: &Site) -> Result<NonZeroU32, QuickError> {
    let mut taken = Vec::new();
    for family in [Family::V4, Family::V6] {
        let routes = site.kernel.routes(family).await.map_err(system("list the routes"))?;
        taken.extend(routes.iter().map(|route| route.table));
    }
    let free = (FIRST_TABLE..).filter(|table| !taken.contains(table)).find_map(NonZeroU32::new);
    let table = free.expect("there are fewer routes than tables");
    let set = Set { fwmark: Some(Some(table)), ..Set::default() };
    uapi_client::set(sockets(), &site.interface, &set)?;
    Ok(table)
}

/// It goes back to 0 with the last interface that needs it: also with this one, if another one had set it first.
fn set_src_valid_mark(site: &mut Site) -> Result<(), QuickError> {
    let failed = || system(format!("set {SRC_VALID_MARK}"));
    let is_set = fs::read_to_string(SRC_VALID_MARK).map_err(failed())?.trim() != "0";
    let others = journal::others(Path::new(journal::DIRECTORY), &site.journal).map_err(failed())?;
    if !is_set || others.contains(&Entry::Undo(Undo::SrcValidMark)) {
        site.journal.push(Entry::Undo(Undo::SrcValidMark))?;
    }
    if is_set { Ok(()) } else { fs::write(SRC_VALID_MARK, "1").map_err(failed()) }
}
