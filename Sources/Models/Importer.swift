import Compute
import Glibc

/// Makes a smaller model folder of a diffusers folder: its weights rounded to a precision, everything else copied, and a manifest that
/// says how.
///
/// ```
/// SOURCE/unet/….safetensors ─ tensor by tensor ─► OUTPUT/.NAME.importing/unet/diffusion_pytorch_model.safetensors ─ rename ─► OUTPUT/NAME
/// ```
/// One tensor is in memory at a time. The folder appears when it is complete; what an import leaves that was killed is removed by the
/// next one of the same name.
public struct Importer {
    /// What to import, and how.
    public struct Options {
        /// The folder in which the model's folder appears.
        public var output: String
        /// The new folder's name.
        public var name: String
        /// What the weights are rounded to, but for those that the rules keep wider.
        public var precision: WeightPrecision
        /// Which tensors stay wider.
        public var rules: PrecisionRules
        /// Replace a folder of that name.
        public var replaces: Bool
        /// The program, for the manifest.
        public var tool: String

        /// Names them all.
        public init(
            output: String, name: String, precision: WeightPrecision, rules: PrecisionRules = .standard,
            replaces: Bool = false, tool: String
        ) {
            self.output = output
            self.name = name
            self.precision = precision
            self.rules = rules
            self.replaces = replaces
            self.tool = tool
        }
    }

    /// How far an import is.
    public struct Progress: Sendable {
        /// The component that is being written.
        public let component: String
        /// Bytes of the source's weights that are done, of how many.
        public let doneBytes: Int, totalBytes: Int
    }

    /// What an import made.
    public struct Result: Sendable {
        /// The new folder.
        public let path: String
        /// The bytes of the weights, before and after.
        public let sourceBytes: Int, bytes: Int
    }

    private let source: ModelFolder
    private let options: Options
    private let pool: ThreadPool?

    /// An import of `source`, on the threads of `pool`.
    public init(_ source: ModelFolder, _ options: Options, pool: ThreadPool? = nil) {
        self.source = source
        self.options = options
        self.pool = pool
    }

    /// The new folder's path.
    public var path: String { "\(options.output)/\(options.name)" }

    /// Imports.
    ///
    /// - Parameter observer: told after each tensor, on this thread.
    public func run(observer: (Progress) -> Void = { _ in }) throws(ModelError) -> Result {
        // A folder that was imported by a newer version cannot be read.
        _ = try source.precisionRules()
        try checkName()
        if MappedFile.exists(path), !options.replaces { throw .exists(file: path) }
        let workspace = try ImportWorkspace(output: options.output, name: options.name)
        var plans: [String: [TensorPlan]] = [:], checkpoints: [String: Checkpoint] = [:]
        for component in ModelFolder.weightComponents {
            let checkpoint = try source.checkpoint(component)
            checkpoints[component] = checkpoint
            plans[component] = checkpoint.plans(options.rules, component, options.precision)
        }
        let total = checkpoints.values.reduce(0) { $0 + $1.byteCount }
        var done = 0, written = 0
        for component in ModelFolder.weightComponents {
            guard let checkpoint = checkpoints[component], let plans = plans[component] else { continue }
            try workspace.makeFolder(component)
            let file = workspace.path(source.outputFile(component))
            let stream = try SafetensorsStream(file, plans.flatMap(\.stored), metadata: ["format": "pt"])
            for plan in plans {
                try write(plan, of: checkpoint, to: stream)
                written += plan.stored.reduce(0) { $0 + $1.byteCount }
                done += checkpoint.tensor(plan.name)?.bytes.count ?? 0
                observer(Progress(component: component, doneBytes: done, totalBytes: total))
            }
            try stream.finish()
        }
        try workspace.copyTexts(of: source)
        try workspace.write(try manifest(plans).indentedText + "\n", to: QuantizationManifest.fileName)
        try workspace.publish(replacing: options.replaces)
        return Result(path: path, sourceBytes: total, bytes: written)
    }

    /// The name becomes a path.
    private func checkName() throws(ModelError) {
        guard !options.name.isEmpty, !options.name.hasPrefix("."), !options.name.contains("/"),
            options.name.utf8.count <= 100,
            options.name.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 })
        else { throw .badName(options.name) }
    }

    private func write(
        _ plan: TensorPlan, of checkpoint: Checkpoint, to stream: SafetensorsStream
    ) throws(ModelError) {
        guard let tensor = checkpoint.tensor(plan.name) else { return }
        defer { tensor.file.release(tensor.bytes) }
        guard let precision = plan.precision, let type = tensor.entry.format.elementType else {
            try stream.append(tensor.bytes)
            return
        }
        let outputs = plan.outputs, taps = plan.taps, count = plan.elements
        let source = WeightSource(
            tensor.bytes, .floats(type), outputs: outputs, taps: taps, channels: count / outputs / taps,
            owner: tensor.file)
        guard precision != .bf16 else {
            let rounded = WeightMemory(byteCount: count * 2) { source.writeBF16(into: $0, pool: pool) }
            try stream.append(rounded.bytes)
            return
        }
        let rows = QuantizedRows(source, precision)
        let integerBytes = outputs * rows.rowBytes, bytes = integerBytes + outputs * rows.rowScaleBytes
        let rounded = WeightMemory(byteCount: bytes) { target in
            rows.write(
                into: UnsafeMutableRawBufferPointer(rebasing: target[..<integerBytes]),
                scales: UnsafeMutableRawBufferPointer(rebasing: target[integerBytes...]), pool: pool)
        }
        try stream.append(rounded.bytes)
    }

    /// The source's manifest, if it has one, with what this import says about the weights.
    private func manifest(_ plans: [String: [TensorPlan]]) throws(ModelError) -> JSON {
        let path = "\(source.path)/\(QuantizationManifest.fileName)"
        var members = MappedFile.exists(path) ? try Config(file: path).members : ["format": .integer(1)]
        members["name"] = .string(options.name)
        if options.precision != .fp32 { members["precisions"] = .array([.string(options.precision.rawValue)]) }
        members[QuantizationManifest.field] =
            QuantizationManifest(
                precision: options.precision, tool: options.tool, sourceName: source.name,
                sourceSHA256: try source.sha256(), rules: options.rules, plans: plans
            ).json
        return .object(members)
    }
}

extension Checkpoint {
    fileprivate var byteCount: Int { names.reduce(0) { $0 + (tensor($1)?.bytes.count ?? 0) } }

    /// What becomes of each tensor, in the order of the names.
    fileprivate func plans(
        _ rules: PrecisionRules, _ component: String, _ precision: WeightPrecision
    ) -> [TensorPlan] {
        names.sorted().compactMap { name in
            tensor(name).map {
                TensorPlan(name, $0.entry, rules.precision(of: name, in: component, at: precision))
            }
        }
    }
}
