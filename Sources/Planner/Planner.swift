import Jobs
import Terms

/// Chooses how a job is run.
///
/// ```
/// request ─► models        the pinned one, or the first group
///         ─► candidates    their precisions (or the pinned one) x steps: the pinned count; without a limit on time
///                          the default; else every allowed count up to the default
///         ─► drop          what does not fit the memory limit in any mode; of modes the first that fits
///         ─► keep          what fits the budget with `headroom` in hand
///         ─► take          the best quality, of equals the fastest; when nothing fits the budget, the fastest of all
/// ```
/// What a request pins is never overridden. A pure function of its properties and arguments.
public struct Planner: Sendable {
    /// What could serve it, by precedence: a job without a model gets one of the first one's group.
    public var models: [ModelFacts]
    /// What is known of their costs here.
    public var costs: CostModel
    /// The memory that a job may take.
    public var memoryLimitBytes: Int
    /// The memory that the process takes without any model.
    public var baselineBytes: Int
    /// The member that is in memory already, by the identity of its model.
    public var loaded: Member?
    /// The precisions that this CPU has no instructions for: they work, but gain nothing but memory.
    public var slowPrecisions: Set<Precision>

    /// A model at a precision.
    public struct Member: Equatable, Sendable {
        /// Which model: `ModelFacts.identity`.
        public var modelIdentity: String
        /// Which of its weights.
        public var precision: Precision

        /// Names both.
        public init(modelIdentity: String, precision: Precision) {
            self.modelIdentity = modelIdentity
            self.precision = precision
        }
    }

    /// The part of a budget that a prediction may fill: 10 % stays in hand, since a prediction is not a promise.
    public static let headroom = 0.9

    /// A planner for one host at one time.
    ///
    /// - Parameter memoryLimitBytes: The settings' limit; nil for `HostProfile.defaultMemoryLimitBytes`.
    public init(
        host: HostProfile, models: [ModelFacts], costs: CostModel, memoryLimitBytes: Int? = nil, baselineBytes: Int = 0,
        loaded: Member? = nil, slowPrecisions: Set<Precision> = []
    ) {
        self.models = models
        self.costs = costs
        self.memoryLimitBytes = memoryLimitBytes ?? host.defaultMemoryLimitBytes
        self.baselineBytes = baselineBytes
        self.loaded = loaded
        self.slowPrecisions = slowPrecisions
    }

    /// Plans one job.
    ///
    /// - Parameters:
    ///   - initImage: The size of the picture that the job begins with, where it is known: the sides that the job leaves out.
    ///   - now: When the work would begin; what a deadline leaves is counted from here.
    public func plan(
        _ request: JobRequest, initImage: (width: Int, height: Int)? = nil, now: Timestamp
    ) throws(PlannerError) -> Plan {
        if let maxMemory = request.maxMemory, maxMemory < memoryLimitBytes {
            var planner = self
            planner.memoryLimitBytes = maxMemory
            return try planner.plan(request, initImage: initImage, now: now)
        }
        let eligible = try eligibleModels(for: request)
        let budget = Self.budgetSeconds(of: request, now: now)
        var options: [Option] = []
        var misfits: [PlannerError] = []
        for model in eligible {
            do {
                options += try self.options(of: model, for: request, initImage, hasBudget: budget != nil)
            } catch {
                misfits.append(error)
            }
        }
        // What one member cannot do leaves the others; what none can is the job's error.
        if options.isEmpty, let misfit = misfits.first { throw misfit }
        options.sort(by: Self.isBetter)
        let chosen = try choose(options, budget, request)
        return plan(
            chosen, among: options, budget, misfits: misfits, warning: try warning(chosen, request, initImage))
    }

    // MARK: - Candidates

    /// A candidate with what its plan would say.
    struct Option {
        var variant: Variant
        var quality: Double
        var psnr: Double?
        var width: Int
        var height: Int
        var guidanceScale: Double
        var sampler: Sampler
        var prediction: Prediction?
        /// The process's peak in every mode; empty when never measured.
        var peaks: [MemoryMode: Int]
        /// The fastest mode that fits the limit.
        var mode: MemoryMode?
        /// What is needed at the least, measured or not.
        var leastBytes: Int
        var stages: [Plan.Stage]
        var isDefault: Bool

        var seconds: Double? { prediction?.totalSeconds }
        var peakBytes: Int? { stages.map(\.peakBytes).max() ?? peaks.values.min() }
    }

    private func eligibleModels(for request: JobRequest) throws(PlannerError) -> [ModelFacts] {
        guard let first = models.first else { throw .noModels }
        guard let name = request.model else { return models.filter { $0.group == first.group } }
        guard let pinned = models.first(where: { $0.name == name }) else {
            throw .unknownModel(name, available: models.map(\.name))
        }
        return [pinned]
    }

    private func options(
        of model: ModelFacts, for request: JobRequest, _ initImage: (width: Int, height: Int)?, hasBudget: Bool
    ) throws(PlannerError) -> [Option] {
        let own = initImage.map { (model.sizes.fitting($0.width), model.sizes.fitting($0.height)) }
        let width = request.width ?? own?.0 ?? model.defaults.width
        let height = request.height ?? own?.1 ?? model.defaults.height
        for (field, side) in [("width", width), ("height", height)] {
            guard side % model.sizes.multiple == 0, model.sizes.minimum...model.sizes.maximum ~= side else {
                throw .unsuitableSize(field: field, value: side, model: model.name, rule: model.sizes)
            }
        }
        let precisions = model.precisions.filter { request.precision ?? $0 == $0 }
        if precisions.isEmpty, let pinned = request.precision {
            throw .unavailablePrecision(pinned, model: model.name, available: model.precisions)
        }
        let guidance = request.guidanceScale ?? model.defaults.guidanceScale
        if model.guidance == .distilled, guidance > 1 { throw .unsuitableGuidance(guidance, model: model.name) }
        let perStep = model.evaluationsPerStep(guidanceScale: guidance)
        let sampler = try sampler(of: model, for: request)
        func evaluations(of steps: Int) -> Int {
            request.runningSteps(of: steps, sampler: sampler, runsRungeKutta: model.runsRungeKutta ?? false)
        }
        let counts = Self.stepCounts(of: model, for: request, hasBudget: hasBudget)
        let running = counts.filter { evaluations(of: $0) > 0 }
        if running.isEmpty, let most = counts.last {
            throw .noSteps(strength: request.strength ?? JobRequest.defaultStrength, steps: most)
        }
        var options: [Option] = []
        let pixels = width * height
        for precision in precisions {
            let known = costs[model.identity, precision]
            let memory = known?.memory ?? []
            let peaks = memory.peaks(pixels: pixels, evaluationsPerStep: perStep).mapValues { $0 + baselineBytes }
            let mode =
                memory.isEmpty
                ? nil
                : memory.mode(
                    pixels: pixels, evaluationsPerStep: perStep, within: memoryLimitBytes - baselineBytes)
            let stages = mode.map {
                memory.table(
                    $0, pixels: pixels, evaluationsPerStep: perStep, baselineBytes: baselineBytes,
                    limitBytes: memoryLimitBytes)
            }
            // Mapped weights stay mapped in every mode, others only where they all stay.
            let isLoaded =
                loaded == Member(modelIdentity: model.identity, precision: precision)
                && (mode == .together || peaks[.streamed] != nil)
            for steps in running {
                options.append(
                    Option(
                        variant: Variant(model: model.name, precision: precision, steps: steps),
                        quality: model.quality(precision, steps: steps), psnr: model.measuredPSNR[precision],
                        width: width, height: height, guidanceScale: guidance,
                        sampler: sampler,
                        prediction: known?.prediction(
                            mode ?? .together, pixels: pixels, steps: evaluations(of: steps),
                            evaluationsPerStep: perStep, isLoaded: isLoaded, hasInitImage: request.initImage != nil),
                        peaks: peaks, mode: mode,
                        leastBytes: peaks.values.min() ?? model.weightBytes[precision].map { $0 + baselineBytes } ?? 0,
                        stages: stages ?? [], isDefault: steps == request.steps ?? model.defaults.steps))
            }
        }
        return options
    }

    private func sampler(of model: ModelFacts, for request: JobRequest) throws(PlannerError) -> Sampler {
        let available = model.samplers ?? Sampler.allCases
        guard let sampler = request.sampler ?? model.defaults.sampler else {
            throw .noSampler(model: model.name, reason: model.samplerProblem ?? "", available: available)
        }
        guard available.contains(sampler) else {
            throw .unsuitableSampler(sampler, model: model.name, available: available)
        }
        return sampler
    }

    private static func stepCounts(of model: ModelFacts, for request: JobRequest, hasBudget: Bool) -> [Int] {
        if let pinned = request.steps { return [pinned] }
        guard hasBudget else { return [model.defaults.steps] }
        return Set(model.steps + [model.defaults.steps]).filter { $0 <= model.defaults.steps }.sorted()
    }

    /// The time that is left; 0 for a deadline that has passed.
    private static func budgetSeconds(of request: JobRequest, now: Timestamp) -> Double? {
        let untilDeadline = request.deadline.map { max($0 - now, .zero) }
        let least = [request.latencyBudget, untilDeadline].compactMap { $0 }.min()
        return least.map { $0 / .seconds(1) }
    }

    private static func isBetter(_ one: Option, _ other: Option) -> Bool {
        if one.quality != other.quality { return one.quality > other.quality }
        return (one.seconds ?? .infinity) < (other.seconds ?? .infinity)
    }

    // MARK: - Choice

    private func choose(
        _ options: [Option], _ budget: Double?, _ request: JobRequest
    ) throws(PlannerError) -> Option {
        let fitting = options.filter(fitsMemory)
        guard let best = fitting.first else {
            guard let least = options.min(by: { $0.leastBytes < $1.leastBytes }) else { throw .noModels }
            throw .insufficientMemory(
                least.variant, width: least.width, height: least.height, neededBytes: least.leastBytes,
                limitBytes: memoryLimitBytes, isJobsOwn: request.maxMemory == memoryLimitBytes,
                canStream: least.peaks[.streamed] != nil)
        }
        guard let budget else { return best }
        let measured = fitting.filter { $0.seconds != nil }
        if let inTime = measured.first(where: { Self.meets(budget, $0) == true }) { return inTime }
        // Nothing is measured: what the model would do by itself. Else the fastest that is known.
        guard let fastest = measured.min(by: { ($0.seconds ?? .infinity) < ($1.seconds ?? .infinity) }) else {
            return fitting.first(where: \.isDefault) ?? best
        }
        return fastest
    }

    private func fitsMemory(_ option: Option) -> Bool { option.leastBytes <= memoryLimitBytes }

    /// A precision without instructions, with what it costs and what a faster one would; nil for all others.
    private func warning(
        _ chosen: Option, _ request: JobRequest, _ initImage: (width: Int, height: Int)?
    ) throws(PlannerError) -> String? {
        let precision = chosen.variant.precision
        guard slowPrecisions.contains(precision),
            let model = models.first(where: { $0.name == chosen.variant.model })
        else { return nil }
        var open = request
        (open.precision, open.steps) = (nil, chosen.variant.steps)
        let others = try options(of: model, for: open, initImage, hasBudget: false).filter(fitsMemory)
        let fastest = others.min { ($0.seconds ?? .infinity) < ($1.seconds ?? .infinity) }
        return Self.warning(chosen, faster: fastest?.variant == chosen.variant ? nil : fastest)
    }

    static func meets(_ budget: Double, _ option: Option) -> Bool? {
        option.seconds.map { $0 <= budget * headroom }
    }

    private func plan(
        _ chosen: Option, among options: [Option], _ budget: Double?, misfits: [PlannerError], warning: String?
    ) -> Plan {
        let candidates = options.map { option in
            Plan.Candidate(
                variant: option.variant, quality: option.quality, psnr: option.psnr,
                predictedSeconds: option.seconds, peakBytes: option.peakBytes, peaks: option.peaks,
                verdict: verdict(option, chosen, budget))
        }
        let meetsBudget = budget.flatMap { Self.meets($0, chosen) }
        return Plan(
            variant: chosen.variant, width: chosen.width, height: chosen.height, guidanceScale: chosen.guidanceScale,
            sampler: chosen.sampler, budgetSeconds: budget, prediction: chosen.prediction, peakBytes: chosen.peakBytes,
            memoryLimitBytes: memoryLimitBytes, memoryMode: chosen.mode, stages: chosen.stages,
            meetsBudget: meetsBudget, candidates: candidates,
            explanation: Self.explanation(
                chosen, candidates, budget, meetsBudget, misfits: misfits, warning: warning),
            warning: warning)
    }

    private func verdict(_ option: Option, _ chosen: Option, _ budget: Double?) -> Plan.Verdict {
        if option.variant == chosen.variant { return .chosen }
        if !fitsMemory(option) { return .tooLarge }
        if let budget {
            guard let meets = Self.meets(budget, option) else { return .unmeasured }
            if !meets { return .tooSlow }
        }
        return option.quality < chosen.quality ? .lesserQuality : .slower
    }
}
