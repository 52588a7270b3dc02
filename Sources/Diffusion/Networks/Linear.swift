import Compute
import Models

/// A linear layer: `weight` `[outputs, inputs]` and, where it has one, `bias`. A 1x1 convolution is the same.
struct Linear {
    private let weight: LinearWeight
    private let bias: Constant?
    /// Where its rows lie in a mapped file.
    let region: WeightRegion

    init(_ weights: Weights, inputs: Int, outputs: Int, hasBias: Bool = true) throws(ModelError) {
        weight = try weights.linear("weight", outputs: outputs, inputs: inputs)
        region = weights.region(of: "weight")
        bias = hasBias ? try weights.constant("bias", shape: [outputs]) : nil
    }

    /// Channels of the result.
    var outputs: Int { weight.outputs }
    /// How its numbers are multiplied.
    var precision: WeightPrecision { weight.precision }
    /// The form in which it reads its input.
    var form: OperandForm { weight.form }

    func callAsFunction(
        _ x: Operand, residual: Tensor? = nil, activation: Activation = .none, collectsStatistics: Bool = false,
        _ evaluation: Evaluation
    ) -> Tensor {
        evaluation.context.linear(
            x, weight, bias: bias, residual: residual, activation: activation, collectsStatistics: collectsStatistics)
    }

    func callAsFunction(
        _ x: Tensor, residual: Tensor? = nil, activation: Activation = .none, collectsStatistics: Bool = false,
        _ evaluation: Evaluation
    ) -> Tensor {
        self(
            evaluation.context.operand(x, form), residual: residual, activation: activation,
            collectsStatistics: collectsStatistics, evaluation)
    }
}
