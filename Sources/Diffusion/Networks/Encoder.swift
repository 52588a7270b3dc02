import Compute
import Glibc
import Models

/// The way from a picture to latents: one of the autoencoders' encoders.
public enum Encoder {
    /// `AutoencoderKL`.
    case kl(KLEncoder)
    /// `AutoencoderTiny`.
    case tiny(TinyEncoder)

    /// Loads the encoder's part of the component `vae`; nothing of the decoder's is read.
    public init(_ folder: ModelFolder, _ preparation: Preparation = Preparation()) throws(ModelError) {
        let weights = try Weights(folder, "vae", part: "encoder", preparation)
        switch try EncoderConfiguration(folder) {
        case .kl(let kl): self = .kl(try KLEncoder(weights, kl))
        case .tiny(let tiny): self = .tiny(try TinyEncoder(weights, tiny))
        }
        weights.ignore { $0.hasPrefix("decoder.") || $0.hasPrefix("post_quant_conv.") }
        try weights.finish()
    }

    /// What the network gives for a picture, `[B, H, W, 3]`, -1 black, 1 white: `[B, h, w, N]`, for `EncodedLatents`.
    public func callAsFunction(_ image: Tensor, _ evaluation: Evaluation) -> Tensor {
        switch self {
        case .kl(let encoder): encoder(image, evaluation)
        case .tiny(let encoder): encoder(image, evaluation)
        }
    }

    /// The same within the memory of a plan that was made for a picture of this height and width, one picture.
    ///
    /// - Parameters:
    ///   - scratchDirectory: where what does not fit into memory is kept.
    ///   - check: is asked now and then whether to go on.
    ///   - fill: writes some rows of the picture into a tensor `[1, rows, W, 3]`, -1 black, 1 white.
    public func callAsFunction(
        height: Int, width: Int, within plan: BoundedPlan, scratchDirectory: String?, _ evaluation: Evaluation,
        check: @escaping () throws(DiffusionError) -> Void = { () throws(DiffusionError) in },
        fill: @escaping (Range<Int>, Tensor) -> Void
    ) throws(DiffusionError) -> Tensor {
        let run = BoundedRun(plan.parameters, scratchDirectory: scratchDirectory, evaluation, check: check)
        return try encode(Shape(n: 1, h: height, w: width, c: 3), run, fill)
    }

    /// The fastest way to encode one picture within `limitBytes` of memory: arena and mapped weights.
    ///
    /// - Parameter usesScratch: whether a scratch file may be used.
    /// - Throws: `DiffusionError.insufficientMemory` with the least that would do.
    public func plan(
        height: Int, width: Int, limitBytes: Int, usesScratch: Bool, pool: ThreadPool
    ) throws(DiffusionError) -> BoundedPlan {
        let bands =
            switch self {
            case .kl: BoundedPlan.bandsOfManyWeights
            case .tiny: BoundedPlan.bandsOfAllLayers
            }
        return try BoundedPlan.fastest(
            .encoder, limitBytes: limitBytes, bands: bands, usesScratch: usesScratch, pool: pool
        ) { (run) throws(DiffusionError) in
            _ = try encode(Shape(n: 1, h: height, w: width, c: 3), run) { _, _ in }
        }
    }

    private func encode(
        _ shape: Shape, _ run: BoundedRun, _ fill: @escaping (Range<Int>, Tensor) -> Void
    ) throws(DiffusionError) -> Tensor {
        switch self {
        case .kl(let encoder): try encoder(shape, run, fill)
        case .tiny(let encoder): try encoder(shape, run, fill)
        }
    }

    var weightBytes: WeightBytes {
        switch self {
        case .kl(let encoder): encoder.weightBytes
        case .tiny(let encoder): encoder.weightBytes
        }
    }
}

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
