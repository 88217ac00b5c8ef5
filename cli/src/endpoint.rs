//! Endpoints to addresses, through the system's resolver.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use adit_core::config::Endpoint;

/// Why an endpoint has no address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EndpointError {
    /// The resolver does not know the name, or is not there.
    #[error("the endpoint {endpoint} has no address: {source}; check the name and this machine's DNS")]
    Unresolved {
        /// Its name and port.
        endpoint: Endpoint,
        /// What the resolver said.
        source: io::Error,
    },
    /// The resolver knows the name, and no address.
    #[error("the endpoint {endpoint} has no address: its name has none")]
    NoAddress {
        /// Its name and port.
        endpoint: Endpoint,
    },
}

/// The address of an endpoint: the first one in the resolver's order, as `wg` takes it.
pub(crate) fn resolve(endpoint: &Endpoint) -> Result<SocketAddr, EndpointError> {
    let (host, port) = match endpoint {
        Endpoint::Address(address) => return Ok(*address),
        Endpoint::Name { host, port } => (host.as_str(), *port),
    };
    let mut addresses = (host, port)
        .to_socket_addrs()
        .map_err(|source| EndpointError::Unresolved { endpoint: endpoint.clone(), source })?;
    addresses.next().ok_or_else(|| EndpointError::NoAddress { endpoint: endpoint.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_its_own() {
        let resolved = |text: &str| resolve(&text.parse().unwrap()).unwrap().to_string();
        assert_eq!(resolved("192.0.2.1:51820"), "192.0.2.1:51820");
        assert_eq!(resolved("[2001:db8::1]:51820"), "[2001:db8::1]:51820");
    }

    #[test]
    fn a_name_that_is_not_known_is_named() {
        let refused = resolve(&"nowhere.invalid:51820".parse().unwrap()).unwrap_err();
        assert!(refused.to_string().starts_with("the endpoint nowhere.invalid:51820 has no address: "));
    }
}
