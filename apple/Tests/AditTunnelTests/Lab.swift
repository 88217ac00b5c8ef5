// What bindings/tests/lab.sh tells the tests, and what they ask of the system: a TUN descriptor, `ip`, `ping`, what this
// process has open.

#if os(Linux)
import Adit
import Foundation
import XCTest

enum Lab {
    static let config = told("ADIT_LAB_CONFIG")
    static let config2 = told("ADIT_LAB_CONFIG_2")
    static let peerName = told("ADIT_LAB_PEER_NAME")
    static let peerAddress = told("ADIT_LAB_PEER_ADDRESS")
    static let inside = told("ADIT_LAB_INSIDE")
    static let inside2 = told("ADIT_LAB_INSIDE_2")
    static let trap = told("ADIT_LAB_TRAP")

    /// Longer than anything takes; a test that waits so long has failed.
    static let patience: TimeInterval = 20

    /// The same configuration without a name in it.
    static func byAddress(_ text: String) -> String {
        text.replacingOccurrences(of: peerName, with: peerAddress)
    }

    private static func told(_ name: String) -> String {
        guard let value = ProcessInfo.processInfo.environment[name] else {
            fatalError("\(name) is not set: these tests run in bindings/tests/lab.sh")
        }
        return value
    }
}

/// The interface that the tests make.
enum Tun {
    static let interface = "tun0"

    /// A TUN descriptor, as a system that has made the interface hands it over.
    static func open() -> Int32 {
        let descriptor = Glibc.open("/dev/net/tun", O_RDWR | O_CLOEXEC)
        // struct ifreq: the name, and then the flags.
        var request = [UInt8](repeating: 0, count: 40)
        request.replaceSubrange(0..<interface.utf8.count, with: interface.utf8)
        withUnsafeBytes(of: layer3 | noPacketInformation) { request.replaceSubrange(16..<18, with: $0) }
        XCTAssertEqual(ioctl(descriptor, setInterface, &request), 0, String(cString: strerror(errno)))
        return descriptor
    }

    /// What the system does with the settings of a start or of a change.
    static func setUp(_ settings: NetworkSettings) {
        for address in settings.addresses {
            run("ip address replace \(address.address)/\(address.prefixLength) dev \(interface)")
        }
        run("ip link set \(interface) mtu \(settings.mtu) up")
        for route in settings.includedRoutes {
            run("ip route replace \(route.address)/\(route.prefixLength) dev \(interface)")
        }
    }

    static func delete() {
        run("ip link delete \(interface)")
    }

    static var exists: Bool {
        if_nametoindex(interface) != 0
    }

    // linux/if_tun.h: TUNSETIFF, IFF_TUN, IFF_NO_PI.
    private static let setInterface: UInt = 0x4004_54CA
    private static let layer3: UInt16 = 0x0001
    private static let noPacketInformation: UInt16 = 0x1000

    private static func run(_ command: String) {
        let (status, said) = shell(command)
        XCTAssertEqual(status, 0, "\(command): \(said)")
    }
}

/// Whether the system's ping gets every answer. It waits long enough for a second handshake: a peer that has just had
/// one of the test before does not take the first.
func answers(_ address: String, count: Int = 3) -> Bool {
    let said = shell("ping -c \(count) -i 0.05 -W \(Int(Lab.patience)) \(address)").said
    return said.contains("\(count) packets transmitted, \(count) received")
}

/// Foundation's `Process` keeps descriptors of its own, and these tests count them.
private func shell(_ command: String) -> (status: Int32, said: String) {
    guard let pipe = popen("\(command) 2>&1", "r") else { return (-1, "") }
    var said = [UInt8]()
    while case let byte = fgetc(pipe), byte != EOF {
        said.append(UInt8(truncatingIfNeeded: byte))
    }
    return (pclose(pipe), String(decoding: said, as: UTF8.self))
}

/// What this process has open, by number. The folder itself is open only while it is read.
func descriptors() -> [String: String] {
    let folder = "/proc/self/fd"
    let numbers = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let opened = numbers.compactMap { number in
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(number)")).map { (number, $0) }
    }
    return Dictionary(uniqueKeysWithValues: opened)
}

/// The tunnel's threads by name.
func threads() -> [String] {
    let folder = "/proc/self/task"
    let numbers = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return
        numbers
        .compactMap { try? String(contentsOfFile: "\(folder)/\($0)/comm", encoding: .utf8) }
        .filter { $0.hasPrefix("adit") }
}

/// Asks again and again until it is so.
func until(_ what: String, _ condition: () -> Bool) async throws {
    let end = Date(timeIntervalSinceNow: Lab.patience)
    while !condition() {
        guard Date() < end else { throw Late(what: what) }
        try await Task.sleep(nanoseconds: 20_000_000)
    }
}

struct Late: Error {
    let what: String
}

/// What is thrown, if it is of this kind.
func thrown<Failure: Error>(_ kind: Failure.Type, by body: () async throws -> Void) async -> Failure? {
    do {
        try await body()
        XCTFail("nothing was thrown")
    } catch let error as Failure {
        return error
    } catch {
        XCTFail("\(error) was thrown")
    }
    return nil
}

/// Tests after which this process has open what it had before, and no thread of a tunnel's.
class LabTestCase: XCTestCase {
    private var before: [String: String] = [:]

    override func setUp() async throws {
        // What the libraries open at their first use, and never close, is no leak.
        let noTun = open("/dev/null", O_RDWR | O_CLOEXEC)
        let service = try Service()
        _ = await thrown(TunnelError.self) {
            try await service.start(Lab.byAddress(Lab.config), on: .owned(fd: noTun))
        }
        try await Task.sleep(nanoseconds: 20_000_000)
        try await until("no thread") { threads().isEmpty }
        before = descriptors()
    }

    override func tearDown() async throws {
        try await until("no thread is left: \(threads())") { threads().isEmpty }
        XCTAssertEqual(descriptors(), before)
        XCTAssertFalse(Tun.exists)
    }
}
#endif
