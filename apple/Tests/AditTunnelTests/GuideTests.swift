// The program of the guide, bindings/README.md, runs as it is printed there.

#if os(Linux)
import Adit
import XCTest

@testable import AditTunnel
import class Guide.Service

final class GuideTests: LabTestCase {
    func testTheGuidesProgramRuns() async throws {
        let isConnected = Locked(false)
        let service = try Guide.Service { isConnected.value = true }
        let tun = Tun.open()
        try await service.start(Lab.byAddress(Lab.config)) { settings in
            Tun.setUp(settings)
            return tun
        }
        XCTAssertTrue(answers(Lab.inside))
        try await until("connected") { isConnected.value }
        try await service.stop()
        close(tun)
    }
}
#endif
