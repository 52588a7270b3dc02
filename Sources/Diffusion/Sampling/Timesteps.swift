import Glibc
import Models

/// numpy's ways to spread numbers, which the schedulers' results depend on to the last bit.
enum Timesteps {
    /// `linspace(0, last, count)`.
    static func line(to last: Double, count: Int) -> [Double] {
        guard count > 1 else { return [0] }
        let step = last / Double(count - 1)
        return (0..<count).map { $0 == count - 1 ? last : Double($0) * step }
    }

    /// `arange(0, count) * ratio + offset`, the largest first.
    static func leading(count: Int, ratio: Int, offset: Int) -> [Double] {
        (0..<count).reversed().map { Double($0 * ratio + offset) }
    }

    /// `round(arange(last, 0, -(total / count))) - 1`. Rounding may give one more than was asked for, before the first
    /// timestep; there is no such timestep, and it is left out.
    static func trailing(count: Int, from last: Int, total: Int) -> [Double] {
        let step = Double(total) / Double(count)
        let many = Int((Double(last) / step).rounded(.up))
        return (0..<many).map { (Double(last) - Double($0) * step).rounded(.toNearestOrEven) - 1 }.filter { $0 >= 0 }
    }

    /// `interp(x, 0 ..< table.count, table)`.
    static func interpolate(_ x: Double, in table: [Float]) -> Double {
        guard x > 0 else { return Double(table[0]) }
        guard x < Double(table.count - 1) else { return Double(table[table.count - 1]) }
        let low = Int(x)
        let slope = Double(table[low + 1]) - Double(table[low])
        return slope * (x - Double(low)) + Double(table[low])
    }
}

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
