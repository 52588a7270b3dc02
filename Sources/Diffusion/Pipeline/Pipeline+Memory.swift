import Compute
import Glibc

/// What a picture takes, and which weights are in memory for it.
extension Pipeline {
    /// The memory that a picture with these settings will take. Loads what is not loaded, as far as `residency` and the budget
    /// allow to keep it.
    public func memoryPlan(_ settings: GenerationSettings) throws(DiffusionError) -> MemoryPlan {
        try check(settings)
        var needs: [MemoryPlan.Stage] = []
        for stage in needed(for: settings) {
            needs.append(try dryRun(stage, settings).needs)
            let privateBytes = needs.reduce(0) { $0 + $1.preparedWeightBytes }
            if residency != .together || privateBytes > availableBytes { stage.letGo() }
        }
        return MemoryPlan(stages: needs)
    }

    /// The stages that a picture goes through, in their order.
    private func needed(for settings: GenerationSettings) -> [any Stage] {
        stages.filter { $0.isNeeded(for: settings) }
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
        var least: (stage: StageName, bytes: Int)?
        for (residency, usesBands) in Pipeline.ways {
            var plan = whole
            let finishing = baseline + whole.keptWeightBytes(residency) + finishingBytes
            var most: (stage: StageName, bytes: Int)? = finishing <= limit ? nil : (decoder.name, finishing)
            for (index, stage) in needed(for: settings).enumerated() {
                let needs = whole.stages[index], others = whole.otherWeightBytes(needs, residency)
                switch try room(
                    for: stage, needs, residency, usesBands, settings, otherBytes: baseline + others, limit)
                {
                case .whole: break
                case .bands(let bands): plan.stages[index].bands = bands
                case .none(let bytes): if bytes > most?.bytes ?? 0 { most = (stage.name, bytes) }
                }
            }
            guard let most else {
                use(residency)
                Pipeline.returnFreeMemory()
                return (plan, residency)
            }
            if most.bytes < least?.bytes ?? .max { least = most }
        }
        throw .insufficientMemory(least?.stage ?? denoiser.name, leastBytes: least?.bytes ?? 0, limitBytes: limit)
    }

    /// The least that the stages which can run in bands take beside other weights.
    public func leastBytes(
        _ plan: MemoryPlan, _ settings: GenerationSettings
    ) throws(DiffusionError) -> [StageName: Int] {
        var least: [StageName: Int] = [:]
        for (stage, needs) in zip(needed(for: settings), plan.stages) where needs.canRunInBands {
            if case .none(let bytes) = try room(for: stage, needs, .oneStage, true, settings, otherBytes: 0, 0) {
                least[stage.name] = bytes
            }
        }
        return least
    }

    /// Makes the next pictures in this way. Weights that are in memory and may not stay there go.
    public func use(_ residency: Residency) {
        self.residency = residency
        if residency != .together { for stage in stages { stage.letGo() } }
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
        /// It does not; what the least of it would take.
        case none(leastBytes: Int)
    }

    /// How a stage runs within `limit`, where `otherBytes` are taken already.
    private func room(
        for stage: some Stage, _ needs: MemoryPlan.Stage, _ residency: Residency, _ usesBands: Bool,
        _ settings: GenerationSettings, otherBytes: Int, _ limit: Int
    ) throws(DiffusionError) -> Room {
        guard let weights = needs.weightBytes(residency) else { return .none(leastBytes: .max) }
        let whole = otherBytes + weights + needs.computingBytes
        if whole <= limit { return .whole }
        guard usesBands, let stage = stage as? any BandedStage else { return .none(leastBytes: whole) }
        let beside = otherBytes + needs.preparedWeightBytes + needs.workspaceBytes
        let search = BandSearch(
            needs: needs, latents: recipe.latents.shape(settings), limitBytes: max(limit - beside, 0),
            usesScratch: scratchDirectory != nil)
        do throws(DiffusionError) {
            return .bands(try bands(of: stage, search, settings))
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

    /// The bands in which a stage runs.
    private func bands(
        of stage: some BandedStage, _ search: BandSearch, _ settings: GenerationSettings
    ) throws(DiffusionError) -> BoundedPlan {
        if let last = foundBands[stage.name], last.search == search { return last.bands }
        let bands = try stage.bands(
            settings, limitBytes: search.limitBytes, usesScratch: search.usesScratch, pool: pool)
        foundBands[stage.name] = (search, bands)
        return bands
    }

    /// A stage's needs, and the order of its blocks, found by running it in a measuring arena. Loads it, if it was not loaded.
    func dryRun(
        _ stage: some Stage, _ settings: GenerationSettings
    ) throws(DiffusionError) -> (needs: MemoryPlan.Stage, stream: WeightStream) {
        let network = try stage.slot.loaded(), weights = network.weightBytes
        usesBLAS = usesBLAS || weights.hasRows
        let stream = WeightStream(weights.map)
        var evaluation = try evaluation(arenaBytes: nil)
        evaluation.stream = stream
        stage.measure(network, settings, evaluation)
        let workspaceBytes = stage.listBytes(settings) + (usesBLAS ? BLAS.workspaceBytes(threads: pool.threads) : 0)
        let needs = MemoryPlan.Stage(
            stage: stage.name, canRunInBands: stage is any BandedStage,
            mappedWeightBytes: weights.map.mappedBytes(under: ""),
            streamedWeightBytes: weights.prepared == 0 ? stream.residentBytes : nil,
            preparedWeightBytes: weights.prepared, activationBytes: evaluation.context.arena.peakBytes,
            workspaceBytes: workspaceBytes)
        return (needs, stream)
    }

    /// Takes the fastest way, from the present one on, in which a stage fits what is allowed now.
    ///
    /// - Returns: how it runs in bands; nil as a whole.
    func settle(
        _ stage: some Stage, _ needs: MemoryPlan.Stage, _ settings: GenerationSettings
    ) throws(DiffusionError) -> BoundedPlan? {
        guard let budget else { return nil }
        let limit = budget.limitBytes()
        var least = Int.max
        let slower = Residency.allCases.drop { $0 != residency }
        for (way, usesBands) in Pipeline.ways where slower.contains(way) {
            let others = way == .together ? residentWeightBytes - needs.weightBytes : 0
            let room = try room(
                for: stage, needs, way, usesBands, settings, otherBytes: budget.baselineBytes + others, limit)
            if case .none(let bytes) = room {
                least = min(least, bytes)
                continue
            }
            if way != residency {
                residency = way
                for other in stages where other.name != stage.name { other.letGo() }
            }
            guard case .bands(let bands) = room else { return nil }
            Pipeline.returnFreeMemory()
            return bands
        }
        throw .insufficientMemory(stage.name, leastBytes: least, limitBytes: limit)
    }

    /// What a stage takes as it was settled, all of the process counted.
    func takenBytes(_ needs: MemoryPlan.Stage, _ bands: BoundedPlan?) -> Int {
        var stage = needs
        stage.bands = bands
        let others = residency == .together ? residentWeightBytes - needs.weightBytes : 0
        return (budget?.baselineBytes ?? 0) + others + (stage.weightBytes(residency) ?? 0) + stage.computingBytes
    }

    /// Ends a stage: its weights stay in memory only where all do.
    func leave(_ stage: some Stage) {
        if residency != .together { stage.letGo() }
    }

    private var availableBytes: Int { budget.map { $0.limitBytes() - $0.baselineBytes } ?? .max }
}
