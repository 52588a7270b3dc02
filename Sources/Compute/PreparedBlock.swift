import Glibc

/// Private memory of a weight.
///
/// Large blocks are mappings of their own, so that they go back to the system when they are freed: weights are prepared one after
/// another, and an allocator would keep the holes.
final class PreparedBlock {
    let memory: UnsafeMutableRawPointer
    let byteCount: Int
    private let isMapping: Bool

    private static let leastMapping = 1 << 20

    init(byteCount: Int) {
        precondition(byteCount > 0, "a constant has no elements")
        self.byteCount = byteCount
        if byteCount >= PreparedBlock.leastMapping,
            let mapping = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            mapping != MAP_FAILED
        {
            memory = mapping
            isMapping = true
        } else {
            memory = .allocate(byteCount: byteCount, alignment: Arena.alignment)
            isMapping = false
        }
    }

    deinit {
        if isMapping { munmap(memory, byteCount) } else { memory.deallocate() }
    }
}
