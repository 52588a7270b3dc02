import Compute

/// Where the weights of one component come from, and where they are kept prepared: shared by all scopes of its `Weights`.
final class WeightStorage {
    let archive: TensorArchive
    /// `unet` and so on; "" for an archive by itself.
    let component: String
    /// Nil leaves matrices and filters as rows of floats.
    let precision: WeightPrecision?
    /// Matrices that the rules leave at fp32 stay rows of floats.
    let keepsRows: Bool
    private let rules: PrecisionRules
    private let pool: ThreadPool?
    private let stop: StopFlag?
    private let store: PreparedStore?
    private let identity: PreparedIdentity?
    private var source = PreparedStore.Source.none
    private var lacksWeights = false

    /// The names of tensors that were asked for or ignored.
    var used: Set<String> = []
    private(set) var mappedBytes = 0
    private(set) var privateBytes = 0
    /// Whether some matrices stay rows of floats, which OpenBLAS multiplies.
    private(set) var hasRows = false
    /// Where the weights that were handed out from mapped files lie.
    private(set) var map = WeightMap()

    /// The weights of an archive by itself, prepared in private memory.
    init(_ archive: TensorArchive, _ precision: WeightPrecision?) {
        self.archive = archive
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
        archive = try folder.checkpoint(component)
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
            folder, component, part: part, files: archive.files, preparation.precision, rules,
            keepsRows: keepsRows)
        self.identity = identity
        // Upper bounds, since the file is mapped before it is written: 200 bytes of header a tensor beside its name, and the largest
        // layout of all.
        let headerBytes = archive.names.reduce(4096 + 2 * identity.metadata.values.reduce(0) { $0 + $1.utf8.count }) {
            $0 + $1.utf8.count + 200
        }
        let size = archive.entries.values.reduce(1 << 26) { $0 + 32 * $1.count + 4096 }
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

    /// Checks the whole archive. Early versions prepared weights without this check, and integers hide numbers that are not finite.
    /// It is made as often as prepared weights are checked themselves: once a boot of the host.
    private func requireFinite() throws(ModelError) {
        for (_, entry) in archive.entries.sorted(by: { $0.key < $1.key }) {
            try requireFinite(entry)
            entry.release()
        }
    }

    /// Refuses a tensor with numbers that are not finite, or would not be at `precision`.
    private func requireFinite(_ tensor: StoredTensor, at precision: WeightPrecision = .fp32) throws(ModelError) {
        // Integers are finite if their scales are.
        if let scales = tensor.scales {
            try requireFinite(scales)
        } else {
            try requireFinite(tensor.entry, at: precision)
        }
    }

    private func requireFinite(_ entry: TensorEntry, at precision: WeightPrecision = .fp32) throws(ModelError) {
        let isFinite = FiniteNumbers.fill(entry, roundedTo: precision, pool: pool)
        try stop?.passed()
        if entry.file.hasChanged { throw .changed(file: entry.file.path) }
        guard isFinite else { throw .notFinite(file: entry.file.path, name: entry.name) }
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
            // Checked right before they are laid out, while they lie in the processor's cache.
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

    /// Notes that a tensor is used where it lies, in the mapped archive.
    ///
    /// - Parameter isLookedUp: only single rows of it are read.
    func useAsStored(_ tensor: StoredTensor, isLookedUp: Bool = false) throws(ModelError) {
        let entry = tensor.entry
        // Whoever prepared the weights of this archive checked this tensor, too.
        if !isPrepared {
            try requireFinite(tensor)
            entry.release()
        }
        mappedBytes += entry.bytes.count
        map.add(tensor.name, entry.bytes, in: entry.file, isLookedUp: isLookedUp)
    }

    /// Ends loading: what was prepared is published, unless the archive changed meanwhile.
    func finish() throws(ModelError) {
        if let file = archive.changedFile { throw .changed(file: file) }
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
