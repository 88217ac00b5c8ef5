// What the framework's own builder is told, with its methods' real signatures: its checks need Android's native code.
package adit.android

import adit.Platform
import adit.networkSettings
import adit.parseQr
import android.net.IpPrefix
import android.net.VpnService
import java.net.InetAddress
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

private const val ANDROID_8 = 26
private const val ANDROID_13 = 33

/** Notes what it is told. */
private class Recorder : VpnService() {
    val told = mutableListOf<String>()

    inner class Recording : Builder() {
        private fun note(what: String): Builder = apply { told += what }

        override fun addAddress(address: InetAddress, prefixLength: Int) =
            note("address ${address.hostAddress}/$prefixLength")

        override fun addRoute(address: InetAddress, prefixLength: Int) =
            note("route ${address.hostAddress}/$prefixLength")

        override fun excludeRoute(prefix: IpPrefix) = note("not ${prefix.address.hostAddress}/${prefix.prefixLength}")

        override fun addDnsServer(address: InetAddress) = note("dns ${address.hostAddress}")

        override fun addSearchDomain(domain: String) = note("search $domain")

        override fun allowFamily(family: Int) = note("family $family")

        override fun addAllowedApplication(packageName: String) = note("only $packageName")

        override fun addDisallowedApplication(packageName: String) = note("without $packageName")

        override fun setMtu(mtu: Int) = note("mtu $mtu")

        override fun setBlocking(blocking: Boolean) = note("blocking $blocking")

        override fun setMetered(isMetered: Boolean) = note("metered $isMetered")
    }
}

class VpnBuilderTest {
    private fun told(api: Int, interfaceKeys: String, allowedIps: String): List<String> {
        val text = """
            [Interface]
            PrivateKey = dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=
            $interfaceKeys
            [Peer]
            PublicKey = 3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=
            AllowedIPs = $allowedIps
        """.trimIndent()
        val recorder = Recorder()
        recorder.Recording().configure(networkSettings(parseQr(text).config, Platform.ANDROID), api)
        return recorder.told
    }

    @Test
    fun `the builder is told everything`() {
        val keys = "Address = 10.0.0.2/24, fd00::2/64\nDNS = 10.0.0.1, corp.example\nMTU = 1400"
        assertEquals(
            listOf(
                "blocking false",
                "mtu 1400",
                "address 10.0.0.2/24",
                "address fd00:0:0:0:0:0:0:2/64",
                "family 2",
                "family 10",
                "dns 10.0.0.1",
                "search corp.example",
                "route 0.0.0.0/0",
                "route 0:0:0:0:0:0:0:0/0",
                "not 192.168.0.0/16",
                "metered false",
            ),
            told(ANDROID_13, keys, "0.0.0.0/0, ::/0, -192.168.0.0/16"),
        )
    }

    @Test
    fun `before Android 13 an excluded route is cut out of the others`() {
        val routes = told(ANDROID_8, "Address = 10.0.0.2/24", "10.0.0.0/14, -10.1.0.0/16")
            .filter { it.startsWith("route") || it.startsWith("not") || it.startsWith("metered") }
        assertEquals(listOf("route 10.0.0.0/16", "route 10.2.0.0/15"), routes)
    }

    @Test
    fun `a family that the tunnel does not carry is blocked if it takes all of the other`() {
        val families = told(ANDROID_13, "Address = 10.0.0.2/24", "0.0.0.0/0").filter { it.startsWith("family") }
        assertEquals(listOf("family 2"), families)
    }

    @Test
    fun `applications are either the only ones or left out`() {
        val applications = { keys: String ->
            told(ANDROID_13, "Address = 10.0.0.2/24\n$keys", "0.0.0.0/0").filter { " org." in it }
        }
        assertEquals(listOf("only org.a", "only org.b"), applications("IncludedApplications = org.a, org.b"))
        assertEquals(listOf("without org.a"), applications("ExcludedApplications = org.a"))
        assertEquals(emptyList<String>(), applications(""))
    }
}
