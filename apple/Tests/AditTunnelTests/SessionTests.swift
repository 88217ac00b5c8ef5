// The order that a packet tunnel provider keeps, with a TUN descriptor in the place of Apple's.

#if os(Linux)
import Adit
import Foundation
import XCTest

@testable import AditTunnel

final class SessionTests: LabTestCase {
    /// The system's side of a provider: it makes an interface, lends its descriptor and closes it at the end.
    private final class System {
        private(set) var descriptor: Int32?

        func apply(_ settings: NetworkSettings) -> Int32 {
            let descriptor = self.descriptor ?? Tun.open()
            self.descriptor = descriptor
            Tun.setUp(settings)
            return descriptor
        }

        func takeDown() {
            if let descriptor { close(descriptor) }
        }
    }

    private struct Refusal: Error {}

    func testFromAQrCodeToTheStop() async throws {
        let system = System()
        let events = Locked(0)
        let session = try TunnelSession { _ in events.value += 1 }
        let warnings = try await session.start(Lab.byAddress(Lab.config)) { system.apply($0) }
        XCTAssertEqual(warnings.map(\.kind), [.dropped])
        XCTAssertTrue(answers(Lab.inside))
        try await until("told of events") { events.value > 0 }

        try await session.change(to: Lab.byAddress(Lab.config2)) { system.apply($0) }
        XCTAssertTrue(answers(Lab.inside2))
        XCTAssertEqual(try session.stats().peers.count, 1)

        await session.stop()
        XCTAssertTrue(Tun.exists, "the descriptor was only lent")
        system.takeDown()
        await session.stop()
    }

    func testSettingsThatTheSystemRefusesStartNothing() async throws {
        let session = try TunnelSession()
        let error = await thrown(ProviderError.self) {
            try await session.start(Lab.config) { _ in throw Refusal() }
        }
        XCTAssertEqual(error?.kind, .other)
        try await until("no thread is left") { threads().isEmpty }
    }

    func testATextThatIsNoConfigurationAppliesNothing() async throws {
        let session = try TunnelSession()
        let error = await thrown(ProviderError.self) {
            try await session.start("[Interface]\nMTU = much\n") { _ in
                XCTFail("settings of no configuration")
                return -1
            }
        }
        XCTAssertEqual(error?.kind, .configuration)
    }

    func testANameWithoutAnAddressFailsTheStart() async throws {
        let system = System()
        let session = try TunnelSession()
        let error = await thrown(ProviderError.self) {
            try await session.start(Lab.config) { system.apply($0) }
        }
        XCTAssertEqual(error?.kind, .name)
        XCTAssertTrue(error?.reason.contains(Lab.peerName) == true)
        XCTAssertTrue(Tun.exists)
        system.takeDown()
    }

    func testAStopWhileTheSystemAppliesSettingsIsNotForgotten() async throws {
        let system = System()
        let session = try TunnelSession()
        let error = await thrown(ProviderError.self) {
            try await session.start(Lab.byAddress(Lab.config)) { settings in
                await session.stop()
                return system.apply(settings)
            }
        }
        XCTAssertEqual(error, .stopped)
        try await until("no thread is left") { threads().isEmpty }
        system.takeDown()
    }

    /// So that a start which `stop` did not see ends as well.
    func testAStoppedSessionRefusesSocketsAndNames() async throws {
        let session = try TunnelSession()
        XCTAssertNoThrow(try session.protect(socketFd: 0))
        await session.stop()
        XCTAssertThrowsError(try session.protect(socketFd: 0))
        XCTAssertThrowsError(try session.resolve(host: Lab.peerAddress))
    }

    /// A stop that comes at any moment of a start: it has ended by the time that the start has.
    func testAStopAtAnyMomentEndsTheStart() async throws {
        let system = System()
        for moment in 0..<40 {
            let session = try TunnelSession()
            let stop = Task {
                try await Task.sleep(nanoseconds: UInt64(moment) * 50_000)
                await session.stop()
            }
            do {
                try await session.start(Lab.byAddress(Lab.config)) { system.apply($0) }
            } catch {
                XCTAssertEqual(error, .stopped)
            }
            try await stop.value
            try await until("no thread is left") { threads().isEmpty }
        }
        system.takeDown()
    }

    func testAfterAStopAndAfterAFailedStartNobodyHoldsTheSession() async throws {
        let system = System()
        weak var stopped: TunnelSession?
        weak var failed: TunnelSession?
        do {
            let session = try TunnelSession()
            stopped = session
            try await session.start(Lab.byAddress(Lab.config)) { system.apply($0) }
            await session.stop()
        }
        do {
            let session = try TunnelSession()
            failed = session
            _ = await thrown(ProviderError.self) { try await session.start(Lab.config) { system.apply($0) } }
        }
        try await until("nobody holds the sessions") { stopped == nil && failed == nil }
        system.takeDown()
    }
}
#endif
