/// A block of an arena. It goes back to the arena when the last tensor on it is gone.
final class Buffer {
    let byteCount: Int
    private let arena: Arena
    private let offset: Int
    /// The block's memory; nil while measuring.
    let memory: UnsafeMutableRawPointer?

    /// Owns the block of `byteCount` bytes that `arena` allocated at `offset`.
    init(_ arena: Arena, offset: Int, byteCount: Int) {
        self.arena = arena
        self.offset = offset
        self.byteCount = byteCount
        memory = arena.pointer(at: offset)
    }

    deinit { arena.release(offset: offset, bytes: byteCount) }
}
