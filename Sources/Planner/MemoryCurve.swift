/// Peak memory over the number of pixels, from dry runs at a few sizes: straight lines between them.
public struct MemoryCurve: Equatable, Codable, Sendable {
    /// One dry run.
    public struct Point: Equatable, Codable, Sendable {
        /// The picture's size.
        public var pixels: Int
        /// The peak.
        public var bytes: Int

        /// Names both.
        public init(pixels: Int, bytes: Int) {
            self.pixels = pixels
            self.bytes = bytes
        }
    }

    /// Ascending by pixels, none twice.
    public let points: [Point]

    /// At least one point.
    public init(_ points: [Point]) {
        precondition(!points.isEmpty, "A memory curve has a point.")
        var seen: Set<Int> = []
        self.points = points.sorted { $0.pixels < $1.pixels }.filter { seen.insert($0.pixels).inserted }
    }

    /// The bytes at a size: those of the smallest point below it, in line with the last two points above the largest. A single point says
    /// little of other sizes: its part below it, and the same above, no more than is taken; a dry run decides then.
    public func callAsFunction(pixels: Int) -> Int {
        if points.count == 1 {
            let part = min(Double(pixels) / Double(max(points[0].pixels, 1)), 1)
            return Int((Double(points[0].bytes) * part).rounded(.down))
        }
        guard let last = points.last, let first = points.first, pixels > first.pixels else {
            return points[0].bytes
        }
        let upper = points.firstIndex { $0.pixels >= pixels } ?? points.count - 1
        let (left, right) = (points[upper - 1], pixels <= last.pixels ? points[upper] : last)
        let slope = Double(right.bytes - left.bytes) / Double(right.pixels - left.pixels)
        return left.bytes + Int((slope * Double(pixels - left.pixels)).rounded(.up))
    }
}
