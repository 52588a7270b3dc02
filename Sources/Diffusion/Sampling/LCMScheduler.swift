import Models

/// Multistep latent consistency sampling (Luo et al., arXiv 2310.04378); diffusers' `LCMScheduler`.
struct LCMScheduler: Scheduler {
    let timesteps: [Float]
    let initialNoiseScale: Float = 1
    private let alphas: [Float]
    private let prediction: PredictionType
    private let clipRange: Float?
    private let timestepScaling: Float

    /// - Parameter strength: how much of the distilled timesteps the steps are spread over, from the last one down.
    init(
        _ configuration: SchedulerConfiguration, _ noise: NoiseSchedule, steps count: Int, strength: Double
    ) throws(ModelError) {
        let config = configuration.config
        try configuration.refuseThresholding()
        prediction = try config.choice("prediction_type", default: PredictionType.epsilon)
        clipRange = try configuration.clipRange(for: "LCMScheduler", default: false)
        timestepScaling = Float(try config.number("timestep_scaling", default: 10))
        let original = try configuration.originalSteps(of: noise.count)
        let stride = noise.count / original
        let spread = Int(Double(original) * strength)
        let times = (0..<count).map { index in
            // numpy's linspace without its end, rounded down, through the distilled timesteps from the last.
            let place = Int(Double(index) * (Double(spread) / Double(count)))
            return (spread - place) * stride - 1
        }
        timesteps = times.map { Float($0) }
        alphas = times.map { noise.alphas[$0] }
    }

    func mixture(_ index: Int) -> (picture: Float, noise: Float) {
        (alphas[index].squareRoot(), (1 - alphas[index]).squareRoot())
    }

    mutating func step(_ index: Int, output: [Float], sample: inout [Float], random: inout any RandomSource) {
        let signal = alphas[index].squareRoot(), spread = (1 - alphas[index]).squareRoot()
        let scaled = timestepScaling * timesteps[index]
        let skip = 0.25 / (scaled * scaled + 0.25), out = scaled / (scaled * scaled + 0.25).squareRoot()
        for element in sample.indices {
            let x = sample[element]
            var picture = prediction.picture(in: x, output: output[element], signal: signal, spread: spread)
            if let clipRange { picture = min(max(picture, -clipRange), clipRange) }
            sample[element] = out * picture + skip * x
        }
        guard index + 1 < timesteps.count else { return }
        let next = alphas[index + 1]
        let nextSignal = next.squareRoot(), nextSpread = (1 - next).squareRoot()
        let noise = random.normals(sample.count)
        for element in sample.indices { sample[element] = nextSignal * sample[element] + nextSpread * noise[element] }
    }
}
