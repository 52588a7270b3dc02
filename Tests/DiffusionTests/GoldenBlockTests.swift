import Compute
import Diffusion
import Models
import Testing

/// Every block of every network against diffusers and transformers, under every instruction set that this CPU has, to 1e-4
/// relative error (of the largest value and of the norm).
@Suite(.serialized)
struct GoldenBlockTests {
    private static let tolerance = 1e-4

    /// Each model with each table, unless `LATENTD_ISA` asks for one.
    static let arguments: [(GoldenIndex.Blocks, String)] = (GoldenIndex.shared?.blocks ?? []).flatMap { golden in
        KernelTable.available.map { (golden, $0) }
    }

    @Test("the text encoder's layers and its pooled end", arguments: arguments)
    func textEncoder(_ golden: GoldenIndex.Blocks, _ table: String) throws {
        let comparison = try GoldenComparison(golden, "text", table: table)
        let encoder = try TextEncoder(ModelFolder(path: GoldenIndex.model(golden.model)))
        let ids = try comparison.golden.integers("text.in.ids").map(Int.init)
        let length = try comparison.golden.shape("text.in.ids")[1]
        let texts = stride(from: 0, to: ids.count, by: length).map { Array(ids[$0..<$0 + length]) }
        let output = encoder(texts, comparison.evaluation)
        #expect(output.embeddings.shape.c == encoder.channels)
        try comparison.expectAll(tolerance: Self.tolerance)
    }

    @Test("the UNet's blocks", arguments: arguments)
    func unet(_ golden: GoldenIndex.Blocks, _ table: String) throws {
        let comparison = try GoldenComparison(golden, "unet", table: table)
        let unet = try UNet(ModelFolder(path: GoldenIndex.model(golden.model)))
        let hasCondition = comparison.golden.names.contains("unet.in.condition")
        let condition = hasCondition ? try comparison.input("condition") : nil
        _ = unet(
            try comparison.input("sample"), timestep: try comparison.golden.floats("unet.in.timestep")[0],
            text: unet.memory(of: try comparison.input("context"), comparison.evaluation), condition: condition,
            comparison.evaluation)
        try comparison.expectAll(tolerance: Self.tolerance)
    }

    @Test(
        "the encoder's blocks, and the latents' distribution",
        arguments: (GoldenIndex.shared?.encoders ?? []).flatMap { golden in
            KernelTable.available.map { (golden, $0) }
        })
    func encoder(_ golden: GoldenIndex.Blocks, _ table: String) throws {
        let comparison = try GoldenComparison(golden, "vae", table: table)
        let encoder = try Encoder(ModelFolder(path: GoldenIndex.model(golden.model)))
        let output = encoder(try comparison.input("image"), comparison.evaluation)
        let mean = try comparison.golden.floats("mean")
        let encoded = EncodedLatents(comparison.channelsFirst(output), count: mean.count)
        expectClose(encoded.mean, mean, tolerance: Self.tolerance, "mean")
        let hasVariance = comparison.golden.names.contains("log_variance")
        #expect((encoded.logVariance != nil) == hasVariance)
        if let variance = encoded.logVariance {
            let reference = try comparison.golden.floats("log_variance")
            expectClose(variance, reference, tolerance: Self.tolerance, "log_variance")
        }
        try comparison.expectAll(tolerance: Self.tolerance)
    }

    @Test("the decoder's blocks", arguments: arguments)
    func decoder(_ golden: GoldenIndex.Blocks, _ table: String) throws {
        let comparison = try GoldenComparison(golden, "vae", table: table)
        let decoder = try Decoder(ModelFolder(path: GoldenIndex.model(golden.model)))
        let image = decoder(try comparison.input("latents"), comparison.evaluation)
        expectClose(
            image.array(), try comparison.golden.channelsLast("vae.out.decoder"), tolerance: Self.tolerance, "decoder")
        try comparison.expectAll(except: ["vae.out.decoder"], tolerance: Self.tolerance)
    }
}
