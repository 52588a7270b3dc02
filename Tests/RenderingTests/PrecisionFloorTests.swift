import Compute
import Diffusion
import Foundation
import Models
import Rendering
import Testing

/// What the embedded model's pictures keep of fp32 at each precision. `Benchmarks/precision` has the figures over all prompts.
@Suite("Precision floors")
struct PrecisionFloorTests {
    private static let root = URL(fileURLWithPath: fixtureModels + "/../../..").standardized.path

    /// The pictures of the first prompts of the contact sheet, each from the noise of its number, with the model's own settings.
    private func pictures(_ precision: WeightPrecision) throws -> [PixelBuffer] {
        let model = try CatalogModel(path: Self.root + "/models/emoji")
        let own = model.facts.defaults
        let pipeline = try Pipeline(folder: model.folder, precision: precision, threads: 2)
        let sheet = try String(contentsOfFile: Self.root + "/models/training/sheet-prompts.txt", encoding: .utf8)
        return try sheet.split(separator: "\n").prefix(5).enumerated().map { number, prompt in
            let settings = GenerationSettings(
                prompt: String(prompt), width: own.width, height: own.height, seed: UInt64(number + 1),
                steps: own.steps,
                guidanceScale: Float(own.guidanceScale), sampler: "ddim")
            return try pipeline.generate(settings).image
        }
    }

    /// The ratio of a full signal to the noise, in dB.
    private func psnr(_ picture: PixelBuffer, _ exact: PixelBuffer) -> Double {
        let squares = zip(picture.bytes, exact.bytes).reduce(0) { sum, pair in
            let difference = Int(pair.0) - Int(pair.1)
            return sum + difference * difference
        }
        return 10 * log10(255 * 255 * Double(exact.bytes.count) / Double(max(squares, 1)))
    }

    @Test("the embedded model's median picture is as near to fp32 as promised")
    func floors() throws {
        let exact = try pictures(.fp32)
        for (precision, floor) in [(WeightPrecision.bf16, 50.0), (.int8, 32), (.int4, 26)] {
            let ratios = zip(try pictures(precision), exact).map(psnr).sorted()
            #expect(ratios[ratios.count / 2] >= floor, "\(precision): \(ratios)")
        }
    }
}
