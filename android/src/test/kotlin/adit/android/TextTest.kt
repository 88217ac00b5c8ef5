// The native interface's pure functions from Kotlin.
package adit.android

import adit.ConfigException
import adit.ConfigRule
import adit.KeysException
import adit.PrivateKey
import adit.PublicKey
import adit.generatePrivateKey
import adit.parseConfig
import adit.parseQr
import adit.publicKey
import adit.qrSvg
import adit.toQuick
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows

class TextTest {
    @Test
    fun `an error has fields`() {
        val error = assertThrows<ConfigException.Text> { parseConfig("[Interface]\nListenPort = 65536\n") }
        assertEquals(listOf(2u, "ListenPort", "65536"), listOf(error.line, error.key, error.text))
        assertEquals(ConfigRule.InvalidNumber, error.rule)
    }

    @Test
    fun `keys are objects that do not print secrets`() {
        val privateKey = generatePrivateKey()
        val text = privateKey.toBase64()
        assertEquals(privateKey, PrivateKey.fromBase64(text))
        assertFalse(text in "$privateKey")
        val publicKey = publicKey(privateKey)
        assertEquals(1, mapOf(publicKey to 1)[PublicKey.fromBase64("$publicKey")])
        assertThrows<KeysException.InvalidKey> { PublicKey.fromBase64("no key") }
    }

    @Test
    fun `a configuration becomes text and a picture`() {
        val config = parseQr(Lab.config).config
        assertEquals(config, parseConfig(toQuick(config)).config)
        assertTrue("<svg" in qrSvg(config))
    }
}
