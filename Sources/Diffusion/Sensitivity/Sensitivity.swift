import Compute
import Models

/// Which of a UNet's layers suffer from being rounded: each one alone, everything else in fp32, judged by what the network answers.
///
/// The error of a weight says little about the error of a picture: a layer counts as much as what comes after it makes of it. So the
/// network is evaluated on latents that it made itself, at a few timesteps of a few prompts, once for each layer.
public struct Sensitivity {
    /// A layer and its error.
    public struct Layer: Hashable, Sendable, Encodable {
        /// The weight's name in the checkpoint.
        public let name: String
        /// Its elements.
        public let elements: Int
        /// The root of the mean squared error of the answers, relative to the answers' own.
        public let error: Double
    }

    /// What to measure.
    public struct Options: Sendable {
        /// What each layer is rounded to.
        public var precision: WeightPrecision
        /// What is drawn.
        public var prompts: [String]
        /// Timesteps of each prompt, spread over its steps.
        public var timesteps: Int
        /// Layers, those with the most elements first; nil is all.
        public var limit: Int?
        /// Threads that compute.
        public var threads: Int

        /// Names them all.
        public init(
            precision: WeightPrecision, prompts: [String] = ["a red apple", "a cat", "a house by the sea"],
            timesteps: Int = 3, limit: Int? = nil, threads: Int
        ) {
            self.precision = precision
            self.prompts = prompts
            self.timesteps = timesteps
            self.limit = limit
            self.threads = threads
        }
    }

    /// What a network is asked, and what it answered in fp32.
    private struct Sample {
        let settings: GenerationSettings
        let latents: [Float]
        let timestep: Float
        let conditioning: Conditioning
        var answer: [Float] = []
    }

    private let folder: ModelFolder
    private let options: Options
    private let pipeline: Pipeline
    private static let steps = 8

    /// Opens a model.
    public init(_ folder: ModelFolder, _ options: Options) throws(DiffusionError) {
        self.folder = folder
        self.options = options
        pipeline = try Pipeline(folder: folder, precision: .fp32, threads: options.threads)
    }

    /// Measures the layers; the worst comes first.
    ///
    /// - Parameter observer: told of each layer, with its number (from 1) and how many there are.
    public func run(observer: (Layer, Int, Int) -> Void = { _, _, _ in }) throws(DiffusionError) -> [Layer] {
        var samples = try samples()
        let reference = try pipeline.denoiser.slot.loaded()
        for index in samples.indices { samples[index].answer = try answer(reference, samples[index]) }
        pipeline.unload()
        var layers: [Layer] = []
        let names = try candidates()
        for (index, (name, elements)) in names.enumerated() {
            let rules = PrecisionRules([
                .init(component: "unet", tensors: name, precision: options.precision),
                .init(component: "unet", tensors: "*", precision: .fp32),
            ])
            let network = try DiffusionError.wrapping { () throws(ModelError) in
                try UNet(folder, Preparation(options.precision, rules: rules, pool: pipeline.pool))
            }
            let layer = Layer(name: name, elements: elements, error: try error(network, samples))
            layers.append(layer)
            observer(layer, index + 1, names.count)
        }
        return layers.sorted { ($0.error, $1.name) > ($1.error, $0.name) }
    }

    /// The matrices and filters that rounding changes.
    private func candidates() throws(DiffusionError) -> [(name: String, elements: Int)] {
        let checkpoint = try DiffusionError.wrapping { () throws(ModelError) in try folder.checkpoint("unet") }
        let layers = checkpoint.names.compactMap { name -> (name: String, elements: Int)? in
            guard let entry = checkpoint[name], entry.shape.count > 1, name.hasSuffix(".weight") else {
                return nil
            }
            let layout = PanelLayout(
                options.precision, outputs: entry.shape[0], taps: entry.shape.dropFirst(2).reduce(1, *),
                channels: entry.shape[1])
            return layout.precision == .fp32 ? nil : (name, entry.count)
        }.sorted { ($0.elements, $1.name) > ($1.elements, $0.name) }
        return Array(layers.prefix(options.limit ?? layers.count))
    }

    /// Latents on the way from noise to each prompt's picture.
    private func samples() throws(DiffusionError) -> [Sample] {
        var samples: [Sample] = []
        for (seed, prompt) in options.prompts.enumerated() {
            let defaults = pipeline.recipe.defaults
            let settings = GenerationSettings(
                prompt: prompt, width: defaults.width, height: defaults.height, seed: UInt64(seed),
                steps: Sensitivity.steps, guidanceScale: 1, sampler: defaults.trialSampler)
            let plan = try pipeline.recipe.schedulers.plan(settings.sampler, steps: settings.steps)
            var dump: TensorDump? = TensorDump()
            _ = try pipeline.generate(settings, observer: { _ in }, dump: &dump)
            let conditioning = try PipelineRun(pipeline, settings, { _ in }, dump: nil).encodeTexts(ContinuousClock())
            let last = plan.timesteps.count - 1
            for part in 0..<options.timesteps {
                let step = max(1, last * (2 * part + 1) / (2 * options.timesteps))
                guard case .floats(let latents)? = dump?["latents.\(step)"]?.values else { continue }
                let divisor = plan.inputDivisor(step)
                samples.append(
                    Sample(
                        settings: settings, latents: latents.map { $0 / divisor }, timestep: plan.timesteps[step],
                        conditioning: conditioning))
            }
        }
        return samples
    }

    private func answer(_ network: UNet, _ sample: Sample) throws(DiffusionError) -> [Float] {
        var bytes: Int?
        while true {
            // The first time round finds the memory that the second one takes.
            let evaluation = try pipeline.evaluation(arenaBytes: bytes)
            let isMeasuring = evaluation.context.isMeasuring
            let inputs = pipeline.denoiser.inputs(
                sample.settings, isMeasuring ? nil : sample.conditioning, with: network, evaluation)
            let values = pipeline.denoiser.predict(
                isMeasuring ? [] : sample.latents, sample.timestep, inputs, with: network, sample.settings,
                evaluation)
            if !isMeasuring { return values }
            bytes = evaluation.context.arena.peakBytes
        }
    }

    private func error(_ network: UNet, _ samples: [Sample]) throws(DiffusionError) -> Double {
        var difference = 0.0, magnitude = 0.0
        for sample in samples {
            for (found, expected) in zip(try answer(network, sample), sample.answer) {
                difference += Double(found - expected) * Double(found - expected)
                magnitude += Double(expected) * Double(expected)
            }
        }
        return (difference / max(magnitude, .leastNormalMagnitude)).squareRoot()
    }
}
