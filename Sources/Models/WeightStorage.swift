import Compute

/// Where the weights of one component come from and go to, shared by all scopes of its `Weights`.
final class WeightStorage {
    let checkpoint: Checkpoint
    /// `unet` and so on; "" for a checkpoint by itself.
    let component: String
    /// Nil leaves matrices and filters as rows of floats.
    let precision: WeightPrecision?
    /// Matrices of fp32 stay rows of floats.
    let keepsRows: Bool
    private let rules: PrecisionRules
    private let pool: ThreadPool?
    private let stop: StopFlag?
    private let store: PreparedStore?
    private let identity: PreparedIdentity?
    private var source = PreparedStore.Source.none
    private var lacksWeights = false

    var used: Set<String> = []
    private(set) var mappedBytes = 0
    private(set) var privateBytes = 0
    /// Whether some matrices stay rows of floats, which OpenBLAS multiplies.
    private(set) var hasRows = false
    /// Where those in mapped files lie.
    private(set) var map = WeightMap()

    /// The weights of a checkpoint by itself, prepared in private memory.
    init(_ checkpoint: Checkpoint, _ precision: WeightPrecision?) {
        self.checkpoint = checkpoint
        self.precision = precision
        component = ""
        keepsRows = precision == nil
        rules = PrecisionRules([])
        pool = nil
        stop = nil
        store = nil
        identity = nil
    }

    /// The weights of a model's component.
    init(
        _ folder: ModelFolder, _ component: String, part: String?, _ preparation: Preparation, keepsRows: Bool
    ) throws(ModelError) {
        checkpoint = try folder.checkpoint(component)
        self.component = component
        self.keepsRows = keepsRows
        precision = preparation.precision
        rules = preparation.rules.here.of(component)
        pool = preparation.pool
        stop = preparation.stop
        store = preparation.store
        guard let store else {
            identity = nil
            return
        }
        let identity = PreparedIdentity(
            folder, component, part: part, files: checkpoint.files, preparation.precision, rules,
            keepsRows: keepsRows)
        self.identity = identity
        // What a header says about a tensor beside its name; and the largest layout, for a file that is mapped before it is written.
        let headerBytes = checkpoint.names.reduce(4096 + 2 * identity.metadata.values.reduce(0) { $0 + $1.utf8.count })
        {
            $0 + $1.utf8.count + 200
        }
        let size = checkpoint.names.reduce(1 << 26) { $0 + 32 * (checkpoint.tensor($1)?.entry.count ?? 0) + 4096 }
        source = try store.source(identity, headerBytes: headerBytes, size: size, pool, stop)
        if case .file(let prepared) = source, prepared.isUnsureOfSource {
            do throws(ModelError) {
                try requireFinite()
            } catch {
                // Looked at again the next time.
                CheckMark.remove(of: prepared.file.path)
                throw error
            }
        }
    }

    /// Weights that were prepared by a version that did not look may hide numbers that are not finite behind integers. Their source is
    /// looked at as often as they themselves are: once a boot of the host.
    private func requireFinite() throws(ModelError) {
        for name in checkpoint.names.sorted() {
            guard let tensor = checkpoint.tensor(name) else { continue }
            try requireFinite(tensor.bytes, tensor.entry.format.elementType, name, tensor.file)
            tensor.file.release(tensor.bytes)
        }
    }

    /// Refuses a tensor with numbers that are not finite, or would not be at `precision`.
    private func requireFinite(_ tensor: StoredTensor, at precision: WeightPrecision = .fp32) throws(ModelError) {
        switch tensor.coding {
        case .floats(let type):
            try requireFinite(tensor.bytes, type, tensor.name, tensor.file, at: precision)
        case .int8(let scales):
            try requireFinite(scales, .float32, StoredTensor.scaleName(tensor.name), tensor.file)
        case .int4(let scales):
            try requireFinite(scales, .float16, StoredTensor.scaleName(tensor.name), tensor.file)
        case .rows: preconditionFailure("a checkpoint has no rows")
        }
    }

    private func requireFinite(
        _ bytes: UnsafeRawBufferPointer, _ type: ElementType?, _ name: String, _ file: MappedFile,
        at precision: WeightPrecision = .fp32
    ) throws(ModelError) {
        let isFinite = type.map { FiniteNumbers.fill(bytes, $0, roundedTo: precision, pool: pool) } ?? true
        try stop?.passed()
        if file.hasChanged { throw .changed(file: file.path) }
        guard isFinite else { throw .notFinite(file: file.path, name: name) }
    }

    /// The precision of a matrix or of filters; nil leaves them rows of floats.
    func precision(of name: String) -> WeightPrecision? {
        let ruled = precision.map { rules.precision(of: name, in: component, at: $0) }
        guard let ruled, ruled != .fp32 || !keepsRows else {
            hasRows = true
            return nil
        }
        return ruled
    }

    /// The memory of a weight in one layout: as it was prepared before, or as `fill` prepares it now, from numbers that are finite.
    func memory(
        _ tensor: StoredTensor, tag: String, byteCount: Int, precision: WeightPrecision = .fp32,
        fill: (UnsafeMutableRawBufferPointer, ThreadPool?) -> Void
    ) throws(ModelError) -> WeightMemory {
        let name = tensor.name
        var memory = found(name, tag, byteCount)
        if memory == nil {
            // First, so that the numbers lie in the cache when they are laid out.
            try requireFinite(tensor, at: precision)
            memory = made(name, tag, byteCount) { fill($0, pool) }
            try stop?.passed()
        }
        guard let memory else { preconditionFailure("a weight is found or made") }
        mappedBytes += memory.bytes.count - memory.privateBytes
        privateBytes += memory.privateBytes
        if memory.privateBytes == 0, let file { map.add(name, memory.bytes, in: file) }
        return memory
    }

    /// Says that a tensor is used where it lies, in the mapped checkpoint; `isLookedUp`: single rows of it are read.
    func useAsStored(_ tensor: StoredTensor, isLookedUp: Bool = false) throws(ModelError) {
        // Where prepared weights were found, whoever prepared them has looked.
        if !isPrepared {
            try requireFinite(tensor)
            tensor.release()
        }
        mappedBytes += tensor.bytes.count
        map.add(tensor.name, tensor.bytes, in: tensor.file, isLookedUp: isLookedUp)
    }

    /// Ends loading: what was prepared is published, unless the checkpoint changed meanwhile.
    func finish() throws(ModelError) {
        if let file = checkpoint.changedFile { throw .changed(file: file) }
        guard let store, let identity else { return }
        if case .builder(let builder) = source { store.finish(builder, identity) }
        if lacksWeights { store.remove(identity) }
        source = .none
    }

    /// Whether prepared weights were found.
    private var isPrepared: Bool {
        if case .file = source { true } else { false }
    }

    /// The file of prepared weights, there already or being written.
    private var file: MappedFile? {
        switch source {
        case .file(let prepared): prepared.file
        case .builder(let builder): builder.file
        case .none: nil
        }
    }

    private func found(_ name: String, _ tag: String, _ byteCount: Int) -> WeightMemory? {
        guard case .file(let file) = source else { return nil }
        if let memory = file.memory(name, tag: tag, byteCount: byteCount) { return memory }
        lacksWeights = true
        return nil
    }

    private func made(
        _ name: String, _ tag: String, _ byteCount: Int, fill: (UnsafeMutableRawBufferPointer) -> Void
    ) -> WeightMemory {
        guard case .builder(let builder) = source else { return WeightMemory(byteCount: byteCount, fill: fill) }
        return builder.add(name, tag: tag, byteCount: byteCount, fill: fill)
    }
}
