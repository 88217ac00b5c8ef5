// The one class that Apple's systems start. It is thin: what can be said without NetworkExtension is in the rest of
// this module.

#if canImport(NetworkExtension)
import Adit
@preconcurrency import NetworkExtension

/// A packet tunnel provider. An app extension has a subclass of it as its principal class; README.md tells how.
///
/// It may be sent between threads: the system calls it on any, and what changes in it is locked.
open class PacketTunnelProvider: NEPacketTunnelProvider, @unchecked Sendable {
    private let session = Locked<TunnelSession?>(nil)

    override open func startTunnel(options: [String: NSObject]? = nil) async throws {
        let configuration = (protocolConfiguration as? NETunnelProviderProtocol)?.providerConfiguration
        let text = try ProviderConfiguration.text(in: configuration)
        // Weak: the session's tunnel holds the session while it runs.
        let session = try TunnelSession { [weak self] event in self?.note(event) }
        await self.session.exchange(session)?.stop()
        try await session.start(text, apply: apply)
    }

    override open func stopTunnel(with reason: NEProviderStopReason) async {
        await session.exchange(nil)?.stop()
    }

    /// A message of the app's is another configuration's text. The answer is empty, or says why not.
    override open func handleAppMessage(_ messageData: Data) async -> Data? {
        do {
            guard let session = session.value else {
                throw ProviderError(kind: .state, reason: "The tunnel does not run.")
            }
            try await session.change(to: String(decoding: messageData, as: UTF8.self), apply: apply)
            return Data()
        } catch {
            return Data(error.localizedDescription.utf8)
        }
    }

    private func apply(_ settings: NetworkSettings) async throws -> Int32 {
        try await setTunnelNetworkSettings(NEPacketTunnelNetworkSettings(settings))
        return try Utun.descriptor()
    }

    private func note(_ event: Event) {
        if case .failed(let cause, let reason) = event {
            cancelTunnelWithError(ProviderError(cause, reason: reason))
        }
    }
}
#endif
