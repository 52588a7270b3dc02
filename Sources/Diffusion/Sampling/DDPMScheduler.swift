import Glibc
import Models

/// Denoising diffusion probabilistic models (Ho et al., arXiv 2006.11239), which add fresh noise each step; diffusers'
/// `DDPMScheduler`.
struct DDPMScheduler: Scheduler {
    let timesteps: [Float]
    let initialNoiseScale: Float = 1
    private let steps: [(alpha: Float, next: Float)]
    private let prediction: PredictionType
    private let variance: Variance
    private let clipRange: Float?

    /// How much noise is added.
    private enum Variance: String, CaseIterable {
        case small = "fixed_small"
        case smallByLogarithm = "fixed_small_log"
        case large = "fixed_large"
    }

    private static let className = "DDPMScheduler"

    init(_ configuration: SchedulerConfiguration, _ noise: NoiseSchedule, steps count: Int) throws(ModelError) {
        let config = configuration.config
        try configuration.refuseThresholding()
        prediction = try config.choice("prediction_type", default: PredictionType.epsilon)
        variance = try config.choice("variance_type", default: .small)
        clipRange = try configuration.clipRange(for: DDPMScheduler.className, default: true)
        let times = try configuration.wholeTimesteps(for: DDPMScheduler.className, count: count, of: noise)
        steps = times.indices.map { index in
            (noise.alphas[times[index]], index + 1 < times.count ? noise.alphas[times[index + 1]] : 1)
        }
        timesteps = times.map { Float($0) }
    }

    func mixture(_ index: Int) -> (picture: Float, noise: Float) {
        (steps[index].alpha.squareRoot(), (1 - steps[index].alpha).squareRoot())
    }

    mutating func step(_ index: Int, output: [Float], sample: inout [Float], random: inout any RandomSource) {
        let (alpha, next) = steps[index]
        let signal = alpha.squareRoot(), spread = (1 - alpha).squareRoot()
        let ratio = alpha / next, beta = 1 - ratio
        let pictureFactor = next.squareRoot() * beta / (1 - alpha)
        let sampleFactor = ratio.squareRoot() * (1 - next) / (1 - alpha)
        for element in sample.indices {
            let x = sample[element]
            var picture = prediction.picture(in: x, output: output[element], signal: signal, spread: spread)
            if let clipRange { picture = min(max(picture, -clipRange), clipRange) }
            sample[element] = pictureFactor * picture + sampleFactor * x
        }
        guard timesteps[index] > 0 else { return }
        let least = max((1 - next) / (1 - alpha) * beta, 1e-20)
        let deviation =
            switch variance {
            case .small: least.squareRoot()
            case .smallByLogarithm: exp(0.5 * log(least))
            case .large: beta.squareRoot()
            }
        let noise = random.normals(sample.count)
        for element in sample.indices { sample[element] += deviation * noise[element] }
    }
}
