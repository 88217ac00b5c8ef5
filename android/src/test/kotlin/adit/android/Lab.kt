// What lab.sh has prepared, and what a test does to the system around a tunnel and asks of it.
package adit.android

import adit.Event
import adit.NetworkSettings
import adit.PlatformHooks
import adit.TunFd
import adit.Tunnel
import adit.TunnelException
import adit.TunnelObserver
import adit.parseQr
import com.sun.jna.LastErrorException
import com.sun.jna.Library
import com.sun.jna.Memory
import com.sun.jna.Native
import com.sun.jna.NativeLong
import com.sun.jna.Pointer
import java.io.IOException
import java.lang.ref.WeakReference
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.TimeUnit.SECONDS
import kotlin.io.path.exists
import kotlin.io.path.listDirectoryEntries
import kotlin.io.path.name
import kotlin.io.path.readText
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.assertThrows

/** Longer than anything takes; a test that waits so long has failed. */
val PATIENCE = 20.seconds

object Lab {
    val config = told("CONFIG")
    val config2 = told("CONFIG_2")
    val peerName = told("PEER_NAME")
    val peerAddress = told("PEER_ADDRESS")
    val inside = told("INSIDE")
    val inside2 = told("INSIDE_2")
    val trap: Path = Path.of(told("TRAP"))

    private fun told(what: String) =
        checkNotNull(System.getenv("ADIT_LAB_$what")) { "this test runs in bindings/tests/lab.sh" }
}

/** The TUN interface of the test that runs. */
object Tun {
    private const val NAME = "tun0"

    // fcntl.h and linux/if_tun.h
    private const val O_RDWR_CLOEXEC = 0x80002
    private const val TUNSETIFF = 0x400454CAL
    private const val IFF_TUN_NO_PI: Short = 0x1001
    private const val IFREQ_SIZE = 40L
    private const val IFREQ_FLAGS = 16L

    private interface LibC : Library {
        @Throws(LastErrorException::class)
        fun open(path: String, flags: Int): Int

        @Throws(LastErrorException::class)
        fun ioctl(fd: Int, request: NativeLong, argument: Pointer): Int
    }

    private val libc = Native.load("c", LibC::class.java)

    val exists get() = Path.of("/sys/class/net/$NAME").exists()

    /** A descriptor, as a VPN API hands it over. */
    fun open(): Int = openFile("/dev/net/tun").also { fd ->
        Memory(IFREQ_SIZE).use { request ->
            request.clear()
            request.setString(0, NAME)
            request.setShort(IFREQ_FLAGS, IFF_TUN_NO_PI)
            libc.ioctl(fd, NativeLong(TUNSETIFF), request)
        }
    }

    /** A descriptor of something else. */
    fun openFile(path: String): Int = libc.open(path, O_RDWR_CLOEXEC)

    /** What a VPN API does with the settings. */
    fun configure(settings: NetworkSettings) {
        for (address in settings.addresses) {
            run("ip", "address", "replace", "${address.address}/${address.prefixLength}", "dev", NAME)
        }
        run("ip", "link", "set", NAME, "mtu", "${settings.mtu}", "up")
        for (route in settings.includedRoutes) {
            run("ip", "route", "replace", "${route.address}/${route.prefixLength}", "dev", NAME)
        }
    }

    /** All of what a VPN API does. */
    fun establish(settings: NetworkSettings): Int = open().also { configure(settings) }

    fun delete() {
        run("ip", "link", "delete", NAME)
    }
}

/** The system's ping gets every answer. */
fun assertAnswers(address: String) {
    val said = ping(address, 3)
    assertTrue("3 packets transmitted, 3 received" in said, said)
}

/** Whether the system's ping gets an answer. */
fun answers(address: String): Boolean = "1 received" in ping(address, 1)

private fun ping(address: String, count: Int): String =
    ProcessBuilder("ping", "-c", "$count", "-i", "0.05", "-W", "5", address)
        .redirectErrorStream(true)
        .start()
        .inputReader()
        .readText()

private fun run(vararg command: String) {
    val process = ProcessBuilder(*command).inheritIO().start()
    check(process.waitFor(PATIENCE.inWholeSeconds, SECONDS) && process.exitValue() == 0) { command.joinToString(" ") }
}

/** What this process has open, but for the files that a JVM opens when it likes. */
fun descriptors(): Map<Int, String> = entries("/proc/self/fd")
    .mapNotNull { entry -> orGone { entry.name.toInt() to Files.readSymbolicLink(entry).toString() } }
    .filter { (_, target) -> !target.startsWith("/") || target in setOf("/dev/net/tun", "/dev/null") }
    .toMap()

/** The tunnel's threads by name. */
fun threads(): List<String> = entries("/proc/self/task")
    .mapNotNull { entry -> orGone { entry.resolve("comm").readText().trim() } }
    .filter { it.startsWith("adit") }

private fun entries(folder: String) = Path.of(folder).listDirectoryEntries()

private fun <T> orGone(read: () -> T): T? = try {
    read()
} catch (_: IOException) {
    null
}

/** Asks again and again until it is so. */
fun until(what: String, condition: () -> Boolean) {
    val end = TimeSource.Monotonic.markNow() + PATIENCE
    while (!condition()) {
        check(end.hasNotPassedNow()) { "$what: not within $PATIENCE" }
        Thread.sleep(20)
    }
}

/** What is open before a story, and that no more is open after it. */
class Leftovers {
    private val before: Map<Int, String>

    init {
        // The first tunnel of a process opens descriptors that are never closed.
        assertThrows<TunnelException.TunDescriptor> { runBlocking { startOnNoTun() } }
        until("no thread") { threads().isEmpty() }
        before = descriptors()
    }

    private suspend fun startOnNoTun() {
        val app = object : PlatformHooks, TunnelObserver {
            override fun protect(socketFd: Int) = Unit

            override fun resolve(host: String) = listOf(Lab.peerAddress)

            override fun onEvent(event: Event) = Unit
        }
        Tunnel().start(parseQr(Lab.config).config, TunFd.Owned(Tun.openFile("/dev/null")), app, app)
    }

    fun assertNone(vararg released: WeakReference<*>) {
        until("nobody holds the service") {
            System.gc()
            released.all { it.get() == null }
        }
        until("no thread is left, but there are ${threads()}") { threads().isEmpty() }
        until("no descriptor is left of ${descriptors() - before.keys}") { descriptors() == before }
    }
}

/** A test that may wait. */
fun <T> story(tell: suspend CoroutineScope.() -> T): T = runBlocking { withTimeout(PATIENCE * 3) { tell() } }
