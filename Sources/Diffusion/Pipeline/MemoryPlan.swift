/// The memory that a picture will take, found by a dry run of the code that makes it: what the process's resident memory grows by.
///
/// ```
///              together          one stage           streamed
/// text encoder ████████▒░        ██▒░                █▒░            █ weights in memory
/// unet         ████████▒▒▒▒░     █████▒▒▒▒░          █▒▒▒▒░         ▒ activations: the arena's peak
/// decoder      ████████▒▒▒▒▒▒░   █▒▒▒▒▒▒░            █▒▒▒▒▒▒░       ░ what computing takes beside them
/// ```
public struct MemoryPlan: Hashable, Sendable {
    /// One stage's part.
    public struct Stage: Hashable, Sendable {
        /// Which stage.
        public let stage: PipelineStage
        /// The most memory that weights in mapped files take: whole windows of them.
        public let mappedWeightBytes: Int
        /// The same when they are streamed; nil when some are in private memory.
        public let streamedWeightBytes: Int?
        /// Bytes of prepared weights in private memory.
        public let preparedWeightBytes: Int
        /// Peak of the arena.
        public let activationBytes: Int
        /// Bytes that the stage keeps in a file meanwhile.
        public let scratchFileBytes: Int
        /// What the stage takes beside weights and arena: the workspace of BLAS, the picture's bytes.
        public let workspaceBytes: Int

        /// The most that its own weights take; nil where it cannot be run so.
        public func weightBytes(_ residency: Residency) -> Int? {
            residency == .streamed ? streamedWeightBytes : mappedWeightBytes + preparedWeightBytes
        }

        /// All but the weights.
        public var computingBytes: Int { activationBytes + workspaceBytes }
    }

    /// All stages, in their order.
    public let stages: [Stage]

    /// The weights in memory while a stage runs; nil where it cannot be run so.
    public func weightBytes(_ stage: Stage, _ residency: Residency) -> Int? {
        guard residency == .together else { return stage.weightBytes(residency) }
        return stages.reduce(0) { $0 + $1.mappedWeightBytes + $1.preparedWeightBytes }
    }

    /// The most that is taken while a stage runs; nil where it cannot be run so.
    public func peakBytes(_ stage: Stage, _ residency: Residency) -> Int? {
        weightBytes(stage, residency).map { $0 + stage.computingBytes }
    }

    /// The most that is taken at one time; nil where the picture cannot be made so.
    public func peakBytes(_ residency: Residency) -> Int? {
        let peaks = stages.map { peakBytes($0, residency) }
        return peaks.contains(nil) ? nil : peaks.compactMap { $0 }.max()
    }

    /// The least that the picture can be made with.
    public var leastBytes: Int { Residency.allCases.compactMap(peakBytes).min() ?? 0 }

    /// The fastest way that takes no more than `bytes`; nil when none does.
    public func residency(within bytes: Int) -> Residency? {
        Residency.allCases.first { residency in peakBytes(residency).map { $0 <= bytes } ?? false }
    }
}
