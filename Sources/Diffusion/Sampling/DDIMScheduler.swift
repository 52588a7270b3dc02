import Models

/// Denoising diffusion implicit models (Song et al., arXiv 2010.02502), deterministic; diffusers' `DDIMScheduler` with eta 0.
struct DDIMScheduler: Scheduler {
    let timesteps: [Float]
    let initialNoiseScale: Float = 1
    private let steps: [(alpha: Float, next: Float)]
    private let prediction: PredictionType
    private let clipRange: Float?

    private static let className = "DDIMScheduler"

    init(_ configuration: SchedulerConfiguration, _ noise: NoiseSchedule, steps count: Int) throws(ModelError) {
        let config = configuration.config
        try configuration.refuseThresholding()
        prediction = try config.choice("prediction_type", default: PredictionType.epsilon)
        clipRange = try configuration.clipRange(for: DDIMScheduler.className, default: true)
        let times = try configuration.wholeTimesteps(for: DDIMScheduler.className, count: count, of: noise)
        let final = try config.bool("set_alpha_to_one", default: true) ? 1 : noise.alphas[0]
        let stride = noise.count / count
        steps = times.map { time in
            let next = time - stride
            return (noise.alphas[time], next >= 0 ? noise.alphas[next] : final)
        }
        timesteps = times.map { Float($0) }
    }

    func mixture(_ index: Int) -> (picture: Float, noise: Float) {
        (steps[index].alpha.squareRoot(), (1 - steps[index].alpha).squareRoot())
    }

    mutating func step(_ index: Int, output: [Float], sample: inout [Float], random: inout any RandomSource) {
        let (alpha, next) = steps[index]
        let signal = alpha.squareRoot(), spread = (1 - alpha).squareRoot()
        let nextSignal = next.squareRoot(), nextSpread = (1 - next).squareRoot()
        for element in sample.indices {
            let (x, y) = (sample[element], output[element])
            var picture: Float, noise: Float
            switch prediction {
            case .epsilon: (picture, noise) = ((x - spread * y) / signal, y)
            case .sample: (picture, noise) = (y, (x - signal * y) / spread)
            case .velocity: (picture, noise) = (signal * x - spread * y, signal * y + spread * x)
            }
            if let clipRange { picture = min(max(picture, -clipRange), clipRange) }
            sample[element] = nextSignal * picture + nextSpread * noise
        }
    }
}
