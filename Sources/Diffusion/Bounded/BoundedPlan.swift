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
        /// Mapped weights leave memory after their pass.
        var releasesWeights: Bool
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

    /// Bytes that a search for the best use of memory need not distinguish: a 64th of the limit.
    private static let resolution = 64

    /// The fastest plan within `limitBytes`.
    ///
    /// - Parameters:
    ///   - bands: bytes of a band of floats, the fastest first, the smallest last.
    ///   - usesScratch: whether a scratch file may be used.
    ///   - measure: the costs of some parameters.
    /// - Returns: nil where there is none; then `least` is what the smallest takes.
    static func fastest(
        limitBytes: Int, bands: [Int], usesScratch: Bool, _ measure: (Parameters) throws(DiffusionError) -> BoundedPlan
    ) throws(DiffusionError) -> (plan: BoundedPlan?, leastBytes: Int) {
        func plan(_ keepsFloats: Bool, _ band: Int, _ store: Int) throws(DiffusionError) -> BoundedPlan {
            try measure(
                Parameters(keepsFloats: keepsFloats, bandBytes: band, storeBytes: store, releasesWeights: true))
        }
        for keepsFloats in [true, false] {
            for band in bands {
                let found = try plan(keepsFloats, band, .max)
                if found.peakBytes <= limitBytes { return (found, found.peakBytes) }
            }
        }
        var least = try plan(false, bands[bands.count - 1], .max)
        guard usesScratch else { return (nil, least.peakBytes) }
        var best: BoundedPlan?
        for band in bands {
            var found = try plan(false, band, 0)
            if found.peakBytes < least.peakBytes { least = found }
            guard found.peakBytes <= limitBytes else { continue }
            // The most that fits, by halves: room for images is taken from the file.
            var room = 0..<limitBytes
            while room.count > max(1 << 12, limitBytes / resolution) {
                let middle = room.lowerBound + room.count / 2, next = try plan(false, band, middle)
                if next.peakBytes <= limitBytes {
                    room = middle..<room.upperBound
                    found = next
                } else {
                    room = room.lowerBound..<middle
                }
            }
            if best.map({ found.scratchBytes < $0.scratchBytes }) ?? true { best = found }
        }
        return (best, least.peakBytes)
    }
}
