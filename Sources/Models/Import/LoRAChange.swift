import Compute

/// What a LoRA adds to one weight: `scale * up * down`. Filters are taken as rows: `up` is then a 1x1 convolution that follows `down`'s.
struct LoRAChange {
    /// A layer's tensors in the file.
    struct Parts {
        /// As the file spells it.
        let layer: String
        var names: [LoRAKey.Role: String] = [:]
    }

    /// `[rank, inputs * pixels]` and `[outputs, rank]`.
    private let down: TensorEntry, up: TensorEntry
    private let rank: Int
    private let scale: Float

    /// Checks that a layer's tensors fit the tensor `target` of a checkpoint.
    ///
    /// - Parameter scale: gives the factor of the product for a rank, and for an alpha where the layer has its own.
    init(
        _ parts: Parts, _ archive: TensorArchive, _ target: String, _ checkpoint: TensorArchive,
        _ scale: (_ own: Double?, _ rank: Int) throws(ModelError) -> Double
    ) throws(ModelError) {
        func wrong(_ name: String, _ reason: String) -> ModelError {
            .badTensor(file: archive.file, name: name, reason: reason)
        }
        func tensor(_ role: LoRAKey.Role, _ word: String) throws(ModelError) -> TensorEntry {
            guard let name = parts.names[role], let entry = archive[name] else {
                throw wrong(parts.names.values.min() ?? parts.layer, "the layer's \(word) is missing")
            }
            guard role == .alpha || entry.format.isReal else {
                throw .wrongType(file: archive.file, name: name, type: entry.format.rawValue)
            }
            return entry
        }
        let down = try tensor(.down, "lora_A (lora_down)"), up = try tensor(.up, "lora_B (lora_up)")
        guard let weight = checkpoint[target] else {
            throw .missingTensor(file: checkpoint.file, name: target)
        }
        guard weight.format.isReal else {
            throw .badTensor(
                file: checkpoint.file, name: target,
                reason: "a LoRA cannot be added to integers; import the model that they were rounded from")
        }
        let rank = down.shape.first ?? 0, rows = LoRAChange.matrix(weight.shape)
        for (half, expected) in [(down, [rank] + Array(rows[1...])), (up, [rows[0], rank])]
        where rank == 0 || LoRAChange.matrix(half.shape) != expected {
            throw wrong(
                half.name, "its shape is \(half.shape), '\(target)' of shape \(weight.shape) asks for \(expected)")
        }
        var alpha: Double?
        if let name = parts.names[.alpha] {
            let entry = try tensor(.alpha, "alpha")
            guard entry.count == 1 else { throw wrong(name, "it is not one number") }
            let number = entry.number
            guard number.isFinite else { throw wrong(name, "\(number) is not a finite number") }
            alpha = number
        }
        (self.down, self.up, self.rank) = (down, up, rank)
        self.scale = Float(try scale(alpha, rank))
    }

    /// Refuses halves with numbers that are not finite, and a scale that is not finite.
    func requireFinite() throws(ModelError) {
        for entry in [down, up] where !FiniteNumbers.fill(entry) {
            throw .notFinite(file: entry.file.path, name: entry.name)
        }
        guard scale.isFinite else {
            throw .badTensor(file: down.file.path, name: down.name, reason: "its alpha is not a finite number")
        }
    }

    /// Adds it to a weight's rows, `[outputs, inputs * pixels]` in the order of the checkpoint.
    func add(to rows: UnsafeMutableBufferPointer<Float>, pool: ThreadPool?) {
        let down = down.floats(), up = up.floats()
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

    /// The shape of a linear layer's matrix for 1x1 filters; other shapes as they are.
    private static func matrix(_ shape: [Int]) -> [Int] {
        shape.count == 4 && shape.suffix(2) == [1, 1] ? Array(shape.prefix(2)) : shape
    }
}
