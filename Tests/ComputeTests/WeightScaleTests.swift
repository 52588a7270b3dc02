import CKernels
import Testing

@Suite struct WeightScaleTests {
    /// Rows of two taps of 12 channels: flat, peaked, alternating in sign, zero, and noise.
    private static let rows: [[Float]] = [
        [Float](repeating: 0.3, count: 24),
        [Float](repeating: -0.3, count: 24),
        (0..<24).map { $0 == 5 ? 1 : 0.001 },
        (0..<24).map { $0 % 2 == 0 ? 1 : -1 },
        [Float](repeating: 0, count: 24),
        (0..<24).map { Float($0 * 7919 % 101) * 0.01 - 0.5 },
    ]

    @Test(arguments: rows)
    func `Weights fit a byte, and four of one sign that meet in 16 bits fit these`(row: [Float]) {
        let scale = kernels_weight_scale(row, 2, 12)
        let weights = row.map { Int(($0 / scale).rounded(.toNearestOrEven)) }
        #expect(weights.allSatisfy { abs($0) <= 127 })
        for tap in [0, 12] {
            for half in [tap, tap + 2] {
                let four = [half, half + 1, half + 4, half + 5].map { weights[$0] }
                #expect(four.reduce(0) { $0 + max($1, 0) } <= 258)
                #expect(four.reduce(0) { $0 + min($1, 0) } >= -258)
            }
        }
    }

    @Test func `A peak among small weights becomes 127`() {
        #expect(kernels_weight_scale(WeightScaleTests.rows[2], 2, 12) == Float(1) / 127)
    }
}
