import Diffusion
import Jobs
import Planner

extension Renderer {
    /// Plans a job for now, and holds the choice against the memory limit by a dry run at its own size. What turns out not to fit
    /// is not chosen again. Loads the model.
    public func dryRun(
        _ request: JobRequest, initImage: InitImageFile? = nil, now: Timestamp
    ) throws(RenderingError) -> Plan {
        noticeChanges()
        var planner = planner
        var refusal: RenderingError?
        var isKnown: Set<Variant> = []
        while true {
            var plan: Plan
            do throws(RenderingError) {
                plan = try self.plan(request, initImage, now: now, planner)
            } catch {
                throw refusal ?? error
            }
            do throws(RenderingError) {
                guard let model = catalog[plan.variant.model] else { throw .modelGone(plan.variant.model) }
                let pipeline = try pipeline(of: model, plan.variant.precision)
                var settings = GenerationSettings(request, seed: 0, plan: plan)
                if let initImage {
                    try requireRoom(for: initImage, at: (plan.width, plan.height), request)
                    settings.initImage = placeholder(for: (plan.width, plan.height), request)
                }
                let fit = try fit(pipeline, settings, request, beside: initImage)
                if fit.mode != plan.memoryMode ?? fit.mode, isKnown.insert(plan.variant).inserted {
                    // The curves knew less of this size, and the mode decides about the time: chosen again.
                    let exact = try self.fit(pipeline, settings, request, beside: initImage, findsLeast: true)
                    planner.learn(model.facts.identity, plan.variant.precision, exact.memory)
                    continue
                }
                plan.take(fit)
                plan.warnings += pipeline.tokenizer.warnings(of: request, plan, model.facts)
                return plan
            } catch {
                guard error.isMemoryLimit else { throw error }
                unload()
                refusal = [refusal, error].compactMap { $0 }.min { ($0.neededBytes ?? 0) < ($1.neededBytes ?? 0) }
                planner.exclude(plan.variant)
            }
        }
    }

    /// How a picture is made, and what it takes: the fastest way that fits the limit, in which the pipeline works from now on.
    struct Fit {
        /// What is known of the member's memory now.
        let memory: [StageMemory]
        /// What each stage of this picture takes.
        let stages: [Plan.Stage]
        let mode: MemoryMode
        let baselineBytes: Int
    }

    /// A dry run; refused when the process would go over the limit in every way.
    ///
    /// - Parameter findsLeast: for what is known of the member, the least of the stages that can run in bands is found too.
    func fit(
        _ pipeline: Pipeline, _ settings: GenerationSettings, _ request: JobRequest? = nil,
        beside initImage: InitImageFile? = nil, findsLeast: Bool = false
    ) throws(RenderingError) -> Fit {
        let limit = limit(for: request)
        let baselineBytes =
            baselineBytes + (initImage?.heldBytes(width: settings.width, height: settings.height) ?? 0)
        pipeline.budget = MemoryBudget(baselineBytes: baselineBytes, limitBytes: limit)
        pipeline.scratchDirectory = options.cacheDirectory
        do throws(DiffusionError) {
            let pixels = settings.width * settings.height
            let (plan, residency) = try pipeline.fit(settings, finishingBytes: WritingMemory.bytes(pixels: pixels))
            let whole = plan.whole, least = findsLeast ? try pipeline.leastBytes(whole, settings) : [:]
            return Fit(
                memory: [StageMemory]([SizedPlan(pixels: pixels, unguided: whole, guided: whole, least: least)]),
                stages: [Plan.Stage](plan, residency, pixels: pixels, baselineBytes: baselineBytes),
                mode: MemoryMode(residency), baselineBytes: baselineBytes)
        } catch {
            guard case .insufficientMemory(_, let least, let limit) = error else { throw RenderingError(error) }
            throw refusal(settings, neededBytes: least, limitBytes: limit, request)
        }
    }

    func limit(for request: JobRequest?) -> @Sendable () -> Int {
        guard let most = request?.maxMemory else { return memoryLimit }
        return { [memoryLimit] in min(most, memoryLimit()) }
    }

    private func refusal(
        _ settings: GenerationSettings, neededBytes: Int, limitBytes: Int, _ request: JobRequest?
    ) -> RenderingError {
        let isJobsOwn = request?.maxMemory == limitBytes
        if !isJobsOwn, isWithdrawn(neededBytes, request) {
            return .memoryWithdrawn(neededBytes: neededBytes, limitBytes: limitBytes)
        }
        return .insufficientMemory(
            width: settings.width, height: settings.height, neededBytes: neededBytes, limitBytes: limitBytes,
            isJobsOwn: isJobsOwn, canStream: options.cacheDirectory != nil)
    }
}

extension Plan {
    /// Takes over what a dry run found.
    fileprivate mutating func take(_ fit: Renderer.Fit) {
        memoryMode = fit.mode
        stages = fit.stages
        peakBytes = stages.map(\.peakBytes).max()
    }
}

extension Planner {
    /// Takes over what a dry run found of a member's memory.
    fileprivate mutating func learn(_ modelIdentity: String, _ precision: Precision, _ memory: [StageMemory]) {
        guard var member = costs[modelIdentity, precision] else { return }
        member.memory = memory
        costs.update(member)
    }

    /// Leaves a model's precision out of all that follows.
    fileprivate mutating func exclude(_ variant: Variant) {
        for index in models.indices where models[index].name == variant.model {
            models[index].precisions.removeAll { $0 == variant.precision }
        }
        models.removeAll { $0.precisions.isEmpty }
    }
}
