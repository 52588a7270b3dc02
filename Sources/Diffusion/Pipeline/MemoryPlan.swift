/// The memory that a picture will take, found by a dry run of the code that makes it.
public struct MemoryPlan: Hashable, Sendable {
    /// One stage's part.
    public struct Stage: Hashable, Sendable {
        /// Which stage.
        public let stage: PipelineStage
        /// Bytes of the weights in their files, mapped: page cache that the system may reclaim.
        public let mappedWeightBytes: Int
        /// Bytes of prepared weights in private memory.
        public let preparedWeightBytes: Int
        /// Peak of the arena.
        public let activationBytes: Int
    }

    /// All stages, in their order.
    public let stages: [Stage]
    /// What stays resident together.
    public let residency: Residency

    /// The most private memory that is in use at one time: prepared weights and activations.
    public var peakBytes: Int {
        let activations = stages.map(\.activationBytes).max() ?? 0
        switch residency {
        case .together: return stages.reduce(0) { $0 + $1.preparedWeightBytes } + activations
        case .oneStage: return stages.map { $0.preparedWeightBytes + $0.activationBytes }.max() ?? 0
        }
    }

    /// The same with every mapped weight that a stage touches counted as resident.
    public var peakBytesWithMappedWeights: Int {
        let activations = stages.map(\.activationBytes).max() ?? 0
        switch residency {
        case .together:
            return stages.reduce(0) { $0 + $1.preparedWeightBytes + $1.mappedWeightBytes } + activations
        case .oneStage:
            return stages.map { $0.preparedWeightBytes + $0.mappedWeightBytes + $0.activationBytes }.max() ?? 0
        }
    }
}

/// Which stages' weights stay in memory.
public enum Residency: String, Hashable, Sendable, CaseIterable, Codable {
    /// All of them: the next picture starts at once.
    case together
    /// Only the running stage's: the least memory, and every picture loads again.
    case oneStage = "one_stage"
}
