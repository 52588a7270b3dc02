import Compute
import Models

/// A model, ready to make pictures: its stages over one pool of threads.
///
/// ```
/// prompt ─ Tokenizer ─ TextEncoder ─► conditioning ┐
/// seed ─── RandomSource ─► noise ─► Walk [ UNet ─ guidance ─ Solver ] x steps ─► latents ─ Decoder ─► pixels
/// picture, if any ─ Encoder ─► latents ─┘
/// ```
/// Owned by one thread. Opening reads configurations and checks them; weights are loaded by the first picture (or by
/// `load()`), and stay in memory as `residency` says. Every stage computes in an arena of the size that a dry run found.
public final class Pipeline {
    /// The model's folder.
    public let folder: ModelFolder
    /// How its weights are kept and multiplied.
    public var precision: WeightPrecision { source.preparation.precision }
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
            source.preparation.stop = stop
        }
    }
    /// What the model is.
    public let recipe: Recipe
    /// What makes tokens of its prompts, for its first text encoder.
    public var tokenizer: Tokenizer { texts[0].tokenizer }

    let texts: [TextStage]
    let encoder: EncoderStage
    let denoiser: DenoiserStage
    let decoder: DecoderStage
    /// In the order in which they run.
    let stages: [any Stage]
    let pool: ThreadPool
    private let source: NetworkSource
    /// Whether OpenBLAS was used, which keeps its workspace for good.
    var usesBLAS = false
    /// What the last search for bands found: a job asks three times until it runs.
    var foundBands: [StageName: (search: BandSearch, bands: BoundedPlan)] = [:]

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
        do throws(ComputeError) { pool = try ThreadPool(threads: threads) } catch { throw .compute(error) }
        do throws(ModelError) {
            let recipe = try Recipe(folder)
            self.recipe = recipe
            let rules = if let rules { rules } else { try folder.precisionRules() }
            let source = NetworkSource(folder, Preparation(precision, rules: rules, store: store, pool: pool))
            self.source = source
            texts = try recipe.texts.map { part throws(ModelError) in
                TextStage(source, part, try part.openTokenizer(folder)) {
                    recipe.conditioning.texts($0, recipe.guidance)
                }
            }
            encoder = EncoderStage(source, recipe.latents)
            denoiser = DenoiserStage(
                source, recipe.latents, recipe.guidance,
                text: (texts[0].tokenizer.length, recipe.unet.contextChannels))
            decoder = DecoderStage(source, recipe.latents)
        } catch {
            throw .model(error)
        }
        stages = texts + [encoder, denoiser, decoder]
    }

    /// Loads all weights but the encoder's, so that the first picture starts at once.
    public func load() throws(DiffusionError) {
        for text in texts { _ = try text.slot.loaded() }
        _ = try denoiser.slot.loaded()
        _ = try decoder.slot.loaded()
    }

    /// Lets all weights go.
    public func unload() {
        for stage in stages { stage.unload() }
    }

    /// The weights of all stages that are loaded, as far as they are read.
    var residentWeightBytes: Int {
        stages.compactMap(\.weights).reduce(0) { $0 + $1.map.mappedBytes(under: "") + $1.prepared }
    }

    /// A file of a stage that is loaded which is not what it was when it was loaded: its weights are of no use.
    public var changedFile: String? { stages.lazy.compactMap { $0.weights?.map.changedFile }.first }

    /// A place to compute: an arena of so many bytes, or a measuring one.
    func evaluation(arenaBytes: Int?) throws(DiffusionError) -> Evaluation {
        do throws(ComputeError) {
            let arena = if let arenaBytes { try Arena(capacity: arenaBytes) } else { Arena() }
            return Evaluation(try Context(arena: arena, pool: pool))
        } catch {
            throw .compute(error)
        }
    }

    /// Refuses settings that the model cannot take; makes nothing.
    public func check(_ settings: GenerationSettings) throws(DiffusionError) {
        for (field, size) in [("width", settings.width), ("height", settings.height)] {
            guard (1...16_384).contains(size), size.isMultiple(of: recipe.defaults.sizeFactor) else {
                throw .setting(
                    field: field, reason: "\(size) is not a multiple of \(recipe.defaults.sizeFactor) up to 16384")
            }
        }
        guard settings.guidanceScale.isFinite else {
            throw .setting(field: "guidance_scale", reason: "\(settings.guidanceScale) is not a finite number")
        }
        let layers = recipe.texts.map { $0.configuration.layers - $0.skippedLayers }.min() ?? 0
        if let skip = settings.clipSkip, !(0...max(layers, 0)).contains(skip) {
            throw .setting(
                field: "clip_skip", reason: "\(skip) is not between 0 and the text encoder's \(layers) layers")
        }
        if let initImage = settings.initImage { try check(initImage, settings) }
        let strength = settings.initImage?.strength ?? 1
        let plan = try recipe.schedulers.plan(settings.sampler, steps: settings.steps, strength: strength)
        let firstStep = settings.sampler.firstStep(of: settings.steps, strength: strength)
        guard firstStep < settings.steps, plan.first < plan.timesteps.count else {
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
