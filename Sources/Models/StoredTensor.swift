import Compute

/// A weight of a checkpoint: its bytes, and its scales where it was stored as integers.
///
/// ```
/// NAME F32, F16 or BF16 [outputs, inputs, …]
/// NAME I8 [outputs, inputs, …]        and NAME.scale F32 [outputs]
/// NAME U8 [outputs, inputs / 2, …]    and NAME.scale F16 [outputs, taps, inputs / 32]: two integers a byte, the even one low
/// ```
struct StoredTensor {
    let name: String
    let coding: WeightSource.Coding
    let bytes: UnsafeRawBufferPointer
    let file: MappedFile
    /// Elements, two of which may share a byte.
    let count: Int
    /// The names of all tensors that it is made of.
    let names: [String]
    private let format: TensorFormat

    /// Looks up the tensor, whose shape must be one of `shapes`.
    init(_ name: String, in checkpoint: Checkpoint, anyOf shapes: [[Int]]) throws(ModelError) {
        guard let tensor = checkpoint.tensor(name) else { throw .missingTensor(file: checkpoint.file, name: name) }
        let entry = tensor.entry
        var shape = entry.shape
        if entry.format == .u8, shape.count > 1 { shape[1] *= 2 }
        guard shapes.contains(shape) else {
            throw .wrongShape(file: tensor.file.path, name: name, found: shape, expected: shapes[0])
        }
        self.name = name
        file = tensor.file
        bytes = tensor.bytes
        format = entry.format
        count = shape.reduce(1, *)
        switch entry.format {
        case .i8:
            coding = .int8(scales: try StoredTensor.scales(of: name, in: checkpoint, .f32, [shape[0]]))
            names = [name, StoredTensor.scaleName(name)]
        case .u8 where shape.count > 1 && shape[1].isMultiple(of: Quantizer.groupSize):
            let taps = shape.dropFirst(2).reduce(1, *), groups = shape[1] / Quantizer.groupSize
            coding = .int4(scales: try StoredTensor.scales(of: name, in: checkpoint, .f16, [shape[0], taps, groups]))
            names = [name, StoredTensor.scaleName(name)]
        default:
            guard let type = entry.format.elementType else {
                throw .wrongType(file: tensor.file.path, name: name, type: entry.format.rawValue)
            }
            coding = .floats(type)
            names = [name]
        }
    }

    /// What the scales of a tensor of integers are called.
    static func scaleName(_ name: String) -> String { "\(name).scale" }

    private static func scales(
        of name: String, in checkpoint: Checkpoint, _ format: TensorFormat, _ shape: [Int]
    ) throws(ModelError) -> UnsafeRawBufferPointer {
        let name = scaleName(name)
        guard let tensor = checkpoint.tensor(name) else { throw .missingTensor(file: checkpoint.file, name: name) }
        guard tensor.entry.shape == shape else {
            throw .wrongShape(file: tensor.file.path, name: name, found: tensor.entry.shape, expected: shape)
        }
        guard tensor.entry.format == format else {
            throw .wrongType(file: tensor.file.path, name: name, type: tensor.entry.format.rawValue)
        }
        return tensor.bytes
    }

    var wrongType: ModelError { .wrongType(file: file.path, name: name, type: format.rawValue) }

    /// The bytes as floats; nil where they are not aligned as such.
    var floats: UnsafeBufferPointer<Float>? {
        guard let start = bytes.baseAddress, Int(bitPattern: start) % MemoryLayout<Float>.alignment == 0 else {
            return nil
        }
        return UnsafeBufferPointer(start: start.assumingMemoryBound(to: Float.self), count: count)
    }

    /// The tensor as `[outputs, channels, taps]`.
    func source(outputs: Int, taps: Int) -> WeightSource {
        WeightSource(bytes, coding, outputs: outputs, taps: taps, channels: count / outputs / taps, owner: file)
    }

    /// Says that the bytes are not needed soon: the pages leave this process's memory.
    func release() { file.release(bytes) }
}
