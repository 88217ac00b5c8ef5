// The program of bindings/README.md, which the build has put among the sources. Runs in lab.sh.
import adit.android.Lab
import adit.android.Leftovers
import adit.android.Tun
import adit.android.story
import java.lang.ref.WeakReference
import java.util.concurrent.CopyOnWriteArrayList
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

class GuideTest {
    private val leftovers = Leftovers()

    @Test
    fun `the guide's program runs`() {
        leftovers.assertNone(guide())
    }

    private fun guide(): WeakReference<Service> {
        val asked = CopyOnWriteArrayList<Int>()
        val service = Service(protectSocket = { asked.add(it) }, openTun = Tun::establish)
        // No name server answers in the lab.
        story { service.run(Lab.config.replace(Lab.peerName, Lab.peerAddress)) }
        assertEquals(2, asked.size)
        return WeakReference(service)
    }
}
