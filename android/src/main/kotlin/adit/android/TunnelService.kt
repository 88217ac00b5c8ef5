// Android's side of a tunnel, and no more: what can be tested without Android is in TunnelSession and VpnBuilder.
package adit.android

import adit.Event
import adit.NetworkSettings
import android.app.Notification
import android.app.NotificationChannel
import android.app.NotificationManager
import android.content.Context
import android.content.Intent
import android.content.pm.ServiceInfo
import android.net.ConnectivityManager
import android.net.VpnService
import android.os.Build
import android.util.Log
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch

/**
 * Runs the tunnel that a QR code's text describes.
 *
 * An activity asks for the user's consent first (`VpnService.prepare`), then calls [start], and later [stop]. A start
 * takes the place of the tunnel before it. The service stops itself when its tunnel has ended, whatever the reason.
 * An app that wants to be told extends it and declares its own in the manifest.
 */
open class TunnelService : VpnService() {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    private val session = TunnelSession(AndroidVpn())

    @Volatile
    private var lastStartId = 0

    /** What happens, on a thread of the tunnel's. */
    protected open fun onEvent(event: Event) {}

    /** The tunnel has ended, because of the error if there is one. */
    protected open fun onTunnelEnd(error: Exception?) {}

    /** What Android shows while the tunnel runs. */
    protected open fun notification(): Notification {
        val channel = NotificationChannel(CHANNEL, label(), NotificationManager.IMPORTANCE_LOW)
        getSystemService(NotificationManager::class.java).createNotificationChannel(channel)
        return Notification.Builder(this, CHANNEL)
            .setSmallIcon(applicationInfo.icon)
            .setContentTitle(label())
            .setOngoing(true)
            .build()
    }

    override fun onCreate() {
        super.onCreate()
        scope.launch { session.serve() }
    }

    override fun onStartCommand(intent: Intent?, flags: Int, startId: Int): Int {
        lastStartId = startId
        if (intent?.action == ACTION_STOP) {
            session.stop(startId)
            return START_NOT_STICKY
        }
        // Without consent Android refuses this, and then the VPN, which says so.
        if (prepare(this) == null) showNotification()
        session.start(startId, intent?.getStringExtra(EXTRA_QR_TEXT).orEmpty())
        // After it had to kill the process, Android starts the same tunnel again.
        return START_REDELIVER_INTENT
    }

    /** The user has chosen another VPN, or none. */
    override fun onRevoke() = session.stop(lastStartId)

    override fun onDestroy() {
        scope.cancel()
        super.onDestroy()
    }

    private fun showNotification() {
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.UPSIDE_DOWN_CAKE) {
            startForeground(NOTIFICATION, notification(), ServiceInfo.FOREGROUND_SERVICE_TYPE_SYSTEM_EXEMPTED)
        } else {
            startForeground(NOTIFICATION, notification())
        }
    }

    private fun label(): String = applicationInfo.loadLabel(packageManager).toString()

    private inner class AndroidVpn : Vpn {
        override fun establish(settings: NetworkSettings): Int {
            val builder = Builder().setSession(label())
            builder.configure(settings, Build.VERSION.SDK_INT)
            val descriptor = builder.establish()
                ?: throw SecurityException("Android has not granted the VPN: ask for consent with VpnService.prepare")
            return descriptor.detachFd()
        }

        override fun protect(socketFd: Int): Boolean = this@TunnelService.protect(socketFd)

        override fun resolve(host: String): List<String> =
            NamesOutside(getSystemService(ConnectivityManager::class.java)).addresses(host)

        override fun onEvent(event: Event) = this@TunnelService.onEvent(event)

        override fun onEnd(command: Int, error: Exception?) {
            error?.let { Log.w(TAG, "the tunnel has ended", it) }
            onTunnelEnd(error)
            // Unless there is a newer command.
            stopSelf(command)
        }
    }

    companion object {
        /** Starts a tunnel with the text in [EXTRA_QR_TEXT]. */
        const val ACTION_START = "adit.android.action.START"

        /** Ends it, and the service. */
        const val ACTION_STOP = "adit.android.action.STOP"

        /** The text of a QR code, with a private key: name the service in the intent, so that nobody else gets it. */
        const val EXTRA_QR_TEXT = "adit.android.extra.QR_TEXT"

        private const val TAG = "Adit"
        private const val CHANNEL = "adit.tunnel"
        private const val NOTIFICATION = 1

        /** Called while the app is in the foreground, after the user's consent. */
        fun start(context: Context, qrText: String, service: Class<out TunnelService> = TunnelService::class.java) {
            context.startService(Intent(context, service).setAction(ACTION_START).putExtra(EXTRA_QR_TEXT, qrText))
        }

        fun stop(context: Context, service: Class<out TunnelService> = TunnelService::class.java) {
            context.startService(Intent(context, service).setAction(ACTION_STOP))
        }
    }
}
