//! How large a packet within the tunnel may be, from the way to the peers.

use std::io;
use std::net::SocketAddr;

use adit_core::uapi::DeviceStatus;

use super::netlink::{Family, Kernel, MAIN_TABLE, Route};

/// What an outer packet adds, in octets: the headers of IPv6, UDP and WireGuard, and the authentication tag.
const OVERHEAD: u32 = 80;

/// Ethernet's, in octets.
const USUAL: u32 = 1500;

/// That of the widest way to an endpoint, else of the default route, else Ethernet's, less what the tunnel adds.
pub(super) async fn of_path(kernel: &Kernel, status: &DeviceStatus) -> io::Result<u32> {
    let mut widest = None;
    for endpoint in
        status.peers.iter().filter_map(|peer| peer.endpoint).filter(|endpoint| !has_zone(endpoint))
    {
        if let Some(route) = kernel.route_to(endpoint.ip()).await? {
            widest = widest.max(of_route(kernel, &route).await?);
        }
    }
    if widest.is_none() {
        let routes = kernel.routes(Family::V4).await?;
        let is_default = |route: &&Route| route.table == MAIN_TABLE && route.destination.prefix_len() == 0;
        if let Some(route) = routes.iter().find(is_default) {
            widest = of_route(kernel, route).await?;
        }
    }
    Ok(widest.unwrap_or(USUAL).saturating_sub(OVERHEAD))
}

/// The route's own MTU, else its interface's.
async fn of_route(kernel: &Kernel, route: &Route) -> io::Result<Option<u32>> {
    match (route.mtu, route.interface) {
        (None, Some(index)) => kernel.mtu(index).await,
        (mtu, _) => Ok(mtu),
    }
}

/// `wg-quick` does not look at those.
fn has_zone(endpoint: &SocketAddr) -> bool {
    matches!(endpoint, SocketAddr::V6(endpoint) if endpoint.scope_id() != 0)
}
