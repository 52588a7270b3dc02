import CKernels

extension Context {
    /// Elements that a thread takes at a time.
    private static let chunk = 16384

    /// Applies `activation` to every element, in place.
    public func apply(_ activation: Activation, to x: Tensor) {
        guard !isMeasuring else { return }
        let target = x.pointer
        parallel(x.shape.count, chunk: Context.chunk) {
            let part = target + $0.lowerBound
            kernels.epilogue(part, $0.count, part, $0.count, 1, $0.count, nil, nil, 0, activation.rawValue)
        }
    }

    /// `x + y`, a new tensor. `y` has `x`'s shape, or one image that is added to each of `x`'s batch.
    public func add(_ x: Tensor, _ y: Tensor) -> Tensor {
        let image = y.shape.count
        precondition(
            y.shape == x.shape || (y.shape.n == 1 && image * x.shape.n == x.shape.count),
            "\(y.shape) does not fit \(x.shape)")
        let result = tensor(x.shape)
        if !isMeasuring {
            for start in stride(from: 0, to: x.shape.count, by: image) {
                addScaled(x.pointer + start, y.pointer, 1, into: result.pointer + start, count: image)
            }
        }
        return result
    }

    /// `x += factor * y`, in place, same shapes.
    public func accumulate(_ y: Tensor, times factor: Float = 1, into x: Tensor) {
        precondition(x.shape.count == y.shape.count, "\(y.shape) does not fit \(x.shape)")
        if !isMeasuring { addScaled(x.pointer, y.pointer, factor, into: x.pointer, count: x.shape.count) }
    }

    /// `x = x * factor + offset`, in place.
    public func scale(_ x: Tensor, by factor: Float, plus offset: Float = 0) {
        guard !isMeasuring else { return }
        let target = x.pointer
        parallel(x.shape.count, chunk: Context.chunk) {
            kernels.affine(target + $0.lowerBound, target + $0.lowerBound, factor, offset, $0.count)
        }
    }

    /// A copy of `x`.
    public func copy(_ x: Tensor) -> Tensor {
        let result = tensor(x.shape)
        if !isMeasuring { result.pointer.update(from: x.pointer, count: x.shape.count) }
        return result
    }

    /// Copies the elements of `x` over those of `target`, of the same count.
    public func copy(_ x: Tensor, into target: Tensor) {
        precondition(x.shape.count == target.shape.count, "\(x.shape) does not fit \(target.shape)")
        if !isMeasuring { target.pointer.update(from: x.pointer, count: x.shape.count) }
    }

    private func addScaled(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ factor: Float, into target: UnsafeMutablePointer<Float>,
        count: Int
    ) {
        parallel(count, chunk: Context.chunk) {
            let start = $0.lowerBound
            kernels.add_scaled(target + start, a + start, b + start, factor, $0.count)
        }
    }
}
