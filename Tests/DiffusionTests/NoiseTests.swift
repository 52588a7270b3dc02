import Diffusion
import Testing

/// latentd's own noise: the same bits everywhere. The numbers were computed by another program (Philox4x32-10 checked
/// against its authors' known answers, the quantile by Python's `statistics`).
struct NoiseTests {
    private struct Expectation {
        let seed: UInt64
        let draws: [[UInt32]]
    }

    private let expectations = [
        Expectation(
            seed: 0,
            draws: [
                [0x3F96_BB4F, 0x3E88_FDEB, 0xBEB4_AC05, 0xBFE4_89AA, 0xBEF0_416E, 0xBF1B_879B],
                [0x3FC6_A4FA, 0x3D1F_4880, 0x3F85_0C6B, 0xBE3B_91D8, 0x3F27_5805, 0x3ED7_4BC7],
            ]),
        Expectation(
            seed: .max,
            draws: [
                [0xBFB1_33D6, 0xBF8D_634D, 0xBF0A_45F2, 0x3EA2_A7F1, 0xBE28_CD70, 0x3E7C_126B],
                [0xBC6D_6430, 0xBF26_330C, 0x3F18_407B, 0x3F17_34D6, 0xBE0E_B77A, 0x3EF5_5EA3],
            ]),
    ]

    @Test("a seed and a draw give exactly these bits")
    func bits() {
        for expectation in expectations {
            var source = RandomSourceKind.latentd.source(seed: expectation.seed)
            for draw in expectation.draws { #expect(source.normals(6).map(\.bitPattern) == draw) }
        }
    }

    @Test("a number does not depend on how many are drawn with it")
    func prefix() {
        for count in [1, 2, 3, 17, 4096] {
            var long = RandomSourceKind.latentd.source(seed: 42), short = RandomSourceKind.latentd.source(seed: 42)
            #expect(Array(long.normals(5000).prefix(count)) == short.normals(count))
        }
    }

    @Test("the numbers are normally distributed")
    func distribution() {
        var source = RandomSourceKind.latentd.source(seed: 7)
        let values = source.normals(200_000).map(Double.init)
        let mean = values.reduce(0, +) / Double(values.count)
        let moments = [2, 3, 4].map { power in
            values.reduce(0) { sum, value in sum + (0..<power).reduce(1) { product, _ in product * value } }
                / Double(values.count)
        }
        // Five standard errors.
        #expect(abs(mean) < 0.0112 && abs(moments[0] - 1) < 0.0159)
        #expect(abs(moments[1]) < 0.0434 && abs(moments[2] - 3) < 0.11)
    }
}
