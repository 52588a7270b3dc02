import Jobs

/// What one member (a model at one precision) costs on this host: measured by a calibration, refined by every job.
public struct MemberCosts: Equatable, Codable, Sendable {
    /// The model that was measured.
    public var modelIdentity: String
    /// The weights that were measured.
    public var precision: Precision
    /// Reading and laying out the weights.
    public var loadSeconds: Double
    /// What the stages take, in the memory modes that were measured: a picture whose weights are streamed says nothing of others.
    public var times: [MemoryMode: StageTimes]
    /// What each stage takes beside the process itself, in their order.
    public var memory: [StageMemory]

    /// Names them all; a member without times is one of which no picture was made.
    public init(
        modelIdentity: String, precision: Precision, loadSeconds: Double, times: [MemoryMode: StageTimes] = [:],
        memory: [StageMemory]
    ) {
        self.modelIdentity = modelIdentity
        self.precision = precision
        self.loadSeconds = loadSeconds
        self.times = times
        self.memory = memory
    }

    /// How much longer a picture takes where every step reads the weights again, as long as nobody has measured it.
    public static let streamingFactor = 1.5

    /// What the stages take in a mode; nil where none was measured. A mode that was not counts as the next faster one that was, by
    /// `streamingFactor` where it alone streams; without any, as the next slower one.
    public func times(in mode: MemoryMode) -> StageTimes? {
        let measured = MemoryMode.allCases.filter { times[$0] != nil }
        guard let next = measured.last(where: { $0 <= mode }) ?? measured.first, let known = times[next] else {
            return nil
        }
        return mode == .streamed && next < mode ? known.slowed(by: Self.streamingFactor) : known
    }

    /// The time that a job should take; nil where no mode was measured.
    ///
    /// - Parameter steps: Those that are taken.
    public func prediction(
        _ mode: MemoryMode, pixels: Int, steps: Int, evaluationsPerStep: Int, isLoaded: Bool, hasInitImage: Bool = false
    ) -> Prediction? {
        times(in: mode).map { times in
            Prediction(
                loadSeconds: isLoaded ? 0 : loadSeconds, textSeconds: times.textSeconds,
                initImageSeconds: hasInitImage ? (times.initImage ?? times.decode)(pixels: pixels) : nil,
                denoiseSeconds: Double(steps * evaluationsPerStep) * times.evaluation(pixels: pixels),
                decodeSeconds: times.decode(pixels: pixels), encodeSeconds: times.encode(pixels: pixels))
        }
    }

    /// Learns from a job that was run: every figure of its mode moves a quarter of the way to what was seen, and all of it where the
    /// mode is new.
    ///
    /// - Parameter observed: The stages as measured; `loadSeconds` 0 when nothing was loaded.
    public mutating func refine(_ mode: MemoryMode, observed: Prediction, pixels: Int, evaluations: Int) {
        let weight = 0.25
        if observed.loadSeconds > 0 { loadSeconds += weight * (observed.loadSeconds - loadSeconds) }
        var refined = times(in: mode) ?? StageTimes(observed: observed, pixels: pixels, evaluations: evaluations)
        refined.refine(
            observed: observed, pixels: pixels, evaluations: evaluations, weight: times[mode] == nil ? 1 : weight)
        times[mode] = refined
    }
}
