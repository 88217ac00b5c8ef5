// The core's network settings as Apple's classes.

#if canImport(NetworkExtension)
import Adit
import NetworkExtension

extension NEPacketTunnelNetworkSettings {
    convenience init(_ settings: NetworkSettings) {
        // Shown to the user, and nothing is sent there. A tunnel may have many peers, or one whose name has no
        // address yet.
        self.init(tunnelRemoteAddress: "127.0.0.1")
        mtu = NSNumber(value: settings.mtu)
        ipv4Settings = settings.family(.ipv4).map(NEIPv4Settings.init)
        ipv6Settings = settings.family(.ipv6).map(NEIPv6Settings.init)
        if !settings.dnsServers.isEmpty || !settings.searchDomains.isEmpty {
            let dns = NEDNSSettings(servers: settings.dnsServers)
            dns.searchDomains = settings.searchDomains
            dns.matchDomains = settings.matchDomains
            dnsSettings = dns
        }
    }
}

extension NEIPv4Settings {
    fileprivate convenience init(_ family: FamilySettings) {
        self.init(
            addresses: family.addresses.map(\.address),
            subnetMasks: family.addresses.compactMap(\.subnetMask)
        )
        includedRoutes = family.includedRoutes.map(NEIPv4Route.init)
        excludedRoutes = family.excludedRoutes.map(NEIPv4Route.init)
    }
}

extension NEIPv4Route {
    fileprivate convenience init(_ route: IpNetwork) {
        // An IPv4 network always has a mask.
        self.init(destinationAddress: route.address, subnetMask: route.subnetMask ?? "255.255.255.255")
    }
}

extension NEIPv6Settings {
    fileprivate convenience init(_ family: FamilySettings) {
        self.init(
            addresses: family.addresses.map(\.address),
            networkPrefixLengths: family.addresses.map { NSNumber(value: $0.prefixLength) }
        )
        includedRoutes = family.includedRoutes.map(NEIPv6Route.init)
        excludedRoutes = family.excludedRoutes.map(NEIPv6Route.init)
    }
}

extension NEIPv6Route {
    fileprivate convenience init(_ route: IpNetwork) {
        self.init(
            destinationAddress: route.address,
            networkPrefixLength: NSNumber(value: route.prefixLength)
        )
    }
}
#endif
