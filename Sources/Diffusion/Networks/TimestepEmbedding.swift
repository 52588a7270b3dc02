import Compute
import Glibc
import Models

/// A timestep as sines and cosines, and two linear layers over them; diffusers' `Timesteps` and `TimestepEmbedding`. The
/// guidance scale of a latent consistency model joins as a condition.
struct TimestepEmbedding {
    private let linear1: Linear, linear2: Linear
    private let condProj: Linear?
    private let waves: Int
    private let cosinesFirst: Bool
    private let frequencyShift: Double

    init(_ weights: Weights, _ config: UNetConfiguration) throws(ModelError) {
        waves = config.channels[0]
        cosinesFirst = config.cosinesFirst
        frequencyShift = config.frequencyShift
        linear1 = try Linear(weights["linear_1"], inputs: waves, outputs: config.timeChannels)
        linear2 = try Linear(weights["linear_2"], inputs: config.timeChannels, outputs: config.timeChannels)
        condProj =
            if let condition = config.conditionChannels {
                try Linear(weights["cond_proj"], inputs: condition, outputs: waves, hasBias: false)
            } else {
                nil
            }
    }

    /// - Parameters:
    ///   - condition: `[B, 1, 1, conditionChannels]`.
    ///   - addition: what is added to the result, of its shape.
    /// - Returns: `[B, 1, 1, timeChannels]`.
    func callAsFunction(
        _ timestep: Float, batch: Int, condition: Tensor?, addition: Tensor?, _ evaluation: Evaluation
    ) -> Tensor {
        let wave = SinusoidalEmbedding.values(
            timestep, count: waves, cosinesFirst: cosinesFirst, frequencyShift: frequencyShift)
        let shape = Shape(batch: batch, tokens: 1, channels: waves)
        var x = evaluation.context.tensor(shape, (0..<batch).flatMap { _ in wave })
        if let condition, let condProj { x = condProj(condition, residual: x, evaluation) }
        let result = linear2(linear1(x, activation: .silu, evaluation), residual: addition, evaluation)
        evaluation.finished("time_embedding", result)
        return result
    }
}

/// What a text as a whole and the picture's sizes add to the embedding of every timestep; the part `text_time` of diffusers'
/// `UNet2DConditionModel`.
struct AddedEmbedding {
    private let linear1: Linear, linear2: Linear
    private let config: UNetConfiguration.Addition

    init(_ weights: Weights, _ config: UNetConfiguration.Addition, outputs: Int) throws(ModelError) {
        self.config = config
        linear1 = try Linear(weights["linear_1"], inputs: config.inputs, outputs: outputs)
        linear2 = try Linear(weights["linear_2"], inputs: outputs, outputs: outputs)
    }

    /// - Parameters:
    ///   - pooled: `[B, P]`; empty while measuring.
    ///   - sizes: `[B, N]`, where `P + N * sizeChannels` are the network's inputs; empty while measuring.
    /// - Returns: `[B, 1, 1, timeChannels]`.
    func callAsFunction(_ pooled: [Float], _ sizes: [Float], batch: Int, _ evaluation: Evaluation) -> Tensor {
        var rows: [Float] = []
        for row in 0..<batch {
            rows += pooled[row * (pooled.count / batch)..<(row + 1) * (pooled.count / batch)]
            for size in sizes[row * (sizes.count / batch)..<(row + 1) * (sizes.count / batch)] {
                rows += SinusoidalEmbedding.values(
                    size, count: config.sizeChannels, cosinesFirst: config.cosinesFirst,
                    frequencyShift: config.frequencyShift)
            }
        }
        let x = evaluation.context.tensor(Shape(batch: batch, tokens: 1, channels: config.inputs), rows)
        let result = linear2(linear1(x, activation: .silu, evaluation), evaluation)
        evaluation.remembered("add_embedding")
        return result
    }
}

/// Sines and cosines of a number at falling frequencies.
enum SinusoidalEmbedding {
    /// diffusers' `get_timestep_embedding`, in single precision as there.
    static func values(_ number: Float, count: Int, cosinesFirst: Bool, frequencyShift: Double) -> [Float] {
        let half = count / 2
        // In torch's order: at timestep 1000 a rounding error of the frequency is a thousand times as large.
        let period = -Float(log(10_000.0)), divisor = Float(Double(half) - frequencyShift)
        return values(number, count: count, cosinesFirst: cosinesFirst) { exp(period * Float($0) / divisor) }
    }

    /// The embedding of a guidance scale, as the pipelines of latent consistency models make it.
    static func guidance(_ scale: Float, count: Int) -> [Float] {
        let step = log(Float(10_000)) / Float(count / 2 - 1)
        return values((scale - 1) * 1000, count: count, cosinesFirst: false) { exp(Float($0) * -step) }
    }

    private static func values(
        _ number: Float, count: Int, cosinesFirst: Bool, frequency: (Int) -> Float
    ) -> [Float] {
        let angles = (0..<count / 2).map { number * frequency($0) }
        let sines = angles.map { sin($0) }, cosines = angles.map { cos($0) }
        let odd = Array(repeating: Float(0), count: count % 2)
        return (cosinesFirst ? cosines + sines : sines + cosines) + odd
    }
}
