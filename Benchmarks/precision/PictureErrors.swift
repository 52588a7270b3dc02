import Diffusion
import Foundation
import Models
import Stages

/// How far the pictures of one precision are from those of fp32: the same prompts from the same noise.
struct PictureErrors: Encodable {
    let precision: String
    /// The ratio of a full signal to the noise, in dB, of each prompt in their order; 100 for two pictures that are the same.
    let psnr: [Double]
    /// The largest difference of a channel of a pixel, of 255.
    let largestDifference: Int

    var median: Double { psnr.median }
    var least: Double { psnr.min() ?? .nan }

    /// Compares the pictures of two runs over the same prompts.
    init(_ precision: String, of pictures: [PixelBuffer], against reference: [PixelBuffer]) {
        self.precision = precision
        psnr = zip(pictures, reference).map { Self.psnr($0.bytes, $1.bytes) }
        largestDifference =
            zip(pictures, reference).map { picture, exact in
                zip(picture.bytes, exact.bytes).map { abs(Int($0) - Int($1)) }.max() ?? 0
            }.max() ?? 0
    }

    private static func psnr(_ one: [UInt8], _ other: [UInt8]) -> Double {
        let squares = zip(one, other).reduce(0) { sum, pair in
            let difference = Int(pair.0) - Int(pair.1)
            return sum + difference * difference
        }
        guard squares > 0 else { return 100 }
        return min(100, 10 * log10(255 * 255 * Double(one.count) / Double(squares)))
    }
}
