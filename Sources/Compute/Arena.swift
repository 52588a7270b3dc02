import Glibc

/// The memory of all activations: one anonymous mapping of the planned size, handed out first-fit.
///
/// A measuring arena hands out offsets only, so that a dry run of the same code finds `peakBytes` before any memory is
/// taken. The same sequence of allocations and releases gives the same offsets, hence the same peak, in both modes.
/// One thread owns an arena.
///
/// ## Easy to get wrong
/// An allocation beyond the capacity is a broken invariant (the plan was not made by the code that runs), not an error.
public final class Arena {
    /// Every block starts at a multiple of this: one cache line, one AVX-512 register.
    public static let alignment = 64

    /// Bytes that the arena may hand out; `Int.max` while measuring.
    public let capacity: Int
    /// The highest end of a block so far: the capacity that a real run needs.
    public private(set) var peakBytes = 0
    /// Bytes in use now.
    public private(set) var usedBytes = 0
    private let base: UnsafeMutableRawPointer?
    /// Free ranges below the mark, ascending, never adjacent.
    private var holes: [Range<Int>] = []
    /// All memory at and after this offset is free.
    private var mark = 0

    /// An arena that only measures.
    public init() {
        capacity = Int.max
        base = nil
    }

    /// Maps `capacity` bytes (rounded up to whole pages); the system commits them as they are touched.
    public init(capacity: Int) throws(ComputeError) {
        precondition(capacity >= 0, "an arena cannot have \(capacity) bytes")
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        guard capacity <= Int.max / 2 else { throw .memoryRefused(bytes: capacity, code: ENOMEM) }
        let bytes = max(page, (capacity + page - 1) / page * page)
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0), memory != MAP_FAILED else {
            throw .memoryRefused(bytes: bytes, code: errno)
        }
        madvise(memory, bytes, MADV_HUGEPAGE)
        base = memory
        self.capacity = bytes
    }

    deinit {
        if let base { munmap(base, capacity) }
    }

    /// True when this arena hands out offsets and no memory.
    public var isMeasuring: Bool { base == nil }

    /// Takes the first free range of `bytes`. Returns its offset.
    func allocate(_ bytes: Int) -> Int {
        let size = Arena.rounded(bytes)
        usedBytes += size
        if let index = holes.firstIndex(where: { $0.count >= size }) {
            let start = holes[index].lowerBound
            if holes[index].count == size {
                holes.remove(at: index)
            } else {
                holes[index] = start + size..<holes[index].upperBound
            }
            return start
        }
        let start = mark
        precondition(
            size <= capacity - start, "the arena's plan of \(capacity) bytes is too small for \(start) + \(size)")
        mark = start + size
        peakBytes = max(peakBytes, mark)
        return start
    }

    /// Gives a range back; it joins its free neighbours.
    func release(offset: Int, bytes: Int) {
        let size = Arena.rounded(bytes)
        usedBytes -= size
        var range = offset..<offset + size
        var index = holes.firstIndex(where: { $0.lowerBound > offset }) ?? holes.count
        if index < holes.count, holes[index].lowerBound == range.upperBound {
            range = range.lowerBound..<holes.remove(at: index).upperBound
        }
        if index > 0, holes[index - 1].upperBound == range.lowerBound {
            index -= 1
            range = holes.remove(at: index).lowerBound..<range.upperBound
        }
        if range.upperBound == mark {
            mark = range.lowerBound
        } else {
            holes.insert(range, at: index)
        }
    }

    /// The memory at `offset`; nil while measuring.
    func pointer(at offset: Int) -> UnsafeMutableRawPointer? { base.map { $0 + offset } }

    static func rounded(_ bytes: Int) -> Int {
        precondition(bytes >= 0 && bytes <= Int.max / 2, "a block cannot have \(bytes) bytes")
        return max(alignment, (bytes + alignment - 1) / alignment * alignment)
    }
}
