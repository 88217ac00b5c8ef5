// A configuration's settings as Android's VPN takes them.
package adit.android

import adit.AddressFamily
import adit.Applications
import adit.IpNetwork
import adit.NetworkSettings
import adit.withoutExcludedRoutes
import android.net.IpPrefix
import android.net.VpnService
import android.os.Build
import android.system.OsConstants
import java.net.InetAddress

/**
 * Says everything of the settings to the builder. `api` is the level of the system that it runs on: before 33 the
 * excluded routes are cut out of the included ones. An application that is not installed is an error of Android's.
 */
internal fun VpnService.Builder.configure(settings: NetworkSettings, api: Int) {
    // The tunnel waits for packets by itself.
    setBlocking(false)
    setMtu(settings.mtu.toInt())
    settings.addresses.forEach { addAddress(it.inetAddress, it.prefixLength.toInt()) }
    settings.addressFamilies.forEach { allowFamily(it.number) }
    settings.dnsServers.forEach { addDnsServer(InetAddress.getByName(it)) }
    settings.searchDomains.forEach { addSearchDomain(it) }
    if (api >= Build.VERSION_CODES.TIRAMISU) {
        settings.includedRoutes.forEach { addRoute(it.inetAddress, it.prefixLength.toInt()) }
        settings.excludedRoutes.forEach { excludeRoute(IpPrefix(it.inetAddress, it.prefixLength.toInt())) }
    } else {
        withoutExcludedRoutes(settings).includedRoutes.forEach { addRoute(it.inetAddress, it.prefixLength.toInt()) }
    }
    when (val applications = settings.applications) {
        Applications.All -> {}
        is Applications.Included -> applications.names.forEach { addAllowedApplication(it) }
        is Applications.Excluded -> applications.names.forEach { addDisallowedApplication(it) }
    }
    // From here on a VPN counts as metered unless it says that it is as the network below it.
    if (api >= Build.VERSION_CODES.Q) setMetered(false)
}

/** It is a literal, so no name server is asked. */
private val IpNetwork.inetAddress: InetAddress
    get() = InetAddress.getByName(address)

private val AddressFamily.number: Int
    get() = when (this) {
        AddressFamily.IPV4 -> OsConstants.AF_INET
        AddressFamily.IPV6 -> OsConstants.AF_INET6
    }
