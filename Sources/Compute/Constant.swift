/// Immutable floats that outlive the computation: a bias, a norm's scale, the rows of a weight.
///
/// Either a view on a mapped file (kept alive through `owner`) or memory filled once at load. Sendable without a check: the
/// memory is never written after `init`, and `owner` is only retained.
public struct Constant: @unchecked Sendable {
    /// Elements.
    public let count: Int
    let pointer: UnsafePointer<Float>
    let owner: AnyObject

    /// A view on floats that live as long as `owner`.
    public init(viewing floats: UnsafeBufferPointer<Float>, owner: AnyObject) {
        guard let start = floats.baseAddress else { preconditionFailure("a constant has no elements") }
        count = floats.count
        pointer = start
        self.owner = owner
    }

    /// The first `count` floats of prepared memory.
    public init(_ memory: WeightMemory, count: Int) {
        precondition(count > 0 && memory.bytes.count >= count * 4, "\(memory.bytes.count) bytes are no \(count) floats")
        self.count = count
        pointer = memory.start.assumingMemoryBound(to: Float.self)
        owner = memory.owner
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
