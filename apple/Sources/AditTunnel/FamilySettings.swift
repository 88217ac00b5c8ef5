// The settings of one version of IP, which Apple wants apart from the other's; and its rule for DNS.

import Adit

/// What goes into `NEIPv4Settings` or `NEIPv6Settings`.
struct FamilySettings: Equatable {
    let addresses: [IpNetwork]
    let includedRoutes: [IpNetwork]
    let excludedRoutes: [IpNetwork]
}

extension NetworkSettings {
    /// `nil` for a version that the tunnel does not carry.
    func family(_ family: AddressFamily) -> FamilySettings? {
        guard addressFamilies.contains(family) else { return nil }
        return FamilySettings(
            addresses: addresses.filter { $0.family == family },
            includedRoutes: includedRoutes.filter { $0.family == family },
            excludedRoutes: excludedRoutes.filter { $0.family == family }
        )
    }

    /// Which names the tunnel's DNS servers are asked for. With servers it is all of them, as with wg-quick; a tunnel
    /// that takes everything gets that from the system anyway, any other one by a domain without a name.
    var matchDomains: [String]? {
        dnsServers.isEmpty ? nil : [""]
    }
}
