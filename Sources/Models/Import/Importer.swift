import Compute
import Glibc

/// Makes a smaller model folder of a diffusers folder: LoRAs added to its weights, these rounded to a precision, everything else copied,
/// and a manifest that says how.
///
/// ```
/// SOURCE/unet/….safetensors ─ tensor by tensor ─► OUTPUT/.NAME.importing/unet/diffusion_pytorch_model.safetensors ─ rename ─► OUTPUT/NAME
/// ```
/// One tensor is in memory at a time. The folder appears when it is complete; what an import leaves that was killed is removed by the
/// next one into the same `OUTPUT`.
public struct Importer {
    /// How to import.
    public struct Options {
        /// The folder in which the model's folder appears.
        public var output: String
        /// The new folder's name.
        public var name: String
        /// What the weights are rounded to, except for those that the rules keep wider.
        public var precision: WeightPrecision
        /// Which tensors stay wider.
        public var rules: PrecisionRules
        /// Files of LoRAs that are added to the weights, one after the other: `FILE`, or `FILE=SCALE`.
        public var loras: [String]
        /// Replace a folder of that name.
        public var replaces: Bool
        /// The program, for the manifest.
        public var tool: String

        /// An import without LoRAs which replaces nothing, unless more is said.
        public init(
            output: String, name: String, precision: WeightPrecision, rules: PrecisionRules,
            loras: [String] = [], replaces: Bool = false, tool: String
        ) {
            self.output = output
            self.name = name
            self.precision = precision
            self.rules = rules
            self.loras = loras
            self.replaces = replaces
            self.tool = tool
        }
    }

    /// How far an import is.
    public struct Progress: Sendable {
        /// The component that is being written.
        public let component: String
        /// Bytes of the source's weights that are done, and those of all its weights.
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

    /// Makes the folder. Refuses numbers that are not finite, in the source and after LoRAs were added, and files that are written into
    /// meanwhile.
    ///
    /// - Parameter observer: called after each tensor, on this thread.
    public func run(observer: (Progress) -> Void = { _ in }) throws(ModelError) -> Result {
        // A folder that was imported by a newer version cannot be read.
        _ = try source.precisionRules()
        try checkName()
        if MappedFile.exists(path), !options.replaces { throw .exists(file: path) }
        let workspace = try ImportWorkspace(output: options.output, name: options.name)
        var plans: [String: [TensorPlan]] = [:], checkpoints: [String: TensorArchive] = [:]
        for component in source.form.components { checkpoints[component.name] = try source.checkpoint(component) }
        let loras = try options.loras.map { (text) throws(ModelError) in try LoRA(LoRA.Source(text), for: checkpoints) }
        for (component, checkpoint) in checkpoints { plans[component] = self.plans(checkpoint, component, loras) }
        let total = checkpoints.values.reduce(0) { $1.entries.values.reduce($0) { $0 + $1.range.count } }
        var done = 0, written = 0
        for component in source.form.components {
            guard let checkpoint = checkpoints[component.name], let plans = plans[component.name] else { continue }
            try workspace.makeFolder(component.name)
            let file = workspace.path("\(component.name)/\(component.stem).safetensors")
            let stream = try SafetensorsStream(file, plans.flatMap(\.stored), metadata: ["format": "pt"])
            for plan in plans {
                let changes = loras.compactMap { $0.change(of: plan.name, in: component.name) }
                do throws(ModelError) {
                    try write(plan, of: checkpoint, changes, to: stream)
                } catch {
                    // Where bytes of the source are gone, writing them fails as well: the source is to blame, not the output.
                    throw changedFile(checkpoint, loras).map { .changed(file: $0) } ?? error
                }
                written += plan.stored.reduce(0) { $0 + $1.byteCount }
                done += checkpoint[plan.name]?.range.count ?? 0
                observer(Progress(component: component.name, doneBytes: done, totalBytes: total))
            }
            try stream.finish()
        }
        for checkpoint in checkpoints.values {
            if let file = changedFile(checkpoint, loras) { throw .changed(file: file) }
        }
        try workspace.copyTexts(of: source)
        try workspace.write(try manifest(plans, loras).indentedText + "\n", to: QuantizationManifest.fileName)
        try workspace.publish(replacing: options.replaces)
        return Result(path: path, sourceBytes: total, bytes: written)
    }

    /// Removes what this import has written so far. Called from another thread than the one that runs it, which then fails.
    public func discard() { ImportWorkspace.discard(output: options.output, name: options.name) }

    private func changedFile(_ checkpoint: TensorArchive, _ loras: [LoRA]) -> String? {
        checkpoint.changedFile ?? loras.lazy.compactMap(\.changedFile).first
    }

    /// The name becomes a path.
    private func checkName() throws(ModelError) {
        guard !options.name.isEmpty, !options.name.hasPrefix("."), !options.name.contains("/"),
            options.name.utf8.count <= 100,
            options.name.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 })
        else { throw .badName(options.name) }
    }

    private func write(
        _ plan: TensorPlan, of checkpoint: TensorArchive, _ changes: [LoRAChange], to stream: SafetensorsStream
    ) throws(ModelError) {
        guard let tensor = checkpoint[plan.name] else { return }
        defer { tensor.release() }
        guard tensor.format.isReal else { return try stream.append(tensor.bytes) }
        guard FiniteNumbers.fill(tensor, roundedTo: plan.precision ?? .fp32, pool: pool) else {
            throw .notFinite(file: tensor.file.path, name: tensor.name)
        }
        for change in changes { try change.requireFinite() }
        let type = changes.isEmpty ? tensor.format.elementType : nil
        let changed = type == nil ? self.changed(tensor, by: changes) : nil
        if let changed,
            !FiniteNumbers.fill(changed.bytes, .float32, roundedTo: plan.precision ?? .fp32, pool: pool)
        {
            throw .badTensor(
                file: tensor.file.path, name: tensor.name, reason: "with the LoRAs it holds numbers that are not finite"
            )
        }
        let bytes = changed?.bytes ?? tensor.bytes
        guard let precision = plan.precision else { return try stream.append(bytes) }
        let outputs = plan.outputs, taps = plan.taps, count = plan.elements
        let source = WeightSource(
            bytes, .floats(type ?? .float32), outputs: outputs, taps: taps,
            channels: count / outputs / taps, owner: changed?.owner ?? tensor.file)
        guard precision != .bf16 else {
            let rounded = WeightMemory(byteCount: count * 2) { source.writeBF16(into: $0, pool: pool) }
            try stream.append(rounded.bytes)
            return
        }
        let rows = QuantizedRows(source, precision)
        let integerBytes = outputs * rows.rowBytes, scaleBytes = outputs * rows.rowScaleBytes
        let rounded = WeightMemory(byteCount: integerBytes + scaleBytes) { target in
            rows.write(
                into: UnsafeMutableRawBufferPointer(rebasing: target[..<integerBytes]),
                scales: UnsafeMutableRawBufferPointer(rebasing: target[integerBytes...]), pool: pool)
        }
        try stream.append(rounded.bytes)
    }

    /// A tensor as 32-bit floats, with what the LoRAs add.
    private func changed(_ tensor: TensorEntry, by changes: [LoRAChange]) -> WeightMemory {
        WeightMemory(byteCount: tensor.count * 4) { target in
            let floats = target.bindMemory(to: Float.self)
            tensor.write(into: floats)
            for change in changes { change.add(to: floats, pool: pool) }
        }
    }

    /// What becomes of each tensor, in the order of the names.
    private func plans(_ checkpoint: TensorArchive, _ component: String, _ loras: [LoRA]) -> [TensorPlan] {
        checkpoint.entries.sorted { $0.key < $1.key }.map { name, entry in
            TensorPlan(
                name, entry, options.rules.everywhere.precision(of: name, in: component, at: options.precision),
                isChanged: loras.contains { $0.change(of: name, in: component) != nil })
        }
    }

    /// The source's manifest, if it has one, with what this import says about the weights.
    private func manifest(_ plans: [String: [TensorPlan]], _ loras: [LoRA]) throws(ModelError) -> JSON {
        let path = "\(source.path)/\(QuantizationManifest.fileName)"
        var members = MappedFile.exists(path) ? try Config(file: path).members : ["format": .integer(1)]
        members["name"] = .string(options.name)
        if options.precision != .fp32 { members["precisions"] = .array([.string(options.precision.rawValue)]) }
        // A source that was itself made by an import with LoRAs still has these in its weights.
        if !loras.isEmpty {
            let older: [JSON] = if case .array(let older)? = members["loras"] { older } else { [] }
            members["loras"] = .array(older + loras.map(\.json))
        }
        members[QuantizationManifest.field] =
            QuantizationManifest(
                precision: options.precision, tool: options.tool, sourceName: source.name,
                sourceSHA256: try source.sha256(), rules: options.rules, plans: plans
            ).json
        return .object(members)
    }
}
