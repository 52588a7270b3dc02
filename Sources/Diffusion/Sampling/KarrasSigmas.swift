import Glibc
import Models

/// Noise levels spaced as in Karras et al. (arXiv 2206.00364), equation 5, with rho 7.
enum KarrasSigmas {
    /// `count` levels from the highest of `levels` (their first) to the lowest (their last), unless the file says otherwise.
    static func spread(_ levels: [Double], count: Int, _ config: Config) throws(ModelError) -> [Double] {
        let highest = try config.number("sigma_max", default: levels[0])
        let lowest = try config.number("sigma_min", default: levels[levels.count - 1])
        guard lowest > 0, highest >= lowest, highest.isFinite else {
            throw config.refusal("sigma_min", "noise levels cannot go from \(highest) down to \(lowest)")
        }
        let top = pow(highest, 1.0 / 7), bottom = pow(lowest, 1.0 / 7)
        return Timesteps.line(to: 1, count: count).map { pow(top + $0 * (bottom - top), 7) }
    }

    /// The timestep of a noise level, between two training timesteps where need be.
    static func timestep(of sigma: Double, in logarithms: [Double]) -> Double {
        let logarithm = log(max(sigma, 1e-10))
        let low = min(logarithms.lastIndex { logarithm >= $0 } ?? 0, logarithms.count - 2)
        let weight = (logarithms[low] - logarithm) / (logarithms[low] - logarithms[low + 1])
        let bounded = min(max(weight, 0), 1)
        return (1 - bounded) * Double(low) + bounded * Double(low + 1)
    }
}
