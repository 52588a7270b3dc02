import Compute
import Models

/// A model, ready to make pictures: text encoder, UNet and decoder over one pool of threads.
///
/// ```
/// prompt ─ Tokenizer ─ TextEncoder ─► embeddings ─┐
/// seed ─── RandomSource ─► noise ─► Walk [ UNet ─ guidance ─ Solver ] x steps ─► latents ─ Decoder ─► pixels
/// picture, if any ─ Encoder ─► latents ─┘
/// ```
/// Owned by one thread. Opening reads configurations and checks them; weights are loaded by the first picture (or by
/// `load()`), and stay in memory as `residency` says. Every stage computes in an arena of the size that a dry run found.
public final class Pipeline {
    /// The model's folder.
    public let folder: ModelFolder
    /// How its weights are kept and multiplied.
    public var precision: WeightPrecision { preparation.precision }
    /// Which weights stay in memory between pictures, stages and blocks. Where the budget falls, a picture goes on with less.
    public internal(set) var residency: Residency
    /// The memory that a picture may take; nil is all that there is.
    public var budget: MemoryBudget?
    /// Where what does not fit into the budget may be kept meanwhile; nil is nowhere.
    public var scratchDirectory: String?
    /// Ends loading, planning and computing where somebody raises it, and hears of what is loaded; nil asks nobody. Changed between
    /// pictures only.
    public var stop: StopFlag? {
        didSet {
            pool.stop = stop
            preparation.stop = stop
        }
    }
    /// Settings that the model's own files suggest.
    public let defaults: PipelineDefaults
    /// What makes tokens of its prompts.
    public let tokenizer: Tokenizer

    let schedulers: SchedulerConfiguration
    let decoderConfiguration: DecoderConfiguration
    let unetConfiguration: UNetConfiguration
    let textConfiguration: TextEncoderConfiguration
    let pool: ThreadPool
    private var preparation: Preparation
    /// Whether OpenBLAS was used, which keeps its workspace for good.
    var usesBLAS = false
    /// What the last search for bands found: a job asks three times until it runs.
    var foundBands: [PipelineStage: (search: BandSearch, bands: BoundedPlan)] = [:]
    private var textEncoder: TextEncoder?
    private var encoder: Encoder?
    private var unet: UNet?
    private var decoder: Decoder?
    /// The checkpoints' states when they were loaded first.
    private var states: [PipelineStage: String] = [:]

    /// Opens a model. Wrong files throw here as far as configurations can tell.
    ///
    /// - Parameters:
    ///   - precision: What its weights are rounded to, but for those that the model's rules keep wider.
    ///   - rules: Those of the model's manifest, or the standard ones, unless others are given.
    ///   - store: Where prepared weights are kept between processes; nil prepares them in private memory.
    /// - Precondition: `threads` is at least 1.
    public init(
        folder: ModelFolder, precision: WeightPrecision = .fp32, rules: PrecisionRules? = nil,
        store: PreparedStore? = nil, threads: Int, residency: Residency = .together
    ) throws(DiffusionError) {
        self.folder = folder
        self.residency = residency
        do throws(ModelError) {
            try ComponentCheck.requireKnownClasses(folder)
            defaults = try PipelineDefaults(folder: folder)
            unetConfiguration = try UNetConfiguration(folder.config("unet"))
            textConfiguration = try TextEncoderConfiguration(folder.config("text_encoder"))
            decoderConfiguration = try DecoderConfiguration(folder)
            schedulers = try SchedulerConfiguration(folder)
            tokenizer = try Tokenizer(folder)
            let rules = if let rules { rules } else { try folder.precisionRules() }
            preparation = Preparation(precision, rules: rules, store: store)
        } catch {
            throw .model(error)
        }
        do throws(ComputeError) { pool = try ThreadPool(threads: threads) } catch { throw .compute(error) }
        preparation.pool = pool
        try DiffusionError.wrapping { () throws(ModelError) in
            try ComponentCheck.requireFit(
                folder, unet: unetConfiguration, text: textConfiguration, decoder: decoderConfiguration,
                tokenizer: tokenizer)
        }
    }

    /// Loads all weights but the encoder's, so that the first picture starts at once.
    public func load() throws(DiffusionError) {
        _ = try loadedTextEncoder()
        _ = try loadedUNet()
        _ = try loadedDecoder()
    }

    /// Lets all weights go.
    public func unload() {
        for stage in PipelineStage.allCases { unload(stage) }
    }

    private func unload(_ stage: PipelineStage) {
        switch stage {
        case .textEncoder: textEncoder = nil
        case .encoder: encoder = nil
        case .unet: unet = nil
        case .decoder: decoder = nil
        }
    }

    /// Takes a stage's weights out of memory: mapped ones come back when they are read, others are loaded again.
    func letGo(_ stage: PipelineStage) {
        guard let weights = weightBytes(stage) else { return }
        if weights.prepared == 0 { weights.map.discardFiles() } else { unload(stage) }
    }

    /// The weights of all stages that are loaded, as far as they are read.
    var residentWeightBytes: Int {
        PipelineStage.allCases.compactMap(weightBytes).reduce(0) { $0 + $1.map.mappedBytes(under: "") + $1.prepared }
    }

    /// The weights of a stage, loaded if they were not.
    func loadedWeights(_ stage: PipelineStage) throws(DiffusionError) -> WeightBytes {
        switch stage {
        case .textEncoder: try loadedTextEncoder().weightBytes
        case .encoder: try loadedEncoder().weightBytes
        case .unet: try loadedUNet().weightBytes
        case .decoder: try loadedDecoder().weightBytes
        }
    }

    private func weightBytes(_ stage: PipelineStage) -> WeightBytes? {
        switch stage {
        case .textEncoder: textEncoder?.weightBytes
        case .encoder: encoder?.weightBytes
        case .unet: unet?.weightBytes
        case .decoder: decoder?.weightBytes
        }
    }

    /// Loads a stage, which must be of the files that it was of before.
    private func load<Network>(
        _ stage: PipelineStage, _ body: () throws(ModelError) -> Network, _ weights: (Network) -> WeightBytes
    ) throws(DiffusionError) -> Network {
        do throws(ModelError) {
            let network = try body(), state = weights(network).state
            if let first = states[stage], first != state { throw .changed(file: folder.path) }
            states[stage] = state
            return network
        } catch .stopped {
            throw .stopped(stop?.reason ?? ModelError.stopped)
        } catch {
            throw .model(error)
        }
    }

    /// A file of a stage that is loaded which is not what it was when it was loaded: its weights are of no use.
    public var changedFile: String? {
        PipelineStage.allCases.lazy.compactMap { self.weightBytes($0)?.map.changedFile }.first
    }

    func loadedTextEncoder() throws(DiffusionError) -> TextEncoder {
        if let textEncoder { return textEncoder }
        let loaded = try load(
            .textEncoder, { () throws(ModelError) in try TextEncoder(folder, preparation) }, \.weightBytes)
        textEncoder = loaded
        return loaded
    }

    func loadedEncoder() throws(DiffusionError) -> Encoder {
        if let encoder { return encoder }
        let loaded = try load(.encoder, { () throws(ModelError) in try Encoder(folder, preparation) }, \.weightBytes)
        encoder = loaded
        return loaded
    }

    func loadedUNet() throws(DiffusionError) -> UNet {
        if let unet { return unet }
        let loaded = try load(.unet, { () throws(ModelError) in try UNet(folder, preparation) }, \.weightBytes)
        unet = loaded
        return loaded
    }

    func loadedDecoder() throws(DiffusionError) -> Decoder {
        if let decoder { return decoder }
        let loaded = try load(.decoder, { () throws(ModelError) in try Decoder(folder, preparation) }, \.weightBytes)
        decoder = loaded
        return loaded
    }

    /// Refuses settings that the model cannot take; makes nothing.
    public func check(_ settings: GenerationSettings) throws(DiffusionError) {
        for (field, size) in [("width", settings.width), ("height", settings.height)] {
            guard (1...16_384).contains(size), size.isMultiple(of: defaults.sizeFactor) else {
                throw .setting(
                    field: field, reason: "\(size) is not a multiple of \(defaults.sizeFactor) up to 16384")
            }
        }
        guard settings.guidanceScale.isFinite else {
            throw .setting(field: "guidance_scale", reason: "\(settings.guidanceScale) is not a finite number")
        }
        if let skip = settings.clipSkip, !(0...textConfiguration.layers).contains(skip) {
            throw .setting(
                field: "clip_skip",
                reason: "\(skip) is not between 0 and the text encoder's \(textConfiguration.layers) layers")
        }
        if let initImage = settings.initImage { try check(initImage, settings) }
        let strength = settings.initImage?.strength ?? 1
        let plan = try schedulers.plan(settings.sampler, steps: settings.steps, strength: strength)
        guard plan.first < min(settings.steps, plan.timesteps.count) else {
            throw .setting(field: "strength", reason: "\(strength) of \(settings.steps) steps is less than one step")
        }
    }

    private func check(_ initImage: InitImage, _ settings: GenerationSettings) throws(DiffusionError) {
        let (pixels, strength) = (initImage.pixels, initImage.strength)
        guard pixels.width == settings.width, pixels.height == settings.height else {
            throw .setting(
                field: "init_image",
                reason: "\(pixels.width) x \(pixels.height) is not the size \(settings.width) x \(settings.height)")
        }
        guard strength > 0, strength <= 1 else {
            throw .setting(field: "strength", reason: "\(strength) is not above 0 and at most 1")
        }
        _ = try DiffusionError.wrapping { () throws(ModelError) in try EncoderConfiguration(folder) }
    }

    /// Makes a picture without a dump.
    public func generate(
        _ settings: GenerationSettings, observer: (PipelineProgress) throws -> Void = { _ in }
    ) throws(DiffusionError) -> Generation {
        var dump: TensorDump?
        return try generate(settings, observer: observer, dump: &dump)
    }

    /// Makes a picture. `dump`, unless nil, receives the intermediate tensors.
    ///
    /// - Parameter observer: told of every stage, block and step, on this thread. When it throws, the picture is given up there, in
    ///   the middle of a step, with `DiffusionError.stopped`; so it is, even inside a block, when `stop` is raised.
    public func generate(
        _ settings: GenerationSettings, observer: (PipelineProgress) throws -> Void, dump: inout TensorDump?
    ) throws(DiffusionError) -> Generation {
        try check(settings)
        return try withoutActuallyEscaping(observer) { (observer) throws(DiffusionError) -> Generation in
            let run = PipelineRun(self, settings, observer, dump: dump)
            defer { dump = run.dump }
            return try run.generate()
        }
    }
}
