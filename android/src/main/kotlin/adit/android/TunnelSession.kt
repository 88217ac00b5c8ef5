// The life of an app's tunnels, one at a time: what a VPN service does, without Android.
package adit.android

import adit.Event
import adit.HookException
import adit.NetworkSettings
import adit.Platform
import adit.PlatformHooks
import adit.TunFd
import adit.Tunnel
import adit.TunnelObserver
import adit.networkSettings
import adit.parseQr
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.collectLatest
import kotlinx.coroutines.flow.filterNotNull
import kotlinx.coroutines.withContext

/** What a session needs of the platform. None of it is called on the thread that commands the session. */
internal interface Vpn {
    /** Makes the interface. Its descriptor is the caller's from then on. */
    fun establish(settings: NetworkSettings): Int

    /** Keeps a socket out of the tunnel; false if the system refuses. */
    fun protect(socketFd: Int): Boolean

    /** The addresses of a name, asked for outside the tunnel. */
    fun resolve(host: String): List<String>

    fun onEvent(event: Event)

    /** The latest command is done: nothing runs any more, because of the error if there is one. */
    fun onEnd(command: Int, error: Exception?)
}

/** A tunnel has ended, and not because it was told to. */
class TunnelFailedException(val event: Event.Failed) : Exception(event.reason)

/**
 * Starts and stops tunnels in the order of its commands. Only the latest command counts: a start takes the place of
 * the tunnel before it, which has ended by then, and a start that is followed at once by a stop may never begin.
 */
internal class TunnelSession(private val vpn: Vpn) {
    private class Command(val id: Int, val qrText: String?)

    private val latest = MutableStateFlow<Command?>(null)

    /** `id` is the caller's name for the command. */
    fun start(id: Int, qrText: String) {
        latest.value = Command(id, qrText)
    }

    fun stop(id: Int) {
        latest.value = Command(id, null)
    }

    /** Carries the commands out until it is cancelled, which ends the tunnel too. */
    suspend fun serve() = latest.filterNotNull().collectLatest(::carryOut)

    private suspend fun carryOut(command: Command) {
        val error = try {
            command.qrText?.let { run(it) }
            null
        } catch (cancelled: CancellationException) {
            throw cancelled
        } catch (error: Exception) {
            error
        }
        vpn.onEnd(command.id, error)
    }

    /** Runs a tunnel until this is cancelled; throws when it fails. */
    private suspend fun run(qrText: String) {
        require(qrText.isNotBlank()) { "there is no configuration to start with" }
        val config = parseQr(qrText).config
        val settings = networkSettings(config, Platform.ANDROID)
        currentCoroutineContext().ensureActive()
        val lent = Lent(vpn)
        Tunnel().use { tunnel ->
            try {
                // Nothing suspends between the two, so that no cancelling can lose the descriptor.
                tunnel.start(config, TunFd.Owned(vpn.establish(settings)), lent, lent)
                throw lent.failure.await()
            } finally {
                withContext(NonCancellable) { tunnel.stop() }
            }
        }
    }
}

/** What a tunnel is lent from its start to its end. */
private class Lent(private val vpn: Vpn) : PlatformHooks, TunnelObserver {
    val failure = CompletableDeferred<TunnelFailedException>()

    override fun protect(socketFd: Int) {
        if (!vpn.protect(socketFd)) {
            throw HookException.Failed("the system refused to protect it: the permission for a VPN may be gone")
        }
    }

    override fun resolve(host: String): List<String> = vpn.resolve(host)

    override fun onEvent(event: Event) {
        if (event is Event.Failed) failure.complete(TunnelFailedException(event))
        vpn.onEvent(event)
    }
}
