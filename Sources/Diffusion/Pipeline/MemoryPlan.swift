/// The memory that a picture will take, found by a dry run of the code that makes it: what the process's resident memory grows by.
///
/// ```
///              together          one stage           streamed
/// text encoder ████████▒░        ██▒░                █▒░            █ weights in memory
/// unet         ████████▒▒▒▒░     █████▒▒▒▒░          █▒▒▒▒░         ▒ activations: the arena's peak
/// decoder      ████████▒▒▒▒▒▒░   █▒▒▒▒▒▒░            █▒▒▒▒▒▒░       ░ what computing takes beside them
/// ```
/// An autoencoder's half that does not fit as a whole runs in bands, with no more of its weights in memory than one pass reads.
public struct MemoryPlan: Hashable, Sendable {
    /// One stage's part.
    public struct Stage: Hashable, Sendable {
        /// Which stage.
        public let stage: StageName
        /// Whether it can run in bands where it does not fit as a whole.
        public let canRunInBands: Bool
        /// The most memory that weights in mapped files take: whole windows of them.
        public let mappedWeightBytes: Int
        /// The same when they are streamed; nil when some are in private memory.
        public let streamedWeightBytes: Int?
        /// Bytes of prepared weights in private memory.
        public let preparedWeightBytes: Int
        /// Peak of the arena when the stage runs as a whole.
        public let activationBytes: Int
        /// What the stage takes beside weights and arena: the workspace of BLAS, the picture's bytes.
        public let workspaceBytes: Int
        /// How it runs in bands; nil runs it as a whole.
        public internal(set) var bands: BoundedPlan?

        /// All of its weights.
        public var weightBytes: Int { mappedWeightBytes + preparedWeightBytes }
        /// All but the weights.
        public var computingBytes: Int { (bands?.activationBytes ?? activationBytes) + workspaceBytes }
        /// Bytes that the stage keeps in a file meanwhile.
        public var scratchBytes: Int { bands?.scratchBytes ?? 0 }

        /// The most of its own weights that are in memory; nil where it cannot be run so.
        public func weightBytes(_ residency: Residency) -> Int? {
            if residency == .streamed, streamedWeightBytes == nil { return nil }
            if let bands { return bands.peakBytes - bands.activationBytes + preparedWeightBytes }
            return residency == .streamed ? streamedWeightBytes : weightBytes
        }
    }

    /// All stages, in their order.
    public internal(set) var stages: [Stage]

    /// The same with no stage in bands.
    public var whole: MemoryPlan {
        var plan = self
        for index in plan.stages.indices { plan.stages[index].bands = nil }
        return plan
    }

    /// The weights in memory while a stage runs; nil where it cannot be run so.
    public func weightBytes(_ stage: Stage, _ residency: Residency) -> Int? {
        stage.weightBytes(residency).map { $0 + otherWeightBytes(stage, residency) }
    }

    /// The weights that are in memory when no stage runs any more.
    public func keptWeightBytes(_ residency: Residency) -> Int {
        residency == .together ? stages.reduce(0) { $0 + $1.weightBytes } : 0
    }

    /// The weights of other stages that are in memory while a stage runs.
    func otherWeightBytes(_ stage: Stage, _ residency: Residency) -> Int {
        residency == .together ? keptWeightBytes(residency) - stage.weightBytes : 0
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
}

/// Which weights stay in memory, the fastest way first.
public enum Residency: String, Hashable, Sendable, CaseIterable, Codable {
    /// Those of all stages: the next picture starts at once.
    case together
    /// Only the running stage's: the next picture reads them again.
    case oneStage = "one_stage"
    /// Only the running block's: every step reads them again. They have to be mapped for that.
    case streamed
}

/// The memory that a picture may take.
public struct MemoryBudget: Sendable {
    /// What the process takes beside the picture and its model.
    public var baselineBytes: Int
    /// The limit of the whole process, asked at the start of every stage: a control group's may change while a picture is made.
    public var limitBytes: @Sendable () -> Int

    /// Names both.
    public init(baselineBytes: Int, limitBytes: @escaping @Sendable () -> Int) {
        self.baselineBytes = baselineBytes
        self.limitBytes = limitBytes
    }
}
