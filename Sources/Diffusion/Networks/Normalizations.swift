import Compute
import Models

/// Normalization over groups of channels, with a scale and a shift for each channel.
struct GroupNormalization {
    private let weight: Constant, bias: Constant
    private let groups: Int
    private let epsilon: Float

    init(_ weights: Weights, channels: Int, groups: Int, epsilon: Double) throws(ModelError) {
        weight = try weights.constant("weight", shape: [channels])
        bias = try weights.constant("bias", shape: [channels])
        self.groups = groups
        self.epsilon = Float(epsilon)
    }

    func callAsFunction(_ x: Tensor, activation: Activation = .none, _ evaluation: Evaluation) -> Tensor {
        evaluation.context.groupNorm(
            x, groups: groups, epsilon: epsilon, weight: weight, bias: bias, activation: activation)
    }
}

/// Normalization of each token over its channels, with a scale and a shift for each channel.
struct LayerNormalization {
    private let weight: Constant, bias: Constant
    private let epsilon: Float

    init(_ weights: Weights, channels: Int, epsilon: Double = 1e-5) throws(ModelError) {
        weight = try weights.constant("weight", shape: [channels])
        bias = try weights.constant("bias", shape: [channels])
        self.epsilon = Float(epsilon)
    }

    func callAsFunction(_ x: Tensor, _ evaluation: Evaluation) -> Tensor {
        evaluation.context.layerNorm(x, epsilon: epsilon, weight: weight, bias: bias)
    }
}
