import Compute

/// A weight of an archive: its numbers, and their scales where they are integers.
///
/// ```
/// NAME F32, F16 or BF16 [outputs, inputs, …], or blocks of GGUF
/// NAME I8 [outputs, inputs, …]        and NAME.scale F32 [outputs]
/// NAME U8 [outputs, inputs / 2, …]    and NAME.scale F16 [outputs, taps, inputs / 32]: two integers a byte, the even one low
/// ```
struct StoredTensor {
    /// Its name in the archive.
    let name: String
    let entry: TensorEntry
    /// Of integers.
    let scales: TensorEntry?
    let coding: WeightSource.Coding
    /// Elements, two of which may share a byte.
    let count: Int

    /// Looks up the tensor, whose shape must be one of `shapes`.
    init(_ name: String, in archive: TensorArchive, anyOf shapes: [[Int]]) throws(ModelError) {
        guard let entry = archive[name] else { throw .missingTensor(file: archive.file, name: name) }
        var shape = entry.shape
        if entry.format == .u8, shape.count > 1 { shape[1] *= 2 }
        guard shapes.contains(shape) else {
            throw .wrongShape(file: entry.file.path, name: entry.name, found: shape, expected: shapes[0])
        }
        self.name = name
        self.entry = entry
        count = shape.reduce(1, *)
        switch entry.format {
        case .i8:
            let scales = try StoredTensor.scales(of: name, in: archive, .f32, [shape[0]])
            self.scales = scales
            coding = .int8(scales: scales.bytes)
        case .u8 where shape.count > 1 && shape[1].isMultiple(of: Quantizer.groupSize):
            let taps = shape.dropFirst(2).reduce(1, *), groups = shape[1] / Quantizer.groupSize
            let scales = try StoredTensor.scales(of: name, in: archive, .f16, [shape[0], taps, groups])
            self.scales = scales
            coding = .int4(scales: scales.bytes)
        default:
            scales = nil
            if let blocks = entry.format.blocks {
                coding = .decoded { range, target in entry.withBytes { blocks.decode(range, of: $0, into: target) } }
            } else {
                guard let type = entry.format.elementType else { throw StoredTensor.wrongType(entry) }
                coding = .floats(type)
            }
        }
    }

    /// What the scales of a tensor of integers are called.
    static func scaleName(_ name: String) -> String { "\(name).scale" }

    private static func scales(
        of name: String, in archive: TensorArchive, _ format: TensorFormat, _ shape: [Int]
    ) throws(ModelError) -> TensorEntry {
        let name = scaleName(name)
        guard let entry = archive[name] else { throw .missingTensor(file: archive.file, name: name) }
        guard entry.shape == shape else {
            throw .wrongShape(file: entry.file.path, name: entry.name, found: entry.shape, expected: shape)
        }
        guard entry.format == format else { throw wrongType(entry) }
        return entry
    }

    private static func wrongType(_ entry: TensorEntry) -> ModelError {
        .wrongType(file: entry.file.path, name: entry.name, type: entry.format.rawValue)
    }

    var wrongType: ModelError { StoredTensor.wrongType(entry) }

    /// The names in the archive of all tensors that it is made of.
    var names: [String] { scales == nil ? [name] : [name, StoredTensor.scaleName(name)] }

    /// The bytes as floats; nil where they are not aligned as such.
    var floats: UnsafeBufferPointer<Float>? {
        guard let start = entry.bytes.baseAddress, Int(bitPattern: start) % MemoryLayout<Float>.alignment == 0 else {
            return nil
        }
        return UnsafeBufferPointer(start: start.assumingMemoryBound(to: Float.self), count: count)
    }

    /// The tensor as `[outputs, channels, taps]`.
    func source(outputs: Int, taps: Int) -> WeightSource {
        WeightSource(
            entry.bytes, coding, outputs: outputs, taps: taps, channels: count / outputs / taps, owner: entry.file)
    }
}
