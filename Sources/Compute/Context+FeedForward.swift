import CKernels

/// Two linear layers with a gated GELU between them, as transformers have them (Shazeer, arXiv 2002.05202).
public struct GatedFeedForward: Sendable {
    /// `[2 * hidden, channels]`: in each panel the values and then the gates of some hidden channels, as `interleaved` orders them.
    let gate: LinearWeight
    let gateBias: Constant
    /// `[channels, hidden]`.
    let out: LinearWeight
    let outBias: Constant

    /// Layers with weights in panels, the first one's rows and bias in the order of `interleaved`.
    public init(gate: LinearWeight, gateBias: Constant, out: LinearWeight, outBias: Constant) {
        precondition(gate.outputs == 2 * out.inputs && gate.isInPanels, "the layers do not fit")
        self.gate = gate
        self.gateBias = gateBias
        self.out = out
        self.outBias = outBias
    }

    /// Row of the checkpoint's `[values; gates]` that stands at `row`: so that a panel holds what belongs together.
    public static func interleaved(_ row: Int, hidden: Int) -> Int {
        let half = PanelLayout.columns / 2, panel = row / PanelLayout.columns, column = row % PanelLayout.columns
        let width = min(half, hidden - panel * half)
        return column < width ? panel * half + column : hidden + panel * half + column - width
    }

    /// The form in which they read their input.
    public var form: OperandForm { gate.form }
    /// Channels between the layers.
    var hidden: Int { out.inputs }
}

extension Context {
    /// Rows that pass through both layers at a time: their hidden channels stay in a level-2 cache.
    private static let feedForwardRows = 8 * Int(KERNELS_PRODUCT_ROWS)

    /// `residual + out(values * gelu(gates))` with `[values, gates] = gate(x)`: `[N, H, W, C]`.
    ///
    /// Where there are many rows, both layers are computed for a few of them at a time and the hidden channels never lie in
    /// memory; where there are few, panel by panel, so that each weight is read once. A row's bits are the same either way.
    public func feedForward(_ x: Operand, _ layers: GatedFeedForward, residual: Tensor) -> Tensor {
        precondition(x.form == layers.gate.form, "the operand's form is \(x.form), the weight's \(layers.gate.form)")
        guard case .panels(let gate) = layers.gate.storage else { preconditionFailure("a gate lies in panels") }
        guard case .panels(let out) = layers.out.storage, x.shape.rows >= 16 * Context.feedForwardRows else {
            return linear(
                operand(gated(x, gate, layers), layers.out.form), layers.out, bias: layers.outBias, residual: residual)
        }
        let result = tensor(residual.shape)
        let chunks = RowChunks(rows: x.shape.rows, imageRows: x.shape.rows, chunkRows: Context.feedForwardRows)
        let hidden = layers.hidden, form = layers.out.form
        let sumBytes = 4 * max(PanelProduct.scratchElements(gate), PanelProduct.scratchElements(out))
        let floatBytes = 4 * hidden * chunks.chunkRows
        let operandBytes = Arena.rounded(hidden * chunks.chunkRows * form.type.byteCount)
        let scaleBytes = form.isBytes ? Arena.rounded(8 * chunks.chunkRows) : 0
        let threadBytes = sumBytes + floatBytes + operandBytes + scaleBytes
        withScratch(pool.threads * threadBytes / 4) { scratch in
            let first = PanelProduct(weight: gate, source: x.source, window: nil, padding: nil, kernels: kernels)
            let epilogue = epilogue(for: result, bias: layers.outBias, residual: residual, activation: .none)
            pool.parallelFor(chunks.count) { chunk, thread in
                let rows = chunks[chunk], sums = scratch + thread * threadBytes / 4
                let floats = sums + sumBytes / 4, narrow = UnsafeMutableRawPointer(floats) + floatBytes
                for panel in 0..<gate.count {
                    let sums = first.multiply(panel: panel, rows: rows, image: 0, scratch: sums)
                    layers.finish(sums, rows: rows.count, into: floats, stride: hidden, kernels)
                }
                let scales = form.isBytes ? (narrow + operandBytes).assumingMemoryBound(to: Float.self) : nil
                let middle = OperandRows(
                    form: form, channels: hidden, elements: form == .fp32 ? UnsafeMutableRawPointer(floats) : narrow,
                    scales: scales,
                    zeros: scales.map { $0 + chunks.chunkRows })
                middle.write(0..<rows.count, image: 0, from: floats, kernels)
                let second = PanelProduct(
                    weight: out, source: ProductSource(middle), window: nil, padding: nil, kernels: kernels)
                for panel in 0..<out.count {
                    let sums = second.multiply(panel: panel, rows: 0..<rows.count, image: 0, scratch: sums)
                    epilogue.finish(result.pointer, from: sums, rows: rows)
                }
            }
        }
        return result
    }

    /// The hidden channels `values * gelu(gates)`.
    private func gated(_ x: Operand, _ gate: Panels, _ layers: GatedFeedForward) -> Tensor {
        let result = tensor(x.shape.with(c: layers.hidden))
        let chunks = RowChunks(rows: x.shape.rows, imageRows: x.shape.rows, chunkRows: PanelProduct.chunkRows)
        multiply(x, gate, window: nil, chunks: chunks) { sums, chunk in
            let rows = chunks[chunk]
            layers.finish(
                sums, rows: rows.count, into: result.pointer + rows.lowerBound * layers.hidden, stride: layers.hidden,
                kernels)
        }
        return result
    }
}

extension GatedFeedForward {
    /// From a panel's sums to its hidden channels of some rows, in the place of the sums and then at `hidden`.
    fileprivate func finish(
        _ sums: ProductSums, rows: Int, into hidden: UnsafeMutablePointer<Float>, stride: Int, _ kernels: kernels
    ) {
        let first = sums.columns.lowerBound
        sums.write(
            rows: 0..<rows, to: sums.start, stride: sums.stride, bias: gateBias.pointer + first, residual: nil,
            activation: .none, kernels)
        kernels.geglu(hidden + first / 2, stride, sums.start, sums.stride, rows, sums.columns.count / 2)
    }
}
