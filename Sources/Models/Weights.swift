import Compute

/// Weights by scoped name: `weights["down_blocks", 0]["resnets", 1]` hands out `down_blocks.0.resnets.1.…`.
///
/// Every getter checks the shape and remembers the name, so that `requireAllUsed()` can say which tensors nobody asked for.
/// Float tensors are views on the mapped file; fp16 and bf16 ones become floats once, here. Matrices and filters are laid out
/// for the product kernels where a precision is given; else OpenBLAS multiplies them as they lie.
///
/// ## Easy to get wrong
/// A tensor that the architecture has no place for means that the pictures will be wrong: loading must end with
/// `requireAllUsed()`, and what is knowingly skipped must be named with `ignore`.
public struct Weights {
    private let checkpoint: Checkpoint
    private let prefix: String
    /// Where `path` begins in `prefix`.
    private let root: Int
    private let precision: WeightPrecision?
    private let used: UsedNames

    /// All weights of a checkpoint, none of them used.
    public init(_ checkpoint: Checkpoint, precision: WeightPrecision? = nil) {
        self.init(checkpoint, precision, prefix: "", root: 0, used: UsedNames())
    }

    private init(_ checkpoint: Checkpoint, _ precision: WeightPrecision?, prefix: String, root: Int, used: UsedNames) {
        self.checkpoint = checkpoint
        self.precision = precision
        self.prefix = prefix
        self.root = root
        self.used = used
    }

    /// The weights below a name.
    public subscript(_ name: String) -> Weights {
        Weights(checkpoint, precision, prefix: "\(prefix)\(name).", root: root, used: used)
    }

    /// The weights below an element of a list.
    public subscript(_ name: String, _ index: Int) -> Weights { self["\(name).\(index)"] }

    /// The weights below a name, as the root of their own `path`s.
    public func rooted(at name: String) -> Weights {
        let prefix = "\(prefix)\(name)."
        return Weights(checkpoint, precision, prefix: prefix, root: prefix.utf8.count, used: used)
    }

    /// The scope's name, from the root.
    public var path: String { String(decoding: Array(prefix.utf8)[root...].dropLast(), as: UTF8.self) }

    /// Bytes of the tensors handed out so far, as they lie in the mapped files.
    public var mappedBytes: Int { used.mappedBytes }

    /// Bytes of private memory that the weights handed out so far take.
    public var preparedBytes: Int { used.preparedBytes }

    /// The file, for messages.
    public var file: String { checkpoint.file }

    /// True when there is a tensor of this name.
    public func has(_ name: String) -> Bool { checkpoint.tensor(prefix + name) != nil }

    /// True when there is a tensor below this name.
    public func hasScope(_ name: String) -> Bool {
        let start = "\(prefix)\(name)."
        return checkpoint.names.contains { $0.hasPrefix(start) }
    }

    /// A tensor's floats, of exactly this shape.
    public func constant(_ name: String, shape: [Int]) throws(ModelError) -> Constant {
        try constant(name, anyOf: [shape])
    }

    /// The rows of a linear layer, `[outputs, inputs]`; a 1x1 convolution's filters are the same bytes.
    ///
    /// - Parameter order: the row of the checkpoint that stands at each row of the weight, where that is not the same.
    public func linear(
        _ name: String, outputs: Int, inputs: Int, order: ((Int) -> Int)? = nil
    ) throws(ModelError) -> LinearWeight {
        var rows = try constant(name, anyOf: [[outputs, inputs], [outputs, inputs, 1, 1]])
        if let order { rows = rows.reordered(rows: outputs, order) }
        let weight = LinearWeight(rows, outputs: outputs, inputs: inputs)
        guard let precision else { return weight }
        let packed = weight.packed(precision)
        used.preparedBytes += packed.preparedBytes - weight.preparedBytes
        return packed
    }

    /// The filters of a convolution, `[outputs, inputs, size, size]`; 1x1 filters may be a linear layer's rows.
    public func convolution(_ name: String, outputs: Int, inputs: Int, size: Int) throws(ModelError)
        -> ConvolutionWeight
    {
        let shape = [outputs, inputs, size, size]
        let filters = try constant(name, anyOf: size == 1 ? [shape, [outputs, inputs]] : [shape])
        let weight = ConvolutionWeight(
            outputsInputsHeightWidth: filters, outputs: outputs, inputs: inputs, height: size, width: size)
        let packed = precision.map(weight.packed) ?? weight
        used.preparedBytes += packed.preparedBytes - filters.preparedBytes
        return packed
    }

    /// Marks all tensors below this scope that `isKnown` accepts (by the rest of their name) as knowingly unused.
    public func ignore(where isKnown: (Substring) -> Bool) {
        for name in checkpoint.names where name.hasPrefix(prefix) && isKnown(name.dropFirst(prefix.count)) {
            used.names.insert(name)
        }
    }

    /// Fails unless every tensor was asked for or ignored.
    public func requireAllUsed() throws(ModelError) {
        let unused = checkpoint.names.filter { !used.names.contains($0) }.sorted()
        guard unused.isEmpty else { throw .unusedTensors(file: checkpoint.file, names: unused) }
    }

    private func constant(_ name: String, anyOf shapes: [[Int]]) throws(ModelError) -> Constant {
        let full = prefix + name
        guard let tensor = checkpoint.tensor(full) else { throw .missingTensor(file: checkpoint.file, name: full) }
        guard shapes.contains(tensor.entry.shape) else {
            throw .wrongShape(file: tensor.file.path, name: full, found: tensor.entry.shape, expected: shapes[0])
        }
        guard let type = tensor.entry.format.elementType else {
            throw .wrongType(file: tensor.file.path, name: full, type: tensor.entry.format.rawValue)
        }
        let constant = Constant(tensor.bytes, type: type, owner: tensor.file)
        if used.names.insert(full).inserted { used.mappedBytes += tensor.bytes.count }
        used.preparedBytes += constant.preparedBytes
        return constant
    }
}

/// What was asked for, shared by all scopes of one checkpoint.
private final class UsedNames {
    var names: Set<String> = []
    var mappedBytes = 0
    var preparedBytes = 0
}
