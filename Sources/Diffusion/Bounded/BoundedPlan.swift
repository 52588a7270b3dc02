import Compute

/// How an autoencoder's half runs within a limit of memory, found by dry runs of the code that runs it.
///
/// From the fastest to the smallest: images between passes as floats in memory, rounded to three bytes in memory, and partly in a
/// scratch file; in large bands or in small ones.
public struct BoundedPlan: Hashable, Sendable {
    /// What the run does differently.
    struct Parameters: Hashable, Sendable {
        /// Images between passes are floats, else rounded to 16 significant bits.
        var keepsFloats: Bool
        /// Bytes of a band of floats, about.
        var bandBytes: Int
        /// Memory for images between passes; what is more goes into a scratch file.
        var storeBytes: Int
    }

    let parameters: Parameters
    /// The most memory in use at one time: arena and mapped weights.
    public let peakBytes: Int
    /// The arena's part.
    public let activationBytes: Int
    /// Bytes that are written to a scratch file, and read again.
    public let scratchBytes: Int

    /// Whether images between passes are rounded, to 16 significant bits.
    public var isRounded: Bool { !parameters.keepsFloats }

    /// For a network whose passes read many weights once a band: not too many bands.
    static let bandsOfManyWeights = [8 << 20, 2 << 20, 512 << 10, 1]
    /// For one that holds bands of all its layers at a time.
    static let bandsOfAllLayers = [1 << 20, 256 << 10, 1]

    /// Bytes that a search for the best use of memory need not distinguish: a 64th of the limit.
    private static let resolution = 64

    /// The fastest plan within `limitBytes`.
    ///
    /// - Parameters:
    ///   - stage: that it is for.
    ///   - bands: bytes of a band of floats, the fastest first, the smallest last.
    ///   - usesScratch: whether a scratch file may be used.
    ///   - body: what is run, here in an arena that only measures.
    /// - Throws: `DiffusionError.insufficientMemory` with the least that would do.
    static func fastest(
        _ stage: StageName, limitBytes: Int, bands: [Int], usesScratch: Bool, pool: ThreadPool,
        _ body: (BoundedRun) throws(DiffusionError) -> Void
    ) throws(DiffusionError) -> BoundedPlan {
        func plan(_ keepsFloats: Bool, _ band: Int, _ store: Int) throws(DiffusionError) -> BoundedPlan {
            try BoundedPlan(Parameters(keepsFloats: keepsFloats, bandBytes: band, storeBytes: store), pool, body)
        }
        // What small bands cannot do, large ones cannot: asked first, since a dry run of a large picture takes its time.
        let smallest = bands[bands.count - 1], least = try plan(false, smallest, usesScratch ? 0 : .max)
        guard least.peakBytes <= limitBytes else {
            throw .insufficientMemory(stage, leastBytes: least.peakBytes, limitBytes: limitBytes)
        }
        for keepsFloats in [true, false] {
            let last = try plan(keepsFloats, smallest, .max)
            guard last.peakBytes <= limitBytes else { continue }
            for band in bands.dropLast() {
                let found = try plan(keepsFloats, band, .max)
                if found.peakBytes <= limitBytes { return found }
            }
            return last
        }
        var best = least
        for band in bands {
            let spilled = band == smallest ? least : try plan(false, band, 0)
            guard spilled.peakBytes <= limitBytes else { continue }
            let found = try largest(within: limitBytes, from: spilled) { (store) throws(DiffusionError) in
                try plan(false, band, store)
            }
            if found.scratchBytes < best.scratchBytes { best = found }
        }
        return best
    }

    /// The plan with the most memory for images that fits, found by halves.
    private static func largest(
        within limitBytes: Int, from smallest: BoundedPlan, _ plan: (Int) throws(DiffusionError) -> BoundedPlan
    ) throws(DiffusionError) -> BoundedPlan {
        var found = smallest, room = 0..<limitBytes
        while room.count > max(1 << 12, limitBytes / resolution) {
            let middle = room.lowerBound + room.count / 2, next = try plan(middle)
            if next.peakBytes <= limitBytes {
                room = middle..<room.upperBound
                found = next
            } else {
                room = room.lowerBound..<middle
            }
        }
        return found
    }

    private init(
        _ parameters: Parameters, _ pool: ThreadPool, _ body: (BoundedRun) throws(DiffusionError) -> Void
    ) throws(DiffusionError) {
        let context: Context
        do throws(ComputeError) { context = try Context(arena: Arena(), pool: pool) } catch { throw .compute(error) }
        let run = BoundedRun(parameters, scratchDirectory: nil, Evaluation(context))
        try body(run)
        self.parameters = parameters
        peakBytes = run.peakBytes
        activationBytes = context.arena.peakBytes
        scratchBytes = run.scratchBytes
    }
}
