import CKernels

extension Context {
    /// `activation(x * weight^T + bias + residual)` over the rows of `x`: `[N, H, W, inputs]` to `[N, H, W, outputs]`.
    ///
    /// - Parameters:
    ///   - x: in the weight's form.
    ///   - bias: one float an output.
    ///   - residual: added before the activation; of the result's shape. The result never overwrites it.
    ///   - collectsStatistics: a normalization over images reads the result next.
    public func linear(
        _ x: Operand, _ weight: LinearWeight, bias: Constant? = nil, residual: Tensor? = nil,
        activation: Activation = .none, collectsStatistics: Bool = false
    ) -> Tensor {
        precondition(x.shape.c == weight.inputs, "\(x.shape) does not enter a layer of \(weight.inputs) inputs")
        precondition(x.form == weight.form, "the operand's form is \(x.form), the weight's \(weight.form)")
        let result = result(x.shape.with(c: weight.outputs), withStatistics: collectsStatistics && weight.isInPanels)
        let finish = { self.epilogue(for: result, bias: bias, residual: residual, activation: activation) }
        switch weight.storage {
        case .rows(let right):
            let left = x.parts.dropFirst().reduce(x.parts[0], concatenateChannels)
            if !isMeasuring {
                product(left.pointer, right, weight, into: result.pointer, rows: x.shape.rows, epilogue: finish())
            }
        case .panels(let panels):
            multiply(x, panels, window: nil, into: result, epilogue: finish)
        }
        return result
    }

    /// The same for a tensor that no other product reads.
    public func linear(
        _ x: Tensor, _ weight: LinearWeight, bias: Constant? = nil, residual: Tensor? = nil,
        activation: Activation = .none, collectsStatistics: Bool = false
    ) -> Tensor {
        linear(
            operand(x, weight.form), weight, bias: bias, residual: residual, activation: activation,
            collectsStatistics: collectsStatistics)
    }

    /// Rows of `table` by index: token embeddings. `[count]` to `[1, 1, count, columns]`.
    public func rows(_ indices: [Int], of table: LookupTable) -> Tensor {
        let result = tensor(Shape(batch: 1, tokens: indices.count, channels: table.columns))
        if !isMeasuring {
            for (row, index) in indices.enumerated() { table.read(index, into: result.pointer + row * table.columns) }
        }
        return result
    }

    /// The epilogue of an operation whose result is `result`.
    func epilogue(
        for result: Tensor, bias: Constant?, imageBias: UnsafePointer<Float>? = nil, residual: Tensor?,
        activation: Activation
    ) -> Epilogue {
        let shape = result.shape
        precondition(bias.map { $0.count == shape.c } ?? true, "the bias does not have \(shape.c) elements")
        precondition(residual.map { $0.shape == shape } ?? true, "the residual is not \(shape)")
        return Epilogue(
            bias: bias, imageBias: imageBias, imageRows: shape.pixels,
            residual: residual.map { UnsafePointer($0.pointer) },
            activation: activation, columns: shape.c, kernels: kernels)
    }

    /// `left * weight^T` and its epilogue, block by block in parallel. `first` is the row of the result where `left` begins.
    func product(
        _ left: UnsafePointer<Float>, _ right: Constant, _ weight: LinearWeight,
        into result: UnsafeMutablePointer<Float>, first: Int = 0, rows: Int, epilogue: Epilogue
    ) {
        let grid = Grid(rows: rows, columns: weight.outputs)
        pool.parallelFor(grid.count) { index in
            let block = grid[index]
            let target = first + block.rows.lowerBound..<first + block.rows.upperBound
            let start = left + block.rows.lowerBound * weight.inputs
            self.block(start, right, weight, into: result, rows: target, columns: block.columns, epilogue: epilogue)
        }
    }

    /// One block of a product and its epilogue, on the calling thread. `left` begins at the block's first row.
    func block(
        _ left: UnsafePointer<Float>, _ right: Constant, _ weight: LinearWeight,
        into result: UnsafeMutablePointer<Float>, rows: Range<Int>, columns: Range<Int>, epilogue: Epilogue
    ) {
        guard let blas else { preconditionFailure("a measuring context computes nothing") }
        blas.product(
            result + rows.lowerBound * weight.outputs + columns.lowerBound, weight.outputs, left, weight.inputs,
            right.pointer + columns.lowerBound * weight.inputs, weight.inputs, m: rows.count, n: columns.count,
            k: weight.inputs)
        epilogue.finish(result, rows: rows, columns: columns)
    }
}
