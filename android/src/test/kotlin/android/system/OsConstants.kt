// Stands before the framework's class of this name, which asks Android's native code for its numbers.
package android.system

object OsConstants {
    @JvmField
    val AF_INET = 2

    @JvmField
    val AF_INET6 = 10
}
