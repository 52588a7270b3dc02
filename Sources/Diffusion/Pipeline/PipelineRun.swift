import Compute
import Models

/// One picture on its way through the stages of a pipeline.
final class PipelineRun {
    private let pipeline: Pipeline
    private let settings: GenerationSettings
    private let watch: ProgressWatch
    /// Draws, in this order: the encoder's sample where its latents are a distribution, and the noise. The walk goes on with it.
    private var random: RandomSource
    private(set) var dump: TensorDump?
    private var timings = PipelineTimings()
    private var activationPeakBytes = 0

    init(
        _ pipeline: Pipeline, _ settings: GenerationSettings, _ observer: @escaping (PipelineProgress) throws -> Void,
        dump: TensorDump?
    ) {
        self.pipeline = pipeline
        self.settings = settings
        watch = ProgressWatch(observer, stop: pipeline.stop)
        random = settings.random.source(seed: settings.seed)
        self.dump = dump
    }

    func generate() throws(DiffusionError) -> Generation {
        let clock = ContinuousClock()
        let start = clock.now
        let conditioning = try encodeTexts(clock)
        let latents = try denoise(conditioning, from: encodeImage(clock), clock)
        let image = try decode(latents, clock)
        timings.total = clock.now - start
        return Generation(
            image: image, timings: timings, activationPeakBytes: activationPeakBytes, residency: pipeline.residency)
    }

    /// Loads a stage, runs it, and lets it go again where only one may stay. Where the memory limit falls below what it takes, it runs
    /// again with less; `body` goes on where it was as far as it can.
    private func run<S: Stage, Result>(
        _ stage: S, _ clock: ContinuousClock,
        _ body: (S.Network, Evaluation, BoundedPlan?) throws(DiffusionError) -> Result
    ) throws(DiffusionError) -> Result {
        try watch.report(.stage(stage.name))
        let start = clock.now
        let network = try stage.slot.loaded()
        timings.loading += clock.now - start
        defer { pipeline.leave(stage) }
        while true {
            do throws(DiffusionError) {
                return try attempt(stage, network, body)
            } catch {
                if watch.takeFallenLimit() { continue }
                if case .stopped = error { throw error }
                // What was made of a file that changed may be wrong in any way: that is why.
                throw pipeline.changedFile.map { .model(.changed(file: $0)) } ?? error
            }
        }
    }

    /// Sees that a stage fits what is allowed now and runs it in an arena of its own. Its result is complete, and of one model.
    private func attempt<S: Stage, Result>(
        _ stage: S, _ network: S.Network,
        _ body: (S.Network, Evaluation, BoundedPlan?) throws(DiffusionError) -> Result
    ) throws(DiffusionError) -> Result {
        let (needs, stream) = try pipeline.dryRun(stage, settings)
        let bands = try pipeline.settle(stage, needs, settings)
        try watch.check()
        var evaluation = try pipeline.evaluation(arenaBytes: bands?.activationBytes ?? needs.activationBytes)
        let takenBytes = pipeline.takenBytes(needs, bands)
        evaluation.context.onBlock = { [watch, pipeline, unowned context = evaluation.context] in
            watch.block(in: context, changedFile: { pipeline.changedFile }) {
                pipeline.budget.map { $0.limitBytes() < takenBytes } ?? false
            }
        }
        if pipeline.residency == .streamed {
            stream.start()
            evaluation.stream = stream
        }
        let result = try body(network, evaluation, bands)
        try watch.check()
        if let file = pipeline.changedFile { throw .model(.changed(file: file)) }
        activationPeakBytes = max(activationPeakBytes, evaluation.context.arena.peakBytes)
        return result
    }

    /// Looks whether a stage's result is there, and finite.
    private func require(_ values: [Float], of stage: StageName) throws(DiffusionError) {
        try watch.check()
        guard FiniteNumbers.fill(values) else { throw .resultNotFinite(stage) }
    }

    /// What the denoiser is told: each text encoder in its turn, and the picture's sizes.
    func encodeTexts(_ clock: ContinuousClock) throws(DiffusionError) -> Conditioning {
        let rules = pipeline.recipe.conditioning
        let texts = rules.texts(settings, pipeline.recipe.guidance)
        var parts: [Conditioning.Part] = []
        for (index, stage) in pipeline.texts.enumerated() {
            let tokens = stage.tokens(settings)
            dump?.add(
                index == 0 ? "input_ids" : "input_ids_\(index + 1)", tokens.flatMap { $0.map(Int32.init) },
                [tokens.count, stage.tokenizer.length])
            parts.append(try encode(tokens, stage, clock))
        }
        let conditioning = Conditioning(
            parts, texts: texts, tokens: pipeline.tokenizer.length, sizes: rules.sizes(settings))
        let batch = conditioning.batch
        dump?.add("text_embeddings", conditioning.sequence, [batch, conditioning.tokens, conditioning.channels])
        for (name, values) in [("pooled_embeddings", conditioning.pooled), ("time_ids", conditioning.sizes)]
        where !values.isEmpty {
            dump?.add(name, values, [batch, values.count / batch])
        }
        return conditioning
    }

    private func encode(
        _ tokens: [[Int]], _ stage: TextStage, _ clock: ContinuousClock
    ) throws(DiffusionError) -> Conditioning.Part {
        try run(stage, clock) { (network, evaluation, _) throws(DiffusionError) -> Conditioning.Part in
            let start = clock.now
            let output = stage.embed(tokens, with: network, settings, evaluation)
            let part = Conditioning.Part(
                sequence: output.embeddings.array(), channels: output.embeddings.shape.c,
                pooled: stage.part.isPooled ? output.pooled?.array() ?? [] : [])
            try require(part.sequence, of: stage.name)
            try require(part.pooled, of: stage.name)
            // Every prompt reads other rows: in the long run all of them.
            network.weightBytes.map.discard(under: "embeddings")
            timings.textEncoding += clock.now - start
            return part
        }
    }

    /// The latents of the picture that the run begins with, scaled; nil where there is none.
    private func encodeImage(_ clock: ContinuousClock) throws(DiffusionError) -> [Float]? {
        guard let initImage = settings.initImage else { return nil }
        let size = pipeline.recipe.latents.shape(settings)
        return try run(pipeline.encoder, clock) {
            (network, evaluation, bands) throws(DiffusionError) -> [Float] in
            let start = clock.now
            let output = try encoded(initImage.pixels, network, evaluation, bands)
            let values = evaluation.context.channelsFirst(output)
            try require(values, of: .encoder)
            let encoded = EncodedLatents(values, count: size.count)
            let latents = encoded.sample(&random).map { $0 * pipeline.recipe.latents.scale }
            timings.imageEncoding = clock.now - start
            dump?.add("init_latents", latents, [1, size.c, size.h, size.w])
            return latents
        }
    }

    private func denoise(
        _ conditioning: Conditioning, from initLatents: [Float]?, _ clock: ContinuousClock
    ) throws(DiffusionError) -> [Float] {
        let size = pipeline.recipe.latents.shape(settings)
        let noise = random.normals(size.count)
        let dumpShape = [1, size.c, size.h, size.w]
        dump?.add("noise", noise, dumpShape)
        let plan = try pipeline.recipe.schedulers.plan(
            settings.sampler, steps: settings.steps, strength: settings.initImage?.strength ?? 1)
        let count = plan.timesteps.count - plan.first
        var walk = Walk(plan, noise: noise, over: initLatents, random: random)
        return try run(pipeline.denoiser, clock) {
            (network, evaluation, _) throws(DiffusionError) -> [Float] in
            let inputs = pipeline.denoiser.inputs(settings, conditioning, with: network, evaluation)
            while !walk.isFinished {
                let number = walk.position - plan.first + 1
                let start = clock.now
                try walk.step { (input, timestep) throws(DiffusionError) -> [Float] in
                    let output = pipeline.denoiser.predict(
                        input, timestep, inputs, with: network, settings, evaluation)
                    // A step that was not finished leaves nothing behind.
                    try watch.check()
                    // Some samplers clip what they predict, which would hide it.
                    guard FiniteNumbers.fill(output) else { throw .notFinite(step: number) }
                    return output
                }
                guard FiniteNumbers.fill(walk.latents) else { throw .notFinite(step: number) }
                dump?.add("latents.\(number)", walk.latents, dumpShape)
                let duration = clock.now - start
                timings.steps.append(duration)
                try watch.report(.step(number, of: count, duration: duration))
            }
            return walk.latents
        }
    }

    private func decode(_ latents: [Float], _ clock: ContinuousClock) throws(DiffusionError) -> PixelBuffer {
        try run(pipeline.decoder, clock) {
            (network, evaluation, bands) throws(DiffusionError) -> PixelBuffer in
            let start = clock.now
            if let bands {
                let pixels = try decode(latents, network, evaluation, bands)
                timings.decoding = clock.now - start
                return pixels
            }
            let image = pipeline.decoder.decode(latents, settings, with: network, evaluation)
            try watch.check()
            guard let pixels = PixelBuffer(image) else { throw .resultNotFinite(.decoder) }
            timings.decoding = clock.now - start
            let shape = image.shape
            dump?.add("image", evaluation.context.channelsFirst(image), [shape.n, shape.c, shape.h, shape.w])
            return pixels
        }
    }

    /// The picture, decoded in bands.
    private func decode(
        _ latents: [Float], _ network: Decoder, _ evaluation: Evaluation, _ bands: BoundedPlan
    ) throws(DiffusionError) -> PixelBuffer {
        let scaled = pipeline.decoder.scaled(latents, settings, evaluation)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(settings.width * settings.height * 3)
        try network(
            scaled, within: bands, scratchDirectory: pipeline.scratchDirectory, evaluation,
            check: { [watch] () throws(DiffusionError) in try watch.check() }
        ) { (rows, _) throws(DiffusionError) in
            guard let band = PixelBuffer.bytes(rows) else { throw .resultNotFinite(.decoder) }
            bytes += band
        }
        return PixelBuffer(width: settings.width, height: settings.height, bytes: bytes)
    }

    /// What the encoder says of a picture, as a whole or in bands.
    private func encoded(
        _ pixels: PixelBuffer, _ network: Encoder, _ evaluation: Evaluation, _ bands: BoundedPlan?
    ) throws(DiffusionError) -> Tensor {
        guard let bands else { return pipeline.encoder.encode(pixels, settings, with: network, evaluation) }
        return try network(
            height: pixels.height, width: pixels.width, within: bands, scratchDirectory: pipeline.scratchDirectory,
            evaluation, check: { [watch] () throws(DiffusionError) in try watch.check() }, fill: pixels.write)
    }
}
