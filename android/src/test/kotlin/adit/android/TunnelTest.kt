// The native interface from Kotlin: what an app's own service, without Android, sees of a tunnel. Runs in lab.sh.
package adit.android

import adit.Event
import adit.FailedCause
import adit.HookException
import adit.Platform
import adit.PlatformHooks
import adit.TunFd
import adit.Tunnel
import adit.TunnelException
import adit.TunnelObserver
import adit.WarningKind
import adit.networkSettings
import adit.parseQr
import java.lang.ref.WeakReference
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.io.path.exists
import kotlin.reflect.KClass
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.supervisorScope
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

/** An app's service: it holds the tunnel, and is the tunnel's hooks and observer. */
private open class Service : PlatformHooks, TunnelObserver {
    val tunnel = Tunnel()
    val protectedSockets = CopyOnWriteArrayList<Int>()
    val askedFor = CopyOnWriteArrayList<String>()
    val events = CopyOnWriteArrayList<Event>()

    override fun protect(socketFd: Int) {
        check(descriptors().getValue(socketFd).startsWith("socket:")) { "Android wants an open socket" }
        protectedSockets += socketFd
    }

    override fun resolve(host: String): List<String> {
        askedFor += host
        return listOf(Lab.peerAddress)
    }

    override fun onEvent(event: Event) {
        events += event
    }

    suspend fun start(qrText: String = Lab.config, tun: Int = Tun.open()) =
        tunnel.start(parseQr(qrText).config, TunFd.Owned(tun), this, this)

    inline fun <reified E : Event> seen() = events.filterIsInstance<E>()
}

private class Refuses(private val why: Exception = HookException.Failed("no VPN permission")) : Service() {
    override fun protect(socketFd: Int): Unit = throw why
}

private class KnowsNoNames(private val why: Exception = HookException.Failed("no network")) : Service() {
    override fun resolve(host: String): List<String> = throw why
}

/** Looks for a name until it is let go. */
private class Hangs : Service() {
    val entered = CompletableDeferred<Unit>()
    val released = CompletableDeferred<Unit>()

    override fun resolve(host: String): List<String> {
        entered.complete(Unit)
        runBlocking { released.await() }
        return super.resolve(host)
    }
}

class TunnelTest {
    private val leftovers = Leftovers()

    /** Tells of a service, and looks for what is left of it. */
    private fun <S : Service> service(open: () -> S, tell: suspend CoroutineScope.(S) -> Unit) {
        leftovers.assertNone(told(open, tell))
        assertFalse(Tun.exists)
    }

    // A function of its own, since the service is not looked for before its locals are gone.
    private fun <S : Service> told(open: () -> S, tell: suspend CoroutineScope.(S) -> Unit): WeakReference<S> {
        val service = open()
        try {
            story { tell(service) }
        } catch (failed: Throwable) {
            // The next test needs the interface.
            runBlocking { service.tunnel.stop() }
            throw failed
        }
        return WeakReference(service)
    }

    @Test
    fun `from a QR code to the stop`() = service(::Service) { service ->
        val tunnel = service.tunnel
        val parsed = parseQr(Lab.config)
        assertEquals(listOf(WarningKind.DROPPED), parsed.warnings.map { it.kind })
        val secret = Lab.config.substringAfter("PrivateKey = ").take(44)
        assertFalse(secret in parsed.toString())
        val tun = Tun.establish(networkSettings(parsed.config, Platform.ANDROID))
        tunnel.start(parsed.config, TunFd.Owned(tun), service, service)

        // Before the core has taken the address over, it drops what it would send there.
        until("resolved") { service.seen<Event.Resolved>().isNotEmpty() }
        assertAnswers(Lab.inside)
        assertFalse(answers(Lab.inside2))
        assertEquals(listOf(Lab.peerName), service.askedFor)
        assertEquals(2, service.protectedSockets.size)
        until("connected") { service.seen<Event.Connected>().isNotEmpty() }
        val endpoint = "${Lab.peerAddress}:51820"
        assertEquals(listOf(endpoint), service.seen<Event.Resolved>().map { it.endpoint })
        val peer = tunnel.stats().peers.single()
        assertEquals(parsed.config.peers.single().publicKey, peer.publicKey)
        assertEquals(endpoint, peer.endpoint)
        assertTrue(peer.receivedOctets > 3u * 84u)
        assertNotNull(peer.latestHandshake)

        // Another allowed IP, while it runs: the session stays.
        val changed = parseQr(Lab.config2).config
        tunnel.setConfig(changed)
        Tun.configure(networkSettings(changed, Platform.ANDROID))
        assertAnswers(Lab.inside)
        assertAnswers(Lab.inside2)
        assertEquals(peer.latestHandshake, tunnel.stats().peers.single().latestHandshake)
        assertEquals(1, service.seen<Event.Connected>().size)

        // Another network: new sockets, the same tunnel.
        tunnel.networkChanged()
        assertEquals(4, service.protectedSockets.size)
        assertAnswers(Lab.inside)

        tunnel.stop()
        assertThrows<TunnelException.InvalidState> { tunnel.stats() }
        assertFalse(Tun.exists)
        assertFalse(Lab.trap.exists())
        assertEquals(emptyList<Event>(), service.seen<Event.Failed>())
        tunnel.stop()
    }

    @Test
    fun `a failed start holds nothing`() {
        leftovers.assertNone(
            refused(Service(), TunnelException.TunDescriptor::class, tun = Tun.openFile("/dev/null")),
            refused(Service(), TunnelException.TunDescriptor::class, tun = -1),
            refused(Refuses(), TunnelException.Protect::class),
            refused(KnowsNoNames(), TunnelException.Resolve::class),
        )
    }

    private fun refused(service: Service, expected: KClass<out TunnelException>, tun: Int = Tun.open()) =
        WeakReference(service).also { assertThrows(expected.java) { runBlocking { service.start(tun = tun) } } }

    @Test
    fun `an exception of the app is told in its words and without its stack trace`() {
        val protect = { why: Exception ->
            assertThrows<TunnelException.Protect> { runBlocking { Refuses(why).start() } }.reason
        }
        assertTrue(protect(HookException.Failed("no VPN permission")).endsWith("no VPN permission"))
        assertTrue(protect(SecurityException("revoked")).endsWith("java.lang.SecurityException: revoked"))
        val unresolved = assertThrows<TunnelException.Resolve> { runBlocking { KnowsNoNames().start() } }
        assertTrue("no network" in unresolved.reason)
        assertEquals(Lab.peerName, unresolved.host)
    }

    @Test
    fun `a stop ends a start that waits for a name`() = service(::Hangs) { service ->
        supervisorScope {
            val start = async(Dispatchers.Default) { service.start() }
            service.entered.await()
            service.tunnel.stop()
            assertTrue(runCatching { start.await() }.exceptionOrNull() is TunnelException.InvalidState)
        }
        assertFalse(Tun.exists)
        service.released.complete(Unit)
    }

    @Test
    fun `a cancelled start leaves nothing and may be followed by another`() = service(::Hangs) { service ->
        val start = launch(Dispatchers.Default) { service.start() }
        service.entered.await()
        start.cancelAndJoin()
        service.tunnel.stop()
        assertFalse(Tun.exists)

        service.released.complete(Unit)
        service.start()
        val again = Tun.openFile("/dev/null")
        assertThrows<TunnelException.InvalidState> { runBlocking { service.start(tun = again) } }
        assertFalse(again in descriptors())
        service.tunnel.stop()
    }

    @Test
    fun `a tunnel that is let go while it runs ends`() = service(::Service) { service ->
        service.start()
        service.tunnel.close()
        until("the interface is gone") { !Tun.exists }
    }

    @Test
    fun `an interface that is deleted is told and everything is released`() = service(::Service) { service ->
        service.start()
        Tun.delete()
        until("told") { service.seen<Event.Failed>().isNotEmpty() }
        assertEquals(FailedCause.TUN_GONE, service.seen<Event.Failed>().single().cause)
    }
}
