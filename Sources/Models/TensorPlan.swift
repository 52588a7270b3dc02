import Compute

/// What an import makes of one tensor.
struct TensorPlan {
    let name: String
    /// What its matrix or filters are rounded to; nil where the tensor stays as it is.
    let precision: WeightPrecision?
    private let entry: Safetensors.Entry

    /// - Parameter precision: what the rules say; integers need whole groups of channels, and are widened where there are none.
    init(_ name: String, _ entry: Safetensors.Entry, _ precision: WeightPrecision) {
        self.name = name
        self.entry = entry
        // Vectors and tables are looked up, not multiplied.
        let isMultiplied = entry.shape.count > 1 && name.hasSuffix(".weight") && !name.hasSuffix("_embedding.weight")
        guard isMultiplied, entry.count > 0, entry.format.elementType != nil else {
            self.precision = nil
            return
        }
        let fitting = PanelLayout(
            precision, outputs: entry.shape[0], taps: entry.shape.dropFirst(2).reduce(1, *), channels: entry.shape[1]
        ).precision
        let bits = entry.format.byteCount * 8
        self.precision = fitting.bits < bits ? fitting : nil
    }

    /// Whether it is a matrix or filters.
    var isMatrix: Bool { entry.shape.count > 1 }
    var elements: Int { entry.count }
    var outputs: Int { entry.shape[0] }
    var taps: Int { entry.shape.dropFirst(2).reduce(1, *) }

    /// The tensors that are written for it.
    var stored: [SafetensorsStream.Plan] {
        switch precision {
        case nil, .fp32: return [.init(name: name, format: entry.format, shape: entry.shape)]
        case .bf16: return [.init(name: name, format: .bf16, shape: entry.shape)]
        case .int8:
            return [
                .init(name: name, format: .i8, shape: entry.shape),
                .init(name: StoredTensor.scaleName(name), format: .f32, shape: [outputs]),
            ]
        case .int4:
            var shape = entry.shape
            let groups = shape[1] / Quantizer.groupSize
            shape[1] /= 2
            return [
                .init(name: name, format: .u8, shape: shape),
                .init(name: StoredTensor.scaleName(name), format: .f16, shape: [outputs, taps, groups]),
            ]
        }
    }
}
