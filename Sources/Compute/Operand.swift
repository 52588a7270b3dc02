import CKernels

/// The form in which a product reads its left side: what its weight's precision multiplies.
public enum OperandForm: Hashable, Sendable {
    /// 32-bit floats.
    case fp32
    /// bfloat16.
    case bf16
    /// Bytes with a scale and a zero point for each row: for a linear layer, where a row is a token.
    case bytesByRow
    /// Bytes with a scale and a zero point for each image: for a convolution, which sums over pixels.
    case bytesByImage

    /// The type of the elements.
    var type: ElementType {
        switch self {
        case .fp32: .float32
        case .bf16: .bfloat16
        case .bytesByRow, .bytesByImage: .uint8
        }
    }

    var isBytes: Bool { type == .uint8 }
}

/// The left side of a product, in the form that it reads: made once by the normalization (or whatever comes before), read by
/// every product that needs it.
public struct Operand {
    /// The extent of all parts together.
    public let shape: Shape
    let form: OperandForm
    /// The elements. Several tensors stand side by side, along the channels; only in 32-bit floats.
    let parts: [Tensor]
    /// For bytes, the scales and then the zero points of rows or images.
    private let scales: Buffer?

    /// Tensors side by side, as they are.
    init(floats parts: [Tensor]) {
        precondition(parts.allSatisfy { $0.shape == parts[0].shape.with(c: $0.shape.c) }, "the parts differ in extent")
        shape = parts[0].shape.with(c: parts.reduce(0) { $0 + $1.shape.c })
        form = .fp32
        self.parts = parts
        scales = nil
    }

    /// Memory for an operand, not filled yet.
    init(_ shape: Shape, _ form: OperandForm, in context: Context) {
        self.shape = shape
        self.form = form
        parts = [context.tensor(shape, form.type)]
        scales = form.isBytes ? context.buffer(8 * (form == .bytesByRow ? shape.rows : shape.n)) : nil
    }

    private init(_ whole: Operand, rows: Range<Int>) {
        precondition(
            whole.parts.count == 1 && whole.shape.n == 1 && whole.form != .bytesByRow, "the operand has no rows")
        shape = Shape(n: 1, h: rows.count, w: whole.shape.w, c: whole.shape.c)
        form = whole.form
        let part = whole.parts[0], skipped = rows.lowerBound * shape.w * shape.c * part.type.byteCount
        parts = [Tensor(shape: shape, type: part.type, buffer: part.buffer, byteOffset: part.byteOffset + skipped)]
        scales = whole.scales
    }

    /// Some rows of the one image, sharing memory.
    func slice(_ rows: Range<Int>) -> Operand { Operand(self, rows: rows) }

    /// The elements as a tensor of floats.
    var tensor: Tensor {
        precondition(form == .fp32 && parts.count == 1, "the operand is no tensor of floats")
        return parts[0]
    }

    /// Where the rows are. Traps while measuring.
    var rows: OperandRows {
        precondition(parts.count == 1, "the operand has several parts")
        let scales = scales?.memory?.assumingMemoryBound(to: Float.self)
        let count = form == .bytesByRow ? shape.rows : shape.n
        return OperandRows(
            form: form, channels: shape.c, elements: parts[0].bytes, scales: scales,
            zeros: scales.map { $0 + count })
    }

    /// What a product reads. Traps while measuring.
    var source: ProductSource {
        guard parts.count == 1 else {
            return ProductSource(parts: parts.map { (UnsafeRawPointer($0.pointer), $0.shape.c) })
        }
        return ProductSource(rows)
    }
}

/// Rows of an operand in memory, to be written: `channels` elements each, without gaps.
struct OperandRows {
    let form: OperandForm
    let channels: Int
    let elements: UnsafeMutableRawPointer
    /// For bytes, of each row or image: an element stands for `scale * (byte - zero)`.
    let scales: UnsafeMutablePointer<Float>?
    let zeros: UnsafeMutablePointer<Float>?

    /// The first element of a row, for an operand of floats.
    func floats(_ row: Int) -> UnsafeMutablePointer<Float> {
        elements.assumingMemoryBound(to: Float.self) + row * channels
    }

    /// Writes rows from floats; for `bytesByImage`, after the image's range was set.
    func write(_ rows: Range<Int>, image: Int, from floats: UnsafePointer<Float>, _ kernels: kernels) {
        let start = rows.lowerBound * channels, count = rows.count * channels
        switch form {
        case .fp32: break
        case .bf16: kernels.f32_to_bf16(elements.assumingMemoryBound(to: UInt16.self) + start, floats, count)
        case .bytesByImage: quantize(floats, to: start, count: count, scale: image, kernels)
        case .bytesByRow:
            for row in rows {
                let line = floats + (row - rows.lowerBound) * channels
                var least: Float = 0, most: Float = 0
                kernels.range(&least, &most, line, channels)
                setRange(at: row, least, most, kernels)
                quantize(line, to: row * channels, count: channels, scale: row, kernels)
            }
        }
    }

    /// Chooses the scale and zero point of a row or image so that `least ... most`, and zero in any case, are represented.
    func setRange(at index: Int, _ least: Float, _ most: Float, _ kernels: kernels) {
        guard let scales, let zeros else { return }
        let low = min(least, 0), high = max(most, 0)
        guard (high - low).isFinite else {
            // What is not finite stays so, and is found at the end of the stage.
            (scales[index], zeros[index]) = (.nan, 0)
            return
        }
        let scale = max((high - low) / Float(kernels.activation_levels), .leastNormalMagnitude)
        scales[index] = scale
        zeros[index] = (-low / scale).rounded(.toNearestOrEven)
    }

    private func quantize(
        _ floats: UnsafePointer<Float>, to start: Int, count: Int, scale index: Int, _ kernels: kernels
    ) {
        guard let scales, let zeros else { return }
        kernels.quantize(
            elements.assumingMemoryBound(to: UInt8.self) + start, floats, count, 1 / scales[index],
            zeros[index], kernels.activation_levels)
    }
}
