import Compute
import Diffusion
import Foundation

/// A way from latents to rows of RGB bytes.
protocol PictureDecode {
    /// What it takes beside the process, at the most: activations and mapped weights; nil where nobody planned it.
    var plannedBytes: Int? { get }
    /// What it writes to a scratch file.
    var scratchBytes: Int { get }
    /// How, in words.
    var schedule: String { get }
    /// Decodes, and writes the rows from top to bottom.
    func run(into file: FileHandle) throws
}

/// A decode as it is without a limit: every activation whole, in an arena of the size that a dry run found.
struct UnboundedDecode: PictureDecode {
    let decoder: Decoder
    let latents: Latents
    let pool: ThreadPool

    let plannedBytes: Int? = nil
    let scratchBytes = 0
    let schedule = "whole"

    func run(into file: FileHandle) throws {
        let trial = Evaluation(try Context(arena: Arena(), pool: pool))
        _ = picture(trial)
        let arena = try Arena(capacity: trial.context.arena.peakBytes)
        try file.write(contentsOf: picture(Evaluation(try Context(arena: arena, pool: pool))).bytes)
    }

    @inline(never)
    private func picture(_ evaluation: Evaluation) -> Tensor {
        decoder(latents.tensor(evaluation), evaluation)
    }
}

/// A decode in bands of rows, as the fastest plan within a limit says.
struct BoundedDecode: PictureDecode {
    let decoder: Decoder
    let latents: Latents
    let pool: ThreadPool
    let plan: BoundedPlan
    let scratchDirectory: String

    /// - Parameter limitBytes: of activations and mapped weights.
    init(
        _ decoder: Decoder, _ latents: Latents, _ pool: ThreadPool, limitBytes: Int, scratchDirectory: String
    ) throws {
        (self.decoder, self.latents, self.pool) = (decoder, latents, pool)
        self.scratchDirectory = scratchDirectory
        plan = try decoder.plan(latents.shape, limitBytes: limitBytes, usesScratch: true, pool: pool)
    }

    var plannedBytes: Int? { plan.peakBytes }
    var scratchBytes: Int { plan.scratchBytes }
    var schedule: String {
        (plan.isRounded ? "rounded" : "floats") + (plan.scratchBytes > 0 ? ", scratch file" : "")
    }

    func run(into file: FileHandle) throws {
        let arena = try Arena(capacity: plan.activationBytes)
        let evaluation = Evaluation(try Context(arena: arena, pool: pool))
        var failure: (any Error)?
        try decoder(
            latents.tensor(evaluation), within: plan, scratchDirectory: scratchDirectory, evaluation
        ) { (band, _) throws(DiffusionError) in
            do { try file.write(contentsOf: band.bytes) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }
}

extension Latents {
    func tensor(_ evaluation: Evaluation) -> Tensor { evaluation.context.tensor(shape, values) }
}

extension Tensor {
    /// A decoder's rows as RGB bytes, rounded as diffusers does.
    fileprivate var bytes: Data {
        Data(floats.map { UInt8((min(max($0 / 2 + 0.5, 0), 1) * 255).rounded(.toNearestOrEven)) })
    }
}
