import Diffusion
import Testing

/// Our `torch` source against `torch.randn`: to 1e-6 of the largest number, since torch's vector math rounds its own way.
struct GoldenNoiseTests {
    @Test("a sequence of draws gives torch's numbers")
    func draws() throws {
        let index = try GoldenIndex.load().noise
        let golden = try GoldenTensors(index.file)
        for (number, entry) in index.entries.enumerated() {
            var source = RandomSourceKind.torch.source(seed: try #require(UInt64(entry.seed)))
            for (draw, count) in entry.counts.enumerated() {
                let expected = try golden.floats("\(number).\(draw)")
                expectClose(source.normals(count), expected, tolerance: 1e-6, "draw \(draw) of \(entry)")
            }
        }
    }
}
