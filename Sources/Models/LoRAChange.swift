import Compute

/// What a LoRA adds to one weight: `scale * up * down`. Filters are rows: `up` is as good as a 1x1 convolution after that of `down`.
struct LoRAChange {
    /// A layer's tensors in the file.
    struct Parts {
        /// As the file spells it.
        let layer: String
        var names: [LoRAKey.Role: String] = [:]
    }

    private let file: Safetensors
    /// The names of `down` and `up`.
    private let names: [String]
    /// `[rank, inputs * pixels]` and `[outputs, rank]`.
    private let down: Safetensors.Entry, up: Safetensors.Entry
    private let rank: Int
    private let scale: Float

    /// Holds a layer's tensors against the tensor `target` of a checkpoint.
    ///
    /// - Parameter scale: what the product is multiplied by, for an alpha of the layer's own and a rank.
    init(
        _ parts: Parts, _ file: Safetensors, _ target: String, _ checkpoint: Checkpoint,
        _ scale: (_ own: Double?, _ rank: Int) throws(ModelError) -> Double
    ) throws(ModelError) {
        func wrong(_ name: String, _ reason: String) -> ModelError {
            .badTensor(file: file.file.path, name: name, reason: reason)
        }
        func tensor(_ role: LoRAKey.Role, _ word: String) throws(ModelError) -> (name: String, entry: Safetensors.Entry)
        {
            guard let name = parts.names[role], let entry = file.entries[name] else {
                throw wrong(parts.names.values.min() ?? parts.layer, "the layer's \(word) is missing")
            }
            guard role == .alpha || entry.format.elementType != nil else {
                throw .wrongType(file: file.file.path, name: name, type: entry.format.rawValue)
            }
            return (name, entry)
        }
        let down = try tensor(.down, "lora_A (lora_down)"), up = try tensor(.up, "lora_B (lora_up)")
        guard let weight = checkpoint.tensor(target)?.entry else {
            throw .missingTensor(file: checkpoint.file, name: target)
        }
        guard weight.format.elementType != nil else {
            throw .badTensor(
                file: checkpoint.file, name: target,
                reason: "a LoRA cannot be added to integers; import the model that they were rounded from")
        }
        let rank = down.entry.shape.first ?? 0, rows = LoRAChange.matrix(weight.shape)
        for (half, expected) in [(down, [rank] + Array(rows[1...])), (up, [rows[0], rank])]
        where rank == 0 || LoRAChange.matrix(half.entry.shape) != expected {
            throw wrong(
                half.name, "its shape is \(half.entry.shape), '\(target)' of shape \(weight.shape) asks for \(expected)"
            )
        }
        var alpha: Double?
        if let name = parts.names[.alpha] {
            let entry = try tensor(.alpha, "alpha").entry
            guard entry.count == 1 else { throw wrong(name, "it is not one number") }
            let number = file.number(entry)
            guard number.isFinite else { throw wrong(name, "\(number) is not a finite number") }
            alpha = number
        }
        self.file = file
        names = [down.name, up.name]
        (self.down, self.up, self.rank) = (down.entry, up.entry, rank)
        self.scale = Float(try scale(alpha, rank))
    }

    /// Refuses halves with numbers that are not finite, and a scale that is none.
    func requireFinite() throws(ModelError) {
        for (name, entry) in zip(names, [down, up]) {
            guard let type = entry.format.elementType, FiniteNumbers.fill(file.bytes(entry), type) else {
                throw .notFinite(file: file.file.path, name: name)
            }
        }
        guard scale.isFinite else {
            throw .badTensor(file: file.file.path, name: names[0], reason: "its alpha is not a finite number")
        }
    }

    /// Adds it to a weight's rows, `[outputs, inputs * pixels]` in the order of the checkpoint.
    func add(to rows: UnsafeMutableBufferPointer<Float>, pool: ThreadPool?) {
        let down = LoRAChange.floats(down, file), up = LoRAChange.floats(up, file)
        let outputs = up.count / rank, depth = down.count / rank
        let body = { (output: Int) in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: depth) { sums in
                sums.initialize(repeating: 0)
                for index in 0..<rank {
                    let factor = up[output * rank + index]
                    for column in 0..<depth { sums[column] += factor * down[index * depth + column] }
                }
                for column in 0..<depth { rows[output * depth + column] += scale * sums[column] }
            }
        }
        if let pool { pool.parallelFor(outputs, body) } else { (0..<outputs).forEach(body) }
    }

    /// A shape without the one pixel of 1x1 filters, which a linear layer does not have.
    private static func matrix(_ shape: [Int]) -> [Int] {
        shape.count == 4 && shape.suffix(2) == [1, 1] ? Array(shape.prefix(2)) : shape
    }

    private static func floats(_ entry: Safetensors.Entry, _ file: Safetensors) -> [Float] {
        guard let type = entry.format.elementType, let start = file.bytes(entry).baseAddress else { return [] }
        return Array(unsafeUninitializedCapacity: entry.count) { buffer, count in
            Conversion.toFloat(
                start, type: type, into: UnsafeMutableBufferPointer(rebasing: buffer[..<entry.count]))
            count = entry.count
        }
    }
}
