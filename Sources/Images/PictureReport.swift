import Foundation

/// What `latentctl inspect` says about a picture.
public struct PictureReport: Sendable {
    /// What the file carries.
    public let metadata: PictureMetadata

    /// Reads a WebP file's bytes.
    public init(webp bytes: [UInt8]) throws(ImageError) {
        metadata = try PictureMetadata(webp: bytes)
    }

    /// The job file that makes the picture's pixels again.
    public var job: String { metadata.job }

    /// A fact a line, names in a column.
    public var table: String {
        let facts = rows.filter { !$0.value.isEmpty }
        let width = facts.map(\.name.count).max() ?? 0
        let lines = facts.map { fact in
            let name = fact.name + String(repeating: " ", count: width - fact.name.count)
            let value = Self.printable(fact.value, indent: width + 2)
            return "\(name)  \(value)"
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The same as a JSON object, keys in snake_case; `job` is an object within it.
    public func json() throws(ImageError) -> String {
        do {
            let job = try JSONSerialization.jsonObject(with: Data(metadata.job.utf8))
            var object: [String: Any] = [
                "prompt": metadata.prompt, "negative_prompt": metadata.negativePrompt, "width": metadata.width,
                "height": metadata.height, "seed": metadata.seed, "steps": metadata.steps, "sampler": metadata.sampler,
                "guidance_scale": metadata.guidanceScale, "rng": metadata.randomSource, "model": metadata.model,
                "model_sha256": metadata.modelSHA256, "precision": metadata.precision, "isa": metadata.isa,
                "version": metadata.version, "parameters": ParametersLine(metadata).text, "job": job,
                "timings": metadata.timings.map { ["stage": $0.stage, "seconds": $0.seconds] as [String: Any] },
            ]
            if let initImage = metadata.initImage {
                object["init_image_sha256"] = initImage.sha256
                object["strength"] = initImage.strength
            }
            let options: JSONSerialization.WritingOptions = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try JSONSerialization.data(withJSONObject: object, options: options), as: UTF8.self)
        } catch {
            throw .badMetadata("job is not a job")
        }
    }

    private var rows: [(name: String, value: String)] {
        [
            ("prompt", metadata.prompt), ("negative prompt", metadata.negativePrompt),
            ("size", "\(metadata.width) x \(metadata.height)"), ("seed", "\(metadata.seed)"),
            ("steps", "\(metadata.steps)"), ("sampler", metadata.sampler),
            ("guidance scale", "\(metadata.guidanceScale)"), ("init image SHA-256", metadata.initImage?.sha256 ?? ""),
            ("strength", metadata.initImage.map { "\($0.strength)" } ?? ""), ("random source", metadata.randomSource),
            ("model", metadata.model), ("model SHA-256", metadata.modelSHA256), ("precision", metadata.precision),
            ("ISA", metadata.isa), ("version", metadata.version),
        ] + metadata.timings.map { ("\($0.stage) seconds", String(format: "%.3f", $0.seconds)) }
    }

    /// Nothing that a terminal would obey: a picture's words come from anywhere.
    private static func printable(_ text: String, indent: Int) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            // Joins the parts of one emoji.
            case _ where scalar == "\u{200D}": result.unicodeScalars.append(scalar)
            case _ where scalar == "\n": result += "\n" + String(repeating: " ", count: indent)
            case .control, .format, .lineSeparator, .paragraphSeparator: result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
