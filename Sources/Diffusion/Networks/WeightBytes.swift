import Models

/// What the weights of a component take.
struct WeightBytes {
    /// As they lie in the mapped files.
    let mapped: Int
    /// In private memory, converted or laid out.
    let prepared: Int

    /// All that was handed out so far.
    init(_ weights: Weights) {
        mapped = weights.mappedBytes
        prepared = weights.preparedBytes
    }
}
