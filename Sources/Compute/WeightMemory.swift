/// Where the bytes of a prepared weight are: private memory, or part of a file that stays mapped.
///
/// Sendable without a check: the bytes are written before the weight exists, and never again.
public struct WeightMemory: @unchecked Sendable {
    /// Prepared weights begin at a multiple of this, in memory and in files.
    public static let alignment = Arena.alignment

    /// The bytes.
    public let bytes: UnsafeRawBufferPointer
    /// Bytes of them that are private memory: all or none.
    public let privateBytes: Int
    /// What keeps the bytes alive.
    public let owner: AnyObject

    /// Private memory that `fill` writes once, every byte of it.
    public init(byteCount: Int, fill: (UnsafeMutableRawBufferPointer) -> Void) {
        let block = PreparedBlock(byteCount: byteCount)
        let memory = UnsafeMutableRawBufferPointer(start: block.memory, count: byteCount)
        fill(memory)
        bytes = UnsafeRawBufferPointer(memory)
        privateBytes = byteCount
        owner = block
    }

    /// Part of a mapped file, readable as long as `owner` lives.
    ///
    /// - Precondition: it begins at a multiple of `alignment`.
    public init(mapped bytes: UnsafeRawBufferPointer, owner: AnyObject) {
        self.bytes = bytes
        privateBytes = 0
        self.owner = owner
        precondition(Int(bitPattern: start) % WeightMemory.alignment == 0, "a mapped weight is not aligned")
    }

    /// The first byte.
    var start: UnsafeRawPointer {
        guard let start = bytes.baseAddress else { preconditionFailure("a weight has no bytes") }
        return start
    }
}
