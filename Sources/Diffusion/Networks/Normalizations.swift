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

    /// - Parameters:
    ///   - parts: tensors side by side along the channels.
    ///   - form: of the layer that reads the result.
    func callAsFunction(
        _ parts: [Tensor], activation: Activation = .none, for form: OperandForm, _ evaluation: Evaluation
    ) -> Operand {
        evaluation.context.groupNorm(
            parts, groups: groups, epsilon: epsilon, weight: weight, bias: bias, activation: activation, form: form)
    }
}

extension GroupNormalization {
    /// What it does to an image of which these are the statistics.
    func factors(
        _ statistics: ImageStatistics, activation: Activation = .none, _ evaluation: Evaluation
    ) -> NormalizationFactors {
        evaluation.context.normalizationFactors(
            [statistics], groups: groups, epsilon: epsilon, weight: weight, bias: bias, activation: activation)
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

    /// - Parameter form: of the layers that read the result.
    func callAsFunction(_ x: Tensor, for form: OperandForm, _ evaluation: Evaluation) -> Operand {
        evaluation.context.layerNorm(x, epsilon: epsilon, weight: weight, bias: bias, form: form)
    }
}
