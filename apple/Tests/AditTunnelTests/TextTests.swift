// Texts, keys and pictures through the generated interface.

import Adit
import XCTest

final class TextTests: XCTestCase {
    func testAnErrorHasFields() {
        XCTAssertThrowsError(try parseConfig(text: "[Interface]\nListenPort = 65536\n")) { error in
            guard case .Text(_, let rule, let section, let key, let text, let line, _, _) = error as? ConfigError else {
                return XCTFail("\(error)")
            }
            XCTAssertEqual(rule, .invalidNumber)
            XCTAssertEqual(section, .interface)
            XCTAssertEqual(key, "ListenPort")
            XCTAssertEqual(text, "65536")
            XCTAssertEqual(line, 2)
        }
    }

    func testKeysAreObjectsThatDoNotPrintSecrets() throws {
        let privateKey = try generatePrivateKey()
        let text = try privateKey.toBase64()
        XCTAssertEqual(try PrivateKey.fromBase64(text: text), privateKey)
        XCTAssertFalse("\(privateKey) \(String(reflecting: privateKey))".contains(text))
        let publicKey = try publicKey(of: privateKey)
        XCTAssertEqual([publicKey: 1][try PublicKey.fromBase64(text: "\(publicKey)")], 1)
        XCTAssertThrowsError(try PublicKey.fromBase64(text: "no key")) {
            XCTAssertEqual($0 as? KeysError, .InvalidKey)
        }
    }

    func testAConfigurationBecomesTextAndAPicture() throws {
        let config = Config(
            interface: Interface(privateKey: try generatePrivateKey(), table: .auto, applications: .all),
            peers: [Peer(publicKey: try publicKey(of: generatePrivateKey()))]
        )
        let text = try toQuick(config: config)
        XCTAssertEqual(try toQuick(config: parseConfig(text: text).config), text)
        XCTAssertTrue(try qrSvg(config: config).contains("<svg"))
    }
}
