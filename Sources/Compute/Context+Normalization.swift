extension Context {
    /// Normalizes each group of channels over an image's pixels, then scales, shifts and activates.
    ///
    /// - Parameters:
    ///   - groups: divides the channels.
    ///   - weight, bias: one float a channel; nil is 1 and 0.
    public func groupNorm(
        _ x: Tensor, groups: Int, epsilon: Float, weight: Constant?, bias: Constant?, activation: Activation = .none
    ) -> Tensor {
        tensor(x.shape)
    }

    /// Normalizes each row (pixel or token) over its channels, then scales and shifts.
    public func layerNorm(_ x: Tensor, epsilon: Float, weight: Constant?, bias: Constant?) -> Tensor {
        tensor(x.shape)
    }
}
