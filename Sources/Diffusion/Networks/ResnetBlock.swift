import Compute
import Models

/// Two convolutions, each on a normalized and activated input, around which the input is carried; diffusers' `ResnetBlock2D`.
/// The timestep's embedding, where there is one, joins between them.
struct ResnetBlock {
    private let path: String
    let norm1: GroupNormalization, conv1: Convolution
    private let timeEmbProj: Linear?
    let norm2: GroupNormalization, conv2: Convolution
    let convShortcut: Linear?

    /// - Parameter timeChannels: channels of the timestep's embedding; nil in an autoencoder.
    init(
        _ weights: Weights, inputs: Int, outputs: Int, timeChannels: Int? = nil, groups: Int, epsilon: Double
    ) throws(ModelError) {
        path = weights.path
        norm1 = try GroupNormalization(weights["norm1"], channels: inputs, groups: groups, epsilon: epsilon)
        conv1 = try Convolution(weights["conv1"], inputs: inputs, outputs: outputs)
        timeEmbProj =
            if let timeChannels {
                try Linear(weights["time_emb_proj"], inputs: timeChannels, outputs: outputs)
            } else {
                nil
            }
        norm2 = try GroupNormalization(weights["norm2"], channels: outputs, groups: groups, epsilon: epsilon)
        conv2 = try Convolution(weights["conv2"], inputs: outputs, outputs: outputs)
        convShortcut = inputs == outputs ? nil : try Linear(weights["conv_shortcut"], inputs: inputs, outputs: outputs)
    }

    /// - Parameter time: the timestep's embedding, activated: `[N, 1, 1, timeChannels]`.
    /// - Parameter x: `[N, H, W, inputs]`, one tensor or several side by side along the channels.
    func callAsFunction(_ x: [Tensor], time: Tensor? = nil, _ evaluation: Evaluation) -> Tensor {
        let hidden = enter(x, time, evaluation)
        let normalized = norm2([consume hidden], activation: .silu, for: conv2.form, evaluation)
        let shortcut = convShortcut.map { $0(evaluation.context.operand(x, $0.form), evaluation) } ?? x[0]
        let result = conv2(normalized, residual: shortcut, evaluation)
        evaluation.finished(path, result)
        return result
    }

    /// The first half. A function of its own, so that its temporaries are gone before the second half's begin.
    private func enter(_ x: [Tensor], _ time: Tensor?, _ evaluation: Evaluation) -> Tensor {
        var timeBias: Tensor?
        if let time, let timeEmbProj { timeBias = timeEmbProj(time, evaluation) }
        return conv1(norm1(x, activation: .silu, for: conv1.form, evaluation), timeBias: timeBias, evaluation)
    }
}
