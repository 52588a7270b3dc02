import Compute

/// What an import makes of one tensor.
struct TensorPlan {
    let name: String
    /// What the matrix or the filters are rounded to; nil for a tensor that is not rounded.
    let precision: WeightPrecision?
    private let format: TensorFormat
    private let shape: [Int]

    /// - Parameters:
    ///   - precision: what the rules ask for. Integers need whole groups of channels; where there are none, they become wider.
    ///   - isChanged: what is written are 32-bit floats that were computed from the source's tensor, as blocks always are.
    init(_ name: String, _ entry: TensorEntry, _ precision: WeightPrecision, isChanged: Bool) {
        self.name = name
        format = isChanged || entry.format.blocks != nil ? .f32 : entry.format
        shape = entry.shape
        // Vectors are added and tables are looked up: only what is multiplied is rounded.
        let isMultiplied = shape.count > 1 && name.hasSuffix(".weight") && !name.hasSuffix("_embedding.weight")
        guard isMultiplied, entry.count > 0, format.elementType != nil else {
            self.precision = nil
            return
        }
        let fitting = PanelLayout(
            precision, outputs: shape[0], taps: shape.dropFirst(2).reduce(1, *), channels: shape[1]
        ).precision
        let bits = format.byteCount * 8
        self.precision = fitting.bits < bits ? fitting : nil
    }

    /// Whether it is a matrix or filters.
    var isMatrix: Bool { shape.count > 1 }
    var elements: Int { shape.reduce(1, *) }
    var outputs: Int { shape[0] }
    var taps: Int { shape.dropFirst(2).reduce(1, *) }

    /// The tensors of the output that hold it.
    var stored: [SafetensorsStream.Plan] {
        switch precision {
        case nil, .fp32: return [.init(name: name, format: format, shape: shape)]
        case .bf16: return [.init(name: name, format: .bf16, shape: shape)]
        case .int8:
            return [
                .init(name: name, format: .i8, shape: shape),
                .init(name: StoredTensor.scaleName(name), format: .f32, shape: [outputs]),
            ]
        case .int4:
            var shape = shape
            let groups = shape[1] / Quantizer.groupSize
            shape[1] /= 2
            return [
                .init(name: name, format: .u8, shape: shape),
                .init(name: StoredTensor.scaleName(name), format: .f16, shape: [outputs, taps, groups]),
            ]
        }
    }
}
