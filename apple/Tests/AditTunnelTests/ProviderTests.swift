// What a provider hands to the system, without the system: settings by version of IP, errors, names, descriptors.

import Adit
import Foundation
import XCTest

@testable import AditTunnel

final class ProviderTests: XCTestCase {
    private func settings(_ interface: String, allowedIps: String = "0.0.0.0/0") throws -> NetworkSettings {
        let text = """
            [Interface]
            PrivateKey = \(try generatePrivateKey().toBase64())
            \(interface)
            [Peer]
            PublicKey = \(try publicKey(of: generatePrivateKey()))
            AllowedIPs = \(allowedIps)
            """
        return try networkSettings(config: parseQr(text: text).config, platform: .apple)
    }

    func testEachVersionOfIpHasItsOwnAddressesAndRoutes() throws {
        let settings = try settings(
            "Address = 10.0.0.2/24, fd00::2/64",
            allowedIps: "0.0.0.0/0, -192.168.0.0/16, 2001:db8::/32"
        )
        let ipv4 = try XCTUnwrap(settings.family(.ipv4))
        XCTAssertEqual(ipv4.addresses.map(\.address), ["10.0.0.2"])
        XCTAssertEqual(ipv4.addresses.map(\.subnetMask), ["255.255.255.0"])
        XCTAssertEqual(ipv4.includedRoutes.map(\.address), ["0.0.0.0", "10.0.0.0"])
        XCTAssertEqual(ipv4.excludedRoutes.map(\.address), ["192.168.0.0"])
        let ipv6 = try XCTUnwrap(settings.family(.ipv6))
        XCTAssertEqual(ipv6.addresses.map(\.prefixLength), [64])
        XCTAssertEqual(ipv6.includedRoutes.map(\.address), ["2001:db8::", "fd00::"])
        XCTAssertEqual(ipv6.excludedRoutes, [])
    }

    func testAVersionWithoutAnAddressIsNotSet() throws {
        let settings = try settings("Address = 10.0.0.2/24", allowedIps: "0.0.0.0/0, ::/0")
        XCTAssertNotNil(settings.family(.ipv4))
        XCTAssertNil(settings.family(.ipv6))
    }

    func testTheTunnelsServersAreAskedForEveryName() throws {
        XCTAssertEqual(try settings("DNS = 10.0.0.1, corp.example", allowedIps: "10.0.0.0/8").matchDomains, [""])
        XCTAssertNil(try settings("DNS = corp.example").matchDomains)
    }

    func testTheTextIsFoundUnderItsKey() throws {
        XCTAssertEqual(try ProviderConfiguration.text(in: [ProviderConfiguration.textKey: "text"]), "text")
        for configuration in [nil, [:], [ProviderConfiguration.textKey: 1]] as [[String: Any]?] {
            XCTAssertThrowsError(try ProviderConfiguration.text(in: configuration)) {
                XCTAssertEqual(($0 as? ProviderError)?.kind, .configuration)
            }
        }
    }

    func testAnErrorCrossesToAnotherProcessAsItsCodeAndItsSentence() {
        let error = ProviderError(TunnelError.Resolve(reason: "vpn.example was not found", host: "vpn.example"))
        let crossed = error as NSError
        XCTAssertEqual(crossed.domain, "Adit")
        XCTAssertEqual(crossed.code, ProviderError.Kind.name.rawValue)
        XCTAssertEqual(crossed.userInfo[NSLocalizedDescriptionKey] as? String, "vpn.example was not found")
        XCTAssertEqual(crossed.localizedDescription, "vpn.example was not found")
    }

    func testWhyATunnelEndedIsToldByItsCause() {
        XCTAssertEqual(ProviderError(.tunGone, reason: "it went away").kind, .interface)
        XCTAssertEqual(ProviderError(.internal, reason: "a defect").kind, .other)
    }

    func testAnAddressIsItsOwnAddressAndAnUnknownNameHasNone() throws {
        XCTAssertEqual(try addresses(of: "192.0.2.2"), ["192.0.2.2"])
        XCTAssertEqual(try addresses(of: "2001:db8::1"), ["2001:db8::1"])
        XCTAssertThrowsError(try addresses(of: "no-such-name.invalid"))
    }

    func testTheUtunDescriptorIsTheOneThatSaysSo() throws {
        let names: [Int32: String] = [4: "ipsec0", 7: "utun3", 9: "utun4"]
        XCTAssertEqual(try Utun.descriptor { names[$0] }, 7)
        XCTAssertThrowsError(try Utun.descriptor { _ in nil }) {
            XCTAssertEqual(($0 as? ProviderError)?.kind, .interface)
        }
    }

    func testAnOrdinaryDescriptorTellsNoInterface() {
        let socket = socket(AF_INET, Int32(datagram), 0)
        defer { close(socket) }
        for descriptor in [socket, 0, -1] {
            XCTAssertNil(Utun.interfaceName(of: descriptor))
        }
    }
}
