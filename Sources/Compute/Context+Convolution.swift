extension Context {
    /// `activation(convolution(x) + bias + timeBias + residual)`: `[N, H, W, inputs]` to `[N, H', W', outputs]`.
    ///
    /// - Parameters:
    ///   - x: in the weight's form.
    ///   - bias: one float an output.
    ///   - upsampledTo: the input is first enlarged to this size, nearest neighbour; the enlarged image never exists.
    ///   - timeBias: `[N, 1, 1, outputs]`, added to every pixel of its image.
    ///   - residual: of the result's shape, added before the activation. The result never overwrites it.
    ///   - collectsStatistics: a normalization over images, or another convolution, reads the result next.
    public func convolution(
        _ x: Operand, _ weight: ConvolutionWeight, bias: Constant? = nil, stride: Int = 1,
        padding: Padding = Padding(), upsampledTo size: (height: Int, width: Int)? = nil, timeBias: Tensor? = nil,
        residual: Tensor? = nil, activation: Activation = .none, collectsStatistics: Bool = false
    ) -> Tensor {
        let window = Window(
            x.shape, weight, stride: stride, padding: padding, enlarged: size ?? (height: x.shape.h, width: x.shape.w))
        return convolution(
            x, weight, window, bias: bias, timeBias: timeBias, residual: residual, activation: activation,
            collectsStatistics: collectsStatistics)
    }

    /// The convolution that a window describes.
    func convolution(
        _ x: Operand, _ weight: ConvolutionWeight, _ window: Window, bias: Constant?, timeBias: Tensor? = nil,
        residual: Tensor?, activation: Activation, collectsStatistics: Bool
    ) -> Tensor {
        precondition(x.form == weight.form, "the operand's form is \(x.form), the weight's \(weight.form)")
        precondition(weight.winograd == nil || window.stride == 1, "these filters are for convolutions of stride 1")
        precondition(!weight.isDoubling || window.doubles, "these filters are for images that are doubled")
        let shape = Shape(n: x.shape.n, h: window.outputHeight, w: window.outputWidth, c: weight.outputs)
        let result = result(
            shape, withStatistics: collectsStatistics && weight.matrix.isInPanels,
            chunks: weight.isDoubling
                ? Doubling.chunks(of: shape) : weight.winograd.map { WinogradTiles(shape, side: $0.side).chunks })
        if let timeBias {
            let expected = Shape(n: x.shape.n, h: 1, w: 1, c: weight.outputs)
            precondition(timeBias.shape.count == expected.count, "the time bias is not \(expected)")
            let sum = addBias(bias, to: timeBias)
            convolve(x, window, weight, into: result) {
                epilogue(for: result, bias: nil, imageBias: sum.pointer, residual: residual, activation: activation)
            }
        } else {
            convolve(x, window, weight, into: result) {
                epilogue(for: result, bias: bias, residual: residual, activation: activation)
            }
        }
        return result
    }

    /// The same for a tensor that no other product reads.
    public func convolution(
        _ x: Tensor, _ weight: ConvolutionWeight, bias: Constant? = nil, stride: Int = 1,
        padding: Padding = Padding(), upsampledTo size: (height: Int, width: Int)? = nil, timeBias: Tensor? = nil,
        residual: Tensor? = nil, activation: Activation = .none, collectsStatistics: Bool = false
    ) -> Tensor {
        convolution(
            operand(x, weight.form), weight, bias: bias, stride: stride, padding: padding, upsampledTo: size,
            timeBias: timeBias, residual: residual, activation: activation, collectsStatistics: collectsStatistics)
    }

    private func addBias(_ bias: Constant?, to timeBias: Tensor) -> Tensor {
        let sum = copy(timeBias)
        if let bias, !isMeasuring {
            precondition(bias.count == sum.shape.c, "the bias does not have \(sum.shape.c) elements")
            kernels.epilogue(
                sum.pointer, sum.shape.c, sum.pointer, sum.shape.c, sum.shape.rows, sum.shape.c, bias.pointer, nil, 0,
                Activation.none.rawValue)
        }
        return sum
    }

    /// Rows of the left matrix that are packed at a time: bounded, however large the image.
    private func convolve(
        _ x: Operand, _ window: Window, _ weight: ConvolutionWeight, into result: Tensor, epilogue: () -> Epilogue
    ) {
        let rows = result.shape.rows
        let right: Constant
        switch weight.matrix.storage {
        case .panels(let panels):
            if weight.isDoubling {
                multiplyDoubling(x, panels, window: window, into: result, epilogue: epilogue)
                return
            }
            window.withKernelWindow { view in
                if let winograd = weight.winograd {
                    multiplyTiles(x, panels, winograd, window: view, into: result, epilogue: epilogue)
                    return
                }
                multiply(x, panels, window: window.isIdentity ? nil : view, into: result, epilogue: epilogue)
            }
            return
        case .rows(let constant): right = constant
        }
        if window.isIdentity {
            guard !isMeasuring else { return }
            product(x.tensor.pointer, right, weight.matrix, into: result.pointer, rows: rows, epilogue: epilogue())
            return
        }
        let strips = Strips(rows: rows, rowElements: weight.matrix.inputs)
        withScratch(strips.scratchElements(threads: pool.threads)) { scratch in
            let epilogue = epilogue()
            let left = x.tensor.pointer, target = result.pointer
            window.withKernelWindow { view in
                if strips.arePrivate {
                    pool.parallelFor(strips.count) { index, thread in
                        let strip = strips[index]
                        let packed = scratch + thread * strips.elements
                        withUnsafePointer(to: view) {
                            kernels.pack_pixels(packed, left, $0, strip.lowerBound, strip.count)
                        }
                        let grid = Grid(rows: strip.count, columns: weight.outputs, whole: true)
                        for part in 0..<grid.count {
                            block(
                                packed, right, weight.matrix, into: target, rows: strip, columns: grid[part].columns,
                                epilogue: epilogue)
                        }
                    }
                } else {
                    for index in 0..<strips.count {
                        let strip = strips[index]
                        parallel(strip.count, chunk: 16) { part in
                            withUnsafePointer(to: view) {
                                kernels.pack_pixels(
                                    scratch + part.lowerBound * weight.matrix.inputs, left, $0,
                                    strip.lowerBound + part.lowerBound,
                                    part.count)
                            }
                        }
                        product(
                            scratch, right, weight.matrix, into: target, first: strip.lowerBound, rows: strip.count,
                            epilogue: epilogue)
                    }
                }
            }
        }
    }
}
