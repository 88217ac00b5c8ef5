// Names to addresses, asked of the system.

import Adit
import Foundation

/// The addresses of a name, as `PlatformHooks.resolve` answers them. It waits for the network.
///
/// `getaddrinfo` is the one resolver that works within a provider whatever the tunnel's own DNS servers are, and where
/// the network has only IPv6 it makes addresses for a host that has only IPv4.
public func addresses(of host: String) throws(HookError) -> [String] {
    var hints = addrinfo()
    // Otherwise each address is there once for every kind of socket.
    hints.ai_socktype = Int32(datagram)
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, nil, &hints, &found)
    guard status == 0 else {
        throw .Failed(reason: String(cString: gai_strerror(status)))
    }
    defer { freeaddrinfo(found) }
    return sequence(first: found) { $0?.pointee.ai_next }.compactMap { numeric($0) }
}

#if canImport(Darwin)
let datagram = SOCK_DGRAM
#else
let datagram = SOCK_DGRAM.rawValue
#endif

/// An address in figures, an IPv6 one with its zone.
private func numeric(_ entry: UnsafeMutablePointer<addrinfo>?) -> String? {
    guard let entry = entry?.pointee else { return nil }
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    let length = socklen_t(text.count)
    guard getnameinfo(entry.ai_addr, entry.ai_addrlen, &text, length, nil, 0, NI_NUMERICHOST) == 0 else { return nil }
    return text.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } }
}
