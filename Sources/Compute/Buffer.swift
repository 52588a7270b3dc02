/// A block of an arena. It goes back to the arena when the last tensor on it is gone.
final class Buffer {
    let byteCount: Int
    private let arena: Arena
    private let offset: Int
    /// The block's memory; nil while measuring.
    let memory: UnsafeMutableRawPointer?

    init(_ arena: Arena, byteCount: Int) {
        self.arena = arena
        self.byteCount = byteCount
        offset = arena.allocate(byteCount)
        memory = arena.pointer(at: offset)
    }

    deinit { arena.release(offset: offset, bytes: byteCount) }
}
