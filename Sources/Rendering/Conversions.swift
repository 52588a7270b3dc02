import Diffusion
import Images
import Jobs
import Planner

// A job and its plan become settings; settings, times and the record become what is written down.

extension GenerationSettings {
    /// What the request says, and where it says nothing, the plan.
    init(_ request: JobRequest, seed: UInt64, plan: Plan) {
        self.init(
            prompt: request.prompt, negativePrompt: request.negativePrompt, width: plan.width,
            height: plan.height,
            seed: seed, steps: plan.variant.steps, guidanceScale: Float(plan.guidanceScale),
            sampler: plan.sampler, random: RandomSourceKind(request.rng ?? .latentd))
    }
}

extension WebP.Compression {
    /// What the job asks for; lossless wins over a quality.
    init(_ output: JobRequest.Output) {
        if output.lossless == true {
            self = .lossless
        } else if let quality = output.quality {
            self = .lossy(quality: quality)
        } else {
            self = .standard
        }
    }
}

extension JobRequest {
    /// The job that makes the same pixels again: all that decides them pinned; no id, name, priority or time limit.
    func pinned(to settings: GenerationSettings, _ plan: Plan) -> JobRequest {
        var job = JobRequest(prompt: prompt, negativePrompt: negativePrompt)
        job.width = settings.width
        job.height = settings.height
        job.initImage = initImage
        job.strength = settings.initImage?.strength
        job.seed = settings.seed
        job.steps = settings.steps
        job.guidanceScale = plan.guidanceScale
        job.sampler = plan.sampler
        job.rng = rng ?? .latentd
        job.model = plan.variant.model
        job.precision = plan.variant.precision
        switch WebP.Compression(output) {
        case .lossless: job.output.lossless = true
        case .lossy(let quality): job.output.quality = quality
        }
        return job
    }
}

extension ResultRecord.Timings {
    /// The pipeline's times, and before them what opening and checking took.
    init(_ timings: PipelineTimings, preparing: Duration) {
        self.init(
            loadSeconds: (preparing + timings.loading) / .seconds(1), textSeconds: timings.textEncoding / .seconds(1),
            stepSeconds: timings.steps.map { $0 / .seconds(1) }, decodeSeconds: timings.decoding / .seconds(1),
            encodeSeconds: 0, totalSeconds: 0)
    }
}

extension Prediction {
    /// What was measured, in the shape of what is predicted.
    init(_ timings: ResultRecord.Timings) {
        self.init(
            loadSeconds: timings.loadSeconds, textSeconds: timings.textSeconds,
            initImageSeconds: timings.initImageSeconds, denoiseSeconds: timings.stepSeconds.reduce(0, +),
            decodeSeconds: timings.decodeSeconds,
            encodeSeconds: timings.encodeSeconds)
    }
}

extension PictureMetadata {
    /// What the picture says of itself: the record, shorter.
    init(_ record: ResultRecord) {
        let times = Prediction(record.timings)
        let stages: [(String, Double?)] = [
            ("load", times.loadSeconds), ("text", times.textSeconds), ("init_image", times.initImageSeconds),
            ("denoise", times.denoiseSeconds), ("decode", times.decodeSeconds), ("encode", times.encodeSeconds),
        ]
        self.init(
            prompt: record.job.prompt, negativePrompt: record.job.negativePrompt ?? "", width: record.picture.width,
            height: record.picture.height, seed: record.job.seed ?? 0, steps: record.plan.variant.steps,
            sampler: record.plan.sampler.rawValue, guidanceScale: record.plan.guidanceScale,
            randomSource: (record.job.rng ?? .latentd).rawValue, model: record.model.name,
            modelSHA256: record.model.sha256, precision: record.model.precision.rawValue, isa: record.host.isa,
            version: record.version,
            timings: stages.compactMap { stage, seconds in seconds.map { StageTiming(stage: stage, seconds: $0) } },
            initImage: record.initImage.map { InitImage(sha256: $0.sha256, strength: $0.strength) },
            job: String(decoding: record.job.encoded(), as: UTF8.self))
    }
}
