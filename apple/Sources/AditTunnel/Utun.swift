// The provider's `utun` descriptor. The system opens it in the provider's process and has no call that gives it.

import Foundation

enum Utun {
    /// A system gives a descriptor the lowest number that is free, and the tunnel's is among a provider's first.
    private static let candidates: Range<Int32> = 0..<1024

    /// The first descriptor that says it is a tunnel interface. It stays the system's.
    static func descriptor(nameOf: (Int32) -> String? = interfaceName) throws(ProviderError) -> Int32 {
        guard let found = candidates.first(where: { nameOf($0)?.hasPrefix("utun") == true }) else {
            throw ProviderError(kind: .interface, reason: "The system gave this tunnel no utun interface.")
        }
        return found
    }

    /// The name of the interface behind a descriptor. All but a control socket of utun's refuse to tell one.
    static func interfaceName(of descriptor: Int32) -> String? {
        var name = [CChar](repeating: 0, count: Int(IFNAMSIZ))
        var length = socklen_t(name.count)
        guard getsockopt(descriptor, controlProtocol, interfaceNameOption, &name, &length) == 0 else { return nil }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// SYSPROTO_CONTROL of sys/sys_domain.h, which Swift does not see on iOS.
    private static let controlProtocol: Int32 = 2
    /// UTUN_OPT_IFNAME of net/if_utun.h.
    private static let interfaceNameOption: Int32 = 2
}
