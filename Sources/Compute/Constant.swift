/// Immutable floats that outlive the computation: a bias, a norm's scale, the rows of a weight.
///
/// Either a view on a mapped file (kept alive through `owner`) or memory prepared once at load. Sendable without a check: the
/// memory is never written after `init`, and `owner` is only retained.
public struct Constant: @unchecked Sendable {
    /// Elements.
    public let count: Int
    let pointer: UnsafePointer<Float>
    private let owner: AnyObject
    /// Bytes of private memory behind this constant; 0 for a view on a mapped file.
    public let preparedBytes: Int

    /// A view on floats that live as long as `owner`.
    public init(viewing floats: UnsafeBufferPointer<Float>, owner: AnyObject) {
        guard let start = floats.baseAddress else { preconditionFailure("a constant has no elements") }
        count = floats.count
        pointer = start
        self.owner = owner
        preparedBytes = 0
    }

    /// Elements of `type` read from a mapped tensor: a view where they are aligned floats, else a converted copy.
    ///
    /// - Precondition: `bytes` holds whole elements, at least one, of a floating-point type.
    public init(_ bytes: UnsafeRawBufferPointer, type: ElementType, owner: AnyObject) {
        guard let start = bytes.baseAddress, bytes.count >= type.byteCount else {
            preconditionFailure("a constant has no elements")
        }
        let count = bytes.count / type.byteCount
        if type == .float32, Int(bitPattern: start) % MemoryLayout<Float>.alignment == 0 {
            let floats = UnsafeBufferPointer(start: start.assumingMemoryBound(to: Float.self), count: count)
            self.init(viewing: floats, owner: owner)
        } else {
            self.init(count: count) { Conversion.toFloat(start, type: type, into: $0) }
        }
    }

    /// A copy of `values`.
    public init(_ values: [Float]) {
        self.init(count: values.count) { _ = $0.initialize(from: values) }
    }

    /// Memory that `fill` writes once, every element of it.
    public init(count: Int, fill: (UnsafeMutableBufferPointer<Float>) -> Void) {
        let block = PreparedBlock(byteCount: count * MemoryLayout<Float>.stride)
        let floats = UnsafeMutableBufferPointer(start: block.memory.assumingMemoryBound(to: Float.self), count: count)
        fill(floats)
        self.count = count
        pointer = UnsafePointer(block.memory.assumingMemoryBound(to: Float.self))
        owner = block
        preparedBytes = block.byteCount
    }

    /// A copy whose row `n` of `rows` is row `order(n)` of this one.
    public func reordered(rows: Int, _ order: (Int) -> Int) -> Constant {
        precondition(rows > 0 && count % rows == 0, "\(count) floats are no \(rows) rows")
        let width = count / rows
        return Constant(count: count) { target in
            for row in 0..<rows {
                let source = UnsafeBufferPointer(rebasing: floats[order(row) * width..<(order(row) + 1) * width])
                _ = target[(row * width)...].update(fromContentsOf: source)
            }
        }
    }

    /// The elements, valid as long as the constant lives.
    public var floats: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: pointer, count: count) }
}

/// Memory of a weight that is not a view on a file.
final class PreparedBlock {
    let memory: UnsafeMutableRawPointer
    let byteCount: Int

    init(byteCount: Int) {
        precondition(byteCount > 0, "a constant has no elements")
        self.byteCount = byteCount
        memory = .allocate(byteCount: byteCount, alignment: Arena.alignment)
    }

    deinit { memory.deallocate() }
}
