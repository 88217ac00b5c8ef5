// What TunnelService does, without Android: its commands, in whatever order they come. Runs in lab.sh.
package adit.android

import adit.ConfigException
import adit.Event
import adit.FailedCause
import adit.NetworkSettings
import adit.TunnelException
import java.lang.ref.WeakReference
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit.SECONDS
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

private data class End(val command: Int, val error: Exception?)

/** The system's VPN as a test has it. */
private open class LabVpn : Vpn {
    val session = TunnelSession(this)
    val established = CopyOnWriteArrayList<NetworkSettings>()
    val events = CopyOnWriteArrayList<Event>()
    val ends = CopyOnWriteArrayList<End>()

    override fun establish(settings: NetworkSettings): Int = Tun.establish(settings).also { established += settings }

    override fun protect(socketFd: Int) = true

    override fun resolve(host: String) = listOf(Lab.peerAddress)

    override fun onEvent(event: Event) {
        events += event
    }

    override fun onEnd(command: Int, error: Exception?) {
        ends += End(command, error)
    }

    fun awaitConnected() = until("connected") { events.any { it is Event.Connected } }

    fun awaitEnd(command: Int): Exception? {
        until("the end of command $command") { ends.any { it.command == command } }
        return ends.single { it.command == command }.error
    }
}

class TunnelSessionTest {
    private val leftovers = Leftovers()

    /** Serves a session's commands from Android's `onCreate` to its `onDestroy`, and looks for what is left. */
    private fun session(open: () -> LabVpn = ::LabVpn, tell: suspend CoroutineScope.(LabVpn, Job) -> Unit) {
        leftovers.assertNone(served(open, tell))
        assertFalse(Tun.exists)
    }

    private fun served(open: () -> LabVpn, tell: suspend CoroutineScope.(LabVpn, Job) -> Unit): WeakReference<LabVpn> {
        val vpn = open()
        story {
            val serving = launch(Dispatchers.Default) { vpn.session.serve() }
            tell(vpn, serving)
            serving.cancelAndJoin()
        }
        return WeakReference(vpn)
    }

    @Test
    fun `a start carries packets until the stop`() = session { vpn, _ ->
        vpn.session.start(1, Lab.config)
        vpn.awaitConnected()
        assertAnswers(Lab.inside)
        assertEquals("10.113.0.1", vpn.established.single().addresses.single().address)
        vpn.session.stop(2)
        assertEquals(null, vpn.awaitEnd(2))
        assertFalse(Tun.exists)
        assertEquals(listOf(2), vpn.ends.map { it.command })
    }

    @Test
    fun `a start that is followed at once by a stop leaves nothing running`() = session { vpn, _ ->
        for (command in 1..20 step 2) {
            vpn.session.start(command, Lab.config)
            // At a different moment of the start each time.
            Thread.sleep(command.toLong())
            vpn.session.stop(command + 1)
            assertEquals(null, vpn.awaitEnd(command + 1))
            // A stop does not wait for an app that is in protect.
            until("the interface is gone") { !Tun.exists }
        }
        assertEquals((2..20 step 2).toList(), vpn.ends.map { it.command })
    }

    @Test
    fun `a second start takes the first one's place`() = session { vpn, _ ->
        vpn.session.start(1, Lab.config)
        vpn.awaitConnected()
        vpn.session.start(2, Lab.config2)
        // The interface has the same name, so the first must be gone before the second can be. No ping is begun
        // meanwhile: for a moment a child process holds what its parent has open.
        until("a second interface") { vpn.established.size == 2 }
        until("the second configuration") { answers(Lab.inside2) }
        assertEquals(emptyList<End>(), vpn.ends)
    }

    @Test
    fun `a start that fails says why and may be followed by another`() {
        class Grants : LabVpn() {
            @Volatile
            var granted = false

            override fun establish(settings: NetworkSettings) =
                if (granted) super.establish(settings) else throw SecurityException("not granted")
        }
        session(::Grants) { vpn, _ ->
            vpn.session.start(1, Lab.config)
            assertTrue(vpn.awaitEnd(1) is SecurityException)
            (vpn as Grants).granted = true
            vpn.session.start(2, Lab.config)
            vpn.awaitConnected()
        }
    }

    @Test
    fun `a text that is no configuration makes no interface`() = session { vpn, _ ->
        vpn.session.start(1, "https://example.com")
        assertTrue(vpn.awaitEnd(1) is ConfigException.Text)
        vpn.session.start(2, "")
        assertTrue(vpn.awaitEnd(2) is IllegalArgumentException)
        assertEquals(emptyList<NetworkSettings>(), vpn.established)
    }

    @Test
    fun `a socket that is not protected ends the start and closes the descriptor`() {
        class Unprotected : LabVpn() {
            override fun protect(socketFd: Int) = false
        }
        session(::Unprotected) { vpn, _ ->
            vpn.session.start(1, Lab.config)
            val error = vpn.awaitEnd(1) as TunnelException.Protect
            assertTrue("refused to protect" in error.reason)
            assertFalse(Tun.exists)
        }
    }

    @Test
    fun `an interface that is deleted ends the tunnel and says so`() = session { vpn, _ ->
        vpn.session.start(1, Lab.config)
        vpn.awaitConnected()
        Tun.delete()
        val failed = vpn.awaitEnd(1) as TunnelFailedException
        assertEquals(FailedCause.TUN_GONE, failed.event.cause)
    }

    @Test
    fun `a service that is destroyed while a name is asked for leaves nothing`() {
        val entered = CountDownLatch(1)
        val released = CountDownLatch(1)
        class Hangs : LabVpn() {
            override fun resolve(host: String): List<String> {
                entered.countDown()
                released.await(PATIENCE.inWholeSeconds, SECONDS)
                return super.resolve(host)
            }
        }
        session(::Hangs) { vpn, serving ->
            vpn.session.start(1, Lab.config)
            entered.await()
            serving.cancelAndJoin()
            assertFalse(Tun.exists)
            assertEquals(emptyList<End>(), vpn.ends)
            released.countDown()
        }
    }
}
