// Names are asked for outside the tunnel: when a tunnel starts, its VPN already takes what this app sends.
package adit.android

import android.net.ConnectivityManager
import android.net.Network
import android.net.NetworkCapabilities
import java.net.UnknownHostException

/** Asks the networks below the VPN, those first that are known to reach the internet. */
internal class NamesOutside(private val connectivity: ConnectivityManager) {
    fun addresses(host: String): List<String> {
        for (network in networks()) {
            try {
                return network.getAllByName(host).mapNotNull { it.hostAddress }
            } catch (_: UnknownHostException) {
                // Another network may know it.
            }
        }
        throw UnknownHostException("no network knows $host")
    }

    // The callback that stands in for allNetworks has seen nothing yet when a start asks.
    @Suppress("DEPRECATION")
    private fun networks(): List<Network> = connectivity.allNetworks
        .mapNotNull { network -> connectivity.getNetworkCapabilities(network)?.let { network to it } }
        .filter { (_, can) -> can.hasCapability(NetworkCapabilities.NET_CAPABILITY_NOT_VPN) }
        .filter { (_, can) -> can.hasCapability(NetworkCapabilities.NET_CAPABILITY_INTERNET) }
        .sortedByDescending { (_, can) -> can.hasCapability(NetworkCapabilities.NET_CAPABILITY_VALIDATED) }
        .map { (network, _) -> network }
}
