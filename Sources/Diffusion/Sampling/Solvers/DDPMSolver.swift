import Glibc
import Models

/// Denoising diffusion probabilistic models (Ho et al., arXiv 2006.11239), which add fresh noise each step; diffusers'
/// `DDPMScheduler`.
struct DDPMSolver: Solver {
    static let clipsByDefault: Bool? = true
    private var variance = Variance.small

    /// How much noise is added.
    private enum Variance: String, CaseIterable {
        case small = "fixed_small"
        case smallByLogarithm = "fixed_small_log"
        case large = "fixed_large"
    }

    init() {}

    init(_ setup: WalkSetup, _ schedule: inout Schedule) throws(ModelError) {
        variance = try setup.config.choice("variance_type", default: .small)
    }

    mutating func archive(_ archive: inout Archive) { archive.choice(&variance) }

    func step(_ prediction: Prediction, _ history: inout SolverHistory, _ random: inout RandomSource) -> [Float] {
        let alpha = prediction.level, next = prediction.next
        let ratio = alpha / next, beta = 1 - ratio
        let pictureFactor = next.squareRoot() * beta / (1 - alpha)
        let sampleFactor = ratio.squareRoot() * (1 - next) / (1 - alpha)
        let mean = prediction.sample.indices.map {
            pictureFactor * prediction.picture($0) + sampleFactor * prediction.sample[$0]
        }
        guard prediction.schedule.timesteps[prediction.index] > 0 else { return mean }
        let least = max((1 - next) / (1 - alpha) * beta, 1e-20)
        let deviation =
            switch variance {
            case .small: least.squareRoot()
            case .smallByLogarithm: exp(0.5 * log(least))
            case .large: beta.squareRoot()
            }
        let noise = random.normals(mean.count)
        return mean.indices.map { mean[$0] + deviation * noise[$0] }
    }
}
