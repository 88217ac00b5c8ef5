// A value that several threads read and write.

import Foundation

/// Holds a value under a lock. The standard library's own `Mutex` asks for newer systems than this package.
final class Locked<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var held: Value

    init(_ value: Value) {
        held = value
    }

    var value: Value {
        get { lock.withLock { held } }
        set { lock.withLock { held = newValue } }
    }

    /// Puts another value in and answers with the one before.
    func exchange(_ value: Value) -> Value {
        lock.withLock {
            defer { held = value }
            return held
        }
    }
}
