import Models

/// The intermediate tensors of one picture, for comparison with diffusers: its layout (channels first), its batch order
/// (negative, positive).
///
/// `input_ids` (`input_ids_2` of a second text encoder) `[B, T]` as I32 and, as F32, `text_embeddings` `[B, T, C]`, where there are such
/// `pooled_embeddings` `[B, C]` and `time_ids` `[B, 6]`, `noise` `[1, 4, h, w]` before scaling, `latents.1` …
/// `latents.N` after each step that is taken, and `image` `[1, 3, H, W]` as the decoder gives it; before the noise, where a run
/// begins with a picture, `init_latents` `[1, 4, h, w]`, scaled.
public struct TensorDump: Sendable {
    /// The tensors by name, in the order in which they came into being.
    public private(set) var tensors: [(name: String, values: Values, shape: [Int])] = []

    /// Elements of either type.
    public enum Values: Hashable, Sendable {
        case floats([Float])
        case integers([Int32])
    }

    /// A dump without tensors.
    public init() {}

    /// The tensor of a name.
    public subscript(_ name: String) -> (values: Values, shape: [Int])? {
        tensors.first { $0.name == name }.map { ($0.values, $0.shape) }
    }

    mutating func add(_ name: String, _ values: [Float], _ shape: [Int]) {
        tensors.append((name, .floats(values), shape))
    }

    mutating func add(_ name: String, _ values: [Int32], _ shape: [Int]) {
        tensors.append((name, .integers(values), shape))
    }

    /// Writes the tensors as a safetensors file.
    public func write(to path: String) throws(ModelError) {
        var writer = SafetensorsWriter()
        for tensor in tensors {
            switch tensor.values {
            case .floats(let values): writer.add(tensor.name, values, shape: tensor.shape)
            case .integers(let values): writer.add(tensor.name, values, shape: tensor.shape)
            }
        }
        try writer.write(to: path)
    }
}
