import Compute
import Glibc

/// What a picture takes, and which weights are in memory for it.
extension Pipeline {
    /// The memory that a picture with these settings will take. Loads what is not loaded, as far as `residency` and the budget
    /// allow to keep it.
    public func memoryPlan(_ settings: GenerationSettings) throws(DiffusionError) -> MemoryPlan {
        try check(settings)
        var stages: [MemoryPlan.Stage] = []
        for stage in settings.stages {
            stages.append(try dryRun(stage, settings).needs)
            let privateBytes = stages.reduce(0) { $0 + $1.preparedWeightBytes }
            if residency != .together || privateBytes > availableBytes { letGo(stage) }
        }
        return MemoryPlan(stages: stages)
    }

    /// Takes the fastest way in which a picture fits the budget, and keeps to it from now on.
    ///
    /// - Parameter finishingBytes: what the caller takes for the finished picture, beside the weights that stay.
    /// - Throws: `DiffusionError.insufficientMemory` with the least that would do, all of the process counted.
    public func fit(
        _ settings: GenerationSettings, finishingBytes: Int = 0
    ) throws(DiffusionError) -> (plan: MemoryPlan, residency: Residency) {
        let whole = try memoryPlan(settings)
        let limit = budget?.limitBytes() ?? .max, baseline = budget?.baselineBytes ?? 0
        var least: (stage: PipelineStage, bytes: Int)?
        for (residency, usesBands) in Pipeline.ways {
            var plan = whole
            let finishing = baseline + whole.keptWeightBytes(residency) + finishingBytes
            var most: (stage: PipelineStage, bytes: Int)? = finishing <= limit ? nil : (.decoder, finishing)
            for (index, stage) in whole.stages.enumerated() {
                let others = whole.otherWeightBytes(stage, residency)
                switch try room(for: stage, residency, usesBands, settings, otherBytes: baseline + others, limit) {
                case .whole: break
                case .bands(let bands): plan.stages[index].bands = bands
                case .none(let bytes): if bytes > most?.bytes ?? 0 { most = (stage.stage, bytes) }
                }
            }
            guard let most else {
                use(residency)
                Pipeline.returnFreeMemory()
                return (plan, residency)
            }
            if most.bytes < least?.bytes ?? .max { least = most }
        }
        throw .insufficientMemory(least?.stage ?? .unet, leastBytes: least?.bytes ?? 0, limitBytes: limit)
    }

    /// The least that the halves of the autoencoder take beside other weights. Other stages run as a whole.
    public func leastBytes(
        _ plan: MemoryPlan, _ settings: GenerationSettings
    ) throws(DiffusionError) -> [PipelineStage: Int] {
        var least: [PipelineStage: Int] = [:]
        for stage in plan.stages where stage.stage == .encoder || stage.stage == .decoder {
            if case .none(let bytes) = try room(for: stage, .oneStage, true, settings, otherBytes: 0, 0) {
                least[stage.stage] = bytes
            }
        }
        return least
    }

    /// Makes the pictures from now on so. What is in memory and may not stay there goes.
    public func use(_ residency: Residency) {
        self.residency = residency
        if residency != .together { for stage in PipelineStage.allCases { letGo(stage) } }
    }

    /// The ways to make a picture, the fastest first: to read weights again costs less than to decode in bands, and that less than to
    /// read them in every step.
    private static let ways: [(residency: Residency, usesBands: Bool)] = [
        (.together, false), (.oneStage, false), (.together, true), (.oneStage, true), (.streamed, true),
    ]

    /// Gives free memory back: many dry runs leave some behind, which would count as the process's. Only glibc keeps it, and has
    /// this function.
    private static func returnFreeMemory() {
        guard let symbol = dlsym(nil, "malloc_trim") else { return }
        _ = unsafeBitCast(symbol, to: (@convention(c) (Int) -> Int32).self)(0)
    }

    /// Whether a stage fits.
    private enum Room {
        case whole
        case bands(BoundedPlan)
        /// With what it would.
        case none(leastBytes: Int)
    }

    /// How a stage runs within `limit`, where `otherBytes` are taken already.
    private func room(
        for needs: MemoryPlan.Stage, _ residency: Residency, _ usesBands: Bool, _ settings: GenerationSettings,
        otherBytes: Int, _ limit: Int
    ) throws(DiffusionError) -> Room {
        guard let weights = needs.weightBytes(residency) else { return .none(leastBytes: .max) }
        let whole = otherBytes + weights + needs.computingBytes
        if whole <= limit { return .whole }
        guard usesBands else { return .none(leastBytes: whole) }
        let beside = otherBytes + needs.preparedWeightBytes + needs.workspaceBytes
        let search = BandSearch(
            needs: needs, latents: latentShape(settings), limitBytes: max(limit - beside, 0),
            usesScratch: scratchDirectory != nil)
        do throws(DiffusionError) {
            return try bands(search, settings).map { .bands($0) } ?? .none(leastBytes: whole)
        } catch {
            guard case .insufficientMemory(_, let least, _) = error else { throw error }
            return .none(leastBytes: min(whole, beside + least))
        }
    }

    /// What decides how a stage runs in bands.
    struct BandSearch: Hashable {
        let needs: MemoryPlan.Stage
        let latents: Shape
        let limitBytes: Int
        let usesScratch: Bool
    }

    /// The bands in which a stage runs; nil where it can only run as a whole.
    private func bands(_ search: BandSearch, _ settings: GenerationSettings) throws(DiffusionError) -> BoundedPlan? {
        let stage = search.needs.stage
        if let last = foundBands[stage], last.search == search { return last.bands }
        let bands: BoundedPlan
        switch stage {
        case .textEncoder, .unet: return nil
        case .encoder:
            bands = try loadedEncoder().plan(
                height: settings.height, width: settings.width, limitBytes: search.limitBytes,
                usesScratch: search.usesScratch, pool: pool)
        case .decoder:
            bands = try loadedDecoder().plan(
                search.latents, limitBytes: search.limitBytes, usesScratch: search.usesScratch, pool: pool)
        }
        foundBands[stage] = (search, bands)
        return bands
    }

    /// A stage's needs, and the order of its blocks, found by running it in a measuring arena.
    func dryRun(
        _ stage: PipelineStage, _ settings: GenerationSettings
    ) throws(DiffusionError) -> (needs: MemoryPlan.Stage, stream: WeightStream) {
        let weights = try loadedWeights(stage)
        usesBLAS = usesBLAS || weights.hasRows
        let stream = WeightStream(weights.map)
        var evaluation = try evaluation(arenaBytes: nil)
        evaluation.stream = stream
        switch stage {
        case .textEncoder:
            let empty = texts(settings).map { _ in Array(repeating: 0, count: tokenizer.length) }
            _ = Pipeline.embed(empty, with: try loadedTextEncoder(), settings, evaluation)
        case .encoder:
            _ = encode(nil, settings, with: try loadedEncoder(), evaluation)
        case .unet:
            let network = try loadedUNet()
            let inputs = unetInputs(settings, embeddings: [], with: network, evaluation)
            _ = Pipeline.predict([], latentShape(settings), 0, inputs, with: network, settings, evaluation)
        case .decoder:
            _ = decode([], latentShape(settings), with: try loadedDecoder(), evaluation)
        }
        let needs = MemoryPlan.Stage(
            stage: stage, mappedWeightBytes: weights.map.mappedBytes(under: ""),
            streamedWeightBytes: weights.prepared == 0 ? stream.residentBytes : nil,
            preparedWeightBytes: weights.prepared, activationBytes: evaluation.context.arena.peakBytes,
            workspaceBytes: workspaceBytes(stage, settings))
        return (needs, stream)
    }

    /// Takes the fastest way, from the present one on, in which a stage fits what is allowed now.
    ///
    /// - Returns: how it runs in bands; nil as a whole.
    func settle(
        _ needs: MemoryPlan.Stage, _ settings: GenerationSettings
    ) throws(DiffusionError) -> BoundedPlan? {
        guard let budget else { return nil }
        let limit = budget.limitBytes()
        var least = Int.max
        let slower = Residency.allCases.drop { $0 != residency }
        for (way, usesBands) in Pipeline.ways where slower.contains(way) {
            let others = way == .together ? residentWeightBytes - needs.weightBytes : 0
            let room = try room(
                for: needs, way, usesBands, settings, otherBytes: budget.baselineBytes + others, limit)
            if case .none(let bytes) = room {
                least = min(least, bytes)
                continue
            }
            if way != residency {
                residency = way
                for stage in PipelineStage.allCases where stage != needs.stage { letGo(stage) }
            }
            guard case .bands(let bands) = room else { return nil }
            Pipeline.returnFreeMemory()
            return bands
        }
        throw .insufficientMemory(needs.stage, leastBytes: least, limitBytes: limit)
    }

    /// What a stage takes as it was settled, all of the process counted.
    func takenBytes(_ needs: MemoryPlan.Stage, _ bands: BoundedPlan?) -> Int {
        var stage = needs
        stage.bands = bands
        let others = residency == .together ? residentWeightBytes - needs.weightBytes : 0
        return (budget?.baselineBytes ?? 0) + others + (stage.weightBytes(residency) ?? 0) + stage.computingBytes
    }

    /// Ends a stage: its weights stay in memory only where all do.
    func leave(_ stage: PipelineStage) {
        if residency != .together { letGo(stage) }
    }

    private var availableBytes: Int { budget.map { $0.limitBytes() - $0.baselineBytes } ?? .max }

    /// What a stage takes beside weights and arena, at the most.
    private func workspaceBytes(_ stage: PipelineStage, _ settings: GenerationSettings) -> Int {
        let latents = latentShape(settings).byteCount()
        let lists =
            switch stage {
            case .textEncoder: 0
            // Noise, latents, and the batch's input and output with their copies.
            case .unet: 12 * latents
            // A distribution: means and deviations.
            case .encoder: 6 * latents
            case .decoder: 2 * latents + 3 * settings.width * settings.height
            }
        return lists + (usesBLAS ? BLAS.workspaceBytes(threads: pool.threads) : 0)
    }
}
