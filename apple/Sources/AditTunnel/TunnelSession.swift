// One tunnel from its configuration's text to its stop, in the order that a packet tunnel provider has to keep. What
// only Apple's systems can do, it is given as a function, so that it runs and is tested on Linux too.

import Adit

/// A tunnel that is started once and stopped once. It is the tunnel's hooks and observer itself.
public final class TunnelSession: PlatformHooks, TunnelObserver {
    /// Applies settings to the system's interface and answers with the TUN descriptor, which stays the system's.
    public typealias Apply = (NetworkSettings) async throws -> Int32

    private let tunnel: Tunnel
    private let tell: @Sendable (Event) -> Void
    private let isStopped = Locked(false)

    /// - Parameter tell: Is called with every event, in order, on a thread of the tunnel's.
    public init(tell: @escaping @Sendable (Event) -> Void = { _ in }) throws(ProviderError) {
        do {
            tunnel = try Tunnel()
        } catch {
            throw ProviderError(error)
        }
        self.tell = tell
    }

    /// Reads the text of a QR code, applies its settings, and starts. A failed start leaves nothing of ours behind.
    ///
    /// - Returns: What the user should look at.
    @discardableResult
    public func start(_ text: String, apply: Apply) async throws(ProviderError) -> [ConfigWarning] {
        do {
            let parsed = try parseQr(text: text)
            let descriptor = try await apply(networkSettings(config: parsed.config, platform: .apple))
            try refuseIfStopped()
            try await tunnel.start(config: parsed.config, tun: .borrowed(fd: descriptor), hooks: self, observer: self)
            return parsed.warnings
        } catch {
            throw isStopped.value ? .stopped : ProviderError(error)
        }
    }

    /// Changes to another configuration. Peers that are the same keep their sessions; what is refused changes nothing.
    ///
    /// - Returns: What the user should look at.
    @discardableResult
    public func change(to text: String, apply: Apply) async throws(ProviderError) -> [ConfigWarning] {
        do {
            let parsed = try parseQr(text: text)
            let settings = try networkSettings(config: parsed.config, platform: .apple)
            // The peers first: a route to a peer that is not known yet loses packets.
            try await tunnel.setConfig(config: parsed.config)
            _ = try await apply(settings)
            return parsed.warnings
        } catch {
            throw ProviderError(error)
        }
    }

    /// What the tunnel counts.
    public func stats() throws(ProviderError) -> Stats {
        do {
            return try tunnel.stats()
        } catch {
            throw ProviderError(error)
        }
    }

    /// Ends the tunnel, or the start that still runs, whose caller is thrown `stopped`. May be called again.
    public func stop() async {
        isStopped.value = true
        // Only a defect inside is thrown here, and the system wants to hear of none at this point.
        try? await tunnel.stop()
    }

    // MARK: Hooks

    /// Apple keeps a provider's own sockets out of its tunnel, so there is nothing to do for one. But every start
    /// comes by here: one that began while `stop` looked for something to stop ends here.
    public func protect(socketFd: Int32) throws {
        try refuseIfStopped()
    }

    /// Apple keeps a provider's questions for names out of its tunnel, too.
    public func resolve(host: String) throws -> [String] {
        try refuseIfStopped()
        return try addresses(of: host)
    }

    public func onEvent(event: Event) {
        tell(event)
    }

    private func refuseIfStopped() throws(ProviderError) {
        if isStopped.value {
            throw .stopped
        }
    }
}
