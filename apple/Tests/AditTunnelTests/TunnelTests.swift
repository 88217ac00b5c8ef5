// The generated interface on a real TUN descriptor, against a foreign peer: from a QR code to the stop, and every way
// in which it does not come that far.

#if os(Linux)
import Adit
import Foundation
import XCTest

@testable import AditTunnel

final class TunnelTests: LabTestCase {
    func testFromAQrCodeToTheStop() async throws {
        let parsed = try parseQr(text: Lab.config)
        XCTAssertEqual(parsed.warnings.map(\.kind), [.dropped])
        let secret = try XCTUnwrap(parsed.config.interface.privateKey).toBase64()
        XCTAssertFalse("\(parsed) \(String(reflecting: parsed))".contains(secret))

        let service = try Service()
        let tunnel = service.tunnel
        let tun = Tun.open()
        Tun.setUp(try networkSettings(config: parsed.config, platform: .apple))
        try await service.start(Lab.config, on: .owned(fd: tun))
        // The start has found the name; a moment later packets go to its address, and until then they are dropped.
        try await until("the address is in force") { service.resolved == ["\(Lab.peerAddress):51820"] }
        XCTAssertTrue(answers(Lab.inside))
        XCTAssertFalse(answers(Lab.inside2, count: 1))
        XCTAssertEqual(service.askedFor.value, [Lab.peerName])
        XCTAssertEqual(service.protected.value, 2)
        try await until("connected") { service.connected == 1 }
        let peer = try XCTUnwrap(tunnel.stats().peers.first)
        XCTAssertEqual(peer.publicKey, parsed.config.peers[0].publicKey)
        XCTAssertEqual(peer.endpoint, "\(Lab.peerAddress):51820")
        XCTAssertGreaterThan(peer.receivedOctets, 3 * 84)
        XCTAssertNotNil(peer.latestHandshake)

        // Another allowed IP, while it runs: the session stays.
        let changed = try parseQr(text: Lab.config2).config
        try await tunnel.setConfig(config: changed)
        Tun.setUp(try networkSettings(config: changed, platform: .apple))
        XCTAssertTrue(answers(Lab.inside))
        XCTAssertTrue(answers(Lab.inside2))
        XCTAssertEqual(try tunnel.stats().peers.first?.latestHandshake, peer.latestHandshake)
        XCTAssertEqual(service.connected, 1)

        // Another network: new sockets, the same tunnel.
        try tunnel.networkChanged()
        XCTAssertEqual(service.protected.value, 4)
        XCTAssertTrue(answers(Lab.inside))

        try await tunnel.stop()
        XCTAssertFalse(Tun.exists)
        XCTAssertFalse(FileManager.default.fileExists(atPath: Lab.trap))
        XCTAssertEqual(service.failed, [])
        guard case .InvalidState = await thrown(TunnelError.self, by: { _ = try tunnel.stats() }) else {
            return XCTFail("a stopped tunnel counts")
        }
        try await tunnel.stop()
    }

    func testADescriptorThatIsNoTunDeviceIsRefused() async throws {
        let service = try Service()
        for descriptor in [open("/dev/null", O_RDWR | O_CLOEXEC), -1] {
            let error = await thrown(TunnelError.self) {
                try await service.start(Lab.config, on: .owned(fd: descriptor))
            }
            guard case .TunDescriptor(let reason) = error else { return XCTFail("\(String(describing: error))") }
            XCTAssertFalse(reason.isEmpty)
        }
    }

    func testAnErrorOfTheAppIsToldInItsWords() async throws {
        struct NoPermission: Error, CustomStringConvertible {
            let description = "no VPN permission"
        }
        let refuses = try Service(allow: { _ in throw NoPermission() })
        let refused = await thrown(TunnelError.self) { try await refuses.start(Lab.config, on: .owned(fd: Tun.open())) }
        guard case .Protect(let reason) = refused else { return XCTFail("\(String(describing: refused))") }
        XCTAssertTrue(reason.contains("no VPN permission"), reason)

        let knowsNoNames = try Service(find: { _ in throw HookError.Failed(reason: "no network") })
        let unresolved = await thrown(TunnelError.self) {
            try await knowsNoNames.start(Lab.config, on: .owned(fd: Tun.open()))
        }
        guard case .Resolve(let why, let host) = unresolved else { return XCTFail("\(String(describing: unresolved))") }
        XCTAssertTrue(why.contains("no network"), why)
        XCTAssertEqual(host, Lab.peerName)
    }

    func testAStopEndsAStartThatWaitsForAName() async throws {
        let gate = Gate()
        let service = try Service(find: { _ in
            gate.wait()
            return [Lab.peerAddress]
        })
        // Cancelling the task that calls does not end the call: Swift has no way to say so. A stop does.
        let start = Task { try await service.start(Lab.config, on: .owned(fd: Tun.open())) }
        try await until("asked for the name") { gate.isReached }
        start.cancel()
        try await service.tunnel.stop()
        guard case .InvalidState = await thrown(TunnelError.self, by: { try await start.value }) else {
            return XCTFail("not stopped")
        }
        XCTAssertFalse(Tun.exists)
        gate.open()

        // And the same object starts again.
        try await service.start(Lab.byAddress(Lab.config), on: .owned(fd: Tun.open()))
        guard
            case .InvalidState = await thrown(
                TunnelError.self,
                by: {
                    try await service.start(Lab.config, on: .borrowed(fd: 0))
                })
        else {
            return XCTFail("started twice")
        }
        try await service.tunnel.stop()
    }

    func testAnInterfaceThatIsDeletedIsToldAndEverythingIsReleased() async throws {
        weak var reference: Service?
        do {
            let service = try Service()
            reference = service
            try await service.start(Lab.byAddress(Lab.config), on: .owned(fd: Tun.open()))
            Tun.delete()
            try await until("told") { service.failed == [.tunGone] }
        }
        try await until("nobody holds the service") { reference == nil }
    }

    /// While it runs, it holds the service by itself.
    func testAfterAStopNobodyHoldsTheService() async throws {
        weak var reference: Service?
        let tunnel: Tunnel
        do {
            let service = try Service()
            (reference, tunnel) = (service, service.tunnel)
            try await service.start(Lab.config, on: .owned(fd: Tun.open()))
        }
        XCTAssertNotNil(reference)
        try await tunnel.stop()
        try await until("nobody holds the service") { reference == nil }
    }

    func testAfterAFailedStartNobodyHoldsTheService() async throws {
        let ways: [() throws -> (Service, Int32)] = [
            { (try Service(), -1) },
            { (try Service(allow: { _ in throw HookError.Failed(reason: "no") }), Tun.open()) },
            { (try Service(find: { _ in [] }), Tun.open()) },
        ]
        for way in ways {
            weak var reference: Service?
            do {
                let (service, descriptor) = try way()
                reference = service
                _ = await thrown(TunnelError.self) {
                    try await service.start(Lab.config, on: .owned(fd: descriptor))
                }
            }
            try await until("nobody holds the service") { reference == nil }
        }
    }
}
#endif
