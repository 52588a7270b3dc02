import CKernels

extension Context {
    /// Normalizes each group of channels over an image's pixels, then scales, shifts and activates: `[N, H, W, C]`.
    ///
    /// - Parameters:
    ///   - parts: tensors side by side along the channels, C in all; they are never put together.
    ///   - groups: divides the channels.
    ///   - weight, bias: one float a channel; nil is 1 and 0.
    ///   - form: what reads the result.
    public func groupNorm(
        _ parts: [Tensor], groups: Int, epsilon: Float, weight: Constant?, bias: Constant?,
        activation: Activation = .none, form: OperandForm
    ) -> Operand {
        let shape = Operand(floats: parts).shape
        let factors = normalizationFactors(
            parts.map { imageStatistics($0) }, groups: groups, epsilon: epsilon, weight: weight, bias: bias,
            activation: activation)
        let result = Operand(shape, form, in: self)
        normalize(parts, factors, into: result)
        return result
    }

    /// The same for some rows of an image, whose statistics are known.
    public func normalized(_ x: Tensor, _ factors: NormalizationFactors, form: OperandForm) -> Operand {
        let result = Operand(x.shape, form, in: self)
        normalize([x], factors, into: result)
        return result
    }

    /// The same for one tensor, as a tensor.
    public func groupNorm(
        _ x: Tensor, groups: Int, epsilon: Float, weight: Constant?, bias: Constant?, activation: Activation = .none
    ) -> Tensor {
        groupNorm(
            [x], groups: groups, epsilon: epsilon, weight: weight, bias: bias, activation: activation, form: .fp32
        ).tensor
    }

    /// Normalizes each row (pixel or token) over its channels, then scales and shifts.
    public func layerNorm(
        _ x: Tensor, epsilon: Float, weight: Constant?, bias: Constant?, form: OperandForm
    ) -> Operand {
        let channels = x.shape.c
        precondition(
            weight.map { $0.count == channels } ?? true, "the norm's weight does not have \(channels) elements")
        precondition(bias.map { $0.count == channels } ?? true, "the norm's bias does not have \(channels) elements")
        let result = Operand(x.shape, form, in: self)
        fill(result) { rows, target in
            kernels.layer_norm(
                target, x.pointer + rows.lowerBound * channels, rows.count, channels, weight?.pointer, bias?.pointer,
                epsilon)
        }
        return result
    }

    /// The same as a tensor.
    public func layerNorm(_ x: Tensor, epsilon: Float, weight: Constant?, bias: Constant?) -> Tensor {
        layerNorm(x, epsilon: epsilon, weight: weight, bias: bias, form: .fp32).tensor
    }
}
