import Models

/// What the weights of a component take, and where those in mapped files lie.
struct WeightBytes {
    /// As they lie in the mapped files.
    let mapped: Int
    /// In private memory, converted or laid out.
    let prepared: Int
    /// Whether OpenBLAS multiplies some of them.
    let hasRows: Bool
    /// Those in mapped files, by the paths of blocks.
    let map: WeightMap
    /// What tells the checkpoint's files from others of their names.
    let state: String

    /// All that was handed out so far, with paths from the root of `weights`.
    init(_ weights: Weights) {
        mapped = weights.mappedBytes
        prepared = weights.preparedBytes
        hasRows = weights.hasRows
        map = weights.map
        state = weights.state
    }
}
