import Glibc

/// What an encoder says of one picture's latents, channels first, before the scaling factor: themselves, or their distribution.
public struct EncodedLatents {
    /// `[C, h, w]`.
    public let mean: [Float]
    /// Of the same shape, between -30 and 20; nil where the latents are the mean itself.
    public let logVariance: [Float]?

    /// Takes apart what an encoder gave, `[C or 2C, h, w]`.
    ///
    /// - Parameter count: `C * h * w`.
    public init(_ output: [Float], count: Int) {
        precondition(output.count == count || output.count == 2 * count, "\(output.count) are no moments of \(count)")
        mean = Array(output[..<count])
        logVariance = output.count == count ? nil : output[count...].map { min(max($0, -30), 20) }
    }

    /// A draw from the distribution, or the mean where there is none: as diffusers' pipelines take them. Draws from `random` once
    /// in the first case, never in the second.
    func sample(_ random: inout RandomSource) -> [Float] {
        guard let logVariance else { return mean }
        let noise = random.normals(mean.count)
        return mean.indices.map { mean[$0] + exp(0.5 * logVariance[$0]) * noise[$0] }
    }
}
