import Compute
import Diffusion
import Models
import Testing

/// Attention goes through its keys in blocks: a matrix of all latent pixels by all latent pixels is never there.
struct AttentionMemoryTests {
    @Test("what a stage takes grows with the pixels, not with their square", arguments: WeightPrecision.allCases)
    func linear(precision: WeightPrecision) throws {
        let pipeline = try Pipeline(
            folder: ModelFolder(path: GoldenIndex.model("sd1")), precision: precision, threads: 2)
        func activations(_ side: Int) throws -> [Int] {
            let settings = GenerationSettings(
                prompt: "a", width: side, height: side, seed: 1, steps: 1, guidanceScale: 2, sampler: "ddim")
            return try pipeline.memoryPlan(settings).stages.map(\.activationBytes)
        }
        // 128 x 128 and 256 x 256 latent pixels: one head's matrix of the latter would be 17 GB.
        for (small, large) in zip(try activations(1024), try activations(2048)) {
            #expect(Double(large) < 4.5 * Double(small) && large < 2 << 30, "\(small), \(large)")
        }
    }
}
