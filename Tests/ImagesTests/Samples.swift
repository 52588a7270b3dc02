import Images

/// A picture with smooth and rough parts, the same every time.
func samplePicture(width: Int, height: Int) -> RGBImage {
    var state: UInt32 = 2463534242
    let pixels = (0..<height).flatMap { y in
        (0..<width).flatMap { x -> [UInt8] in
            state ^= state << 13
            state ^= state >> 17
            state ^= state << 5
            let noise = x > width / 2 ? UInt8(truncatingIfNeeded: state) / 4 : 0
            return [UInt8(x * 191 / width) + noise, UInt8(y * 255 / height), UInt8((x + y) % 256)]
        }
    }
    return RGBImage(width: width, height: height, pixels: pixels)
}

/// What a picture of `prompt` says.
func sampleMetadata(prompt: String, negativePrompt: String = "", job: String? = nil) -> PictureMetadata {
    PictureMetadata(
        prompt: prompt, negativePrompt: negativePrompt, width: 128, height: 128, seed: .max, steps: 20,
        sampler: "euler-a", guidanceScale: 7.5, randomSource: "latentd", model: "emoji",
        modelSHA256: "abcdef1234" + String(repeating: "0", count: 54), precision: "fp32", isa: "avx512",
        version: "0.1.0", timings: [.init(stage: "text", seconds: 0.004), .init(stage: "denoise", seconds: 1.25)],
        initImage: nil,
        job: job ?? jobJSON(prompt, negativePrompt))
}

/// A job file, every character outside of ASCII's printable ones as an escape.
func jobJSON(_ prompt: String, _ negativePrompt: String) -> String {
    func quoted(_ text: String) -> String {
        let units = text.utf16.map { unit -> String in
            let digits = String(unit, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
        return "\"" + units.joined() + "\""
    }
    return "{\"prompt\": \(quoted(prompt)), \"negative_prompt\": \(quoted(negativePrompt)), \"seed\": \(UInt64.max)}"
}
