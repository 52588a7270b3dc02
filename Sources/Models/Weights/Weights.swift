import Compute

/// Weights by scoped name: `weights["down_blocks", 0]["resnets", 1]` hands out `down_blocks.0.resnets.1.…`.
///
/// Every getter checks the shape, refuses numbers that are not finite, and remembers the name, so that `finish()` can say which tensors
/// nobody asked for. Matrices and filters come laid out for the product kernels, in the precision that the rules ask for: mapped from
/// the file of prepared weights where there is one, else prepared now, in parallel, and kept for the next time. Everything else is a
/// view on the mapped archive, or, where that holds no floats, is prepared as floats in the same way.
///
/// ## Easy to get wrong
/// A tensor that the architecture has no place for means that the pictures will be wrong: loading must end with `finish()`, and what
/// is knowingly skipped must be named with `ignore`.
public struct Weights {
    private let storage: WeightStorage
    private let prefix: String
    /// Where `path` begins in `prefix`.
    private let root: Int

    /// All weights of an archive, none of them used, prepared in private memory; without a precision matrices stay rows of floats.
    public init(_ archive: TensorArchive, precision: WeightPrecision? = nil) {
        self.init(WeightStorage(archive, precision), prefix: "", root: 0)
    }

    /// All weights of a component, none of them used.
    ///
    /// - Parameters:
    ///   - part: which part of a component that is loaded in parts; each keeps its prepared weights in a file of its own. Nil is the
    ///     component's main part, or all of it.
    ///   - keepsRows: matrices that the rules leave at fp32 stay rows of floats, for OpenBLAS.
    public init(
        _ folder: ModelFolder, _ component: String, part: String? = nil, _ preparation: Preparation,
        keepsRows: Bool = false
    ) throws(ModelError) {
        self.init(
            try WeightStorage(folder, component, part: part, preparation, keepsRows: keepsRows), prefix: "", root: 0)
    }

    private init(_ storage: WeightStorage, prefix: String, root: Int) {
        self.storage = storage
        self.prefix = prefix
        self.root = root
    }

    private var archive: TensorArchive { storage.archive }

    /// The weights below a name.
    public subscript(_ name: String) -> Weights { Weights(storage, prefix: "\(prefix)\(name).", root: root) }

    /// The weights below an element of a list.
    public subscript(_ name: String, _ index: Int) -> Weights { self["\(name).\(index)"] }

    /// The weights below a name, as the root of their own `path`s.
    public func rooted(at name: String) -> Weights {
        let prefix = "\(prefix)\(name)."
        return Weights(storage, prefix: prefix, root: prefix.utf8.count)
    }

    /// The scope's name, from the root.
    public var path: String { String(decoding: Array(prefix.utf8)[root...].dropLast(), as: UTF8.self) }

    /// Bytes in mapped files that the weights handed out so far take: prepared ones, and tensors used as they are.
    public var mappedBytes: Int { storage.mappedBytes }

    /// Bytes of private memory that the weights handed out so far take.
    public var preparedBytes: Int { storage.privateBytes }

    /// Whether some of the matrices handed out so far stay rows of floats, which OpenBLAS multiplies.
    public var hasRows: Bool { storage.hasRows }

    /// Where the mapped weights that were handed out so far lie, by their paths from the root.
    public var map: WeightMap { storage.map.rooted(at: String(prefix.utf8.prefix(root)) ?? "") }

    /// Where the weight of this name lies, if it was handed out from a mapped file.
    public func region(of name: String) -> WeightRegion { storage.map.region(of: prefix + name) }

    /// Differs for files that had the same names before or get them later: the sizes and dates of the archive's files.
    public var state: String { archive.state }

    /// The file, for messages.
    public var file: String { archive.file }

    /// True when there is a tensor of this name.
    public func has(_ name: String) -> Bool { archive[prefix + name] != nil }

    /// True when there is a tensor below this name.
    public func hasScope(_ name: String) -> Bool {
        let start = "\(prefix)\(name)."
        return archive.names.contains { $0.hasPrefix(start) }
    }

    /// A tensor's floats, of exactly this shape: a bias, a norm's scale.
    public func constant(_ name: String, shape: [Int]) throws(ModelError) -> Constant {
        let tensor = try tensor(name, anyOf: [shape])
        guard tensor.entry.format.isReal else { throw tensor.wrongType }
        return try rows(tensor, outputs: 1, taps: 1)
    }

    /// The rows of a linear layer, `[outputs, inputs]`; a 1x1 convolution's filters are the same bytes.
    ///
    /// - Parameter order: which row of the stored tensor stands at each row of the weight, where these differ. Prepared weights remember
    ///   only that there was an order: a program may use only one for a tensor.
    public func linear(
        _ name: String, outputs: Int, inputs: Int, order: ((Int) -> Int)? = nil
    ) throws(ModelError) -> LinearWeight {
        let tensor = try tensor(name, anyOf: [[outputs, inputs], [outputs, inputs, 1, 1]])
        guard let precision = storage.precision(of: tensor.name) else {
            let rows = try rows(tensor, outputs: outputs, taps: 1)
            return LinearWeight(
                order.map { rows.reordered(rows: outputs, $0) } ?? rows, outputs: outputs, inputs: inputs)
        }
        let layout = PanelLayout(precision, outputs: outputs, taps: 1, channels: inputs)
        return LinearWeight(layout, in: try panels(tensor, layout, order))
    }

    /// The filters of a convolution, `[outputs, inputs, size, size]`; 1x1 filters may be a linear layer's rows.
    ///
    /// - Parameters:
    ///   - stride: of the convolutions that the filters are for.
    ///   - doubles: the filters are only used on images that are doubled first.
    public func convolution(
        _ name: String, outputs: Int, inputs: Int, size: Int, stride: Int, doubles: Bool = false
    ) throws(ModelError) -> ConvolutionWeight {
        let shape = [outputs, inputs, size, size]
        let tensor = try tensor(name, anyOf: size == 1 ? [shape, [outputs, inputs]] : [shape])
        guard let precision = storage.precision(of: tensor.name) else {
            return ConvolutionWeight(
                rows: try rows(tensor, outputs: outputs, taps: size * size), outputs: outputs, inputs: inputs,
                height: size,
                width: size)
        }
        let layout = PanelLayout(
            precision, outputs: outputs, channels: inputs, height: size, width: size, stride: stride, doubles: doubles)
        return ConvolutionWeight(layout, in: try panels(tensor, layout), height: size, width: size)
    }

    /// The filters of a convolution of stride 1 in the layout for images that are doubled first; nil where that layout is not faster.
    public func doublingConvolution(
        _ name: String, outputs: Int, inputs: Int, size: Int
    ) throws(ModelError) -> ConvolutionWeight? {
        let tensor = try tensor(name, anyOf: [[outputs, inputs, size, size]])
        // Weights of 4 bits are there to save memory.
        guard let precision = storage.precision(of: tensor.name), precision != .int4 else { return nil }
        let layout = PanelLayout(
            precision, outputs: outputs, channels: inputs, height: size, width: size, stride: 1, doubles: true)
        guard layout.isDoubling else { return nil }
        return ConvolutionWeight(layout, in: try panels(tensor, layout), height: size, width: size)
    }

    /// A matrix whose rows are looked up, as it is stored.
    public func table(_ name: String, rows: Int, columns: Int) throws(ModelError) -> LookupTable {
        let tensor = try tensor(name, anyOf: [[rows, columns]])
        try storage.useAsStored(tensor, isLookedUp: true)
        return LookupTable(tensor.source(outputs: rows, taps: 1))
    }

    /// Marks all tensors below this scope that `isKnown` accepts (by the rest of their name) as knowingly unused.
    public func ignore(where isKnown: (Substring) -> Bool) {
        for name in archive.names where name.hasPrefix(prefix) && isKnown(name.dropFirst(prefix.count)) {
            storage.used.insert(name)
            storage.used.insert(StoredTensor.scaleName(name))
        }
    }

    /// Ends loading: fails unless every tensor was asked for or ignored, and keeps what was prepared for the next time.
    public func finish() throws(ModelError) {
        let unused = archive.entries.filter { !storage.used.contains($0.key) }.map(\.value.name).sorted()
        guard unused.isEmpty else { throw .unusedTensors(file: archive.file, names: unused) }
        try storage.finish()
    }

    private func tensor(_ name: String, anyOf shapes: [[Int]]) throws(ModelError) -> StoredTensor {
        let tensor = try StoredTensor(prefix + name, in: archive, anyOf: shapes)
        storage.used.formUnion(tensor.names)
        return tensor
    }

    private func panels(
        _ tensor: StoredTensor, _ layout: PanelLayout, _ order: ((Int) -> Int)? = nil
    ) throws(ModelError) -> WeightMemory {
        let tag = order == nil ? layout.tag : "\(layout.tag) reordered"
        return try storage.memory(tensor, tag: tag, byteCount: layout.byteCount, precision: layout.precision) {
            target, pool in
            let source = tensor.source(outputs: layout.sourceOutputs, taps: layout.sourceTaps)
            LinearWeight.write(order.map(source.reordered) ?? source, as: layout, into: target, pool: pool)
            tensor.entry.release()
        }
    }

    /// Rows of floats, channels innermost: a view on the archive where it holds them like that.
    private func rows(_ tensor: StoredTensor, outputs: Int, taps: Int) throws(ModelError) -> Constant {
        if case .floats(let type) = tensor.coding { return try constant(tensor, type, outputs: outputs, taps: taps) }
        return try prepared(tensor, outputs: outputs, taps: taps)
    }

    private func constant(_ tensor: StoredTensor, _ type: ElementType, outputs: Int, taps: Int) throws(ModelError)
        -> Constant
    {
        guard taps == 1, type == .float32, let floats = tensor.floats else {
            return try prepared(tensor, outputs: outputs, taps: taps)
        }
        try storage.useAsStored(tensor)
        return Constant(viewing: floats, owner: tensor.entry.file)
    }

    private func prepared(_ tensor: StoredTensor, outputs: Int, taps: Int) throws(ModelError) -> Constant {
        let bytes = (tensor.count * 4 + WeightMemory.alignment - 1) / WeightMemory.alignment * WeightMemory.alignment
        let memory = try storage.memory(tensor, tag: "fp32 rows", byteCount: bytes) { target, pool in
            tensor.source(outputs: outputs, taps: taps).write(into: target, pool: pool)
            tensor.entry.release()
        }
        return Constant(memory, count: tensor.count)
    }
}

/// How the weights of a model are made ready for the kernels.
public struct Preparation {
    /// The precision that the model is asked for at.
    public var precision: WeightPrecision
    /// Which tensors stay wider.
    public var rules: PrecisionRules
    /// Where prepared weights are kept between processes; nil keeps them in private memory.
    public var store: PreparedStore?
    /// The threads that prepare; without a pool the caller does it alone.
    public var pool: ThreadPool?
    /// Hears of every weight, and ends the work when it is raised.
    public var stop: StopFlag?

    /// Preparation on the caller's thread, kept in private memory, unless more is said.
    public init(
        _ precision: WeightPrecision = .fp32, rules: PrecisionRules = PrecisionRules([]), store: PreparedStore? = nil,
        pool: ThreadPool? = nil, stop: StopFlag? = nil
    ) {
        self.precision = precision
        self.rules = rules
        self.store = store
        self.pool = pool
        self.stop = stop
    }
}
