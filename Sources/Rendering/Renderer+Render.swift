import Diffusion
import Images
import Jobs
import Models
import Planner

/// A picture that was made.
public struct Rendered: Sendable {
    /// The WebP file.
    public let webp: [UInt8]
    /// What `done/NAME.json` says; the worker adds the queue's side.
    public var record: ResultRecord
    /// What is known of the member's costs now: worth keeping in the database under `CostModel.key`.
    public let costs: MemberCosts?
}

extension Renderer {
    /// Makes the picture of `request` as `plan` says.
    ///
    /// - Parameters:
    ///   - initImage: The file of the request's `initImage`, where it has one.
    ///   - seed: Where the noise starts: the request's, or the one that the queue chose.
    ///   - dump: A path for the intermediate tensors (`TensorDump`), if they are wanted.
    ///   - observer: Told of progress on this thread, at every block at the least. When it throws, the picture is given up there, and
    ///     the error comes back as `RenderingError.interrupted`; so does the reason with which `stop` is raised.
    public func render(
        _ request: JobRequest, initImage: InitImageFile? = nil, seed: UInt64, plan: Plan, dump: String? = nil,
        observer: (RenderingProgress) throws -> Void = { _ in }
    ) throws(RenderingError) -> Rendered {
        let clock = ContinuousClock()
        let start = clock.now
        noticeChanges()
        guard let model = catalog[plan.variant.model] else { throw .modelGone(plan.variant.model) }
        let steps = request.runningSteps(
            of: plan.variant.steps, sampler: plan.sampler, runsRungeKutta: model.facts.runsRungeKutta ?? false)
        var estimate = ProgressEstimate(steps: steps, prediction: plan.prediction, start: start)
        do { try observer(estimate.progress(at: clock.now)) } catch { throw .interrupted(error) }

        var settings = GenerationSettings(request, seed: seed, plan: plan)
        settings.initImage = try initImage.map { (file) throws(RenderingError) in
            try scaled(file, to: (plan.width, plan.height), for: request) {
                try observer(estimate.progress(at: clock.now))
            }
        }
        let scaling = clock.now - start
        let pipeline = try pipeline(of: model, plan.variant.precision)
        let isNew = costs[model.facts.identity, plan.variant.precision] == nil
        let fit = try fit(pipeline, settings, request, beside: initImage, findsLeast: isNew)
        let sha256: String
        do throws(ModelError) {
            sha256 = try digests.sha256(of: model, stop: stop)
        } catch .stopped {
            throw interruption
        } catch {
            throw .unusableModel(model.facts.name, error)
        }
        let prepared = clock.now

        var meter = PeakMeter()
        var tensors = dump.map { _ in TensorDump() }
        let generation: Generation
        do throws(DiffusionError) {
            generation = try pipeline.generate(
                settings,
                observer: { event in
                    estimate.note(event)
                    if case .stage(let stage) = event { meter.enter(stage.rawValue) }
                    try observer(estimate.progress(at: clock.now))
                }, dump: &tensors)
        } catch {
            noticeChanges()
            throw RenderingError(error)
        }
        if let dump, let tensors {
            do { try tensors.write(to: dump) } catch { throw .dump(error) }
        }

        meter.enter("writing")
        estimate.enter(.writing)
        do { try observer(estimate.progress(at: clock.now)) } catch { throw .interrupted(error) }
        return try finish(
            generation, request, settings, plan, model, fit, &meter, sha256, initImage, start: start,
            preparing: prepared - start - scaling, scaling: scaling)
    }

    /// That somebody raised the flag.
    private var interruption: RenderingError { .interrupted(stop?.reason ?? ModelError.stopped) }

    /// Encodes the pixels, writes down how they were made, and learns.
    private func finish(
        _ generation: Generation, _ request: JobRequest, _ settings: GenerationSettings, _ plan: Plan,
        _ model: CatalogModel, _ fit: Fit, _ meter: inout PeakMeter, _ sha256: String, _ initImage: InitImageFile?,
        start: ContinuousClock.Instant, preparing: Duration, scaling: Duration
    ) throws(RenderingError) -> Rendered {
        let clock = ContinuousClock()
        let encodingStart = clock.now
        let image = RGBImage(
            width: generation.image.width, height: generation.image.height, pixels: generation.image.bytes)
        do throws(ImageError) {
            let bitstream = try WebP.encode(image, compression: WebP.Compression(request.output)) {
                stop?.isRaised ?? false
            }
            meter.finish()
            var timings = ResultRecord.Timings(generation.timings, preparing: preparing)
            if initImage != nil {
                timings.initImageSeconds = (scaling + generation.timings.imageEncoding) / .seconds(1)
            }
            timings.encodeSeconds = (clock.now - encodingStart) / .seconds(1)
            var record = ResultRecord(
                request: request, job: request.pinned(to: settings, plan),
                initImage: initImage.map { .init($0, strength: request.strength) },
                model: .init(name: model.facts.name, sha256: sha256, precision: plan.variant.precision), plan: plan,
                timings: timings,
                memory: .init(
                    fit.stages, MemoryMode(generation.residency), meter,
                    limitBytes: min(memoryLimitBytes, request.maxMemory ?? .max), baselineBytes: fit.baselineBytes),
                host: host,
                picture: .init(
                    width: image.width, height: image.height, bytes: 0,
                    bitstreamSHA256: bitstream.withUnsafeBytes { SHA256.hexadecimal($0) }),
                version: options.version, warnings: plan.warnings)
            let webp = try WebP.attaching(PictureMetadata(record), to: bitstream)
            record.picture.bytes = webp.count
            record.timings.totalSeconds = (clock.now - start) / .seconds(1)
            record.metBudget = plan.budgetSeconds.map { record.timings.totalSeconds <= $0 }
            return Rendered(webp: webp, record: record, costs: learn(from: record, model, fit))
        } catch .stopped {
            throw interruption
        } catch {
            throw .picture(error)
        }
    }

    /// Refines the member's costs, or starts them.
    private func learn(from record: ResultRecord, _ model: CatalogModel, _ fit: Fit) -> MemberCosts {
        let precision = record.plan.variant.precision
        let pixels = record.picture.width * record.picture.height
        let perStep = model.facts.evaluationsPerStep(guidanceScale: record.plan.guidanceScale)
        let evaluations = record.timings.stepSeconds.count * perStep
        let observed = Prediction(record.timings)
        var member =
            costs[model.facts.identity, precision]
            ?? MemberCosts(
                modelIdentity: model.facts.identity, precision: precision, loadSeconds: observed.loadSeconds,
                memory: fit.memory)
        member.refine(record.memory.mode, observed: observed, pixels: pixels, evaluations: evaluations)
        costs.update(member)
        return member
    }
}
