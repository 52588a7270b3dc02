import Compute

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

    /// Makes the pictures from now on so. What is in memory and may not stay there goes.
    public func use(_ residency: Residency) {
        self.residency = residency
        if residency != .together { for stage in PipelineStage.allCases { letGo(stage) } }
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
            scratchFileBytes: 0, workspaceBytes: workspaceBytes(stage, settings))
        return (needs, stream)
    }

    /// Takes the fastest way, from the present one on, in which the stage fits what is allowed now.
    func settle(_ needs: MemoryPlan.Stage) throws(DiffusionError) {
        guard let budget else { return }
        let limit = budget.limitBytes()
        let ways = Residency.allCases.drop { $0 != residency }
        func peak(_ way: Residency) -> Int? {
            let weights = way == .together ? residentWeightBytes : needs.weightBytes(way)
            return weights.map { budget.baselineBytes + $0 + needs.computingBytes }
        }
        guard let way = ways.first(where: { peak($0).map { $0 <= limit } ?? false }) else {
            throw .insufficientMemory(
                needs.stage, leastBytes: ways.compactMap(peak).min() ?? 0, limitBytes: limit)
        }
        guard way != residency else { return }
        residency = way
        for stage in PipelineStage.allCases where stage != needs.stage { letGo(stage) }
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
