// Errors as the system takes them from a provider: a domain, a code that stays the same, one sentence for people. They
// cross to another process, where nothing else of them arrives.

import Adit
import Foundation

/// Why a tunnel did not start, did not change, or has ended.
public struct ProviderError: Error, Equatable {
    /// What it is about. The numbers are the codes that an app sees, and never change.
    public enum Kind: Int, Sendable {
        /// The text is no configuration, or there is none.
        case configuration = 1
        /// A peer's name has no address.
        case name = 2
        /// The system's interface was not there, or went away.
        case interface = 3
        /// The UDP port, or a socket, cannot be had.
        case socket = 4
        /// The call does not fit what the tunnel does.
        case state = 5
        /// It was stopped before it had started.
        case stopped = 6
        /// The system refused something else, or a defect of Adit.
        case other = 7
    }

    public let kind: Kind
    /// One sentence.
    public let reason: String

    static let stopped = ProviderError(kind: .stopped, reason: "The tunnel was stopped while it started.")

    public init(kind: Kind, reason: String) {
        self.kind = kind
        self.reason = reason
    }

    /// What was thrown, in its own words.
    public init(_ error: any Error) {
        self =
            switch error {
            case let error as ProviderError: error
            case let error as ConfigError: ProviderError(error)
            case let error as TunnelError: ProviderError(error)
            default: ProviderError(kind: .other, reason: error.localizedDescription)
            }
    }

    /// Why a tunnel has ended by itself.
    init(_ cause: FailedCause, reason: String) {
        switch cause {
        case .tunGone, .tunDescriptor: self.init(kind: .interface, reason: reason)
        case .internal: self.init(kind: .other, reason: reason)
        }
    }

    private init(_ error: ConfigError) {
        switch error {
        case .Text(let reason, _, _, _, _, _, _, _), .Value(let reason, _, _):
            self.init(kind: .configuration, reason: reason)
        case .Internal(let reason):
            self.init(kind: .other, reason: reason)
        }
    }

    private init(_ error: TunnelError) {
        switch error {
        case .Config(let reason, _): self.init(kind: .configuration, reason: reason)
        case .Resolve(let reason, _): self.init(kind: .name, reason: reason)
        case .TunDescriptor(let reason): self.init(kind: .interface, reason: reason)
        case .Protect(let reason), .Bind(let reason, _): self.init(kind: .socket, reason: reason)
        case .InvalidState(let reason): self.init(kind: .state, reason: reason)
        case .Internal(let reason): self.init(kind: .other, reason: reason)
        }
    }
}

extension ProviderError: LocalizedError, CustomNSError {
    public static let errorDomain = "Adit"

    public var errorCode: Int { kind.rawValue }

    public var errorDescription: String? { reason }

    /// A plain `NSError` in another process knows only what is in here.
    public var errorUserInfo: [String: Any] { [NSLocalizedDescriptionKey: reason] }
}
