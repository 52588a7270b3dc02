import Compute

/// What a text is to every layer of a UNet that attends to it: keys and values, made once and asked by every step.
public struct TextMemory {
    /// Texts in the batch.
    let batch: Int
    private var memories: [String: AttentionMemory] = [:]

    init(batch: Int) { self.batch = batch }

    /// The memory of attention `number` (1 or 2) of the transformer block at `path`.
    subscript(_ path: String, _ number: Int) -> AttentionMemory? {
        get { memories["\(path).attn\(number)"] }
        set { memories["\(path).attn\(number)"] = newValue }
    }
}
