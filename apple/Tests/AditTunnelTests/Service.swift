// An app's service, as the tests need it.

#if os(Linux)
import Adit
import Foundation

@testable import AditTunnel

/// It holds the tunnel, and is the tunnel's hooks and observer.
final class Service: PlatformHooks, TunnelObserver {
    typealias Protect = @Sendable (Int32) throws -> Void
    typealias Resolve = @Sendable (String) throws -> [String]

    let tunnel: Tunnel
    let protected = Locked(0)
    let askedFor = Locked<[String]>([])
    let events = Locked<[Event]>([])
    private let allow: Protect
    private let find: Resolve

    init(allow: @escaping Protect = isOpen, find: @escaping Resolve = { _ in [Lab.peerAddress] }) throws {
        tunnel = try Tunnel()
        self.allow = allow
        self.find = find
    }

    func start(_ text: String, on tun: TunFd) async throws {
        try await tunnel.start(config: parseQr(text: text).config, tun: tun, hooks: self, observer: self)
    }

    func protect(socketFd: Int32) throws {
        protected.value += 1
        try allow(socketFd)
    }

    func resolve(host: String) throws -> [String] {
        askedFor.value.append(host)
        return try find(host)
    }

    func onEvent(event: Event) {
        events.value.append(event)
    }

    var connected: Int {
        events.value.filter { if case .connected = $0 { true } else { false } }.count
    }

    /// The addresses that names stand for.
    var resolved: [String] {
        events.value.compactMap { if case .resolved(_, _, let endpoint) = $0 { endpoint } else { nil } }
    }

    /// Why the tunnel ended by itself.
    var failed: [FailedCause] {
        events.value.compactMap { if case .failed(let cause, _) = $0 { cause } else { nil } }
    }
}

/// Android's VpnService needs an open socket, and so do the tests.
@Sendable private func isOpen(_ socket: Int32) throws {
    var status = stat()
    guard fstat(socket, &status) == 0 else { throw HookError.Failed(reason: "the socket is not open") }
}

/// A hook that waits until it is let go.
final class Gate: Sendable {
    private let gate = DispatchSemaphore(value: 0)
    private let reached = Locked(false)

    var isReached: Bool { reached.value }

    func wait() {
        reached.value = true
        _ = gate.wait(timeout: .now() + Lab.patience)
    }

    func open() {
        gate.signal()
    }
}
#endif
