import Glibc

/// For each place along a side, which places of another side it is made of, and how much of each: Lanczos' window of 3 lobes.
///
/// Source: `precompute_coeffs` and `normalize_coeffs_8bpc` of Pillow's `src/libImaging/Resample.c`; the same integers.
struct LanczosKernel {
    /// The bits behind the point.
    private static let precision: Int32 = 22
    /// What a sum begins with, so that it is rounded.
    static let half: Int32 = 1 << (precision - 1)

    /// The places that one place can be made of, at the most.
    let window: Int
    /// For each place: the first that it is made of, and the one behind the last.
    let ranges: [Range<Int>]
    /// `window` numbers for each place, as many of them in use as its range has.
    let weights: [Int32]

    /// From a side of `source` pixels to one of `target`.
    init(from source: Int, to target: Int) {
        let scale = Double(source) / Double(target), filterScale = max(scale, 1)
        let support = 3 * filterScale, narrowing = 1 / filterScale
        let window = Self.window(from: source, to: target)
        var ranges: [Range<Int>] = []
        var weights = [Int32](repeating: 0, count: target * window)
        for place in 0..<target {
            let center = (Double(place) + 0.5) * scale
            let first = max(Int(center - support + 0.5), 0), end = min(Int(center + support + 0.5), source)
            let values = (first..<end).map { Self.lanczos((Double($0) - center + 0.5) * narrowing) }
            let sum = values.reduce(0, +)
            for (index, value) in values.enumerated() {
                let share = sum == 0 ? value : value / sum
                weights[place * window + index] = Int32((share * Double(Int32(1) << Self.precision)).rounded())
            }
            ranges.append(first..<end)
        }
        (self.window, self.ranges, self.weights) = (window, ranges, weights)
    }

    /// The sample that a sum of samples times weights stands for.
    static func byte(_ sum: Int32) -> UInt8 { UInt8(clamping: sum >> precision) }

    static func window(from source: Int, to target: Int) -> Int {
        Int((3 * max(Double(source) / Double(target), 1)).rounded(.up)) * 2 + 1
    }

    private static func lanczos(_ x: Double) -> Double { x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0 }

    private static func sinc(_ x: Double) -> Double { x == 0 ? 1 : sin(x * Double.pi) / (x * Double.pi) }
}
