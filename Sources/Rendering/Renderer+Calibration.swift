import Diffusion
import Images
import Jobs
import Planner

extension Renderer {
    /// Measures what a model costs on this host: short runs at its own size and at half of it, and dry runs for the memory.
    ///
    /// The model ends up loaded. Takes the time of a few denoising steps and two decodes.
    ///
    /// - Parameter observer: Told of progress on this thread. When it throws, the measurement is given up, and the error comes back as
    ///   `RenderingError.interrupted`.
    /// - Returns: The costs of each precision that the memory limit allows; worth keeping in the database under `CostModel.key`.
    ///   When it allows none, that is thrown.
    public func calibrate(
        _ model: CatalogModel, observer: (RenderingProgress) throws -> Void = { _ in }
    ) throws(RenderingError) -> [MemberCosts] {
        let result = try calibrate(model, model.facts.precisions, observer)
        if result.members.isEmpty, let refusal = result.refusal { throw refusal }
        return result.members
    }

    /// The costs of `precisions`, and why the last of those that are left out does not fit into the memory.
    private func calibrate(
        _ model: CatalogModel, _ precisions: [Precision], _ observer: (RenderingProgress) throws -> Void
    ) throws(RenderingError) -> (members: [MemberCosts], refusal: RenderingError?) {
        noticeChanges()
        let model = catalog[model.facts.name] ?? model
        var members: [MemberCosts] = []
        var refusal: RenderingError?
        for precision in precisions {
            do throws(RenderingError) {
                let member = try measure(model, precision, observer)
                costs.update(member)
                members.append(member)
            } catch {
                guard error.isMemoryLimit else { throw error }
                refusal = error
                tooLarge.insert(CostModel.key(host: host, modelIdentity: model.facts.identity, precision: precision))
                unload()
            }
        }
        return (members, refusal)
    }

    /// Measures the members that could serve `request` and were never measured here; none when the job sets no limit on time.
    /// A precision that gains no time on this CPU is measured for a job that pins it, a narrower one only where the wider ones
    /// do not keep the budget.
    public func calibrateIfNeeded(
        for request: JobRequest, initImage: InitImageFile? = nil, now: Timestamp,
        observer: (RenderingProgress) throws -> Void = { _ in }
    ) throws(RenderingError) {
        guard request.latencyBudget != nil || request.deadline != nil else { return }
        for model in catalog.models where request.model == nil || request.model == model.facts.name {
            guard model.facts.group == catalog.models.first?.facts.group || request.model != nil else { continue }
            let wanted =
                request.precision.map { [$0] } ?? model.facts.precisions.filter { !slowPrecisions.contains($0) }
            let unknown = wanted.filter { precision in
                let key = CostModel.key(host: host, modelIdentity: model.facts.identity, precision: precision)
                return model.facts.precisions.contains(precision) && costs[model.facts.identity, precision] == nil
                    && !tooLarge.contains(key)
            }
            for precision in unknown where !isSettled(request, initImage, now, against: model.facts, precision) {
                _ = try calibrate(model, [precision], observer)
            }
        }
    }

    /// Whether what was measured keeps the budget with pictures that are as good as this member's could be, or whether the job
    /// cannot be planned at all: then there is nothing to be learned from a measurement.
    private func isSettled(
        _ request: JobRequest, _ initImage: InitImageFile?, _ now: Timestamp, against facts: ModelFacts,
        _ precision: Precision
    ) -> Bool {
        do throws(RenderingError) {
            let plan = try plan(request, initImage: initImage, now: now)
            guard plan.meetsBudget == true else { return false }
            let best = facts.quality(precision, steps: request.steps ?? facts.defaults.steps)
            return plan.candidates.contains { $0.verdict == .chosen && $0.quality >= best }
        } catch {
            return true
        }
    }

    private func measure(
        _ model: CatalogModel, _ precision: Precision, _ observer: (RenderingProgress) throws -> Void
    ) throws(RenderingError) -> MemberCosts {
        let clock = ContinuousClock()
        unload()
        let start = clock.now
        func tell() throws(RenderingError) {
            let estimate = ProgressEstimate(steps: 0, prediction: nil, start: start)
            do { try observer(estimate.progress(at: clock.now)) } catch { throw .interrupted(error) }
        }
        try tell()
        let pipeline = try pipeline(of: model, precision)
        try tell()
        let facts = model.facts
        let large = (facts.defaults.width, facts.defaults.height)
        let mode = try fit(pipeline, pipeline.trial(large, guidanceScale: facts.defaults.guidanceScale)).mode
        let loadSeconds = (clock.now - start) / .seconds(1)
        try tell()

        let small = (facts.sizes.fitting(large.0 / 2), facts.sizes.fitting(large.1 / 2))
        let first = try sample(pipeline, facts, small, observer)
        let second = try sample(pipeline, facts, large, observer)
        func curve(_ cost: KeyPath<Prediction, Double>, _ divisor: Int = 1) -> CostCurve {
            CostCurve(
                (first.pixels, first.times[keyPath: cost] / Double(divisor)),
                (second.pixels, second.times[keyPath: cost] / Double(divisor)))
        }
        let perStep = facts.evaluationsPerStep(guidanceScale: facts.defaults.guidanceScale)
        let times = StageTimes(
            textSeconds: second.times.textSeconds, evaluation: curve(\.denoiseSeconds, perStep),
            decode: curve(\.decodeSeconds), encode: curve(\.encodeSeconds))
        return MemberCosts(
            modelIdentity: facts.identity, precision: precision, loadSeconds: loadSeconds, times: [mode: times],
            memory: try memory(pipeline, facts, tell))
    }

    /// The median of a few pictures: the first is warm-up when there are more.
    ///
    /// - Returns: Seconds; `denoiseSeconds` is those of one step.
    private func sample(
        _ pipeline: Pipeline, _ facts: ModelFacts, _ size: (Int, Int), _ observer: (RenderingProgress) throws -> Void
    ) throws(RenderingError) -> (pixels: Int, times: Prediction) {
        let clock = ContinuousClock()
        let start = clock.now
        let settings = pipeline.trial(size, guidanceScale: facts.defaults.guidanceScale)
        var runs: [Prediction] = []
        // Small models are over in a moment, and a moment is easily disturbed: more runs of them.
        while runs.isEmpty || (runs.count < 5 && clock.now - start < .seconds(1)) {
            var estimate = ProgressEstimate(steps: settings.steps, prediction: nil, start: start)
            do throws(DiffusionError) {
                let generation = try pipeline.generate(settings) { event in
                    estimate.note(event)
                    try observer(estimate.progress(at: clock.now))
                }
                runs.append(try timed(generation))
            } catch {
                throw RenderingError(error)
            }
        }
        func median(_ cost: KeyPath<Prediction, Double>) -> Double {
            runs.map { $0[keyPath: cost] }.sorted()[runs.count / 2]
        }
        let times = Prediction(
            loadSeconds: 0, textSeconds: median(\.textSeconds), denoiseSeconds: median(\.denoiseSeconds),
            decodeSeconds: median(\.decodeSeconds), encodeSeconds: median(\.encodeSeconds))
        return (size.0 * size.1, times)
    }

    private func timed(_ generation: Generation) throws(DiffusionError) -> Prediction {
        let image = RGBImage(
            width: generation.image.width, height: generation.image.height, pixels: generation.image.bytes)
        // A picture that cannot be encoded costs nothing to encode: the job itself says why.
        let encoding = ContinuousClock().measure { _ = try? WebP.encode(image) { stop?.isRaised ?? false } }
        if let reason = stop?.reason { throw .stopped(reason) }
        let steps = generation.timings.steps.sorted()
        return Prediction(
            loadSeconds: 0, textSeconds: generation.timings.textEncoding / .seconds(1),
            denoiseSeconds: (steps.first ?? .zero) / .seconds(1),
            decodeSeconds: generation.timings.decoding / .seconds(1), encodeSeconds: encoding / .seconds(1))
    }

    /// Dry runs from the smallest size to four times the model's own area.
    private func memory(
        _ pipeline: Pipeline, _ facts: ModelFacts, _ tell: () throws(RenderingError) -> Void
    ) throws(RenderingError) -> [StageMemory] {
        let own = max(facts.defaults.width, facts.defaults.height)
        let sides = [facts.sizes.minimum, own / 2, own, own * 3 / 2, own * 2].map(facts.sizes.fitting)
        return [StageMemory](
            try sides.map { side throws(RenderingError) in
                try tell()
                do throws(DiffusionError) { return try sizedPlan(pipeline, facts, side) } catch {
                    throw RenderingError(error)
                }
            })
    }

    private func sizedPlan(_ pipeline: Pipeline, _ facts: ModelFacts, _ side: Int) throws(DiffusionError) -> SizedPlan {
        let scale = facts.guidance == .distilled ? 1 : max(facts.defaults.guidanceScale, 2)
        let guided = pipeline.trial((side, side), guidanceScale: scale)
        let plan = try pipeline.memoryPlan(guided)
        return SizedPlan(
            pixels: side * side,
            unguided: try pipeline.memoryPlan(pipeline.trial((side, side), guidanceScale: 1)),
            guided: plan, least: try pipeline.leastBytes(plan, guided))
    }
}

extension Pipeline {
    /// Settings that cost what any picture of that size costs: a step costs the same with every sampler.
    fileprivate func trial(_ size: (Int, Int), guidanceScale: Double) -> GenerationSettings {
        GenerationSettings(
            prompt: "a calibration", width: size.0, height: size.1, seed: 0, steps: 2,
            guidanceScale: Float(guidanceScale), sampler: recipe.defaults.trialSampler)
    }
}
